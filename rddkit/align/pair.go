package align

import (
	"context"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/spike"
)

// Pair is a layer and the layer above by themselves, with random weights that
// stand still: the smallest setting for a [Contest].
type Pair struct {
	In, Out   int     // neurons of the layer, and above
	Driven    float64 // fraction of the layer driven at a time, drawn afresh; 0 means the published 0.2
	Rate      float64 // of a driven neuron's input, Hz; 0 means the published 200
	Imbalance float64 // added to the weights into every other neuron above, and taken from the rest, in their standard deviation
	Runs      int     // of the simulation; 0 means 1
	Seconds   float64 // of one run
	Rules     []RuleOptions
}

// Layer returns the weights of a seed.
func (p Pair) Layer(seed uint64) (Layer, error) {
	layers, err := Random(seed, p.In, p.Out)
	if err != nil {
		return Layer{}, err
	}
	for k := range layers[0].Forward {
		layers[0].Forward[k] += float32(p.Imbalance / math.Sqrt(3*float64(p.In)) * float64(1-k/p.In%2*2))
	}
	return layers[0], nil
}

// Run lets the rules learn from the same spikes. Another number again, below 2^32,
// means other spikes on the same weights.
func (p Pair) Run(ctx context.Context, seed, again uint64) (*Course, error) {
	layer, err := p.Layer(seed)
	if err != nil {
		return nil, err
	}
	neurons := spike.DefaultParams()
	if p.Driven != 0 {
		neurons.DrivenFraction = p.Driven
	}
	if p.Rate != 0 {
		neurons.InputRate = p.Rate
	}
	return Contest{Layers: []Layer{layer}, Runs: max(p.Runs, 1), Rules: p.Rules,
		Simulation: SimulationOptions{Time: p.Seconds, Drive: spike.Fresh, Seed: seed<<32 + again, Spike: neurons}}.Run(ctx)
}

// Noise is noise for signal: the variance of the feedback weights that is not
// proportional to the feedforward weights over that which is, the squared tangent
// of the angle between them.
func (m Metrics) Noise() float64 { return math.Pow(math.Tan(m.Angle*math.Pi/180), 2) }

// SignsAtNoise is the sign alignment, percent, of weights that are uniform around
// 0 with so much noise for signal, if it is normal.
func SignsAtNoise(noise float64) float64 {
	s, n := math.Sqrt(noise/3), distuv.UnitNormal
	return 100 * (n.CDF(1/s) + s*(n.Prob(1/s)-n.Prob(0)))
}

// NoiseLaw says what noise for signal RDD has at weights that stand still if all of
// it comes from other driven neurons and is remembered exponentially. The signal
// then grows as 1 - exp(-x) and the variance of the noise as 1 - exp(-2x), where x
// is the time in units of the memory.
type NoiseLaw struct {
	Plateau  float64 // in the end, for one driven neuron and η = 1
	Approach float64 // noise times seconds without forgetting, for one neuron of the layer
}

// At is the noise for signal after so many seconds in which the given number of
// neurons was driven at a time, of a layer of neurons.
func (n NoiseLaw) At(eta, driven, neurons, seconds float64) float64 {
	end := n.Plateau * eta * driven
	return end / math.Tanh(end*seconds/(n.Approach*neurons))
}

// FitNoiseLaw fits the law to one setting: 80 of 400 neurons driven for 300 s, with
// a large η, whose noise has reached its end, and with one that forgets nothing.
func FitNoiseLaw(ctx context.Context, seed uint64) (NoiseLaw, error) {
	const large, seconds = 0.004, 300
	pair := Pair{In: 400, Out: 16, Seconds: seconds, Rules: []RuleOptions{RDDOptions{LearningRate: large}, RDDOptions{LearningRate: 1e-6}}}
	course, err := pair.Run(ctx, seed, 0)
	if err != nil {
		return NoiseLaw{}, err
	}
	return NoiseLaw{
		Plateau:  course.Last(0, 0).Noise() / (large * 80),
		Approach: course.Last(1, 0).Noise() * seconds / 400,
	}, nil
}
