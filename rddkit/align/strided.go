package align

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// incoming are the feedback weights of a layer from one neuron above: number i
// is that of neuron i.
type incoming[T spike.Float] struct {
	weights []T
	step    int // from one to the next
}

// from returns the feedback weights from neuron j above, wherever they are.
func (l LayerOf[T]) from(j int) incoming[T] {
	if l.Transposed != nil {
		return incoming[T]{l.Transposed[j*l.In : (j+1)*l.In], 1}
	}
	return incoming[T]{l.Feedback[j:], l.Out}
}

// checkFeedback checks the shapes of what a BatchLearner or Preparer changes.
func checkFeedback(layers []Layer) error {
	if len(layers) == 0 {
		return invalid.New("layers", 0, "at least one")
	}
	for n, l := range layers {
		name, weights := "Feedback", l.Feedback
		if l.Transposed != nil {
			name, weights = "Transposed", l.Transposed
		}
		if l.In < 1 || l.Out < 1 || len(weights) != l.In*l.Out {
			return invalid.Newf(fmt.Sprintf("layers[%d].%s", n, name), fmt.Sprintf("%d weights", len(weights)), "%d×%d weights", l.In, l.Out)
		}
	}
	return nil
}

// checkSame checks that the layers have as many weights as those of earlier
// batches, of which state holds one slice each; nil before the first.
func checkSame(layers []Layer, state [][]float32) error {
	for n := range state {
		if len(state) != len(layers) || len(state[n]) != layers[n].In*layers[n].Out {
			return invalid.New("layers", "of other sizes", "those of the batches before")
		}
	}
	return nil
}
