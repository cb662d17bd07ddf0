package nn

import (
	"strconv"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/weightalign/lab/rddkit/internal/parallel"
)

// affine is a stage of fully connected neurons. One core takes some of the
// neurons at a time, for the whole batch; the loops over single numbers are
// short here and run on one core.
type affine struct {
	Layer
	inputs, units int
	x             []float32 // activation, [image][unit]; kept for the way back
	y             []float32 // output
	g             []float32 // gradient at the output, then at the drive
	sums          []float64 // two for each unit
}

// unitsPerPiece and inputsPerPiece are how many columns of a matrix product
// one core takes at a time.
const (
	unitsPerPiece  = 64
	inputsPerPiece = 320
)

func newAffine(seed uint64, number, inputs int, spec Affine) *affine {
	return &affine{
		Layer:  newLayer(seed, "fc"+strconv.Itoa(number), true, spec.Activation, spec.Units, inputs),
		inputs: inputs, units: spec.Units,
		sums: make([]float64, 2*spec.Units),
	}
}

func (l *affine) layer() *Layer                    { return &l.Layer }
func (l *affine) output() featureMap               { return units(l.units) }
func (l *affine) gradient() []float32              { return l.g }
func (l *affine) workspace() (patches, drives int) { return 0, 0 }

func (l *affine) result() []float32 {
	if l.normal == nil {
		return l.x
	}
	return l.y
}

func (l *affine) reserve(batch int, training bool) {
	l.x = grow(l.x, batch*l.units)
	if l.normal != nil {
		l.y = grow(l.y, batch*l.units)
	}
	if training {
		l.g = grow(l.g, batch*l.units)
	}
}

func (l *affine) forward(n *Network, in []float32, batch int, training bool) {
	inputs := blas32.General{Rows: batch, Cols: l.inputs, Stride: l.inputs, Data: in}
	pieces(l.units, unitsPerPiece, func(from, to int) {
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, inputs, rows(l.Weight, l.inputs, from, to), 0, columns(l.x, batch, l.units, from, to))
	})
	addRow(l.x, l.Bias)
	n.noise.addConstant(&l.Layer, l.x)
	if training {
		n.noise.compareDrive(&l.Layer, l.x)
	}
	n.trace.sink("act."+l.Layer.output, l.output()).put(0, l.x)
	l.activation.apply(l.x)
	if b := l.normal; b != nil {
		if training {
			clear(l.sums)
			moments(l.sums[:l.units], l.sums[l.units:], l.x)
			b.train(l.sums[:l.units], l.sums[l.units:], batch, n.trace == nil)
		} else {
			b.evaluate()
		}
		affineRows(l.y, l.x, b.scale, b.shift)
	}
	if n.trace != nil {
		l.traceActivation(n.trace, l.x, l.output())
		if l.normal != nil {
			n.trace.sink("act."+l.normal.name, l.output()).put(0, l.y)
		}
	}
}

func (l *affine) backward(n *Network, in, gIn []float32, batch int) {
	if b := l.normal; b != nil {
		n.trace.sink("delta."+b.name, l.output()).put(0, l.g)
		clear(l.sums)
		products(l.sums[:l.units], l.sums[l.units:], l.g, l.x)
		b.backward(l.sums[:l.units], l.sums[l.units:], batch)
		throughNormal(l.g, l.x, b.carry, b.offset, b.slope, b.mean32)
	}
	if l.activation != Linear {
		n.trace.sink("delta."+l.activationName(), l.output()).put(0, l.g)
		l.activation.backward(l.g, l.x)
	}
	n.trace.sink("delta."+l.Layer.output, l.output()).put(0, l.g)

	clear(l.sums)
	sumRows(l.sums[:l.units], l.g)
	for o := range l.units {
		l.bias.gradient[o] = float32(l.sums[o])
	}
	inputs := blas32.General{Rows: batch, Cols: l.inputs, Stride: l.inputs, Data: in}
	pieces(l.units, unitsPerPiece, func(from, to int) {
		blas32.Gemm(blas.Trans, blas.NoTrans, 1, columns(l.g, batch, l.units, from, to), inputs, 0, rows(l.weight.gradient, l.inputs, from, to))
	})
	if gIn == nil {
		return
	}
	g := blas32.General{Rows: batch, Cols: l.units, Stride: l.units, Data: l.g}
	pieces(l.inputs, inputsPerPiece, func(from, to int) {
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, g, columns(l.back(), l.units, l.inputs, from, to), 0, columns(gIn, batch, l.inputs, from, to))
	})
}

// pieces calls do for parts [from, to) of [0, n), spread over the cores.
func pieces(n, length int, do func(from, to int)) {
	parallel.For((n+length-1)/length, func(i int) { do(i*length, min(n, (i+1)*length)) })
}

// rows returns rows [from, to) of a matrix without gaps.
func rows(x []float32, columns, from, to int) blas32.General {
	return blas32.General{Rows: to - from, Cols: columns, Stride: columns, Data: x[from*columns : to*columns]}
}

// columns returns columns [from, to) of a matrix of rows×stride elements.
func columns(x []float32, rows, stride, from, to int) blas32.General {
	return blas32.General{Rows: rows, Cols: to - from, Stride: stride, Data: x[from : (rows-1)*stride+to]}
}

// flatten is the stage between feature maps and fully connected neurons, who
// number their inputs [channel][row][column].
type flatten struct {
	below featureMap
	y, g  []float32
}

func (l *flatten) layer() *Layer                    { return nil }
func (l *flatten) output() featureMap               { return units(l.below.size()) }
func (l *flatten) result() []float32                { return l.y }
func (l *flatten) gradient() []float32              { return l.g }
func (l *flatten) workspace() (patches, drives int) { return 0, 0 }

func (l *flatten) reserve(batch int, training bool) {
	l.y = grow(l.y, batch*l.below.size())
	if training {
		l.g = grow(l.g, batch*l.below.size())
	}
}

func (l *flatten) forward(n *Network, in []float32, batch int, _ bool) {
	pieces(batch, chunk, func(from, to int) {
		for i := from * l.below.size(); i < to*l.below.size(); i += l.below.size() {
			channelsFirst(l.y[i:i+l.below.size()], in[i:], l.below)
		}
	})
	n.trace.sink("act.flatten", l.output()).put(0, l.y)
}

func (l *flatten) backward(n *Network, _, gIn []float32, batch int) {
	n.trace.sink("delta.flatten", l.output()).put(0, l.g)
	if gIn == nil {
		return
	}
	pieces(batch, chunk, func(from, to int) {
		for i := from * l.below.size(); i < to*l.below.size(); i += l.below.size() {
			channelsLast(gIn[i:i+l.below.size()], l.g[i:], l.below)
		}
	})
}

// channelsFirst reorders one image from [row][column][channel] to
// [channel][row][column].
func channelsFirst(to, from []float32, m featureMap) {
	pixels := m.pixels()
	for c := range m.channels {
		for p, at := 0, c; p < pixels; p, at = p+1, at+m.channels {
			to[c*pixels+p] = from[at]
		}
	}
}

// channelsLast reorders one image from [channel][row][column] to
// [row][column][channel].
func channelsLast(to, from []float32, m featureMap) {
	pixels := m.pixels()
	for c := range m.channels {
		for p, at := 0, c; p < pixels; p, at = p+1, at+m.channels {
			to[at] = from[c*pixels+p]
		}
	}
}
