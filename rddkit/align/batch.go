package align

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
)

// BatchLearner is a Learner that learns while the network trains.
//
// LearnBatch is called once for every batch, when its gradients are known and
// before the optimiser changes the feedforward weights. Layers are as in Learn;
// of direct feedback they need not lie on top of each other, have no Forward, and
// Out is the number of the network's outputs. LearnBatch changes Feedback in
// place and reports whether it did. When a batch does not fit, nothing has
// changed.
type BatchLearner interface {
	Learner
	LearnBatch(layers []Layer, batch []Batch) (changed bool, err error)
}

// Perturber is a BatchLearner that wants every batch passed a second time, with
// normal noise of standard deviation Noise added to what each of the layers'
// neurons sends up: its batches have Noise and Change. In a network without
// convolutions it does not see the lowest layer, whose neurons are pixels.
type Perturber interface {
	BatchLearner
	Noise() float64
}

// Preparer is a Learner that sets feedback weights before every batch, too.
// Prepare is called before the batch is passed, with layers as in LearnBatch,
// changes feedback weights in place and reports whether it did.
type Preparer interface {
	Learner
	Prepare(layers []Layer) (changed bool, err error)
}

// InPlace marks a BatchLearner or Preparer that can change feedback weights where
// the network holds them, and spares every batch two transpositions of them:
// LearnBatch and Prepare get layers with Transposed instead of Feedback.
type InPlace interface{ InPlace() }

// OwnDecay marks a Learner that decides alone how feedback weights decay:
// the optimiser's weight decay does not shrink them (the published program's
// does, by WeightDecay, not by LearningRate·WeightDecay).
type OwnDecay interface{ OwnDecay() }

// Batch is what a training batch showed of one layer: the numbers are valid
// until LearnBatch returns. Losses and errors are those of single samples, not of
// their mean.
type Batch struct {
	Activity []float32 // of this layer's neurons, [sample][neuron]
	Error    []float32 // gradient of a sample's loss at the drive of the layer above, as it came down, [sample][neuron above]; with direct feedback that at the network's output
	Gradient []float32 // of the batch's mean loss with respect to Forward, [neuron above][neuron]; nil with direct feedback
	Noise    []float32 // added to Activity in a second pass, [sample][neuron]; for a Perturber
	Change   []float64 // of each sample's loss under the noise, [sample]; for a Perturber
	// DriveChange is what all noise did to the drive of the layer above,
	// [sample][neuron above]; for a Perturber; nil with direct feedback.
	DriveChange []float32
	Rates       Rates
}

// Rates are those of the step that the optimiser is about to make; see nn.SGD.
type Rates struct{ LearningRate, Momentum, WeightDecay float64 }

// Cost is what a learner has used since it was made.
type Cost struct {
	Seconds    float64 `json:"simulated_seconds,omitempty"` // simulated time, s
	Spikes     uint64  `json:"spikes,omitempty"`            // of all simulated layers
	Samples    uint64  `json:"samples,omitempty"`           // images or noise vectors passed through the network for learning alone
	Operations uint64  `json:"operations,omitempty"`        // multiply-adds: of the rule and of those passes
}

// Costly is a learner that counts what it uses. The counts are part of its state.
type Costly interface{ Cost() Cost }

// checkPerturbed checks what a Perturber uses of a batch.
func checkPerturbed(layers []Layer, batch []Batch) error {
	if len(batch) != len(layers) || len(layers) == 0 {
		return invalid.Newf("batch", len(batch), "one entry for each of the %d layers, of which there is at least one", len(layers))
	}
	for n, b := range batch {
		samples, l := len(b.Change), layers[n]
		field := func(name string) string { return fmt.Sprintf("batch[%d].%s", n, name) }
		if len(l.Feedback) != l.In*l.Out || l.In < 1 || l.Out < 1 {
			return invalid.Newf(fmt.Sprintf("layers[%d].Feedback", n), fmt.Sprintf("%d weights", len(l.Feedback)), "%d×%d weights", l.In, l.Out)
		}
		switch {
		case samples == 0:
			return invalid.New(field("Change"), 0, "at least 1 sample")
		case len(b.Noise) != samples*l.In:
			return invalid.Newf(field("Noise"), len(b.Noise), "%d samples of %d neurons", samples, l.In)
		case len(b.Error) != samples*l.Out:
			return invalid.Newf(field("Error"), len(b.Error), "%d samples of %d neurons", samples, l.Out)
		}
		for i, change := range b.Change {
			if change-change != 0 {
				return invalid.New(fmt.Sprintf("%s[%d]", field("Change"), i), change, "a finite number")
			}
		}
		for i, e := range b.Error {
			if e-e != 0 {
				return invalid.New(fmt.Sprintf("%s[%d]", field("Error"), i), e, "a finite number")
			}
		}
	}
	return nil
}
