package align

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/rd"
	"github.com/weightalign/lab/rddkit/spike"
)

// Estimator says how the causal effect is read off the two regression lines.
type Estimator int

const (
	// Sharp is the jump between the lines at the threshold, as the paper has it.
	Sharp Estimator = iota
	// Fuzzy is the jump plus both slopes: the published program's variant.
	Fuzzy
	// Wald is the ratio of two jumps at the threshold: of the outcome, and of
	// the probability of a spike. It is what econometrics calls fuzzy.
	Wald
)

var estimatorNames = []string{"sharp", "fuzzy", "wald"}

// String returns "sharp", "fuzzy" or "wald".
func (e Estimator) String() string {
	if e < 0 || int(e) >= len(estimatorNames) {
		return fmt.Sprintf("Estimator(%d)", int(e))
	}
	return estimatorNames[e]
}

// Beta returns the causal effect for the parameters of two regression lines,
// compared at the threshold; for [Wald], the jump of the outcome.
func (e Estimator) Beta(r Regression, threshold float64) float64 {
	beta := (float64(r.SlopeSpike*threshold) + r.InterceptSpike) - (float64(r.SlopeQuiet*threshold) + r.InterceptQuiet)
	if e == Fuzzy {
		beta += float64(r.SlopeSpike*threshold) + float64(r.SlopeQuiet*threshold)
	}
	return beta
}

// Regression is the online regression of one synapse, step by step: what [RDD]
// does for all synapses at once. The zero Regression is ready to use.
type Regression struct {
	InterceptSpike, InterceptQuiet float64 // at drive 0, of the windows with and without a spike
	SlopeSpike, SlopeQuiet         float64
}

// Observe takes one window into account: its largest drive, whether the neuron
// spiked, and the target. rate is the learning rate η (published: 0.001).
func (r *Regression) Observe(maxDrive float64, spiked bool, target, rate float64) {
	slope, intercept := &r.SlopeQuiet, &r.InterceptQuiet
	if spiked {
		slope, intercept = &r.SlopeSpike, &r.InterceptSpike
	}
	line := rd.Line{Intercept: *intercept, Slope: *slope}
	line.Descend(maxDrive, target, rate)
	*intercept, *slope = line.Intercept, line.Slope
}

// Targets returns, for each of r.Windows[layer] in their order, the regression
// targets of all neurons of the layer above, [window][neuron above]: the mean
// over the window of their filtered spikes less the value at the baseline. The
// filtered spikes in step t are Σ κ(a)·s[t-a]: from above a neuron sees only
// spikes of earlier steps.
func Targets(r *spike.Recording, layer int) [][]float64 {
	kernel := r.Params.Kernel()
	n, spikes := r.Sizes[layer+1], r.Spikes[layer+1]
	add := func(sum []float64, t int, factor float64) {
		for age := 1; age <= min(len(kernel), t); age++ {
			for j := range sum {
				sum[j] += float64(factor * float64(kernel[age-1]*float64(spikes[(t-age)*n+j])))
			}
		}
	}
	targets := make([][]float64, len(r.Windows[layer]))
	for k, w := range r.Windows[layer] {
		y := make([]float64, n)
		for t := w.Start + 1; t <= w.End; t++ {
			add(y, t, 1)
		}
		for j := range y {
			y[j] /= float64(w.End - w.Start)
		}
		add(y, w.Baseline, -1)
		targets[k] = y
	}
	return targets
}
