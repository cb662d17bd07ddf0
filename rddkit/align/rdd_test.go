package align

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// randomLayers makes layers of the given sizes with weights as before training.
func randomLayers[T spike.Float](seed uint64, sizes ...int) []LayerOf[T] {
	var layers []LayerOf[T]
	random := stream.New(seed, "weights")
	for l := range len(sizes) - 1 {
		layer := LayerOf[T]{In: sizes[l], Out: sizes[l+1], Forward: make([]T, sizes[l]*sizes[l+1]), Feedback: make([]T, sizes[l]*sizes[l+1])}
		for i := range layer.Forward {
			layer.Forward[i], layer.Feedback[i] = T(random.NormFloat64()), T(random.NormFloat64())
		}
		layers = append(layers, layer)
	}
	return layers
}

// The learner folds the windows of a stretch into one update; here every window
// updates every synapse in turn, from the simulator that goes step by step.
func TestEstimatesEqualTheRegressionStepByStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(2, 40), 2, 4).Draw(t, "sizes")
		phaseSteps := rapid.SampledFrom([]int{31, 400, 700}).Draw(t, "steps per phase")
		o, err := RDDOptions{
			Estimator:       Estimator(rapid.IntRange(0, 1).Draw(t, "estimator")),
			AcceptHalfWidth: rapid.SampledFrom([]float64{0.3, 10}).Draw(t, "accept"),
			LearningRate:    rapid.SampledFrom([]float64{0.001, 0.05}).Draw(t, "learning rate"),
		}.resolved()
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "short windows, which reopen often") {
			o.Spike.WindowSteps = rapid.IntRange(1, 5).Draw(t, "window steps")
			o.Spike.MemorySteps = rapid.IntRange(1, 40).Draw(t, "memory steps")
			o.Spike.WindowHalfWidth = 1.5
		}
		learner, err := NewRDD(o)
		if err != nil {
			t.Fatal(err)
		}
		layers := randomLayers[float64](rapid.Uint64().Draw(t, "weights"), sizes...)
		net := &spike.Network{Params: o.Spike, Sizes: sizes}
		for _, l := range layers {
			w, err := spike.ScaleWeights(o.Spike, "w", l.Forward, l.In)
			if err != nil {
				t.Fatal(err)
			}
			net.Weights = append(net.Weights, w)
		}
		regressions := make([][]Regression, len(layers))
		for l := range layers {
			regressions[l] = make([]Regression, sizes[l]*sizes[l+1])
		}
		for epoch := range 2 {
			random := stream.New(rapid.Uint64().Draw(t, "counts"), "counts")
			counts := make([][]uint8, len(layers))
			for l := range counts {
				counts[l] = make([]uint8, phaseSteps*sizes[l])
				for i := range counts[l] {
					counts[l][i] = uint8(random.IntN(10) / 8 * (1 + random.IntN(2)))
				}
			}
			steps := phaseSteps * len(layers)
			recorded := Recorded{Counts: counts, Steps: steps, Update: []int{steps}, Pause: []int{steps / 3, steps / 2}}
			if err := Replay(context.Background(), learner, layers, recorded, nil); err != nil {
				t.Fatal(err)
			}
			r, err := spike.Record(context.Background(), net, phaseSteps, spike.NewRecordedInput(counts))
			if err != nil {
				t.Fatal(err)
			}
			for l := range layers {
				out := sizes[l+1]
				for k, y := range Targets(r, l) {
					w := r.Windows[l][k]
					if math.Abs(w.MaxDrive-1) > o.AcceptHalfWidth {
						continue
					}
					for j := range y {
						regressions[l][w.Neuron*out+j].Observe(w.MaxDrive, w.Spiked, y[j], o.LearningRate)
					}
				}
				got, beta := learner.Parameters(l), learner.Beta(l)
				for i := range sizes[l] {
					for j := range out {
						want := regressions[l][i*out+j]
						p := Regression{got[(i*4+0)*out+j], got[(i*4+1)*out+j], got[(i*4+2)*out+j], got[(i*4+3)*out+j]}
						off := max(math.Abs(p.InterceptSpike-want.InterceptSpike), math.Abs(p.InterceptQuiet-want.InterceptQuiet), math.Abs(p.SlopeSpike-want.SlopeSpike), math.Abs(p.SlopeQuiet-want.SlopeQuiet))
						if off > 1e-12 || (p == Regression{}) != (want == Regression{}) {
							t.Fatalf("epoch %d, layer %d, neurons %d and %d: %+v, want %+v", epoch, l, i, j, p, want)
						}
						if b := want.beta(o); math.Abs(beta[i*out+j]-b) > 1e-12 {
							t.Fatalf("epoch %d, layer %d, neurons %d and %d: effect %g, want %g", epoch, l, i, j, beta[i*out+j], b)
						}
					}
				}
			}
		}
	})
}

