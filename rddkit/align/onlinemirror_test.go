package align

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/nn"
)

// Two samples of one synapse, by hand: ξ of 0.5 and −1 moved the drive above by 2
// and −3, so that the mean product is 2, and B = 8 goes to 8 + 0.5·(2 − 0.25·8).
func TestOnlineMirrorByHand(t *testing.T) {
	m := made(NewOnlineMirror(OnlineMirrorOptions{Rate: 0.5, Decay: 0.25}))
	l := Layer{In: 1, Out: 1, Forward: []float32{1}, Feedback: []float32{8}}
	changed, err := m.LearnBatch([]Layer{l}, []Batch{{Noise: []float32{0.5, -1}, DriveChange: []float32{2, -3}}})
	if err != nil || !changed || l.Feedback[0] != 8 {
		t.Errorf("%v, want 8 (%v, %v)", l.Feedback[0], changed, err)
	}
	m = made(NewOnlineMirror(OnlineMirrorOptions{Rate: 0.5, Decay: 0.5}))
	if _, err := m.LearnBatch([]Layer{l}, []Batch{{Noise: []float32{0.5, -1}, DriveChange: []float32{2, -3}}}); err != nil || l.Feedback[0] != 7 {
		t.Errorf("%v, want 7 (%v)", l.Feedback[0], err)
	}
	if want := (Cost{Samples: 2, Operations: 5}); m.Cost() != want {
		t.Errorf("cost %+v, want %+v", m.Cost(), want)
	}
}

// In a network that trains, with noise in all layers at once and batch
// normalisation between, the feedback weights come to the weights they mirror, in
// size too: the noise of one batch is, in a weight, the noise of a drive over
// √samples, kept for 1/(2·0.01) batches.
func TestOnlineMirrorFindsTheWeightsInTraining(t *testing.T) {
	n, err := nn.New(nn.Shape{Channels: 1, Rows: 1, Columns: 9}, nn.Softmax, 3,
		nn.Affine{Units: 12, Activation: nn.ReLU, BatchNorm: true}, nn.Affine{Units: 8, Activation: nn.ReLU}, nn.Affine{Units: 5})
	if err != nil {
		t.Fatal(err)
	}
	var layers []Layer
	for _, l := range n.Affine()[1:] {
		feedback := make([]float32, len(l.Weight))
		layers = append(layers, Layer{In: l.Shape[1], Out: l.Shape[0], Forward: l.Weight, Feedback: feedback})
	}
	m := made(NewOnlineMirror(OnlineMirrorOptions{}))
	batch := make([]Batch, len(layers))
	p := nn.Perturbation{Noise: m.Noise(), Layers: len(layers)}
	for step := range 600 {
		random := stream.New(1, "online mirror", uint64(step))
		images, labels := make([]float32, 64*9), make([]uint8, 64)
		for k := range images {
			images[k] = float32(random.NormFloat64())
		}
		for k := range labels {
			labels[k] = uint8(random.IntN(5))
		}
		p.Random = random
		_, _, err := n.TrainObserved(nn.Batch{Images: images, Labels: labels}, nn.SGD{LearningRate: 0.01}, &p, func(responses []nn.Response) error {
			for i, r := range responses {
				batch[i] = Batch{Noise: r.Noise, DriveChange: r.DriveChange}
			}
			_, err := m.LearnBatch(layers, batch)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, l := range layers {
		if angle := angle(l); angle > 10 {
			t.Errorf("layer %d: %v° from the weights", i+2, angle)
		}
		if ratio := meanSquare(l.Feedback) / meanSquare(l.Forward); math.Abs(ratio-1) > 0.15 {
			t.Errorf("layer %d: mean square of B %v times that of W", i+2, ratio)
		}
	}
}

func TestOnlineMirrorIsTheSameOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []float32
	for _, cores := range []int{1, 3} {
		runtime.GOMAXPROCS(cores)
		l := randomLayer(300, 140, 2)
		m := made(NewOnlineMirror(OnlineMirrorOptions{Rate: 0.1, Decay: 0.5}))
		if _, err := m.LearnBatch([]Layer{l}, []Batch{randomBatch(l, 9, 4)}); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = l.Feedback
		} else if !slices.Equal(first, l.Feedback) {
			t.Errorf("%d cores: other bits than one", cores)
		}
	}
}
