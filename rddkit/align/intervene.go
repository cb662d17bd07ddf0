package align

import (
	"context"
	"math"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// Effects are those of all neurons of a layer on one neuron above, an entry for
// each lower neuron, in the unit of [Observations.Target].
type Effects struct {
	Weight              []float64 // feedforward
	Mean, StandardError []float64
	Windows             []int // that the mean is over
}

func (e *Effects) add(weight float32, mean, standardError float64, windows int) {
	e.Weight, e.Windows = append(e.Weight, float64(weight)), append(e.Windows, windows)
	e.Mean, e.StandardError = append(e.Mean, mean), append(e.StandardError, standardError)
}

// interventionSeconds is how much is recorded at a time: about 50 MB for 20 neurons.
const interventionSeconds = 100

// Interventions returns what the spikes of each lower neuron cause in neuron
// upper of the layer above, known by intervention: in each window in which the
// lower neuron spiked and whose largest drive is above the threshold by at most
// near, its spikes are taken out, and the neuron above is simulated again with all
// else as it was. The effect is the window's target with the spikes less that
// without. Nothing in a brain could do so: it is the truth that a regression
// discontinuity design estimates.
//
// All neurons of the layer are driven for so many seconds; escape noise is not
// allowed. An *invalid.Error names what is out of range.
func Interventions(ctx context.Context, l Layer, p spike.Params, seed uint64, seconds float64, upper int, near float64) (*Effects, error) {
	p = p.OrDefault()
	p.DrivenFraction = 1
	switch {
	case p.EscapeWidth != 0:
		return nil, invalid.New("EscapeWidth", p.EscapeWidth, "0")
	case upper < 0 || upper >= l.Out:
		return nil, invalid.Newf("upper", upper, "0 to %d", l.Out-1)
	case !(near > 0):
		return nil, invalid.New("near", near, "a number above 0")
	case !(seconds > 0 && seconds <= 1e6):
		return nil, invalid.New("seconds", seconds, "above 0, at most 1e6")
	}
	weights, err := spike.ScaleWeights(p, "Forward", l.Forward, l.In)
	if err != nil {
		return nil, err
	}
	row := weights[upper*l.In : (upper+1)*l.In]
	values := make([][]float64, l.In)
	for part := uint64(0); seconds > 0; part++ {
		steps := int(math.Round(min(seconds, interventionSeconds) / p.Step))
		seconds -= interventionSeconds
		r, err := record(ctx, p, row, l.In, stream.New(seed, "interventions", part).Uint64(), max(steps, 1))
		if err != nil {
			return nil, err
		}
		for _, w := range r.Windows[0] {
			if w.Spiked && w.MaxDrive >= p.Threshold && w.MaxDrive <= p.Threshold+near {
				values[w.Neuron] = append(values[w.Neuron], without(r, row[w.Neuron], w))
			}
		}
	}
	effects := &Effects{}
	for i, v := range values {
		sum, squares := 0.0, 0.0
		for _, x := range v {
			sum += x
		}
		n := float64(len(v))
		for _, x := range v {
			squares += (x - sum/n) * (x - sum/n)
		}
		effects.add(l.Forward[upper*l.In+i], sum/n, math.Sqrt(squares/(n-1)/n), len(v))
	}
	return effects, nil
}

// Record simulates seconds of a layer, all of its neurons driven by Poisson input,
// and the layer above, and keeps every potential: 25 bytes per neuron and step, so
// at most 1 GB of them. For looking at; [Observe] is faster by far.
func Record(ctx context.Context, l Layer, p spike.Params, seed uint64, seconds float64) (*spike.Recording, error) {
	p = p.OrDefault()
	p.DrivenFraction = 1
	if err := checkLayers([]Layer{l}); err != nil {
		return nil, err
	}
	if longest := p.Step * float64(observedBytes/25/(l.In+l.Out)); !(seconds >= p.Step && seconds <= longest) {
		return nil, invalid.Newf("seconds", seconds, "%g to %g for %d neurons", p.Step, longest, l.In+l.Out)
	}
	weights, err := spike.ScaleWeights(p, "Forward", l.Forward, l.In)
	if err != nil {
		return nil, err
	}
	return record(ctx, p, weights, l.In, seed, int(math.Round(seconds/p.Step)))
}

// record simulates a driven layer of in neurons and the layer above.
func record(ctx context.Context, p spike.Params, weights []float64, in int, seed uint64, steps int) (*spike.Recording, error) {
	net := &spike.Network{Params: p, Sizes: []int{in, len(weights) / in}, Weights: [][]float64{weights}}
	input, err := spike.NewPoissonInput(p, spike.Accumulating, seed, 0, net.Sizes, steps, nil)
	if err != nil {
		return nil, err
	}
	return spike.Record(ctx, net, steps, input)
}

// without is the effect of a neuron's spikes in a window on the only neuron above.
func without(r *spike.Recording, weight float64, w spike.Window) float64 {
	p, n := r.Params, r.Sizes[0]
	kernel := p.Kernel()
	v, quiet := r.V[1][w.Start], 0 // steps until the neuron above may fire again
	for age := range min(p.RefractorySteps, w.Start+1) {
		if r.Spikes[1][w.Start-age] == 1 {
			quiet = max(quiet, p.RefractorySteps-age)
		}
	}
	var change []float64 // in the neuron above's spikes, from step Start+1 on
	sum := 0.0
	for t := w.Start + 1; t <= w.End; t++ {
		current := r.Input[1][t]
		for s := w.Start + 1; s <= min(t, w.End-1); s++ {
			if age := t - s + 1; age <= len(kernel) && r.Spikes[0][s*n+w.Neuron] == 1 {
				current -= weight * kernel[age-1]
			}
		}
		quiet = max(quiet-1, 0)
		v += p.Step * (-p.LeakConductance*v + p.DendriteConductance*(current-v))
		fires := 0.0
		if v >= p.Threshold && quiet == 0 {
			v, quiet, fires = p.Reset, p.RefractorySteps, 1
		}
		change = append(change, float64(r.Spikes[1][t])-fires)
		// The layer below sees spikes of earlier steps: step t-age is change[t-age-Start-1].
		for age := 1; age <= len(kernel) && age < len(change); age++ {
			sum += kernel[age-1] * change[len(change)-1-age]
		}
	}
	return sum / float64(w.End-w.Start)
}
