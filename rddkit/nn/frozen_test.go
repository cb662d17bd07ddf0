package nn

import (
	"slices"
	"testing"
)

// With frozen hidden layers the last one learns as ever, its momentum too; theirs
// keep every bit, with weight decay, by either optimiser, and feedback weights are
// no matter of it.
func TestFrozenLayersDoNotLearn(t *testing.T) {
	for name, optimiser := range map[string]func() Optimiser{
		"SGD":  func() Optimiser { return SGD{LearningRate: 0.1, Momentum: 0.9, WeightDecay: 0.01} },
		"Adam": func() Optimiser { return &Adam{} },
	} {
		n, err := Report(ReportConfig{Channels: 1, Side: 16}, 1)
		if err != nil {
			t.Fatal(err)
		}
		last := len(n.Layers) - 1
		for _, l := range n.Layers[:last] {
			l.Frozen = true
		}
		before := map[string][]float32{}
		for _, l := range n.Layers {
			for _, p := range l.parameters() {
				before[p.name] = slices.Clone(p.value)
			}
		}
		images, labels := randomBatch(n, 8)
		o := optimiser()
		for range 3 {
			if _, _, err := n.TrainBatch(images, labels, o); err != nil {
				t.Fatal(err)
			}
		}
		for i, l := range n.Layers {
			for _, p := range l.parameters() {
				if same := slices.Equal(before[p.name], p.value); same != (i != last) {
					t.Errorf("%s: %s unchanged: %v", name, p.name, same)
				}
			}
		}
		n.Layers[0].Frozen = false
		if _, _, err := n.TrainBatch(images, labels, o); err != nil {
			t.Fatal(err)
		}
		if first := n.Layers[0].parameters()[0]; slices.Equal(before[first.name], first.value) {
			t.Errorf("%s: %s stays frozen", name, first.name)
		}
	}
}
