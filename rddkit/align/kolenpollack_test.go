package align

import (
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// Whatever the gradients are, D = W − Bᵀ goes its own way: v ← μ v + λ D,
// D ← D − η v. Without decay that is no way at all.
func TestKolenPollackDifferenceDoesNotDependOnTheData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, out := rapid.IntRange(1, 5).Draw(t, "in"), rapid.IntRange(1, 4).Draw(t, "out")
		unit := rapid.Float64Range(-1, 1)
		draw := func(name string) []float64 { return rapid.SliceOfN(unit, in*out, in*out).Draw(t, name) }
		r := Rates{LearningRate: rapid.Float64Range(0.001, 1).Draw(t, "rate"), Momentum: rapid.Float64Range(0, 0.95).Draw(t, "momentum")}
		if rapid.Bool().Draw(t, "decays") {
			r.WeightDecay = rapid.Float64Range(0, 0.5).Draw(t, "decay")
		}
		l := LayerOf[float64]{In: in, Out: out, Forward: draw("W"), Feedback: draw("B")}
		forward := LayerOf[float64]{In: in, Out: out, Transposed: l.Forward} // W is changed by the same step
		d, v := make([]float64, in*out), make([]float64, in*out)
		difference := func(k int) float64 { return l.Forward[k] - l.Feedback[k%in*out+k/in] }
		for k := range d {
			d[k] = difference(k)
		}
		velocityW, velocityB := make([]float64, in*out), make([]float64, in*out)
		for range 10 {
			gradient := draw("gradient")
			descend(forward, gradient, velocityW, r)
			descend(l, gradient, velocityB, r)
			for k := range d {
				v[k] = r.Momentum*v[k] + r.WeightDecay*d[k]
				d[k] -= r.LearningRate * v[k]
				if got := difference(k); math.Abs(got-d[k]) > 1e-12 {
					t.Fatalf("D[%d] is %v, want %v", k, got, d[k])
				}
			}
		}
	})
}

// perceptron is a network of two layers with a Kolen-Pollack for them, in place.
func perceptron(t testing.TB) (*nn.Network, []Layer) {
	t.Helper()
	n, err := nn.New(nn.Shape{Channels: 1, Rows: 1, Columns: 7}, nn.Softmax, 3, nn.Affine{Units: 6, Activation: nn.ReLU}, nn.Affine{Units: 4})
	if err != nil {
		t.Fatal(err)
	}
	var layers []Layer
	for _, l := range n.Affine() {
		layers = append(layers, Layer{In: l.Shape[1], Out: l.Shape[0], Forward: l.Weight, Transposed: l.Feedback})
	}
	return n, layers
}

