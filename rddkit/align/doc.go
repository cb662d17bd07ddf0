// Package align learns feedback weights: it makes the weights with which
// errors travel down a network resemble the feedforward weights that they would
// have to mirror, by methods that a brain might use.
//
// A [Learner] is called once before each training epoch. It sees the
// feedforward weights of the fully connected layers and writes their feedback
// weights:
//
//   - [RDD] simulates the layers as spiking neurons and estimates by regression
//     discontinuity at the spike threshold what a spike of each neuron causes in
//     the layer above (Guerguiev, Kording, Richards, ICLR 2020), as the
//     published program does it;
//   - [STDWI] tells from the spikes of the same simulation which neurons fire more
//     often than usual just before one above (Ahmad, Ambrogioni, van Gerven, 2020),
//     and [SpikeCount] which fire more often together, within 0.1 s: rules for a
//     [SpikeLearner];
//   - [Perturbation] learns from training batches, as a [BatchLearner]: noise in
//     the neurons' activities and what it does to the loss tell the gradient, on
//     which the errors from above are regressed (Lansdell, Prakash, Kording, ICLR
//     2020);
//   - [WeightMirror] and [InformationAlignment] send noise through each layer by
//     itself and learn from how it responds (Akrout, Wilson, Humphreys, Lillicrap,
//     Tweed, NeurIPS 2019; Kunin et al., ICML 2020);
//   - [OnlineMirror] learns from what noise in training does to the layer above
//     (after Max et al., Nature Machine Intelligence 2024);
//   - [KolenPollack] gives feedback weights the changes of the feedforward ones, or
//     of what these would be with direct feedback (Kolen, Pollack, 1994; Webster,
//     Choi, Ahn, 2021);
//   - [SignConcordant] has the signs of the feedforward weights before every batch
//     (Liao, Leibo, Poggio, AAAI 2016), [SignSymmetry] before every epoch: controls;
//   - [FeedbackAlignment] leaves the feedback weights as they are (Lillicrap,
//     Cownden, Tweed, Akerman, Nature Communications 2016);
//   - [Backprop] copies the transposed feedforward weights: the ideal that no
//     neuron can reach.
//
// Rules of spikes ([SpikeRule]: the three above, or one's own) differ in what
// they make of the same spikes. A [Simulator] runs one simulation for any number
// of them, each with feedback weights of its own, so that what differs is the
// rules' doing alone. A [Contest] is that on weights that stand still, a [Pair] one
// with two layers.
//
// # The online regression
//
// A near-threshold window of a lower neuron ([spike.Window]) gives one
// observation for each neuron j above it: the running variable m, the window's
// largest input drive; whether the lower neuron spiked; and the target
//
//	y_j = mean of q_j over the window - q_j before it
//
// where q_j is neuron j's filtered spike train. On each side of the threshold a
// line y = slope·m + intercept is fitted by stochastic gradient descent:
//
//	e = slope·m + intercept - y
//	slope ← slope - η·e·m          intercept ← intercept - η·e
//
// The causal effect β is the jump between the lines at the threshold θ = 1,
// with spike less without; [Fuzzy] adds both slopes, as the published program's
// variant of that name does; [Wald] sorts windows by m ≥ θ instead and divides
// the jump by that of the spike probability. Windows with |m - θ| > 10 are left
// out.
//
// # How it is computed
//
// The step above is linear in (intercept, slope, y), and m is the same for all
// neurons j. So the windows of a stretch of time collapse into
//
//	(intercept, slope)_j ← Φ·(intercept, slope)_j + Σ_w c_w·y_wj
//
// with a 2×2 matrix Φ and 2-vectors c_w for each lower neuron: a matrix product
// instead of a chain of updates, exact but for rounding (about 1e-17).
// [Regression] is the step as written, for one synapse.
//
// The targets y of a stretch depend only on when a window ended, except for the
// 8 % of windows that opened when the neuron's last one ended, so one row of
// targets per step serves all lower neurons. The neurons above are taken 16 at a
// time: their rows of a stretch fill the second-level cache while the terms of
// all lower neurons stream past.
//
// One call at the report's size (90 s, layers of 1600, 384, 192 and 10 neurons,
// all driven) is 89 million steps of a neuron, 65 million Poisson numbers, 1.2
// billion additions of a weight for a spike, and 868 thousand windows with 275
// million targets, each of which takes two fused multiplications and additions.
// With 256-bit vectors that is about 1.5 billion vector instructions, 0.2 s on
// one core that does three in a cycle at 2.5 GHz; with 512-bit vectors half as
// many, of which a core does two. It takes 0.5 s of one core: 10 GB of weights
// that spikes select and 2 GB of targets come from the second-level cache, and
// the parameters (22 MB) are read and written once for each stretch of 2500
// steps.
package align
