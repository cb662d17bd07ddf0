package align

import (
	"context"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// InformationAlignmentOptions are the options of [InformationAlignment]. Zero
// fields mean the values named. Those are ours: the published ones were searched
// for deep convolutional networks.
type InformationAlignmentOptions struct {
	Amp     float64 `json:"amp,omitempty"`     // α; 0 means 1
	Null    float64 `json:"null,omitempty"`    // β; 0 means ½, −1 none
	Decay   float64 `json:"decay,omitempty"`   // γ; 0 means ½, −1 none
	Rate    float64 `json:"rate,omitempty"`    // η; 0 means 0.01
	Noise   float64 `json:"noise,omitempty"`   // σ of the normal noise; 0 means 1
	Samples int     `json:"samples,omitempty"` // S; 0 means 128
	Batches int     `json:"batches,omitempty"` // 0 means 100
}

func (o InformationAlignmentOptions) resolved() (InformationAlignmentOptions, error) {
	const name = "InformationAlignmentOptions"
	for _, option := range []struct {
		field    string
		value    *float64
		standard float64
		none     bool
	}{
		{"Amp", &o.Amp, 1, false}, {"Null", &o.Null, 0.5, true}, {"Decay", &o.Decay, 0.5, true}, {"Rate", &o.Rate, 0.01, false}, {"Noise", &o.Noise, 1, false},
	} {
		if option.none && *option.value == -1 {
			*option.value = 0
			continue
		}
		if err := resolvePositive(name, option.field, option.value, option.standard); err != nil {
			return o, err
		}
	}
	if decay := 2 * o.Rate * o.Decay; decay > 1 {
		return o, invalid.Newf(name+".Rate", o.Rate, "at most 1/(2 Decay), %v", 1/(2*o.Decay))
	}
	return o, resolveBatches(name, &o.Samples, &o.Batches)
}

// InformationAlignment learns feedback weights B of every layer by itself from
// noise x that its neurons send up, y = W x, as gradient descent on
//
//	R = −Amp · xᵀ B y  +  Null · |B y|²  +  Decay · |B|²
//
// in the mean over a batch (Kunin, Nayebi, Sagastuy-Brena, Ganguli, Bloom, Yamins,
// "Two routes to scalable credit assignment without weight symmetry", ICML 2020:
// weight mirror, which is Amp and Decay, with the primitive Null, which keeps
// learning stable):
//
//	B ← B + Rate · (Amp x yᵀ − 2 Null (B y) yᵀ − 2 Decay B)
//
// B tends to Amp Wᵀ (2 Null W Wᵀ + 2 Decay/σ²)⁻¹, where σ is the noise's standard
// deviation: with Amp = 2 Null, the default, to the matrix that best makes x again
// from y, a ridge inverse of W; without Null to the weight mirror's Wᵀ.
type InformationAlignment struct {
	Done uint64 // batches of noise so far
	Used Cost

	options InformationAlignmentOptions
	seed    uint64
	x, y    []float32
}

// NewInformationAlignment returns a learner that has seen nothing yet.
func NewInformationAlignment(options InformationAlignmentOptions, seed uint64) (*InformationAlignment, error) {
	resolved, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return &InformationAlignment{options: resolved, seed: seed}, nil
}

// Options returns the options with every default filled in, and 0 for −1.
func (a *InformationAlignment) Options() InformationAlignmentOptions { return a.options }

// Cost counts noise vectors, and the multiply-adds of responses, of feedback, of
// products and of decay.
func (a *InformationAlignment) Cost() Cost { return a.Used }

// OwnDecay says that weight decay of the optimiser is no matter of these weights.
func (a *InformationAlignment) OwnDecay() {}

// Learn sends Batches batches of noise through every layer. It observes before
// and after each tenth of them.
func (a *InformationAlignment) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	o := a.options
	return learnFromNoise(ctx, layers, observe, o.Batches, &a.Done, &a.Used, func() {
		for n, l := range layers {
			a.x, a.y = grow(a.x, l.In*o.Samples), grow(a.y, l.Out*o.Samples)
			inPieces(l.In, func(from, to int) {
				random := stream.New(a.seed, "information alignment noise", a.Done, uint64(n), uint64(from))
				for k := from * o.Samples; k < to*o.Samples; k++ {
					a.x[k] = float32(o.Noise * random.NormFloat64())
				}
			})
			inform(o, l, a.x, a.y, o.Samples)
		}
		a.Used.add(layers, o.Samples, 3)
	})
}

// inform is one batch of noise x, [in][sample], through a layer; y is memory for
// the responses, [out][sample]. The noise is overwritten by what B y leaves of it,
// Amp x − 2 Null B y.
func inform[T spike.Float](o InformationAlignmentOptions, l LayerOf[T], x, y []T, samples int) {
	noise, response, feedback := whole(x, l.In, samples), whole(y, l.Out, samples), whole(l.Feedback, l.In, l.Out)
	inPieces(l.Out, func(from, to int) {
		multiply(false, false, 1, whole(l.Forward, l.Out, l.In).rows(from, to), noise, 0, response.rows(from, to))
	})
	rate := T(o.Rate / float64(samples))
	keep := T(1 - 2*o.Rate*o.Decay)
	inPieces(l.In, func(from, to int) {
		rows, left := feedback.rows(from, to), noise.rows(from, to)
		multiply(false, false, T(-2*o.Null), rows, response, T(o.Amp), left)
		multiply(false, true, rate, left, response, keep, rows)
	})
}
