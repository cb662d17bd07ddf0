package train

import (
	"testing"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/nn"
)

// A training step of the report's network with 128 images, as a Loop makes it, by
// the learners that see every batch, beside backpropagation and feedback
// alignment. On a machine that does other work compare the processor time of long
// runs instead.
func BenchmarkStep(b *testing.B) {
	mirror, err := align.NewOnlineMirror(align.OnlineMirrorOptions{})
	if err != nil {
		b.Fatal(err)
	}
	concordant, err := align.NewSignConcordant(align.SignConcordantOptions{}, 1)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		learner align.Learner
		prepare func(*nn.Network)
	}{
		{"backpropagation", align.Backprop{}, func(n *nn.Network) { n.SetRoute(nn.ThroughWeight) }},
		{"feedback alignment", align.FeedbackAlignment{}, func(*nn.Network) {}},
		{"Kolen-Pollack", &align.KolenPollack{}, func(*nn.Network) {}},
		{"direct Kolen-Pollack", &align.KolenPollack{}, func(n *nn.Network) { n.UseDirectFeedback(1) }},
		{"sign-concordant", concordant, func(*nn.Network) {}},
		{"online mirror", mirror, func(*nn.Network) {}},
	} {
		b.Run(c.name, func(b *testing.B) {
			n, err := nn.Report(nn.ReportConfig{Channels: 3, Side: 32}, 1)
			if err != nil {
				b.Fatal(err)
			}
			c.prepare(n)
			random := stream.New(1, "train benchmark")
			batch := nn.Batch{Images: make([]float32, 128*3*32*32), Labels: make([]uint8, 128)}
			for k := range batch.Images {
				batch.Images[k] = 2*random.Float32() - 1
			}
			for k := range batch.Labels {
				batch.Labels[k] = uint8(random.IntN(10))
			}
			s := NewStepper(n, c.learner, nn.Perturbation{})
			s.guard = guarded
			for step := uint64(0); b.Loop(); step++ {
				if _, _, err := s.Step(batch, nn.ReportSGD(), stream.New(1, "noise", step)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(128*float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
