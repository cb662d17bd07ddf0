package train

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

func network(t testing.TB) *nn.Network {
	t.Helper()
	n, err := nn.New(nn.Shape{Channels: 1, Rows: 3, Columns: 3}, nn.Softmax, 1,
		nn.Affine{Units: 40, Activation: nn.ReLU, BatchNorm: true}, nn.Affine{Units: 35, Activation: nn.ReLU}, nn.Affine{Units: 4})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func someBatch(step int) nn.Batch {
	random := stream.New(1, "train test", uint64(step))
	b := nn.Batch{Images: make([]float32, 8*9), Labels: make([]uint8, 8)}
	for k := range b.Images {
		b.Images[k] = float32(random.NormFloat64())
	}
	for k := range b.Labels {
		b.Labels[k] = uint8(random.IntN(4))
	}
	return b
}

func steps(t testing.TB, n *nn.Network, learner align.Learner, o nn.SGD, count int) error {
	t.Helper()
	s := NewStepper(n, learner, nn.Perturbation{})
	s.guard = guarded
	for step := range count {
		if _, _, err := s.Step(someBatch(step), o, stream.New(1, "noise", uint64(step))); err != nil {
			return err
		}
	}
	return nil
}

// outside is a learner without its InPlace: it works on the copy.
type outside struct{ align.BatchLearner }

func (outside) OwnDecay() {}

type preparedOutside struct{ align.Preparer }

func (preparedOutside) OwnDecay() {}

// Whether a rule changes the network's own weights or a copy that is sent, the
// network is the same to the bit; with direct feedback, too.
func TestInPlaceIsTheSameAsACopy(t *testing.T) {
	random, err := align.NewSignConcordant(align.SignConcordantOptions{Magnitudes: align.RandomMagnitudes}, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := align.NewSignConcordant(align.SignConcordantOptions{Magnitudes: align.RandomMagnitudes}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		inPlace, copied align.Learner
		direct          bool
	}{
		"Kolen-Pollack":        {&align.KolenPollack{}, outside{&align.KolenPollack{}}, false},
		"direct Kolen-Pollack": {&align.KolenPollack{}, outside{&align.KolenPollack{}}, true},
		"sign-concordant":      {random, preparedOutside{again}, false},
	} {
		a, b, first := network(t), network(t), network(t)
		if c.direct {
			for _, n := range []*nn.Network{a, b, first} {
				n.UseDirectFeedback(1)
			}
		}
		o := nn.SGD{LearningRate: 0.1, Momentum: 0.9, WeightDecay: 0.01}
		if err := errors.Join(steps(t, a, c.inPlace, o, 5), steps(t, b, c.copied, o, 5)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a.Tensors(), b.Tensors()) {
			t.Errorf("%s: not the same network", name)
		}
		for i, l := range a.Layers[1:] {
			was := first.Layers[i+1]
			if slices.Equal(l.Feedback, was.Feedback) != c.direct || c.direct == slices.Equal(l.Direct, was.Direct) {
				t.Errorf("%s: the feedback weights of %s are as at first", name, l.Name)
			}
		}
	}
}

// A Preparer's weights are there before the batch goes through: the errors that
// come down are made with the signs of now.
func TestPreparedBeforeTheBatch(t *testing.T) {
	n := network(t)
	c, err := align.NewSignConcordant(align.SignConcordantOptions{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := NewStepper(n, c, nn.Perturbation{})
	for step := range 20 {
		before := slices.Clone(n.Layers[1].Weight)
		if _, _, err := s.Step(someBatch(step), nn.SGD{LearningRate: 0.5}, nil); err != nil {
			t.Fatal(err)
		}
		for k, w := range before {
			if w*n.Layers[1].Feedback[k] <= 0 {
				t.Fatalf("step %d: feedback weight %v of a weight that was %v", step, n.Layers[1].Feedback[k], w)
			}
		}
	}
}

// An optimiser's weight decay shrinks feedback weights, as published, but not those
// of a learner with a decay of its own, which need not learn from batches.
func TestOwnDecayIsLeftAlone(t *testing.T) {
	mirror, err := align.NewWeightMirror(align.WeightMirrorOptions{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		learner align.Learner
		own     bool
	}{{align.FeedbackAlignment{}, false}, {mirror, true}} {
		n := network(t)
		before := slices.Clone(n.Layers[1].Feedback)
		if err := steps(t, n, c.learner, nn.SGD{LearningRate: 0.1, WeightDecay: 0.1}, 1); err != nil {
			t.Fatal(err)
		}
		if same := slices.Equal(before, n.Layers[1].Feedback); same != c.own {
			t.Errorf("%T: feedback weights stay: %v", c.learner, same)
		}
	}
}

// poison writes a number that is none, in place or into the copy.
type poison struct{ align.FeedbackAlignment }

func (poison) LearnBatch(layers []align.Layer, _ []align.Batch) (bool, error) {
	l := layers[1]
	if l.Transposed != nil {
		l.Transposed[2*l.In+3] = float32(math.NaN())
	} else {
		l.Feedback[3*l.Out+2] = float32(math.NaN())
	}
	return true, nil
}

type poisonInPlace struct{ poison }

func (poisonInPlace) InPlace() {}

func TestNumbersThatAreNoneAreToldByTheirPlace(t *testing.T) {
	for _, learner := range []align.Learner{poison{}, poisonInPlace{}} {
		err := steps(t, network(t), learner, nn.SGD{LearningRate: 0.1}, 1)
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Field, "FC2's feedback weights[3][2]") {
			t.Errorf("%T: %v", learner, err)
		}
	}
}

// Learners see the biases, and cannot change them.
func TestViewsHaveBiases(t *testing.T) {
	n := network(t)
	for i, l := range NewView(n).Layers {
		if !slices.Equal(l.Bias, n.Affine()[i].Bias) {
			t.Errorf("FC%d: other biases than the network's", i+1)
		}
	}
	loop := Loop{Network: n, Learner: biased{}}
	loop.view, loop.stepper = NewView(n), &Stepper{}
	before := slices.Clone(n.Affine()[0].Bias)
	if err := loop.Learn(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, n.Affine()[0].Bias) {
		t.Error("a learner changed the biases")
	}
}

type biased struct{ align.FeedbackAlignment }

func (biased) Learn(_ context.Context, layers []align.Layer, _ func(float64)) error {
	layers[0].Bias[0] = 100
	return nil
}
