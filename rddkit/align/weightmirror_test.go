package align

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// copyLayers returns layers with feedback weights of their own.
func copyLayers(layers []Layer) []Layer {
	layers = slices.Clone(layers)
	for n := range layers {
		layers[n].Feedback = slices.Clone(layers[n].Feedback)
	}
	return layers
}

// learnersFromNoise are those whose Learn sends noise through the layers, few
// batches of it.
func learnersFromNoise(t testing.TB) map[string]func() Learner {
	clean := CleanWeightMirror()
	clean.Samples, clean.Batches = 16, 20
	return map[string]func() Learner{
		"mirror, published": func() Learner { return made(NewWeightMirror(WeightMirrorOptions{Samples: 16, Batches: 20}, 5)) },
		"mirror, clean":     func() Learner { return made(NewWeightMirror(clean, 1)) },
		"information alignment": func() Learner {
			return made(NewInformationAlignment(InformationAlignmentOptions{Samples: 16, Batches: 20}, 5))
		},
	}
}

// Of one weight, by hand: noise 0.5 and −1 through W = 2 gives 1 and −2. The sum of
// products is 2.5, centred (±1.5) 2.25.
func TestMirrorByHand(t *testing.T) {
	for _, c := range []struct {
		options WeightMirrorOptions
		want    float64
	}{
		{WeightMirrorOptions{Neuron: LinearNeuron, Rate: 0.5}, 8 + 0.5*2.5},
		{WeightMirrorOptions{Neuron: LinearNeuron, Rate: 0.5, Mean: true}, 8 + 0.25*2.5},
		{WeightMirrorOptions{Neuron: LinearNeuron, Rate: 0.5, Decay: 0.25}, 6 + 0.5*2.5},
		{WeightMirrorOptions{Neuron: LinearNeuron, Rate: 0.5, Centre: true}, 8 + 0.5*2.25},
		{WeightMirrorOptions{Neuron: ReLUNeuron, Rate: 0.5}, 8 + 0.5*0.5},
	} {
		l := LayerOf[float64]{In: 1, Out: 1, Forward: []float64{2}, Feedback: []float64{8}}
		mirror(c.options, l, []float64{0.5, -1}, make([]float64, 2), 2)
		if l.Feedback[0] != c.want {
			t.Errorf("%+v: %v, want %v", c.options, l.Feedback[0], c.want)
		}
	}
}

// The traps of the published form: where W is nothing, noise alone still moves B,
// as the responses of ½ are not centred; and nothing holds B back: what the program
// calls prevention of growth has no effect, so that each batch adds its products to
// the last bit.
func TestPublishedMirrorLearnsFromNothingAndGrows(t *testing.T) {
	published, _ := WeightMirrorOptions{}.resolved()
	clean, _ := CleanWeightMirror().resolved()
	random := stream.New(1, "mirror test")
	noise := make([]float64, 3*8)
	for k := range noise {
		noise[k] = random.Float64() - 0.5
	}
	nothing := LayerOf[float64]{In: 3, Out: 2, Forward: make([]float64, 6), Feedback: make([]float64, 6)}
	mirror(clean, nothing, noise, make([]float64, 2*8), 8)
	if !slices.Equal(nothing.Feedback, make([]float64, 6)) {
		t.Errorf("centred responses to weights of 0 moved B to %v", nothing.Feedback)
	}
	mirror(published, nothing, noise, make([]float64, 2*8), 8)
	for i := range 3 {
		sum := 0.0
		for _, x := range noise[i*8 : (i+1)*8] {
			sum += x
		}
		for j := range 2 {
			if got, want := nothing.Feedback[i*2+j], 0.01*sum/2; math.Abs(got-want) > 1e-15 {
				t.Errorf("B[%d][%d] is %v, want the noise %v", i, j, got, want)
			}
		}
	}

	layers, err := Random(1, 20, 10)
	if err != nil {
		t.Fatal(err)
	}
	grown := made(NewWeightMirror(WeightMirrorOptions{Rate: 1, Batches: 400}, 1))
	size := meanSquare(layers[0].Feedback)
	for range 3 {
		if err := grown.Learn(context.Background(), layers, nil); err != nil {
			t.Fatal(err)
		}
		if now := meanSquare(layers[0].Feedback); now < 1.2*size {
			t.Errorf("the mean square of B went from %v to %v: something holds it back", size, now)
		} else {
			size = now
		}
	}
}

