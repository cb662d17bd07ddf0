package nn

import "math"

// epsilon is added to the variance, runningRate is the weight of a new batch
// in the running statistics (Ioffe and Szegedy, ICML 2015; PyTorch's values).
const (
	epsilon     = 1e-5
	runningRate = 0.1
)

// batchNorm normalises each channel (or unit) over a batch:
//
//	x̂ = (x − mean)/√(variance + 10⁻⁵),  y = gamma x̂ + beta
//
// with the biased variance of the batch in training and the running statistics
// in evaluation.
type batchNorm struct {
	name        string
	gamma, beta parameter
	runningMean []float32
	runningVar  []float32 // of unbiased variances

	// Of the last training batch.
	mean, inverse []float64 // inverse is 1/√(variance + 10⁻⁵)
	mean32        []float32
	scale, shift  []float32 // y = scale x + shift
	// The gradient at the input is carry g − offset − slope (x − mean) for the
	// gradient g at the output.
	carry, offset, slope []float32
}

func newBatchNorm(name string, channels int) *batchNorm {
	b := &batchNorm{
		name:        name,
		gamma:       newParameter(name+".weight", channels),
		beta:        newParameter(name+".bias", channels),
		runningMean: make([]float32, channels),
		runningVar:  make([]float32, channels),
		mean:        make([]float64, channels),
		inverse:     make([]float64, channels),
	}
	for _, x := range []*[]float32{&b.mean32, &b.scale, &b.shift, &b.carry, &b.offset, &b.slope} {
		*x = make([]float32, channels)
	}
	for c := range channels {
		b.gamma.value[c], b.runningVar[c] = 1, 1
	}
	return b
}

// train takes the batch's statistics from each channel's sum and sum of
// squares over count values.
func (b *batchNorm) train(sum, square []float64, count int, updateRunning bool) {
	n := float64(count)
	for c := range sum {
		mean := sum[c] / n
		variance := max(0, square[c]/n-float64(mean*mean))
		b.mean[c], b.mean32[c] = mean, float32(mean)
		b.inverse[c] = 1 / math.Sqrt(variance+epsilon)
		b.setScale(c, mean, b.inverse[c])
		if updateRunning {
			b.runningMean[c] = float32((1-runningRate)*float64(b.runningMean[c]) + float64(runningRate*mean))
			b.runningVar[c] = float32((1-runningRate)*float64(b.runningVar[c]) + float64(runningRate*variance*n/(n-1)))
		}
	}
}

// evaluate sets scale and shift from the running statistics.
func (b *batchNorm) evaluate() {
	for c := range b.scale {
		b.setScale(c, float64(b.runningMean[c]), 1/math.Sqrt(float64(b.runningVar[c])+epsilon))
	}
}

func (b *batchNorm) setScale(c int, mean, inverse float64) {
	scale := float64(b.gamma.value[c]) * inverse
	b.scale[c] = float32(scale)
	b.shift[c] = float32(float64(b.beta.value[c]) - float64(mean*scale))
}

// backward takes the gradients of gamma and beta, and what it needs for the
// gradient at the input, from each channel's sums of g and of g x over the
// count values of the batch.
func (b *batchNorm) backward(sumG, sumGX []float64, count int) {
	n := float64(count)
	for c := range sumG {
		ofGamma := b.inverse[c] * (sumGX[c] - float64(b.mean[c]*sumG[c]))
		b.gamma.gradient[c] = float32(ofGamma)
		b.beta.gradient[c] = float32(sumG[c])
		carry := b.inverse[c] * float64(b.gamma.value[c])
		b.carry[c] = float32(carry)
		b.offset[c] = float32(carry * sumG[c] / n)
		b.slope[c] = float32(carry * b.inverse[c] * ofGamma / n)
	}
}
