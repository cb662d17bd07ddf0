package align

import (
	"context"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
)

// PerturbationRule says how [Perturbation] goes from noisy gradients to
// feedback weights.
type PerturbationRule int

const (
	// LeastSquares regresses all gradients seen on all errors seen (Theorems 1
	// and 2).
	LeastSquares PerturbationRule = iota
	// Gradient goes down the squared difference by one step per batch.
	Gradient
)

// PerturbationOptions are the options of [Perturbation]. Zero fields mean the
// values named.
type PerturbationOptions struct {
	Rule  PerturbationRule
	Noise float64 // σ of the noise (the talk's c_h; "var_xi" in its programs, though a standard deviation); 0 means 0.01
	// HalfLife is the number of batches after which σ has halved; 0 means that
	// it stays.
	HalfLife     float64
	LearningRate float64 // of Gradient, per sample; 0 means 5e-4
	Ridge        float64 // γ of LeastSquares; 0 means 0.1
	// Restart lets LeastSquares forget once, after so many batches, what it has
	// seen, but for the last of the layers; 0 never. The errors at the others came
	// through feedback weights that were wildly wrong at first, and stay in the
	// sums for long.
	Restart int
	// Interval is the number of batches from one solution of LeastSquares to the
	// next; 0 means 1.
	Interval int
	// Prior lets LeastSquares begin at the first feedback weights seen instead of
	// at zero, and leave them only as far as the evidence goes; see Perturbation.
	// Ridge then serves only as long as noise has not changed the loss at all.
	Prior bool
	// KeepScale gives the feedback weights that LeastSquares finds the size
	// (Frobenius) of the first ones seen, as the regression discontinuity method
	// does: that of the plain regression is far too large at first.
	KeepScale bool
}

func (o PerturbationOptions) resolved() (PerturbationOptions, error) {
	if o.Rule != LeastSquares && o.Rule != Gradient {
		return o, invalid.New("PerturbationOptions.Rule", int(o.Rule), "align.LeastSquares or align.Gradient")
	}
	for _, field := range []struct {
		name     string
		value    *float64
		standard float64
	}{
		{"PerturbationOptions.Noise", &o.Noise, 0.01},
		{"PerturbationOptions.HalfLife", &o.HalfLife, math.MaxFloat64},
		{"PerturbationOptions.LearningRate", &o.LearningRate, 5e-4},
		{"PerturbationOptions.Ridge", &o.Ridge, 0.1},
	} {
		if *field.value == 0 {
			*field.value = field.standard
		}
		if v := *field.value; !(v > 0) || math.IsInf(v, 0) {
			return o, invalid.New(field.name, v, "a positive number, or 0 for the usual one")
		}
	}
	if o.Interval == 0 {
		o.Interval = 1
	}
	switch {
	case o.Restart < 0:
		return o, invalid.New("PerturbationOptions.Restart", o.Restart, "0 (never) or more")
	case o.Interval < 0:
		return o, invalid.New("PerturbationOptions.Interval", o.Interval, "0 (for 1) or more")
	}
	return o, nil
}

// Perturbation learns feedback weights by node perturbation (Lansdell, Prakash
// and Kording, ICLR 2020). With noise ξ in a layer's activities and the change
// that it makes to a sample's loss L, every sample gives a noisy estimate of
// the gradient of the loss with respect to these activities,
//
//	λ = ξ · (L with noise − L) / σ²
//
// The feedback weights B, [neuron][neuron above], should turn the error d at
// the layer above into that gradient: λ ≈ B d on average. So B is learned by
// regression, whose target is the gradient of the loss (not of a reward):
//
//	Gradient:      B ← B − LearningRate · Σ (B d − λ) dᵀ        over a batch
//	LeastSquares:  B = (Σ λ dᵀ) (γ 1 + Σ d dᵀ)⁻¹               over all batches
//
// These sums tell a layer's In × Out weights from so many samples that B is mostly
// noise while samples are fewer than weights. With Prior, B is what is likely for
// weights spread around the first ones, B₀, as widely as these themselves are:
//
//	B = (γ B₀ + Σ λ dᵀ) (γ 1 + Σ d dᵀ)⁻¹,  γ = variance of λ / mean square of B₀
//
// where the variance of a neuron's λ about B d is close to the mean square of
// (L with noise − L)/σ, as all neurons' noise moves the loss. Without evidence
// this is feedback alignment; with more and more, the regression.
//
// For the last hidden layer and a linear output the least-squares B tends to
// the transposed feedforward weights (Theorem 1), for every layer of a linear
// network too (Theorem 2), where d is what came down through the learned B
// above. Both need errors that vary in every direction: a linear layer with
// more neurons than the network has outputs leaves B free in the others, and B
// then never finds the weights though the gradients it passes are right.
type Perturbation struct {
	options PerturbationOptions
	batches uint64
	squares float64            // Σ (change/σ)² over samples, of LeastSquares
	samples uint64             // of LeastSquares
	sums    []perturbationSums // of LeastSquares; nil before the first batch
	scaled  []float32          // change/σ² · d
	scratch []float32
}