// The clean form finds the weights themselves, information alignment their ridge
// inverse. The noise of one batch is √(variance of x · variance of y/S) in a weight,
// kept for 1/(2 decay) batches: the deviation of B, 1.5 %–10 % of a weight here.
func TestLearnersFromNoiseFindTheWeights(t *testing.T) {
	layers, err := Random(2, 40, 20, 10)
	if err != nil {
		t.Fatal(err)
	}
	o := CleanWeightMirror()
	o.Batches = 1500
	w := made(NewWeightMirror(o, 1))
	if err := w.Learn(context.Background(), layers, nil); err != nil {
		t.Fatal(err)
	}
	for n, l := range layers {
		if angle := angle(l); angle > 8 {
			t.Errorf("layer %d: %v° from the weights", n, angle)
		}
		if ratio := meanSquare(l.Feedback) / meanSquare(l.Forward); math.Abs(ratio-1) > 0.1 {
			t.Errorf("layer %d: mean square of B %v times that of W", n, ratio)
		}
	}
	if want := (Cost{Samples: 1500 * 128, Operations: 1500 * (2*128 + 1) * (40*20 + 20*10)}); w.Cost() != want {
		t.Errorf("cost %+v, want %+v", w.Cost(), want)
	}
}

func TestLearnersFromNoiseGoOnToTheSameBits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	first, err := Random(3, 300, 140, 7)
	if err != nil {
		t.Fatal(err)
	}
	for n := range first {
		first[n].Bias = make([]float32, first[n].Out)
		first[n].Bias[0] = 1
	}
	for name, learner := range learnersFromNoise(t) {
		whole, parts := copyLayers(first), copyLayers(first)
		a, b := learner(), learner()
		for epoch := range 3 {
			runtime.GOMAXPROCS(1)
			if err := a.Learn(context.Background(), whole, nil); err != nil {
				t.Fatal(err)
			}
			runtime.GOMAXPROCS(3)
			if epoch == 1 {
				state, err := MarshalState(b)
				if err != nil {
					t.Fatal(err)
				}
				b = learner()
				if err := UnmarshalState(b, state); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Learn(context.Background(), parts, nil); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(whole, parts) {
			t.Errorf("%s: other bits after a stop, or on other cores", name)
		}
		if costs := a.(Costly).Cost(); costs != b.(Costly).Cost() || costs.Samples != 3*20*16 {
			t.Errorf("%s: costs %+v and %+v", name, costs, b.(Costly).Cost())
		}
		if reflect.DeepEqual(whole, first) {
			t.Errorf("%s learned nothing", name)
		}
	}
}

// An interrupted call, and one that diverges, leave everything as it was.
func TestLearnersFromNoiseFailWhole(t *testing.T) {
	first, err := Random(3, 30, 14, 7)
	if err != nil {
		t.Fatal(err)
	}
	learners := learnersFromNoise(t)
	learners["diverging"] = func() Learner {
		return made(NewInformationAlignment(InformationAlignmentOptions{Null: 1e6, Batches: 500, Samples: 4}, 1))
	}
	for name, learner := range learners {
		layers, l := copyLayers(first), learner()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		before, _ := MarshalState(l)
		observations := 0
		err := l.Learn(ctx, layers, func(seconds float64) {
			if observations++; observations == 5 && name != "diverging" {
				cancel()
			}
		})
		var wrong *invalid.Error
		if name == "diverging" && !errors.As(err, &wrong) || name != "diverging" && err != context.Canceled {
			t.Errorf("%s: %v", name, err)
		}
		after, _ := MarshalState(l)
		if !reflect.DeepEqual(layers, first) || !slices.Equal(before, after) {
			t.Errorf("%s changed something, and failed", name)
		}
	}
}

func TestLearnersFromNoiseAreObserved(t *testing.T) {
	for name, learner := range learnersFromNoise(t) {
		layers, err := Random(3, 30, 14, 7)
		if err != nil {
			t.Fatal(err)
		}
		var seen [][]float32
		if err := learner().Learn(context.Background(), layers, func(seconds float64) {
			if seconds != 0 {
				t.Errorf("%s: %v s simulated", name, seconds)
			}
			seen = append(seen, slices.Clone(layers[1].Feedback))
		}); err != nil {
			t.Fatal(err)
		}
		for k := range len(seen) - 1 {
			if slices.Equal(seen[k], seen[k+1]) {
				t.Errorf("%s: observations %d and %d are the same", name, k, k+1)
			}
		}
		if len(seen) != 1+observedStretches {
			t.Errorf("%s: %d observations", name, len(seen))
		}
	}
}

// Wrong options and layers get an error that names the field.
func TestMirrorsRefuse(t *testing.T) {
	for field, err := range map[string]error{
		"WeightMirrorOptions.Neuron":        second(NewWeightMirror(WeightMirrorOptions{Neuron: "spiking"}, 1)),
		"WeightMirrorOptions.Amplitude":     second(NewWeightMirror(WeightMirrorOptions{Amplitude: -1}, 1)),
		"WeightMirrorOptions.Rate":          second(NewWeightMirror(WeightMirrorOptions{Rate: math.NaN()}, 1)),
		"WeightMirrorOptions.Decay":         second(NewWeightMirror(WeightMirrorOptions{Decay: 1}, 1)),
		"WeightMirrorOptions.Samples":       second(NewWeightMirror(WeightMirrorOptions{Samples: 1}, 1)),
		"WeightMirrorOptions.Batches":       second(NewWeightMirror(WeightMirrorOptions{Batches: -1}, 1)),
		"InformationAlignmentOptions.Null":  second(NewInformationAlignment(InformationAlignmentOptions{Null: -2}, 1)),
		"InformationAlignmentOptions.Noise": second(NewInformationAlignment(InformationAlignmentOptions{Noise: math.Inf(1)}, 1)),
		"InformationAlignmentOptions.Rate":  second(NewInformationAlignment(InformationAlignmentOptions{Rate: 2}, 1)),
		"OnlineMirrorOptions.Noise":         second(NewOnlineMirror(OnlineMirrorOptions{Noise: -1})),
		"OnlineMirrorOptions.Rate":          second(NewOnlineMirror(OnlineMirrorOptions{Rate: 1e6})),
		"OnlineMirrorOptions.Decay":         second(NewOnlineMirror(OnlineMirrorOptions{Decay: math.NaN()})),
		"SignConcordantOptions.Magnitudes":  second(NewSignConcordant(SignConcordantOptions{Magnitudes: "large"}, 1)),
		"SignConcordantOptions.Size":        second(NewSignConcordant(SignConcordantOptions{Magnitudes: FixedMagnitudes, Size: 1}, 1)),
		"layers[0].Bias":                    made(NewWeightMirror(WeightMirrorOptions{}, 1)).Learn(context.Background(), []Layer{{In: 1, Out: 2, Forward: make([]float32, 2), Feedback: make([]float32, 2), Bias: make([]float32, 1)}}, nil),
		"layers[0].Bias[1]":                 made(NewWeightMirror(WeightMirrorOptions{}, 1)).Learn(context.Background(), []Layer{{In: 1, Out: 2, Forward: make([]float32, 2), Feedback: make([]float32, 2), Bias: []float32{0, float32(math.NaN())}}}, nil),
	} {
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: error %v", field, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The step of information alignment goes down the slope of the paper's cost, found
// by central differences, which are exact for a cost of second degree in B.
func TestInformationAlignmentDescendsItsCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, out, samples := rapid.IntRange(1, 5).Draw(t, "in"), rapid.IntRange(1, 4).Draw(t, "out"), rapid.IntRange(1, 6).Draw(t, "samples")
		unit := rapid.Float64Range(-1, 1)
		draw := func(n int, name string) []float64 { return rapid.SliceOfN(unit, n, n).Draw(t, name) }
		l := LayerOf[float64]{In: in, Out: out, Forward: draw(in*out, "W"), Feedback: draw(in*out, "B")}
		x := draw(in*samples, "x")
		o := InformationAlignmentOptions{Amp: rapid.Float64Range(0, 2).Draw(t, "amp"), Null: rapid.Float64Range(0, 2).Draw(t, "null"), Decay: rapid.Float64Range(0, 2).Draw(t, "decay"), Rate: 0.1}
		// Metrics know the same costs: Amp is −xᵀ B W x, and Sparse |W|² + |B|².
		cost := func() float64 {
			total := 0.0
			for s := range samples {
				probe := make([]float64, in)
				for i := range probe {
					probe[i] = x[i*samples+s]
				}
				m := Measure(l.Forward, l.Feedback, in, out, probe)
				null := 0.0 // |B W x|²
				for i := range in {
					sum := 0.0
					for j := range out {
						for h := range in {
							sum += l.Feedback[i*out+j] * l.Forward[j*in+h] * probe[h]
						}
					}
					null += sum * sum
				}
				total += o.Amp*m.Amp + o.Null*null + o.Decay*m.Sparse
			}
			return total / float64(samples)
		}
		slope := make([]float64, in*out)
		for k := range slope {
			const h = 1e-3
			was := l.Feedback[k]
			l.Feedback[k] = was + h
			up := cost()
			l.Feedback[k] = was - h
			slope[k] = (up - cost()) / (2 * h)
			l.Feedback[k] = was
		}
		before := slices.Clone(l.Feedback)
		inform(o, l, slices.Clone(x), make([]float64, out*samples), samples)
		for k, b := range l.Feedback {
			if want := before[k] - o.Rate*slope[k]; math.Abs(b-want) > 1e-9 {
				t.Errorf("B[%d]: %v, want %v", k, b, want)
			}
		}
	})
}

