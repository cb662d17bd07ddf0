package align

import (
	"context"
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
)

// BatchLearner is a Learner that learns while the network trains: it wants
// every training batch passed a second time, with normal noise of standard
// deviation Noise added to what each of the layers' neurons sends up, and is
// told what the noise did.
//
// LearnBatch is called once for every batch, with layers of which only Feedback
// is looked at (so that they need not lie on top of each other, as in Learn), and
// reports whether it changed their Feedback. When a batch does not fit, nothing
// has changed.
type BatchLearner interface {
	Learner
	Noise() float64
	LearnBatch(layers []Layer, batch []Perturbed) (changed bool, err error)
}

// Perturbed is what a batch told about one layer. Losses and errors are those
// of single samples, not of their mean.
type Perturbed struct {
	Noise  []float32 // added to the activity of this layer, [sample][neuron]
	Error  []float32 // error at the drive of the layer above, as it came down, [sample][neuron above]
	Change []float64 // of each sample's loss under the noise, [sample]
}

func checkBatch(layers []Layer, batch []Perturbed) error {
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

// SignSymmetry is a control: before every epoch each feedback weight takes the
// sign of its feedforward weight and keeps its own random size ("fixed random
// magnitude sign-concordant feedback", Liao, Leibo, Poggio, AAAI 2016). It
// tells how much of learning signs alone can explain.
type SignSymmetry struct{ FeedbackAlignment }

// Learn gives the feedback weights their signs, then calls observe(0).
func (SignSymmetry) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	return learnAtOnce(ctx, layers, observe, func(l Layer) {
		for j := range l.Out {
			for i := range l.In {
				if b := &l.Feedback[i*l.Out+j]; sign(float64(*b)) == -sign(float64(l.Forward[j*l.In+i])) {
					*b = -*b
				}
			}
		}
	})
}
