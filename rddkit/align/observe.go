package align

import (
	"context"
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/rd"
	"github.com/weightalign/lab/rddkit/spike"
)

// Random returns layers of the given sizes, lowest first, with feedforward and
// feedback weights that are independent and uniform in ±1/√(neurons of the
// lower layer), as an untrained network has them. It fails with an
// *invalid.Error unless there are at least two sizes, all of at least 1.
func Random(seed uint64, sizes ...int) ([]Layer, error) {
	if len(sizes) < 2 {
		return nil, invalid.New("sizes", sizes, "at least two layers")
	}
	for i, n := range sizes {
		if n < 1 {
			return nil, invalid.New(fmt.Sprintf("sizes[%d]", i), n, "at least 1 neuron")
		}
	}
	layers := make([]Layer, len(sizes)-1)
	for l := range layers {
		in, out := sizes[l], sizes[l+1]
		draw := func(name string) []float32 {
			random := stream.New(seed, name, uint64(l))
			weights := make([]float32, in*out)
			for i := range weights {
				weights[i] = float32((2*random.Float64() - 1) / math.Sqrt(float64(in)))
			}
			return weights
		}
		layers[l] = Layer{In: in, Out: out, Forward: draw("random feedforward weights"), Feedback: draw("random feedback weights")}
	}
	return layers, nil
}

// Observations are what the near-threshold windows of one neuron tell of its
// effect on one neuron above, an entry for each window in the order of time.
type Observations struct {
	Drive  []float64 // the running variable: largest input drive in the window
	Spiked []bool    // the treatment: whether the neuron fired in the window
	Target []float64 // the outcome: mean filtered spikes of the neuron above less those before the window
}

// Treated is Spiked as numbers, 1 for a window with a spike and 0 for one without.
func (o Observations) Treated() []float64 {
	treated := make([]float64, len(o.Spiked))
	for i, spiked := range o.Spiked {
		if spiked {
			treated[i] = 1
		}
	}
	return treated
}

// acceptHalfWidth is the published half width of the drives that are used.
const acceptHalfWidth = 10

// observedBytes is how much memory Observe may take, but for the windows.
const observedBytes = 1_000_000_000

// bytesObserved is how much memory a step of Observe takes: for the filtered
// spikes and their sum.
const bytesObserved = 16

// Observe simulates seconds of a layer, all of its neurons driven by Poisson
// input, and the layer above, and returns what neuron lower observes of neuron
// upper: the data from which a regression discontinuity design estimates the
// synapse's effect. It fails with an *invalid.Error if a neuron or the time is
// out of range, or with ctx's error. What it keeps of every step bounds the time
// to 62 500 s in steps of 1 ms.
func Observe(ctx context.Context, l Layer, p spike.Params, seed uint64, seconds float64, lower, upper int) (Observations, error) {
	p = p.OrDefault()
	p.DrivenFraction = 1
	if err := p.Validate(); err != nil {
		return Observations{}, err
	}
	if err := checkLayers([]Layer{l}); err != nil {
		return Observations{}, err
	}
	longest := p.Step * float64(observedBytes/bytesObserved)
	switch {
	case lower < 0 || lower >= l.In:
		return Observations{}, invalid.Newf("lower", lower, "0 to %d", l.In-1)
	case upper < 0 || upper >= l.Out:
		return Observations{}, invalid.Newf("upper", upper, "0 to %d", l.Out-1)
	case !(seconds >= p.Step && seconds <= longest):
		return Observations{}, invalid.Newf("seconds", seconds, "%g to %g, as every step takes memory", p.Step, longest)
	}
	steps := int(math.Round(seconds / p.Step))
	weights, err := spike.ScaleWeights(p, "Forward", l.Forward, l.In)
	if err != nil {
		return Observations{}, err
	}
	sizes := []int{l.In, l.Out}
	input, err := spike.NewPoissonInput(p, spike.Accumulating, seed, 0, sizes, steps, nil)
	if err != nil {
		return Observations{}, err
	}
	simulation, err := spike.NewSimulation(p, sizes, steps)
	if err != nil {
		return Observations{}, err
	}
	if err := simulation.Start([][]float64{weights}, input); err != nil {
		return Observations{}, err
	}
	// q[t] are the filtered spikes that the layer below sees in step t, and
	// sum[t] those of all steps before t.
	q, sum := make([]float64, steps), make([]float64, steps+1)
	kernel := p.Kernel()
	var windows []spike.Window
	for stretch := simulation.Advance(0); stretch.Steps > 0; stretch = simulation.Advance(0) {
		if err := ctx.Err(); err != nil {
			return Observations{}, err
		}
		windows = append(windows, simulation.Windows(0, lower)...)
		spikes := simulation.Spikes(1)
		for t := stretch.First; t < stretch.First+stretch.Steps; t++ {
			for age := 1; age <= min(len(kernel), t); age++ {
				if spikes.Fired(t-age, upper) {
					q[t] += kernel[age-1]
				}
			}
			sum[t+1] = sum[t] + q[t]
		}
	}
	var o Observations
	for _, w := range windows {
		if math.Abs(w.MaxDrive-p.Threshold) > acceptHalfWidth {
			continue
		}
		o.Drive = append(o.Drive, w.MaxDrive)
		o.Spiked = append(o.Spiked, w.Spiked)
		o.Target = append(o.Target, (sum[w.End+1]-sum[w.Start+1])/float64(w.End-w.Start)-q[w.Baseline])
	}
	return o, nil
}

// Estimates are what a regression discontinuity design with these options finds of
// the effects that [Interventions] knows, from what each lower neuron observes in
// so many seconds ([Observe]). Windows are those within the options' bandwidth.
func Estimates(ctx context.Context, l Layer, p spike.Params, seed uint64, seconds float64, upper int, o rd.Options) (*Effects, error) {
	effects := &Effects{}
	for lower := range l.In {
		seen, err := Observe(ctx, l, p, seed, seconds, lower, upper)
		if err != nil {
			return nil, err
		}
		r, err := rd.Sharp(seen.Drive, seen.Target, o)
		if err != nil {
			return nil, fmt.Errorf("lower neuron %d: %w", lower, err)
		}
		effects.add(l.Forward[upper*l.In+lower], r.Conventional.Estimate, r.Conventional.StdErr, r.Left.Effective+r.Right.Effective)
	}
	return effects, nil
}
