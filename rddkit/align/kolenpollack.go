package align

import (
	"context"
	"fmt"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// KolenPollack gives feedback weights the changes of the feedforward weights (Kolen
// and Pollack, IEEE International Conference on Neural Networks 1994; Akrout et
// al., NeurIPS 2019). What a synapse of a layer needs to know for that is local to
// both: the activity x below and the error e above. Over a batch of S samples
//
//	G = (1/S) Σ x eᵀ                the transposed gradient of W
//	V ← momentum · V + G + decay · B
//	B ← B − rate · V
//
// with the rate, momentum and decay of the optimiser, nn.SGD, so that W and Bᵀ
// change alike, and the difference D = W − Bᵀ follows, whatever the data,
//
//	v ← momentum · v + decay · D,  D ← D − rate · v
//
// Without weight decay it stays as it is, and B is aligned only as far as W outgrows
// D. (The published command line never sets a decay.) With it D dies out, and B
// becomes Wᵀ.
//
// With direct feedback (UseDirectFeedback in package nn) x is what the layer that
// the feedback reaches sends up, and e the error at the network's output: "direct
// Kolen-Pollack" (Webster, Choi, Ahn, "Learning the connections in direct feedback
// alignment", 2021). Only in the last layer are these the changes of a feedforward
// weight.
//
// The zero value is ready.
type KolenPollack struct {
	Velocity [][]float32 // V, [layer][neuron above · neuron + …]; nil before the first batch
	Used     Cost

	gradient []float32
}

// Learn checks the layers and calls observe(0): this learner learns from
// batches.
func (k *KolenPollack) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	return learnAtOnce(ctx, layers, observe, func(Layer) {})
}

// Cost counts the multiply-adds of momentum, decay and step and, with direct
// feedback, of the products; without it the gradient is W's own.
func (k *KolenPollack) Cost() Cost { return k.Used }

// OwnDecay says that feedback weights decay as KolenPollack has it. The optimiser's
// own way, by WeightDecay in every batch where W loses LearningRate·WeightDecay,
// would keep B from W.
func (k *KolenPollack) OwnDecay() {}

// InPlace says that the network's own feedback weights are changed.
func (k *KolenPollack) InPlace() {}

// LearnBatch makes the optimiser's step with the feedback weights. The error is
// an *invalid.Error for arrays that do not fit, and where the optimiser is not
// an nn.SGD.
func (k *KolenPollack) LearnBatch(layers []Layer, batch []Batch) (changed bool, err error) {
	if err := checkFeedback(layers); err != nil {
		return false, err
	}
	if err := checkSame(layers, k.Velocity); err != nil {
		return false, err
	}
	if len(batch) != len(layers) {
		return false, invalid.Newf("batch", len(batch), "one entry for each of the %d layers", len(layers))
	}
	for n, b := range batch {
		l, field := layers[n], func(name string) string { return fmt.Sprintf("batch[%d].%s", n, name) }
		samples := len(b.Activity) / l.In
		switch {
		case !(b.Rates.LearningRate > 0):
			return false, invalid.New(field("Rates.LearningRate"), b.Rates.LearningRate, "above 0: Kolen-Pollack makes the steps of stochastic gradient descent, so that must be the network's optimiser")
		case b.Gradient != nil && len(b.Gradient) != l.In*l.Out:
			return false, invalid.Newf(field("Gradient"), len(b.Gradient), "%d×%d numbers, or nil", l.Out, l.In)
		case b.Gradient == nil && (samples == 0 || len(b.Activity) != samples*l.In):
			return false, invalid.Newf(field("Activity"), len(b.Activity), "at least 1 sample of %d neurons", l.In)
		case b.Gradient == nil && len(b.Error) != samples*l.Out:
			return false, invalid.Newf(field("Error"), len(b.Error), "%d samples of %d neurons", samples, l.Out)
		}
	}
	if k.Velocity == nil {
		for _, l := range layers {
			k.Velocity = append(k.Velocity, make([]float32, l.In*l.Out))
		}
	}
	for n, b := range batch {
		l, gradient := layers[n], b.Gradient
		weights := uint64(l.In) * uint64(l.Out)
		if gradient == nil {
			k.gradient = grow(k.gradient, l.In*l.Out)
			gradient = k.gradient
			meanProduct(gradient, l, b.Activity, b.Error)
			k.Used.Operations += weights * uint64(len(b.Error)/l.Out)
		}
		descend(l, gradient, k.Velocity[n], b.Rates)
		k.Used.Operations += 3 * weights
	}
	return true, nil
}

// meanProduct sets gradient, [neuron above][neuron], to the mean over samples of
// error times activity.
func meanProduct[T spike.Float](gradient []T, l LayerOf[T], activity, errors []T) {
	samples := len(activity) / l.In
	x, e, to := whole(activity, samples, l.In), whole(errors, samples, l.Out), whole(gradient, l.Out, l.In)
	inPieces(l.In, func(first, end int) {
		multiply(true, false, T(1/float64(samples)), e, x.columns(first, end), 0, to.columns(first, end))
	})
}

// descend makes a step of stochastic gradient descent with the feedback weights of
// a layer; gradient and velocity are [neuron above][neuron]. Products are rounded
// before they are added, as in nn's step: with equal weights, both stay equal to the
// bit.
func descend[T spike.Float](l LayerOf[T], gradient, velocity []T, r Rates) {
	rate, momentum, decay := T(r.LearningRate), T(r.Momentum), T(r.WeightDecay)
	parallel.For(l.Out, func(j int) {
		g, v, b := gradient[j*l.In:(j+1)*l.In], velocity[j*l.In:(j+1)*l.In], l.from(j)
		for i, g := range g {
			w := &b.weights[i*b.step]
			m := T(momentum*v[i]) + (g + T(decay**w))
			v[i] = m
			*w -= T(rate * m)
		}
	})
}