// trainPerceptron trains with batches of noise that learner sees.
func trainPerceptron(t testing.TB, n *nn.Network, layers []Layer, learner BatchLearner, sgd nn.SGD, first, steps int) {
	t.Helper()
	batch := make([]Batch, len(layers))
	for step := first; step < first+steps; step++ {
		random := stream.New(1, "perceptron", uint64(step))
		images, labels := make([]float32, 8*7), make([]uint8, 8)
		for k := range images {
			images[k] = 2*random.Float32() - 1
		}
		for k := range labels {
			labels[k] = uint8(random.IntN(4))
		}
		_, _, err := n.TrainObserved(nn.Batch{Images: images, Labels: labels}, sgd, nil, func(responses []nn.Response) error {
			for i, r := range responses {
				batch[i] = Batch{Activity: r.Activity, Error: r.Error, Gradient: r.Gradient, Rates: Rates{sgd.LearningRate, sgd.Momentum, sgd.WeightDecay}}
			}
			_, err := learner.LearnBatch(layers, batch)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func differenceSize(layers []Layer) float64 {
	sum := 0.0
	for _, l := range layers {
		for k, w := range l.Forward {
			sum += math.Pow(float64(w)-float64(l.Transposed[k]), 2)
		}
	}
	return math.Sqrt(sum)
}

// In training: without decay the difference stays, to the rounding of float32;
// with it, it shrinks by the factor that its law says; and where the optimiser also
// shrinks feedback weights in its own way (which OwnDecay prevents), by another.
func TestKolenPollackInTraining(t *testing.T) {
	const steps = 200
	for _, c := range []struct {
		decay float64
		keep  bool
	}{{0, true}, {0.02, true}, {0.02, false}} {
		n, layers := perceptron(t)
		for _, l := range n.Layers {
			l.KeepFeedback = c.keep
		}
		sgd := nn.SGD{LearningRate: 0.1, Momentum: 0.9, WeightDecay: c.decay}
		before := differenceSize(layers)
		trainPerceptron(t, n, layers, &KolenPollack{}, sgd, 0, steps)
		d, v := 1.0, 0.0
		for range steps {
			v = 0.9*v + c.decay*d
			d -= 0.1 * v
		}
		got := differenceSize(layers) / before
		if lawful := math.Abs(got-d) < 1e-5; lawful != c.keep {
			t.Errorf("%+v: the difference is %v times the first, by its law %v", c, got, d)
		}
	}
}

// Feedback weights that are the transposed weights at first stay that to the bit:
// the arithmetic is that of package nn.
func TestKolenPollackMakesTheOptimisersStep(t *testing.T) {
	n, layers := perceptron(t)
	for _, l := range n.Layers {
		copy(l.Feedback, l.Weight)
		l.KeepFeedback = true
	}
	trainPerceptron(t, n, layers, &KolenPollack{}, nn.SGD{LearningRate: 0.1, Momentum: 0.9, WeightDecay: 0.01}, 0, 50)
	if d := differenceSize(layers); d != 0 {
		t.Errorf("W and Bᵀ are %v apart", d)
	}
}

func TestKolenPollackGoesOnToTheSameBits(t *testing.T) {
	sgd := nn.SGD{LearningRate: 0.1, Momentum: 0.9, WeightDecay: 0.01}
	a, whole := perceptron(t)
	b, parts := perceptron(t)
	one, two := &KolenPollack{}, &KolenPollack{}
	trainPerceptron(t, a, whole, one, sgd, 0, 20)
	trainPerceptron(t, b, parts, two, sgd, 0, 10)
	state, err := MarshalState(two)
	if err != nil {
		t.Fatal(err)
	}
	two = &KolenPollack{}
	if err := UnmarshalState(two, state); err != nil {
		t.Fatal(err)
	}
	trainPerceptron(t, b, parts, two, sgd, 10, 10)
	if !reflect.DeepEqual(whole, parts) || one.Cost() != two.Cost() {
		t.Error("other bits after a stop")
	}
	if want := (Cost{Operations: 20 * 3 * (7*6 + 6*4)}); one.Cost() != want {
		t.Errorf("cost %+v, want %+v", one.Cost(), want)
	}
}

// randomBatch is a batch of normal activities and errors.
func randomBatch(l Layer, samples int, seed uint64) Batch {
	random := stream.New(seed, "random batch")
	draw := func(n int) []float32 {
		x := make([]float32, n)
		for k := range x {
			x[k] = float32(random.NormFloat64())
		}
		return x
	}
	return Batch{Activity: draw(samples * l.In), Error: draw(samples * l.Out), Noise: draw(samples * l.In), DriveChange: draw(samples * l.Out), Rates: Rates{0.1, 0.9, 0.01}}
}

// Of direct feedback, D ← D − η (v + the mean of e xᵀ), in place or not, on any
// number of cores, with the products counted.
func TestDirectKolenPollack(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	l := randomLayer(700, 10, 1)
	l.Forward = nil
	inPlace := Layer{In: l.In, Out: l.Out, Transposed: make([]float32, len(l.Feedback))}
	want := make([]float64, len(l.Feedback)) // [above][neuron]
	velocity := make([]float64, len(l.Feedback))
	for j := range l.Out {
		for i := range l.In {
			inPlace.Transposed[j*l.In+i] = l.Feedback[i*l.Out+j]
			want[j*l.In+i] = float64(l.Feedback[i*l.Out+j])
		}
	}
	one, two := &KolenPollack{}, &KolenPollack{}
	for step := range 3 {
		b := randomBatch(l, 6, uint64(step))
		runtime.GOMAXPROCS(1)
		if changed, err := one.LearnBatch([]Layer{l}, []Batch{b}); err != nil || !changed {
			t.Fatal(changed, err)
		}
		runtime.GOMAXPROCS(3)
		if changed, err := two.LearnBatch([]Layer{inPlace}, []Batch{b}); err != nil || !changed {
			t.Fatal(changed, err)
		}
		for j := range l.Out {
			for i := range l.In {
				k, sum := j*l.In+i, 0.0
				for s := range 6 {
					sum += float64(b.Error[s*l.Out+j]) * float64(b.Activity[s*l.In+i]) / 6
				}
				velocity[k] = 0.9*velocity[k] + sum + 0.01*want[k]
				want[k] -= 0.1 * velocity[k]
			}
		}
	}
	for j := range l.Out {
		for i := range l.In {
			k := j*l.In + i
			if l.Feedback[i*l.Out+j] != inPlace.Transposed[k] {
				t.Fatalf("[%d][%d]: %v, and %v in place", i, j, l.Feedback[i*l.Out+j], inPlace.Transposed[k])
			}
			if math.Abs(want[k]-float64(inPlace.Transposed[k])) > 1e-5 {
				t.Fatalf("[%d][%d]: %v, want %v", i, j, inPlace.Transposed[k], want[k])
			}
		}
	}
	if want := (Cost{Operations: 3 * (6 + 3) * 7000}); one.Cost() != want {
		t.Errorf("cost %+v, want %+v", one.Cost(), want)
	}
}

// What does not fit is refused, and nothing has changed.
func TestBatchLearnersRefuse(t *testing.T) {
	l := randomLayer(3, 2, 1)
	good := randomBatch(l, 4, 1)
	edit := func(do func(*Batch)) []Batch { b := good; do(&b); return []Batch{b} }
	for _, c := range []struct {
		learner BatchLearner
		layers  []Layer
		batch   []Batch
		field   string
	}{
		{&KolenPollack{}, nil, nil, "layers"},
		{&KolenPollack{}, []Layer{l}, nil, "batch"},
		{&KolenPollack{}, []Layer{{In: 3, Out: 2}}, []Batch{good}, "layers[0].Feedback"},
		{&KolenPollack{}, []Layer{{In: 3, Out: 2, Transposed: make([]float32, 5)}}, []Batch{good}, "layers[0].Transposed"},
		{&KolenPollack{}, []Layer{l}, edit(func(b *Batch) { b.Rates = Rates{} }), "batch[0].Rates.LearningRate"},
		{&KolenPollack{}, []Layer{l}, edit(func(b *Batch) { b.Gradient = make([]float32, 5) }), "batch[0].Gradient"},
		{&KolenPollack{}, []Layer{l}, edit(func(b *Batch) { b.Activity = b.Activity[1:] }), "batch[0].Activity"},
		{&KolenPollack{}, []Layer{l}, edit(func(b *Batch) { b.Error = b.Error[1:] }), "batch[0].Error"},
		{&KolenPollack{Velocity: [][]float32{make([]float32, 5)}}, []Layer{l}, []Batch{good}, "layers"},
		{made(NewOnlineMirror(OnlineMirrorOptions{})), nil, nil, "layers"},
		{made(NewOnlineMirror(OnlineMirrorOptions{})), []Layer{l}, nil, "batch"},
		{made(NewOnlineMirror(OnlineMirrorOptions{})), []Layer{l}, edit(func(b *Batch) { b.Noise = nil }), "batch[0].Noise"},
		{made(NewOnlineMirror(OnlineMirrorOptions{})), []Layer{l}, edit(func(b *Batch) { b.DriveChange = nil }), "batch[0].DriveChange"},
		{made(NewOnlineMirror(OnlineMirrorOptions{})), []Layer{l}, edit(func(b *Batch) {
			b.DriveChange = slices.Clone(b.DriveChange)
			b.DriveChange[3] = float32(math.Inf(1))
		}), "batch[0].DriveChange[3]"},
	} {
		before, _ := MarshalState(c.learner)
		weights := slices.Clone(l.Feedback)
		changed, err := c.learner.LearnBatch(c.layers, c.batch)
		var wrong *invalid.Error
		if changed || !errors.As(err, &wrong) || wrong.Field != c.field {
			t.Errorf("%T, %s: changed %v, error %v", c.learner, c.field, changed, err)
		}
		after, _ := MarshalState(c.learner)
		if !slices.Equal(before, after) || !slices.Equal(weights, l.Feedback) {
			t.Errorf("%T, %s: something has changed", c.learner, c.field)
		}
	}
}
