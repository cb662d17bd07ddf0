package nn

import (
	"os"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/gemm"
	"github.com/weightalign/lab/rddkit/internal/stream"
)

// randomBatch returns images in ±1 and labels.
func randomBatch(n *Network, count int) ([]float32, []uint8) {
	random := stream.New(1, "nn test batch")
	images := make([]float32, count*n.imageSize())
	for i := range images {
		images[i] = 2*random.Float32() - 1
	}
	labels := make([]uint8, count)
	for i := range labels {
		labels[i] = uint8(random.IntN(n.Classes))
	}
	return images, labels
}

// eachBackend runs the benchmark or test on gonum and on the library that is
// found, and puts back what was there.
func eachBackend[T interface {
	Run(string, func(T)) bool
	Helper()
	Log(...any)
}](t T, do func(T)) {
	t.Helper()
	before := gemm.Backend()
	for _, choice := range []struct{ name, use string }{{"library", ""}, {"gonum", gemm.PureGo}} {
		if choice.use != "" {
			gemm.Use(choice.use)
		} else if len(before) >= len(gemm.PureGo) && before[:len(gemm.PureGo)] == gemm.PureGo {
			t.Log("no library here, gonum alone is tried:", before)
			continue
		}
		t.Run(choice.name, do)
	}
	gemm.Use(os.Getenv(gemm.Variable))
}

// The CIFAR-10 shape with batches of 128, as the report trains. For comparison,
// testdata/pytorch_bench.py measures PyTorch on the same network; run both on an
// idle machine.
func BenchmarkTrainBatch(b *testing.B) {
	eachBackend(b, func(b *testing.B) {
		for _, method := range []struct {
			name  string
			route Route
		}{{"fa", ThroughFeedback}, {"bp", ThroughWeight}} {
			b.Run(method.name, func(b *testing.B) {
				n, err := Report(ReportConfig{Channels: 3, Side: 32}, 1)
				if err != nil {
					b.Fatal(err)
				}
				n.SetRoute(method.route)
				images, labels := randomBatch(n, 128)
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := n.TrainBatch(images, labels, ReportSGD()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(128*float64(b.N)/b.Elapsed().Seconds(), "images/s")
			})
		}
	})
}

func BenchmarkEvaluateBatch(b *testing.B) {
	eachBackend(b, func(b *testing.B) {
		n, err := Report(ReportConfig{Channels: 3, Side: 32}, 1)
		if err != nil {
			b.Fatal(err)
		}
		images, labels := randomBatch(n, 128)
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := n.Evaluate(images, labels); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(128*float64(b.N)/b.Elapsed().Seconds(), "images/s")
	})
}
