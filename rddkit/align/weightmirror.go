package align

import (
	"context"
	"math"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// Neuron says what a neuron makes of its drive d when noise is sent through a
// layer.
type Neuron string

const (
	SigmoidNeuron Neuron = "sigmoid" // 1/(1 + e^−d)
	ReLUNeuron    Neuron = "relu"    // max(0, d)
	LinearNeuron  Neuron = "linear"  // d
)

// WeightMirrorOptions are the options of [WeightMirror]. Zero fields mean what
// the published program does; [CleanWeightMirror] is the same rule without its
// quirks.
type WeightMirrorOptions struct {
	Amplitude float64 `json:"amplitude,omitempty"` // noise is uniform in ±Amplitude/2; 0 means 0.1
	Rate      float64 `json:"rate,omitempty"`      // η; 0 means 0.01
	Decay     float64 `json:"decay,omitempty"`     // λ, below 1; 0 is none
	Neuron    Neuron  `json:"neuron,omitempty"`    // empty means sigmoid
	NoBias    bool    `json:"no-bias,omitempty"`   // leaves out the biases of the neurons above
	Centre    bool    `json:"centre,omitempty"`    // takes a batch's mean off each neuron's responses
	Mean      bool    `json:"mean,omitempty"`      // takes the mean over a batch instead of the sum
	Samples   int     `json:"samples,omitempty"`   // S; 0 means 128
	Batches   int     `json:"batches,omitempty"`   // 0 means 100
}

// CleanWeightMirror returns options with which the feedback weights tend to the
// transposed feedforward weights themselves (of rectifying neurons without bias)
// and noise tells nothing but these: noise of variance 1, centred responses, the
// mean over a batch, and decay; one of the forms of Kunin et al. (ICML 2020).
func CleanWeightMirror() WeightMirrorOptions {
	return WeightMirrorOptions{Amplitude: math.Sqrt(12), Rate: 0.02, Decay: 0.01, Neuron: ReLUNeuron, NoBias: true, Centre: true, Mean: true}
}

func (o WeightMirrorOptions) resolved() (WeightMirrorOptions, error) {
	if o.Neuron == "" {
		o.Neuron = SigmoidNeuron
	}
	switch o.Neuron {
	case SigmoidNeuron, ReLUNeuron, LinearNeuron:
	default:
		return o, invalid.New("WeightMirrorOptions.Neuron", string(o.Neuron), "sigmoid, relu or linear")
	}
	if err := resolvePositive("WeightMirrorOptions", "Amplitude", &o.Amplitude, 0.1); err != nil {
		return o, err
	}
	if err := resolvePositive("WeightMirrorOptions", "Rate", &o.Rate, 0.01); err != nil {
		return o, err
	}
	if !(o.Decay >= 0 && o.Decay < 1) {
		return o, invalid.New("WeightMirrorOptions.Decay", o.Decay, "0 to below 1")
	}
	return o, resolveBatches("WeightMirrorOptions", &o.Samples, &o.Batches)
}

// resolvePositive gives an option its standard value if it is zero.
func resolvePositive(options, field string, value *float64, standard float64) error {
	if *value == 0 {
		*value = standard
	}
	if v := *value; !(v > 0) || math.IsInf(v, 0) {
		return invalid.New(options+"."+field, v, "a positive number, or 0 for the usual one")
	}
	return nil
}

// resolveBatches is the same for the sizes of what is learned from noise.
func resolveBatches(options string, samples, batches *int) error {
	if *samples == 0 {
		*samples = 128
	}
	if *batches == 0 {
		*batches = 100
	}
	switch {
	case *samples < 2 || *samples > 1<<16:
		return invalid.New(options+".Samples", *samples, "2 to 65536, or 0 for 128")
	case *batches < 1 || *batches > 1<<30:
		return invalid.New(options+".Batches", *batches, "1 to 2³⁰, or 0 for 100")
	}
	return nil
}

// WeightMirror learns feedback weights B of every layer by itself from noise that
// its neurons send up, without data (Akrout, Wilson, Humphreys, Lillicrap, Tweed,
// NeurIPS 2019, equation 7). For S noise vectors x [in][sample], uniform in
// ±Amplitude/2,
//
//	d = W x + c,  y = f(d)
//	y ← y − its mean over the batch              with Centre
//	B ← (1 − Decay) B + Rate · Σ x yᵀ            with Mean: Σ/S
//
// As noise is independent, the mean of Σ x yᵀ/S is σ² Wᵀ times each neuron's mean
// slope of f, with σ² = Amplitude²/12: B comes to point along Wᵀ, and with decay
// tends to Rate σ² (mean slope) / Decay of it.
//
// The published program (the zero options) does not centre y, which is about ½,
// so that every step adds noise of ½ x per sample, the same to all neurons above;
// and its B grows without end. (It computes a normalisation against that, and
// does not use it.) It makes one batch of noise after every training batch;
// here, as for every learner between epochs, all come before the epoch.
type WeightMirror struct {
	Done uint64 // batches of noise so far
	Used Cost

	options WeightMirrorOptions
	seed    uint64
	x, y    []float32
}

// NewWeightMirror returns a learner that has seen nothing yet.
func NewWeightMirror(options WeightMirrorOptions, seed uint64) (*WeightMirror, error) {
	resolved, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return &WeightMirror{options: resolved, seed: seed}, nil
}

// Options returns the options with every default filled in.
func (w *WeightMirror) Options() WeightMirrorOptions { return w.options }

// Cost counts noise vectors, and the multiply-adds of responses, products and
// decay.
func (w *WeightMirror) Cost() Cost { return w.Used }

// OwnDecay says that weight decay of the optimiser is no matter of these weights.
func (w *WeightMirror) OwnDecay() {}

// Learn sends Batches batches of noise through every layer. It observes before
// and after each tenth of them.
func (w *WeightMirror) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	o := w.options
	return learnFromNoise(ctx, layers, observe, o.Batches, &w.Done, &w.Used, func() {
		for n, l := range layers {
			w.x, w.y = grow(w.x, l.In*o.Samples), grow(w.y, l.Out*o.Samples)
			inPieces(l.In, func(from, to int) {
				random := stream.New(w.seed, "weight mirror noise", w.Done, uint64(n), uint64(from))
				for k := from * o.Samples; k < to*o.Samples; k++ {
					w.x[k] = float32(o.Amplitude) * (random.Float32() - 0.5)
				}
			})
			mirror(o, l, w.x, w.y, o.Samples)
		}
		w.Used.add(layers, o.Samples, 2)
	})
}