// perturbationSums are the sums of one layer.
type perturbationSums struct {
	in, out int
	first   []float32 // feedback weights before the first batch, [in][out]
	targets []float64 // Σ λ dᵀ, [in][out]
	errors  []float64 // Σ d dᵀ, [out][out]
}

// NewPerturbation returns a learner that has seen nothing yet.
func NewPerturbation(options PerturbationOptions) (*Perturbation, error) {
	resolved, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return &Perturbation{options: resolved}, nil
}

// Options returns the options with every default filled in; a HalfLife of 0 is
// the largest number.
func (p *Perturbation) Options() PerturbationOptions { return p.options }

// Batches returns how many calls of LearnBatch have succeeded.
func (p *Perturbation) Batches() int { return int(p.batches) }

// Noise returns the standard deviation of the next batch's noise.
func (p *Perturbation) Noise() float64 {
	return p.options.Noise * math.Exp2(-float64(p.batches)/p.options.HalfLife)
}

// Learn checks the layers and calls observe(0): this learner learns from
// batches.
func (p *Perturbation) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	return learnAtOnce(ctx, layers, observe, func(Layer) {})
}

// LearnBatch learns from a batch whose noise had the standard deviation
// Noise(); see [Perturber]. The error is an *invalid.Error for arrays that
// do not fit or numbers that are not finite.
func (p *Perturbation) LearnBatch(layers []Layer, batch []Batch) (changed bool, err error) {
	if err := checkPerturbed(layers, batch); err != nil {
		return false, err
	}
	for n, s := range p.sums {
		if len(p.sums) != len(layers) || layers[n].In != s.in || layers[n].Out != s.out {
			return false, invalid.New("layers", "of other sizes", "those of the batches before")
		}
	}
	if p.options.Prior && p.sums == nil {
		for n, l := range layers {
			if meanSquare(l.Feedback) == 0 {
				return false, invalid.New("layers["+strconv.Itoa(n)+"].Feedback", 0, "not all zero, as Prior begins with them")
			}
		}
	}
	perVariance := 1 / (p.Noise() * p.Noise())
	p.batches++
	if p.options.Rule == Gradient {
		for n, l := range layers {
			p.descend(l, batch[n], perVariance)
		}
		return true, nil
	}
	if p.sums == nil {
		for _, l := range layers {
			p.sums = append(p.sums, perturbationSums{l.In, l.Out, slices.Clone(l.Feedback), make([]float64, l.In*l.Out), make([]float64, l.Out*l.Out)})
		}
	}
	for n, b := range batch {
		p.add(&p.sums[n], b, perVariance)
	}
	for _, change := range batch[0].Change { // the same for all layers
		p.squares += float64(change * change * perVariance)
		p.samples++
	}
	if p.batches%uint64(p.options.Interval) == 0 {
		for n, l := range layers {
			ridge, first := p.options.Ridge, []float32(nil)
			if p.options.Prior {
				first = p.sums[n].first
				if p.squares > 0 { // else noise told nothing yet
					ridge = p.squares / float64(p.samples) / meanSquare(first)
				}
			}
			if err := p.sums[n].solve(l.Feedback, ridge, first); err != nil {
				return false, err
			}
			if size := meanSquare(l.Feedback); p.options.KeepScale && size > 0 {
				scale := float32(math.Sqrt(meanSquare(p.sums[n].first) / size))
				for k := range l.Feedback {
					l.Feedback[k] *= scale
				}
			}
		}
		changed = true
	}
	if p.batches == uint64(p.options.Restart) {
		for _, s := range p.sums[:len(p.sums)-1] {
			clear(s.targets)
			clear(s.errors)
		}
	}
	return changed, nil
}

// rowsPerPiece is the number of rows of a matrix product that one core takes.
const rowsPerPiece = 128