func (r Regression) beta(o RDDOptions) float64 { return o.Estimator.Beta(r, o.Spike.Threshold) }

// learnEpochs calls Learn for each epoch, handing the learner over by
// MarshalBinary before epoch handOver.
func learnEpochs(t *testing.T, o RDDOptions, epochs, handOver int) (state []byte, layers []Layer) {
	t.Helper()
	layers = randomLayers[float32](7, 40, 37, 20, 5)
	learner, err := NewRDD(o)
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range epochs {
		if epoch == handOver {
			state, err := learner.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if learner, err = NewRDD(o); err != nil {
				t.Fatal(err)
			}
			if err := learner.UnmarshalBinary(state); err != nil {
				t.Fatal(err)
			}
		}
		if err := learner.Learn(context.Background(), layers, nil); err != nil {
			t.Fatal(err)
		}
		for _, l := range layers { // as training would
			for i := range l.Forward {
				l.Forward[i] += 0.01 * l.Feedback[len(l.Feedback)-1-i]
			}
		}
	}
	state, err = learner.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return state, layers
}

func TestLearnGivesTheSameBits(t *testing.T) {
	for _, o := range []RDDOptions{
		{Time: 3, Interval: 0.5, Seed: 1},
		{Time: 1.5, Interval: 0.7, Seed: 1, Drive: spike.Fresh, Estimator: Fuzzy},
	} {
		want, wantLayers := learnEpochs(t, o, 3, -1)
		same := func(how string, got []byte, layers []Layer) {
			if !bytes.Equal(got, want) || !reflect.DeepEqual(layers, wantLayers) {
				t.Errorf("%+v: other results %s", o, how)
			}
		}
		for _, cores := range []int{1, 2, 4} {
			before := runtime.GOMAXPROCS(cores)
			got, layers := learnEpochs(t, o, 3, -1)
			runtime.GOMAXPROCS(before)
			same("on another number of cores", got, layers)
		}
		for handOver := range 3 {
			got, layers := learnEpochs(t, o, 3, handOver)
			same("after a hand-over", got, layers)
		}
		before := useVectors
		useVectors = false
		got, layers := learnEpochs(t, o, 3, -1)
		useVectors = before
		same("without vector kernels", got, layers)

		o.Seed++
		if got, _ := learnEpochs(t, o, 3, -1); bytes.Equal(got, want) {
			t.Errorf("%+v: the seed changes nothing", o)
		}
	}
}

