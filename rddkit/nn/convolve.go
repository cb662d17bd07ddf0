package nn

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/weightalign/lab/rddkit/internal/gemm"
	"github.com/weightalign/lab/rddkit/internal/parallel"
)

// The three products of a convolution: drives from inputs, weight gradients
// from inputs and errors, errors below from errors. Where the processor and the
// number of features allow it (gemm.Tiles) they run over the images as they lie;
// elsewhere the patches are laid side by side and blas32 multiplies.

// tilesForward says that drives and weight gradients are computed in tiles,
// tilesBack that errors below are.
func (l *convolution) tilesForward() bool {
	return gemm.Tiles() && l.drive.channels%gemm.TileColumns == 0
}
func (l *convolution) tilesBack() bool { return gemm.Tiles() && l.below.channels%gemm.TileColumns == 0 }

// run is the number of inputs of a patch that lie side by side, and stride the
// distance between rows of the input.
func (l *convolution) run() int    { return l.kernel * l.below.channels }
func (l *convolution) stride() int { return l.below.columns * l.below.channels }

// drives sets x to the drives of images [first, last).
func (l *convolution) drives(x, in []float32, first, last int, work *workspace) {
	f := l.drive.channels
	if !l.tilesForward() {
		l.gather(work.patches, in, first, last)
		l.multiply(blas.NoTrans, blas.NoTrans, (last-first)*l.drive.pixels(), f, l.patch(), work.patches, l.forwardWeight, 0, x)
		return
	}
	s := gemm.Strided{
		RowA: l.below.channels, TermA: 1, SegmentA: l.stride(), TermB: f, RowC: f,
		Terms: l.run(), Segments: l.kernel,
	}
	for i := first; i < last; i++ {
		image := in[i*l.below.size() : (i+1)*l.below.size()]
		for r := range l.drive.rows {
			s.Multiply(x, image[r*l.stride():], l.forwardWeight, l.drive.columns, f)
			x = x[l.drive.columns*f:]
		}
	}
}

// weightGradient sets sum to the gradients of forwardWeight for errors d at the
// drives of images [first, last), or adds them to it.
func (l *convolution) weightGradient(sum, in, d []float32, first, last int, add bool, work *workspace) {
	f := l.drive.channels
	if !l.tilesForward() {
		l.gather(work.patches, in, first, last)
		beta := float32(0)
		if add {
			beta = 1
		}
		l.multiply(blas.Trans, blas.NoTrans, l.patch(), f, (last-first)*l.drive.pixels(), work.patches, d, beta, sum)
		return
	}
	s := gemm.Strided{
		RowA: 1, TermA: l.below.channels, SegmentA: l.stride(), TermB: f, RowC: f,
		Terms: l.drive.columns, Segments: l.drive.rows, Add: add,
	}
	for i := first; i < last; i++ {
		image := in[i*l.below.size() : (i+1)*l.below.size()]
		for r := range l.kernel {
			s.Multiply(sum[r*l.run()*f:], image[r*l.stride():], d, l.run(), f)
		}
		s.Add = true
		d = d[l.drive.size():]
	}
}

// errorsBelow sets g to the gradients at the inputs of images [first, last) for
// errors d at their drives.
func (l *convolution) errorsBelow(g, d []float32, first, last int, work *workspace) {
	f, channels := l.drive.channels, l.below.channels
	if !l.tilesBack() {
		l.multiply(blas.NoTrans, blas.NoTrans, (last-first)*l.drive.pixels(), l.patch(), f, d, l.backwardWeight, 0, work.patches)
		l.scatter(g, work.patches, first, last)
		return
	}
	s := gemm.Strided{RowA: f, TermA: 1, TermB: channels, RowC: channels, Terms: f, Segments: 1, Add: true}
	for i := first; i < last; i++ {
		image := g[i*l.below.size() : (i+1)*l.below.size()]
		clear(image)
		for position := range l.kernel * l.kernel {
			from := position/l.kernel*l.stride() + position%l.kernel*channels
			weight := l.backwardWeight[position*f*channels:]
			for r := range l.drive.rows {
				s.Multiply(image[from+r*l.stride():], d[r*l.drive.columns*f:], weight, l.drive.columns, channels)
			}
		}
		d = d[l.drive.size():]
	}
}

// gather lays the patches of images [first, last) side by side, [image][row]
// [column][patch element].
func (l *convolution) gather(patches, in []float32, first, last int) {
	row := l.drive.columns * l.patch()
	for i := first; i < last; i++ {
		image := in[i*l.below.size() : (i+1)*l.below.size()]
		for r := range l.drive.rows {
			gatherRow(patches[:row], image[r*l.stride():], l.drive.columns, l.below.channels, l.kernel, l.run(), l.stride())
			patches = patches[row:]
		}
	}
}

// scatter is the transpose of gather: it sets the images' gradients to the
// sums over the patches that a pixel is in.
func (l *convolution) scatter(g, patches []float32, first, last int) {
	run := l.run()
	at := 0
	for i := first; i < last; i++ {
		image := g[i*l.below.size() : (i+1)*l.below.size()]
		clear(image)
		for r := range l.drive.rows {
			for c := range l.drive.columns {
				from := r*l.stride() + c*l.below.channels
				for range l.kernel {
					add(image[from:from+run], patches[at:at+run])
					at += run
					from += l.stride()
				}
			}
		}
	}
}

// packForward reorders Weight for the product with patches.
func (l *convolution) packForward() {
	f := l.drive.channels
	l.reorder(func(at, position, channel, feature int) {
		l.forwardWeight[(position*l.below.channels+channel)*f+feature] = l.Weight[at]
	})
}

// packBackward reorders the weight that carries the error back.
func (l *convolution) packBackward() {
	back, f, channels, patch := l.back(), l.drive.channels, l.below.channels, l.patch()
	if l.tilesBack() {
		l.reorder(func(at, position, channel, feature int) {
			l.backwardWeight[(position*f+feature)*channels+channel] = back[at]
		})
		return
	}
	l.reorder(func(at, position, channel, feature int) {
		l.backwardWeight[feature*patch+position*channels+channel] = back[at]
	})
}

// addGradients adds the chunks' gradients in order into that of Weight.
func (l *convolution) addGradients(batch int) {
	f := l.drive.channels
	sum := l.gradients[0]
	pieces(l.patch()*f, 64*f, func(from, to int) {
		for _, other := range l.gradients[1:chunks(batch)] {
			add(sum[from:to], other[from:to])
		}
	})
	l.reorder(func(at, position, channel, feature int) {
		l.weight.gradient[at] = sum[(position*l.below.channels+channel)*f+feature]
	})
}

// reorder calls do for each element of Weight, [feature][channel][row]
// [column], with its position in a patch, channel and feature.
func (l *convolution) reorder(do func(at, position, channel, feature int)) {
	channels, positions := l.below.channels, l.kernel*l.kernel
	parallel.For(l.drive.channels, func(feature int) {
		at := feature * l.patch()
		for channel := range channels {
			for position := range positions {
				do(at, position, channel, feature)
				at++
			}
		}
	})
}

// multiply computes c = op(a) op(b) + beta c for matrices without gaps.
func (l *convolution) multiply(tA, tB blas.Transpose, m, n, k int, a, b []float32, beta float32, c []float32) {
	lda, ldb := k, n
	if tA == blas.Trans {
		lda = m
	}
	if tB == blas.Trans {
		ldb = k
	}
	blas32.Implementation().Sgemm(tA, tB, m, n, k, 1, a, lda, b, ldb, beta, c, n)
}
