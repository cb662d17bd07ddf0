package nn

import (
	"strconv"

	"github.com/weightalign/lab/rddkit/internal/parallel"
)

// featureMap is the size of one image's array, [row][column][channel], or the
// number of units.
type featureMap struct {
	rows, columns, channels int
	flat                    bool // units: one row, one column
}

func units(n int) featureMap { return featureMap{1, 1, n, true} }

func (m featureMap) pixels() int { return m.rows * m.columns }
func (m featureMap) size() int   { return m.pixels() * m.channels }

// chunk is the number of images that one core takes at a time. Sums over a
// batch are summed per chunk and then over the chunks in order.
const chunk = 8

func chunks(batch int) int { return (batch + chunk - 1) / chunk }

// convolution is a stage of convolutional neurons.
type convolution struct {
	Layer
	kernel         int
	below, drive   featureMap // of the input; of the drive
	out            featureMap // of the output, after pooling
	pooled         bool
	group          int // images per matrix product
	scale, shift   []float32
	forwardWeight  []float32 // [patch element][feature]; a patch is [row][column][channel]
	backwardWeight []float32 // [feature][patch element]

	x         []float32   // activation, [image][row][column][feature]; kept for the way back
	y         []float32   // output
	g         []float32   // gradient at the output
	winner    []uint8     // [image][row][column][feature] of the output: which pixel of the window it was
	sums      [][]float64 // per chunk: two sums for each feature
	total     []float64
	gradients [][]float32 // per chunk, of forwardWeight
}

// groupBytes bounds the patches and drives of one matrix product, so that they
// stay in a core's cache.
const groupBytes = 1300 << 10

func newConvolution(seed uint64, number int, below featureMap, spec Conv) *convolution {
	drive := featureMap{rows: below.rows - spec.Kernel + 1, columns: below.columns - spec.Kernel + 1, channels: spec.Features}
	out := drive
	if spec.MaxPool {
		out.rows, out.columns = drive.rows/2, drive.columns/2
	}
	patch := spec.Kernel * spec.Kernel * below.channels
	l := &convolution{
		Layer:  newLayer(seed, "conv"+strconv.Itoa(number), false, spec.Activation, spec.Features, below.channels, spec.Kernel, spec.Kernel),
		kernel: spec.Kernel, below: below, drive: drive, out: out, pooled: spec.MaxPool,
		group:         max(1, min(chunk, groupBytes/(4*drive.pixels()*(patch+spec.Features)))),
		forwardWeight: make([]float32, patch*spec.Features), backwardWeight: make([]float32, patch*spec.Features),
		total: make([]float64, 2*spec.Features),
		scale: make([]float32, spec.Features), shift: make([]float32, spec.Features),
	}
	if l.tilesForward() {
		l.group = 1 // nothing is gained by more
	}
	for c := range l.scale {
		l.scale[c] = 1
	}
	return l
}

func (l *convolution) layer() *Layer       { return &l.Layer }
func (l *convolution) output() featureMap  { return l.out }
func (l *convolution) result() []float32   { return l.y }
func (l *convolution) gradient() []float32 { return l.g }
func (l *convolution) patch() int          { return len(l.forwardWeight) / l.drive.channels }
func (l *convolution) workspace() (patches, drives int) {
	return l.group * l.drive.pixels() * l.patch(), l.group * l.drive.size()
}

func (l *convolution) reserve(batch int, training bool) {
	l.y = grow(l.y, batch*l.out.size())
	if l.pooled {
		l.winner = grow(l.winner, batch*l.out.size())
	}
	if !training {
		return
	}
	l.x = grow(l.x, batch*l.drive.size())
	l.g = grow(l.g, batch*l.out.size())
	for len(l.sums) < chunks(batch) {
		l.sums = append(l.sums, make([]float64, len(l.total)))
		l.gradients = append(l.gradients, make([]float32, len(l.forwardWeight)))
	}
}