// Where information alignment ends: B (2 Null W Wᵀ + 2 Decay) = Amp Wᵀ, within
// what the noise of single batches leaves.
func TestInformationAlignmentEndsAtTheRidgeInverse(t *testing.T) {
	layers, err := Random(4, 12, 6)
	if err != nil {
		t.Fatal(err)
	}
	l := layers[0]
	a := made(NewInformationAlignment(InformationAlignmentOptions{Batches: 4000, Rate: 0.005}, 1))
	if err := a.Learn(context.Background(), layers, nil); err != nil {
		t.Fatal(err)
	}
	var off, size float64
	for i := range l.In {
		for j := range l.Out {
			sum := float64(l.Feedback[i*l.Out+j])
			for h := range l.Out {
				for k := range l.In {
					sum += float64(l.Feedback[i*l.Out+h]) * float64(l.Forward[h*l.In+k]) * float64(l.Forward[j*l.In+k])
				}
			}
			w := float64(l.Forward[j*l.In+i])
			off, size = off+(sum-w)*(sum-w), size+w*w
		}
	}
	if e := math.Sqrt(off / size); e > 0.05 {
		t.Errorf("B (W Wᵀ + 1) is off Wᵀ by %v of its size", e)
	}
	if want := (Cost{Samples: 4000 * 128, Operations: 4000 * (3*128 + 1) * 12 * 6}); a.Cost() != want {
		t.Errorf("cost %+v, want %+v", a.Cost(), want)
	}
}

func made[T any](learner T, err error) T {
	if err != nil {
		panic(err)
	}
	return learner
}

// angle is that between the weights of a layer, in degrees.
func angle(l Layer) float64 {
	return Measure(l.Forward, l.Feedback, l.In, l.Out, make([]float64, l.In)).Angle
}
