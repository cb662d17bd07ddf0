package rddkit

import (
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/nn"
)

// solveInterval is the number of batches between two solutions of the
// least-squares problem of node perturbation: with 384 neurons in a layer one
// takes as long as some batches.
const solveInterval = 20

// learnsFromBatches reports whether feedback weights are learned in training.
func (e Experiment) learnsFromBatches() bool {
	return e.Method == NodePerturbation || e.Method == DirectNodePerturbation
}

// usesDirectFeedback reports whether the output's error goes to every layer
// directly.
func (e Experiment) usesDirectFeedback() bool {
	return e.Method == DirectFeedbackAlignment || e.Method == DirectNodePerturbation
}

// newPerturbation returns the learner of both methods of node perturbation.
//
// From layer to layer there are many more weights than images in an epoch: the
// prior keeps noise out of them. Direct feedback weights carry the few errors of
// the output only, so that samples suffice, and their random beginning, whose
// scale has nothing to do with the gradient's, is no good guess: with the prior,
// accuracy after 32 batches of the embedded images was 32 %, without it 38 %.
func (e Experiment) newPerturbation() (align.Learner, error) {
	direct := e.usesDirectFeedback()
	return align.NewPerturbation(align.PerturbationOptions{Noise: e.Noise, Interval: solveInterval, Prior: !direct, KeepScale: direct})
}

// batchTrainer returns what trains the network with the batches of an epoch,
// numbered from 0.
func (run *run) batchTrainer(epoch uint64) func(b *batch, number int) error {
	learner, ok := run.learner.(align.Perturber)
	if !ok {
		return func(b *batch, _ int) error {
			_, _, err := run.network.TrainBatch(b.images, b.labels, run.sgd)
			return err
		}
	}
	e := run.record.Experiment
	var layers []align.Layer // as the learner sees them
	var into [][]float32     // the network's own, transposed
	if e.usesDirectFeedback() {
		for _, l := range run.network.Layers[1:] {
			inputs := len(l.Direct) / run.network.Classes
			layer := align.Layer{In: inputs, Out: run.network.Classes, Feedback: make([]float32, len(l.Direct))}
			transpose(layer.Feedback, l.Direct, layer.Out, layer.In)
			layers, into = append(layers, layer), append(into, l.Direct)
		}
	} else {
		layers = run.layers()
		for _, l := range run.network.Affine() {
			into = append(into, l.Feedback)
		}
	}
	perturbed := make([]align.Batch, len(layers))
	perturbation := nn.Perturbation{Layers: len(layers)}
	observe := func(responses []nn.Response) error {
		for i, r := range responses {
			perturbed[i] = align.Batch{Noise: r.Noise, Error: r.Error, Change: r.Change}
		}
		changed, err := learner.LearnBatch(layers, perturbed)
		if changed {
			for i, l := range layers {
				transpose(into[i], l.Feedback, l.In, l.Out)
			}
		}
		return err
	}
	return func(b *batch, number int) error {
		perturbation.Noise = learner.Noise()
		perturbation.Random = stream.New(e.Seed, "perturbations", epoch, uint64(number))
		_, _, err := run.network.TrainObserved(nn.Batch{Images: b.images, Labels: b.labels}, run.sgd, &perturbation, observe)
		return err
	}
}
