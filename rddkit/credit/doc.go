// Package credit asks what one spiking neuron's own causal effect on the reward
// is, and how the neuron could estimate it.
//
// A pair, or a population, of leaky integrate-and-fire neurons is driven by
// noise of which a fraction c is shared (Population). Time is cut into blocks; at
// the end of a block a cost is read off the filtered spikes of all neurons
// (BlockCost: the reward is its negative). The causal effect of neuron i,
//
//	β_i = E(C | H_i←1) − E(C | H_i←0),
//
// is what one more spike of neuron i changes in the cost. Since shared noise makes
// the others spike when neuron i does, the observed dependence of C on the
// neuron's spikes is not its effect. The spike discontinuity is: the neuron's
// largest input drive U in a block, with its own resets taken back, decides by a
// threshold whether it spikes, so blocks just below and just above the threshold
// differ in nothing but the spike.
//
// Contents: simulation (Population.Simulate), the true effect by intervention
// (SimulatedBlocks.Intervene, SimulatedBlocks.Randomised), estimators on recorded blocks (SpikeDiscontinuity,
// LocalLinear) and as rules that a neuron could run (Alternating, Means,
// LinearMeans, Reinforce), learning of input weights by them (Learning),
// and the experiments of the talk: the larger example, the brain–computer
// interface and the test for experimenters.
//
// Units: time in seconds unless a name says blocks or steps; potential and drive
// in units of the threshold (1); filtered spikes in spikes per step.
//
// Sources: B. J. Lansdell and K. P. Kording, "Neural spiking for causal inference
// and learning", PLoS Computational Biology 2023; B. J. Lansdell, "The neuronal
// credit assignment problem as causal inference" (talk, 2020).
package credit
