package align

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// perturbedLinear is a batch of one layer below a linear output: errors are
// normal, and noise changes each loss by ξᵀ Wᵀ d, as it does on average.
func perturbedLinear(l Layer, samples int, sigma float64, seed uint64) Batch {
	random := stream.New(seed, "perturbed linear")
	b := Batch{Noise: make([]float32, samples*l.In), Error: make([]float32, samples*l.Out), Change: make([]float64, samples)}
	for k := range b.Noise {
		b.Noise[k] = float32(sigma * random.NormFloat64())
	}
	for k := range b.Error {
		b.Error[k] = float32(random.NormFloat64())
	}
	for s := range samples {
		for j := range l.Out {
			for i := range l.In {
				b.Change[s] += float64(b.Noise[s*l.In+i]) * float64(l.Forward[j*l.In+i]) * float64(b.Error[s*l.Out+j])
			}
		}
	}
	return b
}

func randomLayer(in, out int, seed uint64) Layer {
	random := stream.New(seed, "random layer")
	l := Layer{In: in, Out: out, Forward: make([]float32, in*out), Feedback: make([]float32, in*out)}
	for k := range l.Forward {
		l.Forward[k], l.Feedback[k] = float32(random.NormFloat64()), float32(random.NormFloat64())
	}
	return l
}

func newPerturbation(t testing.TB, o PerturbationOptions) *Perturbation {
	t.Helper()
	p, err := NewPerturbation(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func learnBatch(t testing.TB, p *Perturbation, l Layer, b Batch) {
	t.Helper()
	if _, err := p.LearnBatch([]Layer{l}, []Batch{b}); err != nil {
		t.Fatal(err)
	}
}

// Two samples, noise of σ = 0.5 in one neuron, one neuron above it, by hand: λ = ξ·change/σ²
// is 0.5·3/0.25 = 6 and −1·1/0.25 = −4, and the errors are 2 and −1. So Σλd = 16,
// Σd² = 5, and the least-squares weight is 16/(5 + γ); the gradient step from
// B = 0.25 is B − rate·(0.25·5 − 16).
func TestPerturbationByHand(t *testing.T) {
	b := Batch{Noise: []float32{0.5, -1}, Error: []float32{2, -1}, Change: []float64{3, 1}}
	l := Layer{In: 1, Out: 1, Forward: []float32{1}, Feedback: []float32{0.25}}
	learnBatch(t, newPerturbation(t, PerturbationOptions{Noise: 0.5, Ridge: 3}), l, b)
	if l.Feedback[0] != 2 {
		t.Errorf("least squares: %v, want 16/8", l.Feedback[0])
	}
	l.Feedback[0] = 0.25
	learnBatch(t, newPerturbation(t, PerturbationOptions{Rule: Gradient, Noise: 0.5, LearningRate: 0.125}), l, b)
	if l.Feedback[0] != 0.25+0.125*14.75 {
		t.Errorf("gradient: %v, want %v", l.Feedback[0], 0.25+0.125*14.75)
	}
}

// Batches only add up: two batches at once are the same regression as one after
// the other, to the rounding of float32.
func TestLeastSquaresAddsBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, out := rapid.IntRange(1, 7).Draw(t, "in"), rapid.IntRange(1, 5).Draw(t, "out")
		seed := rapid.Uint64().Draw(t, "seed")
		a, b := randomLayer(in, out, seed), randomLayer(in, out, seed)
		first, second := perturbedLinear(a, 9, 0.1, seed), perturbedLinear(a, 5, 0.1, seed+1)
		both := Batch{Noise: slices.Concat(first.Noise, second.Noise), Error: slices.Concat(first.Error, second.Error), Change: slices.Concat(first.Change, second.Change)}
		one, two := &Perturbation{}, &Perturbation{}
		one.options, _ = PerturbationOptions{Noise: 0.1}.resolved()
		two.options = one.options
		for _, part := range []Batch{first, second} {
			if _, err := one.LearnBatch([]Layer{a}, []Batch{part}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := two.LearnBatch([]Layer{b}, []Batch{both}); err != nil {
			t.Fatal(err)
		}
		for k := range a.Feedback {
			if d := math.Abs(float64(a.Feedback[k] - b.Feedback[k])); d > 1e-4*(1+math.Abs(float64(a.Feedback[k]))) {
				t.Errorf("feedback %d: %v in two batches, %v in one", k, a.Feedback[k], b.Feedback[k])
			}
		}
	})
}

// Both rules find the weights. Least squares from n samples of normal errors:
// each λ has variance |Wᵀd|² about its mean, so that |B − W|/|W| is √(in·out/n)
// of expectation near 1; with 6·4/40 000 samples that is 0.024.
func TestPerturbationFindsTheWeights(t *testing.T) {
	for _, rule := range []PerturbationRule{LeastSquares, Gradient} {
		l := randomLayer(6, 4, 1)
		p := newPerturbation(t, PerturbationOptions{Rule: rule, Noise: 0.1, LearningRate: 2e-4})
		for k := range 400 {
			learnBatch(t, p, l, perturbedLinear(l, 100, 0.1, uint64(k)))
		}
		var difference, size float64
		for i := range l.In {
			for j := range l.Out {
				w, b := float64(l.Forward[j*l.In+i]), float64(l.Feedback[i*l.Out+j])
				difference += (w - b) * (w - b)
				size += w * w
			}
		}
		if e := math.Sqrt(difference / size); e > 0.1 || rule == LeastSquares && e > 0.05 {
			t.Errorf("rule %d: relative error %v", rule, e)
		}
		if p.Batches() != 400 {
			t.Errorf("%d batches", p.Batches())
		}
	}
}

func TestPerturbationGoesOnToTheSameBits(t *testing.T) {
	for _, o := range []PerturbationOptions{{Noise: 0.1, HalfLife: 3, Interval: 2, Restart: 4, KeepScale: true}, {Noise: 0.1, Prior: true}, {Rule: Gradient, Noise: 0.1}} {
		whole, parts := newPerturbation(t, o), newPerturbation(t, o)
		a, b := randomLayer(150, 5, 1), randomLayer(150, 5, 1)
		for k := range 7 {
			if k == 3 {
				state, err := parts.MarshalBinary()
				if err != nil {
					t.Fatal(err)
				}
				parts = newPerturbation(t, o)
				if err := parts.UnmarshalBinary(state); err != nil {
					t.Fatal(err)
				}
			}
			learnBatch(t, whole, a, perturbedLinear(a, 10, whole.Noise(), uint64(k)))
			learnBatch(t, parts, b, perturbedLinear(b, 10, parts.Noise(), uint64(k)))
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%+v: other bits after a stop", o)
		}
	}
}

func TestPerturbationIsTheSameOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, rule := range []PerturbationRule{LeastSquares, Gradient} {
		var first Layer
		for _, cores := range []int{1, 3} {
			runtime.GOMAXPROCS(cores)
			l := randomLayer(300, 140, 2)
			p := newPerturbation(t, PerturbationOptions{Rule: rule, Noise: 0.1})
			for k := range 3 {
				learnBatch(t, p, l, perturbedLinear(l, 20, 0.1, uint64(k)))
			}
			if first.In == 0 {
				first = l
			} else if !reflect.DeepEqual(first, l) {
				t.Errorf("rule %d: other bits on %d cores", rule, cores)
			}
		}
	}
}

