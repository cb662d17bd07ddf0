package align

import (
	"context"
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// OnlineMirrorOptions are the options of [OnlineMirror]. Zero fields mean the
// values named.
type OnlineMirrorOptions struct {
	Noise float64 `json:"noise,omitempty"` // σ; 0 means 0.01
	Rate  float64 `json:"rate,omitempty"`  // η; 0 means 0.01/σ²
	Decay float64 `json:"decay,omitempty"` // α; 0 means σ², with which B tends to Wᵀ itself
}

func (o OnlineMirrorOptions) resolved() (OnlineMirrorOptions, error) {
	const name = "OnlineMirrorOptions"
	if err := resolvePositive(name, "Noise", &o.Noise, 0.01); err != nil {
		return o, err
	}
	variance := o.Noise * o.Noise
	if err := resolvePositive(name, "Rate", &o.Rate, 0.01/variance); err != nil {
		return o, err
	}
	if err := resolvePositive(name, "Decay", &o.Decay, variance); err != nil {
		return o, err
	}
	if o.Rate*o.Decay > 1 {
		return o, invalid.Newf(name+".Rate", o.Rate, "at most 1/Decay, %v", 1/o.Decay)
	}
	return o, nil
}

// OnlineMirror learns feedback weights while the network trains, from what noise ξ
// in a layer's activities does to the drive of the layer above, Δ: in the mean
// over a batch
//
//	B ← B + Rate · (ξ Δᵀ − Decay · B)
//
// It is the analogue, for neurons with rates, of phaseless alignment learning (Max,
// Kriener, Pineda García, Nowotny, Jaras, Senn, Petrovici, Nature Machine
// Intelligence 2024), where the noise of the neurons rides on their signal, so that
// no separate phase is needed, as the weight mirror's is. All layers are noisy at once:
// Δ is W ξ and what came through the layers below, which is independent of ξ, so
// that B tends to σ²/Decay · Wᵀ. Here the noise is seen in a second pass of the batch,
// and the network learns from the pass without noise.
type OnlineMirror struct {
	Used Cost

	options OnlineMirrorOptions
}

// NewOnlineMirror returns a learner that has seen nothing yet.
func NewOnlineMirror(options OnlineMirrorOptions) (*OnlineMirror, error) {
	resolved, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return &OnlineMirror{options: resolved}, nil
}

// Options returns the options with every default filled in.
func (m *OnlineMirror) Options() OnlineMirrorOptions { return m.options }

// Noise returns the standard deviation of the noise.
func (m *OnlineMirror) Noise() float64 { return m.options.Noise }

// Cost counts the images that passed a second time; the multiply-adds of that pass
// in the layers seen, of the products, and of decay.
func (m *OnlineMirror) Cost() Cost { return m.Used }

// OwnDecay says that weight decay of the optimiser is no matter of these weights.
func (m *OnlineMirror) OwnDecay() {}

// Learn checks the layers and calls observe(0): this learner learns from
// batches.
func (m *OnlineMirror) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	return learnAtOnce(ctx, layers, observe, func(Layer) {})
}

// LearnBatch learns from what the noise of a batch did. The error is an
// *invalid.Error for arrays that do not fit or numbers that are not finite.
func (m *OnlineMirror) LearnBatch(layers []Layer, batch []Batch) (changed bool, err error) {
	if err := checkFeedback(layers); err != nil {
		return false, err
	}
	if len(batch) != len(layers) {
		return false, invalid.Newf("batch", len(batch), "one entry for each of the %d layers", len(layers))
	}
	samples := len(batch[0].Noise) / layers[0].In
	for n, b := range batch {
		l, field := layers[n], func(name string) string { return fmt.Sprintf("batch[%d].%s", n, name) }
		switch {
		case samples == 0 || len(b.Noise) != samples*l.In:
			return false, invalid.Newf(field("Noise"), len(b.Noise), "the same number of samples of %d neurons for every layer", l.In)
		case len(b.DriveChange) != samples*l.Out:
			return false, invalid.Newf(field("DriveChange"), len(b.DriveChange), "%d samples of %d neurons", samples, l.Out)
		}
		for i, v := range b.DriveChange {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return false, invalid.New(fmt.Sprintf("%s[%d]", field("DriveChange"), i), v, "a finite number")
			}
		}
	}
	for n, b := range batch {
		mirrorOnline(m.options, layers[n], b.Noise, b.DriveChange, samples)
	}
	m.Used.add(layers, samples, 2)
	return true, nil
}

// mirrorOnline is the step of one layer.
func mirrorOnline[T spike.Float](o OnlineMirrorOptions, l LayerOf[T], noise, change []T, samples int) {
	x, y := whole(noise, samples, l.In), whole(change, samples, l.Out)
	rate, keep := T(o.Rate/float64(samples)), T(1-o.Rate*o.Decay)
	inPieces(l.In, func(from, to int) {
		multiply(true, false, rate, x.columns(from, to), y, keep, whole(l.Feedback, l.In, l.Out).rows(from, to))
	})
}