// mirror is one batch of noise x, [in][sample], through a layer; y is memory for
// the responses, [out][sample].
func mirror[T spike.Float](o WeightMirrorOptions, l LayerOf[T], x, y []T, samples int) {
	noise, response := whole(x, l.In, samples), whole(y, l.Out, samples)
	inPieces(l.Out, func(from, to int) {
		multiply(false, false, 1, whole(l.Forward, l.Out, l.In).rows(from, to), noise, 0, response.rows(from, to))
		for j := from; j < to; j++ {
			row := y[j*samples : (j+1)*samples]
			if l.Bias != nil && !o.NoBias {
				for s := range row {
					row[s] += l.Bias[j]
				}
			}
			respond(o.Neuron, row)
			if o.Centre {
				centre(row)
			}
		}
	})
	rate := o.Rate
	if o.Mean {
		rate /= float64(samples)
	}
	inPieces(l.In, func(from, to int) {
		multiply(false, true, T(rate), noise.rows(from, to), response, T(1-o.Decay), whole(l.Feedback, l.In, l.Out).rows(from, to))
	})
}

// respond replaces drives by what the neuron makes of them.
func respond[T spike.Float](n Neuron, drives []T) {
	switch n {
	case SigmoidNeuron:
		for s, d := range drives {
			drives[s] = T(1 / (1 + math.Exp(-float64(d))))
		}
	case ReLUNeuron:
		for s, d := range drives {
			drives[s] = max(0, d)
		}
	}
}

// centre takes their mean off the numbers.
func centre[T spike.Float](x []T) {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	mean := T(sum / float64(len(x)))
	for s := range x {
		x[s] -= mean
	}
}