// grow returns x with n elements, keeping its memory where that is enough.
func grow[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

func (l *convolution) forward(n *Network, in []float32, batch int, training bool) {
	l.packForward()
	scale, shift := l.scale, l.shift
	if l.normal != nil {
		scale, shift = l.normal.scale, l.normal.shift
		if !training {
			l.normal.evaluate()
		}
	}
	preactivation := n.trace.sink("act."+l.Layer.output, l.drive)
	parallel.For(chunks(batch), func(k int) {
		work := n.takeWorkspace()
		defer n.giveWorkspace(work)
		var sums []float64
		if training {
			sums = l.sums[k]
			clear(sums)
		}
		for first, last := range l.groups(k, batch) {
			x := work.drives[:(last-first)*l.drive.size()]
			if training {
				x = l.x[first*l.drive.size() : last*l.drive.size()]
			}
			l.drives(x, in, first, last, work)
			preactivation.put(first, x)
			if l.activation == ReLU {
				rectify(x)
			}
			switch {
			case !training:
				l.finish(x, first, last, scale, shift)
			case l.normal != nil:
				moments(sums[:l.drive.channels], sums[l.drive.channels:], x)
			}
		}
	})
	if !training {
		return
	}
	if l.normal != nil {
		sum, square := l.addSums(batch)
		l.normal.train(sum, square, batch*l.drive.pixels(), n.trace == nil)
	}
	parallel.For(chunks(batch), func(k int) {
		first, last := k*chunk, min(batch, k*chunk+chunk)
		l.finish(l.x[first*l.drive.size():last*l.drive.size()], first, last, scale, shift)
	})
	if n.trace != nil {
		l.traceForward(n.trace, batch)
	}
}

// groups runs over the groups of images [first, last) of chunk k.
func (l *convolution) groups(k, batch int) func(func(first, last int) bool) {
	return func(yield func(int, int) bool) {
		for first, end := k*chunk, min(batch, k*chunk+chunk); first < end; first += l.group {
			if !yield(first, min(end, first+l.group)) {
				return
			}
		}
	}
}

// addSums adds the chunks' sums in order.
func (l *convolution) addSums(batch int) (a, b []float64) {
	clear(l.total)
	for _, sums := range l.sums[:chunks(batch)] {
		for c, v := range sums {
			l.total[c] += v
		}
	}
	return l.total[:l.drive.channels], l.total[l.drive.channels:]
}

// finish normalises and pools the activations x of images [first, last).
func (l *convolution) finish(x []float32, first, last int, scale, shift []float32) {
	y := l.y[first*l.out.size() : last*l.out.size()]
	if !l.pooled {
		affineRows(y, x, scale, shift)
		return
	}
	winner := l.winner[first*l.out.size() : last*l.out.size()]
	l.windowRows(last-first, func(from, to, top, bottom int) {
		pool(y[from:to], winner[from:to], x[top:], x[bottom:], scale, shift)
	})
}

// windowRows calls do for every row of pooling windows of the given number of
// images, with its part [from, to) of the outputs and where the two rows of
// pixels begin in the drives.
func (l *convolution) windowRows(images int, do func(from, to, top, bottom int)) {
	row, pixels := l.out.columns*l.out.channels, l.drive.columns*l.drive.channels
	from := 0
	for i := range images {
		top := i * l.drive.size()
		for range l.out.rows {
			do(from, from+row, top, top+pixels)
			from += row
			top += 2 * pixels
		}
	}
}

func (l *convolution) backward(n *Network, in, gIn []float32, batch int) {
	f := l.drive.channels
	if l.normal != nil {
		parallel.For(chunks(batch), func(k int) {
			first, last := k*chunk, min(batch, k*chunk+chunk)
			sums := l.sums[k]
			clear(sums)
			g := l.g[first*l.out.size() : last*l.out.size()]
			x := l.x[first*l.drive.size() : last*l.drive.size()]
			if !l.pooled {
				products(sums[:f], sums[f:], g, x)
				return
			}
			winner := l.winner[first*l.out.size() : last*l.out.size()]
			l.windowRows(last-first, func(from, to, top, bottom int) {
				pooledProducts(sums[:f], sums[f:], g[from:to], winner[from:to], x[top:], x[bottom:])
			})
		})
		sumG, sumGX := l.addSums(batch)
		l.normal.backward(sumG, sumGX, batch*l.drive.pixels())
	}
	if gIn != nil {
		l.packBackward()
	}
	atNormal, atActivation, atDrive := l.traceBackward(n.trace, batch)
	parallel.For(chunks(batch), func(k int) {
		work := n.takeWorkspace()
		defer n.giveWorkspace(work)
		for first, last := range l.groups(k, batch) {
			d := work.drives[:(last-first)*l.drive.size()]
			x := l.x[first*l.drive.size() : last*l.drive.size()]
			for i := first; i < last; i++ { // one image stays in the cache
				from, to := (i-first)*l.drive.size(), (i-first+1)*l.drive.size()
				d, x := d[from:to], x[from:to]
				l.spread(d, i)
				atNormal.put(i, d)
				if l.normal != nil {
					throughNormal(d, x, l.normal.carry, l.normal.offset, l.normal.slope, l.normal.mean32)
				}
				atActivation.put(i, d)
				if l.activation == ReLU {
					throughReLU(d, x)
				}
				atDrive.put(i, d)
			}
			l.weightGradient(l.gradients[k], in, d, first, last, first > k*chunk, work)
			if gIn != nil {
				l.errorsBelow(gIn, d, first, last, work)
			}
		}
	})
	l.addGradients(batch)
}

// spread sets d, at the pixels of the drive, to the gradient at the output of
// one image.
func (l *convolution) spread(d []float32, image int) {
	g := l.g[image*l.out.size() : (image+1)*l.out.size()]
	if !l.pooled {
		copy(d, g)
		return
	}
	winner := l.winner[image*l.out.size() : (image+1)*l.out.size()]
	if l.drive.rows%2 != 0 || l.drive.columns%2 != 0 {
		clear(d) // the last row or column is in no window
	}
	l.windowRows(1, func(from, to, top, bottom int) {
		unpool(d[top:], d[bottom:], g[from:to], winner[from:to], l.drive.channels)
	})
}