// The noise halves in a half-life; without one it stays.
func TestNoiseSchedule(t *testing.T) {
	l := randomLayer(2, 2, 1)
	steady, falling := newPerturbation(t, PerturbationOptions{}), newPerturbation(t, PerturbationOptions{Noise: 0.4, HalfLife: 2})
	for range 4 {
		learnBatch(t, steady, l, perturbedLinear(l, 3, 0.01, 1))
		learnBatch(t, falling, l, perturbedLinear(l, 3, 0.01, 1))
	}
	if steady.Noise() != 0.01 || math.Abs(falling.Noise()-0.1) > 1e-15 {
		t.Errorf("noise %v and %v, want 0.01 and 0.1", steady.Noise(), falling.Noise())
	}
}

// The two samples of TestPerturbationByHand: the squares of change/σ are 36 and 4,
// 20 on average, so that with B₀ = 0.25, γ = 20/0.25² = 320 and B is
// (320·0.25 + 16)/(320 + 5).
func TestPriorByHand(t *testing.T) {
	b := Batch{Noise: []float32{0.5, -1}, Error: []float32{2, -1}, Change: []float64{3, 1}}
	l := Layer{In: 1, Out: 1, Forward: []float32{1}, Feedback: []float32{0.25}}
	learnBatch(t, newPerturbation(t, PerturbationOptions{Noise: 0.5, Prior: true}), l, b)
	if want := float32(96. / 325); l.Feedback[0] != want {
		t.Errorf("%v, want %v", l.Feedback[0], want)
	}
	// Neurons that are silent above change no loss and get no error: no evidence.
	silent, before := randomLayer(3, 2, 1), randomLayer(3, 2, 1).Feedback
	nothing := Batch{Noise: make([]float32, 12), Error: make([]float32, 8), Change: make([]float64, 4)}
	learnBatch(t, newPerturbation(t, PerturbationOptions{Prior: true}), silent, nothing)
	for k, b := range silent.Feedback {
		if math.Abs(float64(b-before[k])) > 1e-6 {
			t.Errorf("feedback %d went from %v to %v for nothing", k, before[k], b)
		}
	}
}

