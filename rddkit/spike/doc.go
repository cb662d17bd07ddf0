// Package spike simulates feedforward networks of leaky integrate-and-fire
// (LIF) neurons, and finds the moments at which a neuron comes near its spike
// threshold. It knows nothing of learning: time goes by, spikes and
// near-threshold windows come out.
//
// # Model
//
// The model is that of the published implementation of "Spike-based causal
// inference for weight alignment" (Guerguiev, Kording, Richards, ICLR 2020).
// Time runs in steps of Params.Step (1 ms). Potentials and drives have no unit:
// the spike threshold is 1, the reset value -1.
//
//	ODE     dv/dt = -g_L·v + g_D·(I - v)
//	        du/dt = -g_L·u + g_D·(I - u)         the input drive: v without its resets
//	jump    v → Reset where v ≥ Threshold, then no spike for RefractorySteps-1 steps
//	coded   v ← v + dt·(-g_L·v + g_D·(I - v))    forward Euler: 0.3·v + 0.6·I by default
//	        u likewise inside a window; u ← v outside
//
// The input I of a neuron is the sum of its scaled feedforward weights times
// the filtered spikes of the layer below, or, while its layer is driven,
// InputGain times its own filtered Poisson counts. The filter is the synaptic
// kernel [Params.Kernel]: a difference of two exponentials, cut after
// MemorySteps and not renormalised.
//
// With escape noise (EscapeWidth above 0; not in the published program) a
// neuron that is not refractory fires in a step with the probability
//
//	1 / (1 + exp(-(v - Threshold)/EscapeWidth))
//
// independently of any other step and neuron (Gerstner, Kistler, Naud, Paninski,
// Neuronal Dynamics, 2014, chapter 9: escape noise in discrete time). At v =
// Threshold that is one half; as the width goes to 0, it becomes the threshold.
//
// A run has one phase for every layer but the last; in phase p, layer p (and no
// other) is driven. Layers are numbered from 0, the lowest.
//
// # Near-threshold windows
//
// When, outside a window, the input drive u of a neuron comes within
// WindowHalfWidth of the threshold, a [Window] opens. It lasts WindowSteps
// steps. In it u follows the input alone, so its largest value tells by how
// much the neuron passed or missed the threshold: the running variable of a
// regression discontinuity design.
//
// # Two simulators
//
// [Record] follows the model line by line and keeps every potential: for
// figures, and as the yardstick. [Simulation] gives the same spikes and windows
// orders of magnitude faster, for learning, in memory that does not grow with the
// time. Its results do not depend on the number of cores or on vector
// instructions.
//
// # What drives a layer
//
// Both take any [Input]: Poisson numbers ([NewPoissonInput]), of which a [Drive]
// says which neurons get them, recorded counts ([NewRecordedInput]), or a function
// ([InputFunc]).
package spike
