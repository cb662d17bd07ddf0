package align

import (
	"context"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// reportLayers makes the report's layers for CIFAR-10, with weights as at the
// start of training.
func reportLayers() []Layer {
	random := stream.New(1, "weights")
	var layers []Layer
	sizes := []int{1600, 384, 192, 10}
	for l := range 3 {
		layer := Layer{In: sizes[l], Out: sizes[l+1], Forward: make([]float32, sizes[l]*sizes[l+1]), Feedback: make([]float32, sizes[l]*sizes[l+1])}
		for i := range layer.Forward {
			layer.Forward[i] = float32(random.NormFloat64())
			layer.Feedback[i] = float32(random.NormFloat64())
		}
		layers = append(layers, layer)
	}
	return layers
}

// One Learn of 90 s at the report's size, after the first: every neuron is
// driven.
func BenchmarkRDDPhase(b *testing.B) {
	learner, err := NewRDD(RDDOptions{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	layers := reportLayers()
	if err := learner.Learn(context.Background(), layers, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		if err := learner.Learn(context.Background(), layers, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(learner.Options().Time*float64(b.N)/b.Elapsed().Seconds(), "simulated-s/s")
}
