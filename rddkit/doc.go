// Package rddkit runs experiments on weight transport: how feedback weights
// that nobody can copy come to mirror the feedforward weights of a network,
// and what that does to learning.
//
// An [Experiment] is a value; its zero value is the reproducibility report's
// setting (regression discontinuity design, 90 s of simulated time before
// every epoch) on the embedded data set. [Run] carries it out, or reads the
// record of it if it was run before; [Sweep] runs several. A [Record] holds
// what happened, epoch by epoch, for package figures to draw:
//
//	rdd := rddkit.Experiment{Epochs: 5}
//	alignment := rddkit.Experiment{Epochs: 5, Method: rddkit.FeedbackAlignment}
//	records, err := rddkit.Sweep(ctx, rdd, alignment)
//
// The parts can be used alone: spike (populations of leaky integrate-and-fire
// neurons), rd (regression discontinuity as statistics), align (learners of
// feedback weights), nn (the network), feedback (feedback weights from
// perturbations), dataset, credit (one neuron's causal effect on reward), report
// (the report's figures in numbers).
//
// # Records on disk
//
// A record is a folder under data/runs named after the experiment's content.
// It grows by whole epochs, saved at most every 5 s; a run that was interrupted
// or killed goes on from the last one saved to the same bits. Besides run.json it
// holds NumPy files under the names and layouts that the report's plotting script
// reads; see [Record].
package rddkit
