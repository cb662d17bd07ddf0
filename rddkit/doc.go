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
// [Stored] reads the runs that travel with the checkout, [StoredOf] says which of
// them are missing. What the package lacks is registered: a learning rule by
// [Register], a measure by [RegisterMeasure]; a rule for which neurons are driven by
// spike.RegisterDrive, data by dataset.Register. A network is its text
// (Experiment.Network).
//
// # The packages
//
// In order: each may import those before it, none those after it. What is
// simulated knows nothing of what is learned, what is learned nothing of how it is
// trained, and none of them how it is shown.
//
//   - invalid: the one error for bad input, with field, value and what is allowed.
//     It knows nothing, and all use it.
//   - internal/…: random streams, parallel loops, files that appear whole, NumPy's
//     files, locks, fast matrix products (gemm), job queues (slurm). Each knows its
//     one thing.
//   - spike: populations of leaky integrate-and-fire neurons. It knows time, inputs
//     and rules for driving; spikes and near-threshold windows come out. No learning.
//   - rd: regression discontinuity as statistics. It knows slices of numbers; no
//     neurons.
//   - credit: one neuron's causal effect on reward. It knows rd, and has a simulator
//     of its own, for noise that neurons share.
//   - nn: networks as lists of layers, each with a feedforward and a feedback weight,
//     losses, optimisers. It does not know where feedback weights come from.
//   - dataset: the known sets, folders and functions of one's own. It knows files
//     and data/manifest.json.
//   - align: learners of feedback weights, one file a rule. It knows layers as
//     numbers, spike and rd; neither networks nor images.
//   - train: the loop. It knows nn, align and dataset; not which method it serves,
//     nor how anything is kept or shown.
//   - feedback: feedback weights learned by perturbation, the talk's second half. It
//     knows train, and what that stands on; nothing of this package.
//   - show: what a cell prints, and its context. It knows text.
//   - rddkit, this package: experiments, the table of methods, records. It knows
//     align, nn, dataset, spike, train and show; outside its table no code decides by
//     a method's name what to compute. It draws nothing.
//   - report: the report's curves, ours beside them, and the verdicts on every claim
//     of both documents. It knows all of the above; it draws nothing.
//   - chart: drawing, each figure static and interactive. It knows axes and series;
//     no experiments.
//   - figures: figures of records, recordings and designs. It knows what it draws,
//     and chart.
//   - cmd/rdd: the same from a terminal. It may know everything; nothing knows it.
//
// # Records on disk
//
// A record is a folder under data/runs named after the experiment's content.
// It grows by whole epochs, saved at most every 5 s; a run that was interrupted
// or killed goes on from the last one saved to the same bits. Besides run.json it
// holds NumPy files under the names and layouts that the report's plotting script
// reads; see [Record]. A stored run is one .npz file with the same inside; see
// [Store].
package rddkit