// scale sets scaled to change/σ² times the errors, so that its product with
// the noise is the product of λ with the errors.
func (p *Perturbation) scale(b Batch, out int, perVariance float64) blas32.General {
	p.scaled = grow(p.scaled, len(b.Error))
	for s, change := range b.Change {
		factor := float32(change * perVariance)
		for k := s * out; k < (s+1)*out; k++ {
			p.scaled[k] = factor * b.Error[k]
		}
	}
	return matrix(p.scaled, len(b.Change), out)
}

// descend makes one step of the rule Gradient.
func (p *Perturbation) descend(l Layer, b Batch, perVariance float64) {
	samples := len(b.Change)
	rate := float32(p.options.LearningRate)
	scaled := p.scale(b, l.Out, perVariance)
	errors := matrix(b.Error, samples, l.Out)
	p.scratch = grow(p.scratch, samples*l.In)
	// B − rate·(Σ B d dᵀ − Σ ξ (change/σ²) dᵀ), some rows at a time.
	inPieces(l.In, func(from, to int) {
		rows := matrix(l.Feedback[from*l.Out:to*l.Out], to-from, l.Out)
		part := blas32.General{Rows: samples, Cols: to - from, Stride: l.In, Data: p.scratch[from : (samples-1)*l.In+to]}
		noise := blas32.General{Rows: samples, Cols: to - from, Stride: l.In, Data: b.Noise[from : (samples-1)*l.In+to]}
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, errors, rows, 0, part)
		blas32.Gemm(blas.Trans, blas.NoTrans, -rate, part, errors, 1, rows)
		blas32.Gemm(blas.Trans, blas.NoTrans, rate, noise, scaled, 1, rows)
	})
}

// add adds a batch to the sums.
func (p *Perturbation) add(s *perturbationSums, b Batch, perVariance float64) {
	samples := len(b.Change)
	scaled := p.scale(b, s.out, perVariance)
	errors := matrix(b.Error, samples, s.out)
	p.scratch = grow(p.scratch, max(s.in, s.out)*s.out)
	accumulate := func(left []float32, rows int, right blas32.General, sum []float64) {
		inPieces(rows, func(from, to int) {
			part := matrix(p.scratch[from*s.out:to*s.out], to-from, s.out)
			columns := blas32.General{Rows: samples, Cols: to - from, Stride: rows, Data: left[from : (samples-1)*rows+to]}
			blas32.Gemm(blas.Trans, blas.NoTrans, 1, columns, right, 0, part)
			for k, v := range part.Data {
				sum[from*s.out+k] += float64(v)
			}
		})
	}
	accumulate(b.Noise, s.in, scaled, s.targets)
	accumulate(b.Error, s.out, errors, s.errors)
}

// solve writes the least-squares feedback weights, drawn by ridge towards first,
// or towards zero if that is nil.
func (s *perturbationSums) solve(feedback []float32, ridge float64, first []float32) error {
	errors := mat.NewSymDense(s.out, nil)
	for i := range s.out {
		for j := i; j < s.out; j++ {
			// Rounding leaves the two halves unequal.
			errors.SetSym(i, j, (s.errors[i*s.out+j]+s.errors[j*s.out+i])/2)
		}
		errors.SetSym(i, i, errors.At(i, i)+ridge)
	}
	var factors mat.Cholesky
	if !factors.Factorize(errors) {
		return invalid.New("sums of errors", "not positive definite", "finite errors of moderate size")
	}
	targets := s.targets
	if first != nil {
		targets = slices.Clone(targets)
		for k, b := range first {
			targets[k] += float64(ridge * float64(b))
		}
	}
	var transposed mat.Dense // [out][in]
	if err := factors.SolveTo(&transposed, mat.NewDense(s.in, s.out, targets).T()); err != nil {
		if _, illConditioned := err.(mat.Condition); !illConditioned {
			return err
		}
	}
	for i := range s.in {
		for j := range s.out {
			feedback[i*s.out+j] = float32(transposed.At(j, i))
		}
	}
	return nil
}

func meanSquare(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	return sum / float64(len(x))
}

func matrix(x []float32, rows, columns int) blas32.General {
	return blas32.General{Rows: rows, Cols: columns, Stride: columns, Data: x}
}

// inPieces calls do for parts [from, to) of [0, n), spread over the cores.
func inPieces(n int, do func(from, to int)) {
	parallel.For((n+rowsPerPiece-1)/rowsPerPiece, func(i int) { do(i*rowsPerPiece, min(n, (i+1)*rowsPerPiece)) })
}

// grow returns x with n elements, keeping its memory where that is enough.
func grow(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}