// Fewer samples than weights make the plain regression worse than the random
// weights it began with; with the prior it is better at any number, and with
// many the two are the same. From n samples the plain relative error is near
// √(in·out/n), that of random weights √2.
func TestPriorIsNeverWorseThanNoEvidence(t *testing.T) {
	const in, out = 60, 40
	relative := func(l Layer) float64 {
		var difference, size float64
		for i := range l.In {
			for j := range l.Out {
				w, b := float64(l.Forward[j*l.In+i]), float64(l.Feedback[i*l.Out+j])
				difference += (w - b) * (w - b)
				size += w * w
			}
		}
		return math.Sqrt(difference / size)
	}
	plain, prior := randomLayer(in, out, 1), randomLayer(in, out, 1)
	p, q := newPerturbation(t, PerturbationOptions{}), newPerturbation(t, PerturbationOptions{Prior: true})
	before := relative(prior)
	for k := range uint64(300) {
		b := perturbedLinear(plain, 100, 0.01, k)
		learnBatch(t, p, plain, b)
		learnBatch(t, q, prior, b)
		switch r := relative(prior); {
		case r > before+0.002:
			t.Fatalf("%d samples took the relative error from %.4f to %.4f", 100*(k+1), before, r)
		case k == 1 && !(relative(plain) > 2):
			t.Errorf("plain: relative error %.3f after 200 samples of 2400 weights", relative(plain))
		default:
			before = r
		}
	}
	if before > 0.3 || relative(plain) < before {
		t.Errorf("relative errors %.3f with, %.3f without the prior after 30 000 samples, want about √(2400/30 000) = 0.28", before, relative(plain))
	}
}

// Feedback weights that keep their scale point where the others do.
func TestKeepScale(t *testing.T) {
	free, kept := randomLayer(5, 3, 1), randomLayer(5, 3, 1)
	size := math.Sqrt(meanSquare(free.Feedback))
	p, q := newPerturbation(t, PerturbationOptions{}), newPerturbation(t, PerturbationOptions{KeepScale: true})
	for k := range uint64(3) {
		learnBatch(t, p, free, perturbedLinear(free, 20, 0.01, k))
		learnBatch(t, q, kept, perturbedLinear(free, 20, 0.01, k))
	}
	ratio := math.Sqrt(meanSquare(free.Feedback)) / size
	for k, b := range kept.Feedback {
		if math.Abs(float64(b)*ratio-float64(free.Feedback[k])) > 1e-5 {
			t.Errorf("feedback %d: %v, want %v", k, b, float64(free.Feedback[k])/ratio)
		}
	}
}

// A restart forgets what the lower layers have seen, and nothing of the last.
func TestRestart(t *testing.T) {
	layers := []Layer{randomLayer(3, 2, 1), randomLayer(2, 2, 2)}
	again := []Layer{randomLayer(3, 2, 1), randomLayer(2, 2, 2)}
	p, fresh := newPerturbation(t, PerturbationOptions{Restart: 1}), newPerturbation(t, PerturbationOptions{})
	batch := func(seed uint64) []Batch {
		return []Batch{perturbedLinear(layers[0], 4, 0.01, seed), perturbedLinear(layers[1], 4, 0.01, seed)}
	}
	for seed := range uint64(2) {
		if _, err := p.LearnBatch(layers, batch(seed)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := fresh.LearnBatch(again, batch(1)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(layers[0], again[0]) || reflect.DeepEqual(layers[1], again[1]) {
		t.Error("the restart did not forget just the lower layer")
	}
}

// Sign symmetry: every feedback weight has its feedforward weight's sign, and
// its size as before.
func TestSignSymmetry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := randomLayer(rapid.IntRange(1, 6).Draw(t, "in"), rapid.IntRange(1, 6).Draw(t, "out"), rapid.Uint64().Draw(t, "seed"))
		before := append([]float32(nil), l.Feedback...)
		if err := (SignSymmetry{}).Learn(context.Background(), []Layer{l}, nil); err != nil {
			t.Fatal(err)
		}
		for i := range l.In {
			for j := range l.Out {
				k := i*l.Out + j
				if l.Feedback[k]*l.Forward[j*l.In+i] < 0 || max(l.Feedback[k], -l.Feedback[k]) != max(before[k], -before[k]) {
					t.Errorf("feedback %v, before %v, forward %v", l.Feedback[k], before[k], l.Forward[j*l.In+i])
				}
			}
		}
	})
}

