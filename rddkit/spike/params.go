package spike

import (
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Params are the hyper-parameters of the LIF network. The wholly zero Params
// means [DefaultParams]; in any other, each field is taken as it stands.
type Params struct {
	Step                float64 // length of a simulation step, s (published: 0.001)
	LeakConductance     float64 // g_L, 1/s (100)
	DendriteConductance float64 // g_D, 1/s (600)
	Reset               float64 // potential after a spike, no unit (-1)
	Threshold           float64 // spike threshold, no unit (1)
	RefractorySteps     int     // shortest interval between two spikes of a neuron, steps (3)
	EscapeWidth         float64 // escape noise: how softly the threshold decides, no unit (0, not at all); see the package documentation

	MembraneTime float64 // slow time constant of the synaptic kernel, tau_L, s (0.010)
	SynapseTime  float64 // fast time constant of the synaptic kernel, tau_s, s (0.003)
	MemorySteps  int     // length of the synaptic kernel, steps (30)
	WeightScale  float64 // scaled weights have the standard deviation WeightScale times the fan-in (0.2)

	InputGain      float64 // alpha, the weight of a driven neuron's own input (4)
	InputRate      float64 // mean rate of a driven neuron's Poisson input, Hz (200)
	DrivenFraction float64 // part of a layer that one redraw selects, 0 to 1 (0.2)
	RedrawSteps    int     // steps between two redraws (100)

	WindowSteps     int     // length of a near-threshold window, steps (30)
	WindowHalfWidth float64 // a window opens where |Threshold - u| is at most this, no unit (0.1)
}

// DefaultParams returns the published hyper-parameters.
func DefaultParams() Params {
	return Params{
		Step:                0.001,
		LeakConductance:     100,
		DendriteConductance: 600,
		Reset:               -1,
		Threshold:           1,
		RefractorySteps:     3,
		MembraneTime:        0.010,
		SynapseTime:         0.003,
		MemorySteps:         30,
		WeightScale:         0.2,
		InputGain:           4,
		InputRate:           200,
		DrivenFraction:      0.2,
		RedrawSteps:         100,
		WindowSteps:         30,
		WindowHalfWidth:     0.1,
	}
}

// OrDefault returns p, or the published hyper-parameters if p is wholly zero.
func (p Params) OrDefault() Params {
	if p == (Params{}) {
		return DefaultParams()
	}
	return p
}

// maxCountPerStep bounds the mean input count per step: beyond it the exact
// tables of the Poisson distribution would no longer be short.
const maxCountPerStep = 20

// Validate reports the first field of p that is not allowed as an
// *invalid.Error. The wholly zero Params is valid.
func (p Params) Validate() error {
	p = p.OrDefault()
	for _, field := range []struct {
		name    string
		value   float64
		ok      bool
		allowed string
	}{
		{"Params.Step", p.Step, p.Step > 0, "a positive number of seconds"},
		{"Params.LeakConductance", p.LeakConductance, p.LeakConductance >= 0, "at least 0 per second"},
		{"Params.DendriteConductance", p.DendriteConductance, p.DendriteConductance > 0, "a positive number per second"},
		{"Params.Step×(LeakConductance+DendriteConductance)", p.Step * (p.LeakConductance + p.DendriteConductance), p.Step*(p.LeakConductance+p.DendriteConductance) <= 1, "at most 1, for a stable forward Euler step"},
		{"Params.Threshold", p.Threshold, true, "a finite number"},
		{"Params.Reset", p.Reset, p.Reset < p.Threshold-p.WindowHalfWidth, "below the threshold by more than WindowHalfWidth"},
		{"Params.RefractorySteps", float64(p.RefractorySteps), p.RefractorySteps >= 1 && p.RefractorySteps <= 1000, "1 to 1000"},
		{"Params.EscapeWidth", p.EscapeWidth, p.EscapeWidth >= 0, "at least 0"},
		{"Params.SynapseTime", p.SynapseTime, p.SynapseTime > 0, "a positive number of seconds"},
		{"Params.MembraneTime", p.MembraneTime, p.MembraneTime > p.SynapseTime, "above SynapseTime"},
		{"Params.MemorySteps", float64(p.MemorySteps), p.MemorySteps >= 1 && p.MemorySteps <= 1000, "1 to 1000"},
		{"Params.WeightScale", p.WeightScale, p.WeightScale > 0, "positive"},
		{"Params.InputGain", p.InputGain, p.InputGain >= 0, "at least 0"},
		{"Params.InputRate", p.InputRate, p.InputRate >= 0 && p.InputRate*p.Step <= maxCountPerStep, fmt.Sprintf("0 to %d per step", maxCountPerStep)},
		{"Params.DrivenFraction", p.DrivenFraction, p.DrivenFraction >= 0 && p.DrivenFraction <= 1, "0 to 1"},
		{"Params.RedrawSteps", float64(p.RedrawSteps), p.RedrawSteps >= 1, "at least 1"},
		{"Params.WindowSteps", float64(p.WindowSteps), p.WindowSteps >= 1 && p.WindowSteps <= 1000, "1 to 1000"},
		{"Params.WindowHalfWidth", p.WindowHalfWidth, p.WindowHalfWidth >= 0, "at least 0"},
	} {
		if !field.ok || math.IsNaN(field.value) || math.IsInf(field.value, 0) {
			return invalid.New(field.name, field.value, field.allowed)
		}
	}
	return nil
}

// Steps returns how many simulation steps a time in seconds is. ok is whether it
// is a whole number of them, but for rounding, from 1 to 2^30.
func (p Params) Steps(seconds float64) (steps int, ok bool) {
	p = p.OrDefault()
	n := math.Round(seconds / p.Step)
	if !(n >= 1 && n <= 1<<30) || math.Abs(n*p.Step-seconds) > 1e-6*p.Step {
		return 0, false
	}
	return int(n), true
}

// Kernel returns the synaptic kernel, element a-1 holding the weight of a spike
// of age a = 1 … MemorySteps steps:
//
//	κ(a) = (exp(-a·dt/tau_L) - exp(-a·dt/tau_s)) / ((tau_L - tau_s)/dt)
//
// It is cut there and not renormalised.
func (p Params) Kernel() []float64 {
	p = p.OrDefault()
	slow, fast, norm := p.timeConstants()
	kernel := make([]float64, p.MemorySteps)
	for i := range kernel {
		age := float64(i + 1)
		kernel[i] = (math.Exp(-age/slow) - math.Exp(-age/fast)) / norm
	}
	return kernel
}

// MeanPotential is where the mean of a driven neuron's own input, InputGain times
// InputRate filtered by the kernel, would hold its potential if it never spiked.
func (p Params) MeanPotential() float64 {
	p = p.OrDefault()
	input := 0.0
	for _, weight := range p.Kernel() {
		input += weight * p.InputGain * p.InputRate * p.Step
	}
	return input * p.DendriteConductance / (p.LeakConductance + p.DendriteConductance)
}

// timeConstants returns the kernel's two time constants in steps, and their
// difference. The quotients are rounded to 1e-9 steps, so that 0.010 s in
// steps of 0.001 s is 10 steps and not its neighbour.
func (p Params) timeConstants() (slow, fast, norm float64) {
	round := func(steps float64) float64 { return math.Round(steps*1e9) / 1e9 }
	slow, fast = round(p.MembraneTime/p.Step), round(p.SynapseTime/p.Step)
	return slow, fast, slow - fast
}

// Traces are the constants with which a trace follows the synaptic kernel from
// step to step: the kernel is exactly a slow exponential less a fast one, each
// with what is older than MemorySteps taken off again.
//
//	slow ← SlowDecay·slow + SlowNew·x(now) - SlowOld·x(MemorySteps ago)
//	fast likewise; slow - fast = gain · Σ κ(a)·x(a-1 steps ago)
type Traces struct {
	SlowDecay, SlowNew, SlowOld float64
	FastDecay, FastNew, FastOld float64
}

// Traces returns the constants for traces that are gain times the filtered
// input.
func (p Params) Traces(gain float64) Traces {
	p = p.OrDefault()
	slow, fast, norm := p.timeConstants()
	power := func(tau float64, age int) float64 { return math.Exp(-float64(age) / tau) }
	return Traces{
		SlowDecay: power(slow, 1), SlowNew: gain / norm * power(slow, 1), SlowOld: gain / norm * power(slow, p.MemorySteps+1),
		FastDecay: power(fast, 1), FastNew: gain / norm * power(fast, 1), FastOld: gain / norm * power(fast, p.MemorySteps+1),
	}
}