func TestCancelledLearnChangesNothing(t *testing.T) {
	o := RDDOptions{Time: 3, Interval: 0.5, Seed: 1}
	for _, epochs := range []int{0, 1} {
		learner, err := NewRDD(o)
		if err != nil {
			t.Fatal(err)
		}
		layers := randomLayers[float32](7, 40, 37, 20, 5)
		for range epochs {
			if err := learner.Learn(context.Background(), layers, nil); err != nil {
				t.Fatal(err)
			}
		}
		before, _ := learner.MarshalBinary()
		feedback := append([]float32{}, layers[0].Feedback...)

		ctx, cancel := context.WithCancel(context.Background())
		var seen []float64
		err = learner.Learn(ctx, layers, func(seconds float64) {
			if seen = append(seen, seconds); seconds == 2 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || len(seen) != 5 {
			t.Fatalf("error %v after observations at %v", err, seen)
		}
		if after, _ := learner.MarshalBinary(); !bytes.Equal(before, after) || !reflect.DeepEqual(feedback, layers[0].Feedback) {
			t.Errorf("after %d epochs a cancelled call left something behind", epochs)
		}
		if err := learner.Learn(context.Background(), layers, nil); err != nil {
			t.Fatal(err)
		}
		if learner.Epochs() != epochs+1 {
			t.Errorf("%d epochs, want %d", learner.Epochs(), epochs+1)
		}
	}
}

func TestObserveIsCalledAtTheStartAndAfterEachInterval(t *testing.T) {
	learner, err := NewRDD(RDDOptions{Time: 3, Interval: 1})
	if err != nil {
		t.Fatal(err)
	}
	layers := randomLayers[float32](7, 30, 20, 10)
	var seconds []float64
	changed := 0
	before := append([]float32{}, layers[0].Feedback...)
	if err := learner.Learn(context.Background(), layers, func(s float64) {
		seconds = append(seconds, s)
		if !reflect.DeepEqual(before, layers[0].Feedback) {
			changed++
		}
	}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(seconds, []float64{0, 1, 2, 3}) || changed != 3 {
		t.Errorf("observed at %v s, %d times after a change", seconds, changed)
	}
}

// The estimates are good for something: feedback weights get the signs of the
// feedforward weights, and the spread that they had at first.
func TestFeedbackWeightsFallIntoLine(t *testing.T) {
	learner, err := NewRDD(RDDOptions{Time: 60, Interval: 20, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	layers := randomLayers[float32](8, 30, 15)
	x := make([]float64, 30)
	before := Measure(layers[0].Forward, layers[0].Feedback, 30, 15, x).SignAlignment
	deviation := float64(spike.StandardDeviation(layers[0].Feedback))
	if err := learner.Learn(context.Background(), layers, nil); err != nil {
		t.Fatal(err)
	}
	after := Measure(layers[0].Forward, layers[0].Feedback, 30, 15, x).SignAlignment
	if before > 60 || after < 75 {
		t.Errorf("sign alignment %g %% before and %g %% after, want chance and at least 75 %%", before, after)
	}
	if got := float64(spike.StandardDeviation(layers[0].Feedback)); math.Abs(got-deviation) > 1e-5*deviation {
		t.Errorf("the feedback weights' standard deviation went from %g to %g", deviation, got)
	}
}

func TestBadInputIsNamed(t *testing.T) {
	badField := func(want string, err error) {
		t.Helper()
		var bad *invalid.Error
		if !errors.As(err, &bad) || bad.Field != want {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	for want, o := range map[string]RDDOptions{
		"RDDOptions.Time":            {Time: -1},
		"RDDOptions.Interval":        {Interval: 0.0005},
		"RDDOptions.LearningRate":    {LearningRate: math.NaN()},
		"RDDOptions.AcceptHalfWidth": {AcceptHalfWidth: math.Inf(1)},
		"RDDOptions.Estimator":       {Estimator: -1},
		"RDDOptions.Drive":           {Drive: "often"},
		"Params.MemorySteps":         {Spike: spike.Params{Step: 0.001, DendriteConductance: 1, Threshold: 1, RefractorySteps: 1, SynapseTime: 1, MembraneTime: 2}},
	} {
		_, err := NewRDD(o)
		badField(want, err)
	}
	for _, learner := range []Learner{must(NewRDD(RDDOptions{Time: 0.3})), FeedbackAlignment{}, Backprop{}} {
		layers := randomLayers[float32](1, 4, 3, 2)
		layers[1].Forward[2] = float32(math.NaN())
		badField("layers[1].Forward[2]", learner.Learn(context.Background(), layers, nil))
		layers[1].Forward = nil
		badField("layers[1].Forward", learner.Learn(context.Background(), layers, nil))
		layers[1].In = 9
		badField("layers[1].In", learner.Learn(context.Background(), layers, nil))
		badField("layers", learner.Learn(context.Background(), nil, nil))
	}
	learner := must(NewRDD(RDDOptions{Time: 0.2}))
	badField("RDDOptions.Time", learner.Learn(context.Background(), randomLayers[float32](1, 4, 3, 2, 2), nil))
	layers := randomLayers[float32](1, 4, 3)
	clear(layers[0].Forward)
	badField("layers[0].Forward's standard deviation", learner.Learn(context.Background(), layers, nil))
	if err := learner.Learn(context.Background(), randomLayers[float32](1, 4, 3), nil); err != nil {
		t.Fatal(err)
	}
	badField("layers", learner.Learn(context.Background(), randomLayers[float32](1, 5, 3), nil))
}

// Before the first Learn there are no estimates; after it, none of other layers.
func TestEstimatesOfNoLayer(t *testing.T) {
	r := must(NewRDD(RDDOptions{Time: 0.2, Estimator: Wald}))
	for layer := -1; layer < 3; layer++ {
		if b, p, d, f := r.Beta(layer), r.Parameters(layer), r.FeedbackDeviation(layer), r.FirstStage(layer); b != nil || p != nil || d != 0 || f != nil {
			t.Errorf("layer %d before the first Learn: %v, %v, %v, %v", layer, b, p, d, f)
		}
	}
	if err := r.Learn(context.Background(), randomLayers[float32](1, 4, 3, 2), nil); err != nil {
		t.Fatal(err)
	}
	if len(r.Beta(1)) != 6 || len(r.Parameters(1)) != 24 || !(r.FeedbackDeviation(1) > 0) || len(r.FirstStage(1)) != 3 {
		t.Errorf("layer 1: %v, %v, %v, %v", r.Beta(1), r.Parameters(1), r.FeedbackDeviation(1), r.FirstStage(1))
	}
	for _, layer := range []int{-1, 2} {
		for name, ask := range map[string]func(){
			"Beta":              func() { r.Beta(layer) },
			"Parameters":        func() { r.Parameters(layer) },
			"FeedbackDeviation": func() { r.FeedbackDeviation(layer) },
			"FirstStage":        func() { r.FirstStage(layer) },
		} {
			func() {
				defer func() {
					if got, want := recover(), fmt.Sprintf("align: layer is %d: want 0 to 1", layer); got != want {
						t.Errorf("%s: %v, want %q", name, got, want)
					}
				}()
				ask()
			}()
		}
	}
}

func must(r *RDD, err error) *RDD {
	if err != nil {
		panic(err)
	}
	return r
}

func FuzzUnmarshal(f *testing.F) {
	learner := must(NewRDD(RDDOptions{Time: 0.2}))
	empty, _ := learner.MarshalBinary()
	f.Add(empty)
	if err := learner.Learn(context.Background(), randomLayers[float32](1, 4, 3, 2), nil); err != nil {
		f.Fatal(err)
	}
	state, _ := learner.MarshalBinary()
	f.Add(state)
	f.Add(state[:len(state)-1])
	f.Fuzz(func(t *testing.T, state []byte) {
		r := must(NewRDD(RDDOptions{Time: 0.2}))
		err := r.UnmarshalBinary(state)
		var bad *invalid.Error
		if err != nil {
			if !errors.As(err, &bad) {
				t.Fatalf("error %v is not about the input", err)
			}
			return
		}
		if again, _ := r.MarshalBinary(); !bytes.Equal(again, state) {
			t.Fatalf("%x became %x", state, again)
		}
	})
}