func TestBadPerturbationInput(t *testing.T) {
	l := randomLayer(3, 2, 1)
	made := func(o PerturbationOptions) error {
		_, err := NewPerturbation(o)
		return err
	}
	p := newPerturbation(t, PerturbationOptions{})
	learnt := func(layers []Layer, change func(*Batch)) error {
		b := perturbedLinear(l, 4, 0.01, 1)
		change(&b)
		_, err := p.LearnBatch(layers, []Batch{b})
		return err
	}
	keep := func(*Batch) {}
	before := append([]float32(nil), l.Feedback...)
	for field, err := range map[string]error{
		"PerturbationOptions.Rule":         made(PerturbationOptions{Rule: 2}),
		"PerturbationOptions.Noise":        made(PerturbationOptions{Noise: -1}),
		"PerturbationOptions.HalfLife":     made(PerturbationOptions{HalfLife: math.NaN()}),
		"PerturbationOptions.LearningRate": made(PerturbationOptions{LearningRate: math.Inf(1)}),
		"PerturbationOptions.Ridge":        made(PerturbationOptions{Ridge: -1}),
		"PerturbationOptions.Restart":      made(PerturbationOptions{Restart: -1}),
		"PerturbationOptions.Interval":     made(PerturbationOptions{Interval: -1}),
		"layers[1].Feedback": func() error {
			silent := Layer{In: 3, Out: 2, Feedback: make([]float32, 6)}
			b := perturbedLinear(l, 4, 0.01, 1)
			_, err := newPerturbation(t, PerturbationOptions{Prior: true}).LearnBatch([]Layer{l, silent}, []Batch{b, b})
			return err
		}(),
		"batch":              learnt(nil, keep),
		"layers[0].Feedback": learnt([]Layer{{In: 3, Out: 2}}, keep),
		"batch[0].Noise":     learnt([]Layer{l}, func(b *Batch) { b.Noise = b.Noise[1:] }),
		"batch[0].Error":     learnt([]Layer{l}, func(b *Batch) { b.Error = nil }),
		"batch[0].Change":    learnt([]Layer{l}, func(b *Batch) { *b = Batch{} }),
		"batch[0].Change[1]": learnt([]Layer{l}, func(b *Batch) { b.Change[1] = math.NaN() }),
		"batch[0].Error[3]":  learnt([]Layer{l}, func(b *Batch) { b.Error[3] = float32(math.Inf(1)) }),
	} {
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if p.Batches() != 0 || !reflect.DeepEqual(before, l.Feedback) {
		t.Error("bad input changed something")
	}
	learnBatch(t, p, l, perturbedLinear(l, 4, 0.01, 1))
	other := randomLayer(2, 2, 1)
	var wrong *invalid.Error
	if _, err := p.LearnBatch([]Layer{other}, []Batch{perturbedLinear(other, 4, 0.01, 1)}); !errors.As(err, &wrong) {
		t.Errorf("layers of other sizes: %v", err)
	}
}

func FuzzPerturbationState(f *testing.F) {
	p := newPerturbation(f, PerturbationOptions{})
	empty, _ := p.MarshalBinary()
	f.Add(empty)
	l := randomLayer(2, 2, 1)
	learnBatch(f, p, l, perturbedLinear(l, 3, 0.01, 1))
	full, _ := p.MarshalBinary()
	f.Add(full)
	f.Add(full[:len(full)-1])
	f.Fuzz(func(t *testing.T, state []byte) {
		p := newPerturbation(t, PerturbationOptions{})
		if err := p.UnmarshalBinary(state); err != nil {
			var wrong *invalid.Error
			if !errors.As(err, &wrong) || p.Batches() != 0 {
				t.Fatalf("%v, with %d batches", err, p.Batches())
			}
			return
		}
		again, err := p.MarshalBinary()
		if err != nil || string(again) != string(state) {
			t.Fatalf("state changed on its way (%v)", err)
		}
	})
}

// The noise moved the activity of the one neuron up by 0.02 and the loss with it
// by 0.03: its gradient seems to be 0.02·0.03/0.01² = 6. The error above was 2,
// so the feedback weight that explains it is 3.
func ExamplePerturbation() {
	learner, err := NewPerturbation(PerturbationOptions{Noise: 0.01, Ridge: 1e-9})
	if err != nil {
		fmt.Println(err)
		return
	}
	layer := Layer{In: 1, Out: 1, Forward: []float32{2.8}, Feedback: []float32{-0.1}}
	batch := Batch{Noise: []float32{0.02}, Error: []float32{2}, Change: []float64{0.03}}
	if _, err := learner.LearnBatch([]Layer{layer}, []Batch{batch}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("feedback weight %.2f, feedforward weight %.2f\n", layer.Feedback[0], layer.Forward[0])
	// Output: feedback weight 3.00, feedforward weight 2.80
}
