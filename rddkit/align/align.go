package align

import (
	"context"
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// LayerOf is a layer of neurons with the feedforward weights into the layer
// above it and the feedback weights that come back.
type LayerOf[T spike.Float] struct {
	In       int // neurons of this, the lower layer
	Out      int // neurons of the layer above
	Forward  []T // feedforward weights, [neuron above][neuron of this layer]
	Feedback []T // feedback weights, [neuron of this layer][neuron above]
	Bias     []T // of the neurons above, [neuron above]; nil for none

	// Transposed is the network's own memory of the feedback weights, [neuron
	// above][neuron of this layer] like Forward. An InPlace learner finds it in place
	// of Feedback wherever a batch is concerned; else it is nil.
	Transposed []T
}

// Layer is a layer with float32 weights, as networks are trained with.
type Layer = LayerOf[float32]

// Learner learns feedback weights.
//
// Learn is called once before each training epoch with the layers from the
// lowest up; the Out of each is the In of the next. It reads Forward, writes
// Feedback in place, and calls observe (if not nil) before anything has changed
// with 0, and after each change with the simulated time in seconds since the
// start of the call. If ctx ends, Learn returns its error soon.
// When Learn fails, the layers and the learner are as they were before.
//
// What a learner keeps from one epoch to the next is its state: see
// [MarshalState]. A learner that also learns while the network trains is a
// [BatchLearner].
type Learner interface {
	Learn(ctx context.Context, layers []Layer, observe func(simulatedSeconds float64)) error
}

// FeedbackAlignment is the learner that learns nothing: feedback weights stay
// random, and the feedforward weights come to meet them. A learner that learns
// from batches alone can embed it.
type FeedbackAlignment struct{}

// Learn checks the layers and calls observe(0).
func (FeedbackAlignment) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	return learnAtOnce(ctx, layers, observe, func(Layer) {})
}

// Backprop is the ideal: feedback weights are the transposed feedforward
// weights.
type Backprop struct{}

// Learn copies the transposed feedforward weights, then calls observe(0): no
// time passes.
func (Backprop) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	return learnAtOnce(ctx, layers, observe, func(l Layer) {
		for j := range l.Out {
			for i := range l.In {
				l.Feedback[i*l.Out+j] = l.Forward[j*l.In+i]
			}
		}
	})
}

func learnAtOnce(ctx context.Context, layers []Layer, observe func(float64), learn func(Layer)) error {
	if err := checkLayers(layers); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, l := range layers {
		learn(l)
	}
	if observe != nil {
		observe(0)
	}
	return nil
}

// checkLayers checks shapes and that every weight is finite.
func checkLayers[T spike.Float](layers []LayerOf[T]) error {
	if len(layers) == 0 {
		return invalid.New("layers", len(layers), "at least one")
	}
	for n, l := range layers {
		field := func(name string) string { return fmt.Sprintf("layers[%d].%s", n, name) }
		if l.In < 1 || l.Out < 1 {
			return invalid.New(field("In and Out"), fmt.Sprintf("%d, %d", l.In, l.Out), "at least 1 neuron each")
		}
		if n > 0 && l.In != layers[n-1].Out {
			return invalid.Newf(field("In"), l.In, "%d, the Out of the layer below", layers[n-1].Out)
		}
		if l.Bias != nil && len(l.Bias) != l.Out {
			return invalid.Newf(field("Bias"), fmt.Sprintf("%d biases", len(l.Bias)), "%d biases, or nil", l.Out)
		}
		for _, w := range []struct {
			name   string
			values []T
		}{{"Forward", l.Forward}, {"Feedback", l.Feedback}, {"Bias", l.Bias}} {
			if w.name != "Bias" && len(w.values) != l.In*l.Out {
				return invalid.Newf(field(w.name), fmt.Sprintf("%d weights", len(w.values)), "%d×%d weights", l.In, l.Out)
			}
			for i, v := range w.values {
				if v-v != 0 {
					return invalid.New(fmt.Sprintf("%s[%d]", field(w.name), i), v, "a finite number")
				}
			}
		}
	}
	return nil
}
