package credit

import (
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Population describes LIF neurons whose input noise is partly shared. Per step,
// for neuron i, with independent standard normal z:
//
//	ε_i = σ/√τ · (√c·z_0 + √(1−c)·z_i)
//	d_i = −v_i/τ + W_i·(x + ε_i) + q_i        q_i: node perturbation, see Perturbation
//	v_i ← v_i + dt·d_i
//	u_i ← u_i + dt·d_i                        the counterfactual drive: the same increment
//	spike if v_i > θ: then v_i is held at the reset for the refractory period
//	v_i ← max(v_i, reset),  u_i ← max(u_i, reset)
//
// At the first step of a block u_i starts from v_i; after that a spike does not
// reset it. The noise is not scaled by √dt, as in the published code: σ belongs to
// the step dt (Lansdell and Kording 2023, methods; code lib/lif.py).
//
// The zero value of a field other than Weights means its default.
type Population struct {
	Weights          []float64   // W, input weights, [neuron]; default 12, 9
	NoiseSD          float64     // σ; default 10
	NoiseCorrelation float64     // c, the shared fraction of the noise's variance, in [0, 1]
	Input            float64     // x, the constant input
	TimeConstant     float64     // τ, of the membrane, s; default 1
	Threshold        float64     // θ, above Reset; default 1
	Reset            float64     // reset potential and floor
	RefractoryPeriod float64     // s, rounded up to steps, the spike's step included; default 0.003
	Step             float64     // dt, s; default 0.001
	BlockSteps       int         // steps in a block, T; default 20
	Kernel           SpikeKernel // of the output; default PublishedKernel(0.02)
	Perturbation     float64     // σ_p of node perturbation, q ~ N(0, σ_p²/τ); default none

	// SeparateBlocks makes every block a simulation of its own, as in the
	// published learning script: a block starts with no neuron refractory, and
	// the filtered spikes are read one step after the block's last.
	SeparateBlocks bool
}

// SpikeKernel is the causal exponential filter of spike trains, truncated and
// normalised to sum to one: k_m = aᵐ(1−a)/(1−a^Steps), a = exp(−dt/TimeConstant).
type SpikeKernel struct {
	TimeConstant float64 // s
	Steps        int     // length
}

// PublishedKernel returns the kernel that the published notebooks apply when they
// say τ_s = tau seconds: 2000 taps computed on a grid of 1/1999 s but applied
// to steps of 1 ms, hence an effective time constant of 1.999·tau.
func PublishedKernel(tau float64) SpikeKernel {
	return SpikeKernel{TimeConstant: 1.999 * tau, Steps: 2000}
}

// ScriptKernel returns the kernel of the older published script: 150 taps that
// span 0.150 s, τ_s = 0.020 s.
func ScriptKernel() SpikeKernel { return SpikeKernel{TimeConstant: 0.020 * 149 / 150, Steps: 150} }

// MainPair is the pair of the main published figure: W = (12, 9), σ = 10, blocks
// of 20 ms, filtered with 40 ms.
func MainPair(correlation float64) Population {
	return Population{NoiseCorrelation: correlation}
}

// EqualPair is the pair of the older published script: W = (5, 5), σ = 20, blocks
// of 50 ms, filtered with 20 ms.
func EqualPair(correlation float64) Population {
	return Population{Weights: []float64{5, 5}, NoiseSD: 20, NoiseCorrelation: correlation,
		BlockSteps: 50, Kernel: ScriptKernel()}
}

// LearningPair is the pair of the published learning experiment, at W = (12, 9):
// blocks of 50 ms, filtered with 400 ms, cost Valley.
func LearningPair(correlation float64) Population {
	return Population{NoiseCorrelation: correlation, BlockSteps: 50, Kernel: PublishedKernel(0.2)}
}

// resolve returns p with every default written in, or what is wrong with it.
func (p Population) resolve() (Population, error) {
	if len(p.Weights) == 0 {
		p.Weights = []float64{12, 9}
	}
	for _, field := range []struct {
		value *float64
		usual float64
		name  string
	}{
		{&p.NoiseSD, 10, "NoiseSD"}, {&p.TimeConstant, 1, "TimeConstant"}, {&p.Threshold, 1, "Threshold"},
		{&p.RefractoryPeriod, 0.003, "RefractoryPeriod"}, {&p.Step, 0.001, "Step"},
	} {
		if *field.value == 0 {
			*field.value = field.usual
		}
		if !(*field.value > 0) || math.IsInf(*field.value, 1) {
			return p, invalid.New(field.name, *field.value, "positive and finite")
		}
	}
	if p.BlockSteps == 0 {
		p.BlockSteps = 20
	}
	if p.Kernel == (SpikeKernel{}) {
		p.Kernel = PublishedKernel(0.02)
	}
	for _, w := range p.Weights {
		if math.IsNaN(w) || math.IsInf(w, 0) {
			return p, invalid.New("Weights", p.Weights, "finite numbers")
		}
	}
	switch {
	case !(p.NoiseCorrelation >= 0 && p.NoiseCorrelation <= 1):
		return p, invalid.New("NoiseCorrelation", p.NoiseCorrelation, "between 0 and 1")
	case math.IsNaN(p.Input) || math.IsInf(p.Input, 0):
		return p, invalid.New("Input", p.Input, "finite")
	case !(p.Reset < p.Threshold) || math.IsInf(p.Reset, 0):
		return p, invalid.Newf("Reset", p.Reset, "finite and below Threshold, which is %v", p.Threshold)
	case p.BlockSteps < 1:
		return p, invalid.New("BlockSteps", p.BlockSteps, "at least 1")
	case !(p.Kernel.TimeConstant > 0) || math.IsInf(p.Kernel.TimeConstant, 1):
		return p, invalid.New("Kernel.TimeConstant", p.Kernel.TimeConstant, "positive and finite")
	case p.Kernel.Steps <= p.BlockSteps:
		return p, invalid.Newf("Kernel.Steps", p.Kernel.Steps, "more than BlockSteps, which is %d", p.BlockSteps)
	case !(p.Perturbation >= 0) || math.IsInf(p.Perturbation, 1):
		return p, invalid.New("Perturbation", p.Perturbation, "finite and not negative")
	}
	return p, nil
}

// checkCost returns an *invalid.Error if a cost reads more neurons than there are.
func (p Population) checkCost(cost BlockCost) error {
	if err := cost.check(len(p.Weights)); err != nil {
		return invalid.Newf("Weights", p.Weights, "one for every neuron that Cost reads, which fails with %v", err)
	}
	return nil
}

// taps returns the population's kernel as numbers: k_m for m in [0, Steps).
func (p Population) taps() []float64 {
	k := make([]float64, p.Kernel.Steps)
	decay := p.Step / p.Kernel.TimeConstant
	peak := -math.Expm1(-decay) / -math.Expm1(-decay*float64(len(k)))
	for m := range k {
		k[m] = peak * math.Exp(-decay*float64(m))
	}
	return k
}

// SpikeRise says what one spike adds to the neuron's filtered train, in spikes
// per step.
type SpikeRise struct {
	Peak       float64 // k_0: at once ("ds" in the published code, which divides β by it)
	Mean       float64 // Δ_s: when the block's cost is read, for a spike at a uniform step of it
	MeanSquare float64 // E(δ²), likewise
}

// SpikeRise returns what one spike adds to a neuron's filtered train.
func (p Population) SpikeRise() (SpikeRise, error) {
	p, err := p.resolve()
	if err != nil {
		return SpikeRise{}, err
	}
	return p.rise(), nil
}

func (p Population) rise() SpikeRise {
	k := p.taps()
	rise := SpikeRise{Peak: k[0]}
	for _, r := range p.blockRises(k) {
		rise.Mean += r / float64(p.BlockSteps)
		rise.MeanSquare += r * r / float64(p.BlockSteps)
	}
	return rise
}

// blockRises returns, for each step of a block, what a spike there adds to the
// filtered train when the block is read.
func (p Population) blockRises(taps []float64) []float64 {
	rises := make([]float64, p.BlockSteps)
	for step := range rises {
		rises[step] = taps[p.BlockSteps-1-step+p.readDelay()]
	}
	return rises
}

// readDelay is how many steps after a block's last its cost is read.
func (p Population) readDelay() int {
	if p.SeparateBlocks {
		return 1
	}
	return 0
}

// refractorySteps counts the spike's own step, at which any spike resets.
func (p Population) refractorySteps() int64 {
	return max(1, int64(math.Ceil(p.RefractoryPeriod/p.Step-1e-9)))
}
