package align

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// copies returns layers with the same feedforward weights and feedback weights of
// their own.
func copies(layers []Layer) []Layer {
	again := append([]Layer{}, layers...)
	for l := range again {
		again[l].Feedback = append([]float32{}, layers[l].Feedback...)
	}
	return again
}

// spikesPerLayer is a rule as a cell writes one: it counts.
type spikesPerLayer struct {
	Reads
	Seconds float64
	Counts  []int
	step    float64
}

func (s *spikesPerLayer) Begin(run SpikeRun) error {
	if s.Counts == nil {
		s.Counts = make([]int, len(run.Sizes))
	}
	s.step = run.Params.Step
	return nil
}

func (s *spikesPerLayer) Stretch(seen SpikeSource, stretch spike.Stretch) {
	s.Seconds += float64(stretch.Steps) * s.step
	for l := range s.Counts {
		s.Counts[l] += seen.Spikes(l).Count(stretch.First, stretch.First+stretch.Steps)
	}
}

// Rules that share a simulation learn what each learns alone, and one that only
// counts sees what it cost.
func TestRulesShareOneSimulation(t *testing.T) {
	for _, drive := range []spike.Drive{spike.Accumulating, spike.Fresh} {
		layers := randomLayers[float32](7, 40, 37, 20, 5)
		alone := copies(layers)
		rdd := must(NewRDD(RDDOptions{Time: 3, Interval: 0.5, Seed: 4, Drive: drive}))
		shared := must(NewRDD(RDDOptions{}))
		fuzzy := must(NewRDD(RDDOptions{Estimator: Fuzzy}))
		count := &spikesPerLayer{}
		simulator, err := NewSimulator(SimulationOptions{Time: 3, Interval: 0.5, Seed: 4, Drive: drive})
		if err != nil {
			t.Fatal(err)
		}
		readers := []Reader{{shared, copies(layers)}, {fuzzy, copies(layers)}, {count, copies(layers)}}
		for range 2 {
			var times []float64
			if err := rdd.Learn(context.Background(), alone, nil); err != nil {
				t.Fatal(err)
			}
			if err := simulator.Run(context.Background(), readers, func(s float64) { times = append(times, s) }); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(times, []float64{0, 0.5, 1, 1.5, 2, 2.5, 3}) {
				t.Errorf("observed at %v", times)
			}
		}
		if !reflect.DeepEqual(alone, readers[0].Layers) {
			t.Errorf("%s: RDD learns something else in company", drive)
		}
		if reflect.DeepEqual(alone, readers[1].Layers) || !reflect.DeepEqual(layers, readers[2].Layers) {
			t.Errorf("%s: one reader's feedback weights are another's", drive)
		}
		total := 0
		for _, n := range count.Counts {
			total += n
		}
		cost := simulator.Cost()
		if cost != (Cost{Seconds: 6, Spikes: uint64(total)}) || total == 0 || math.Abs(count.Seconds-6) > 1e-9 {
			t.Errorf("%s: the simulator counted %+v, a rule %d spikes in %g s", drive, cost, total, count.Seconds)
		}
		if got := rdd.Cost(); got.Seconds != 6 || got.Spikes != cost.Spikes || got.Operations == 0 || got.Operations != shared.Operations() {
			t.Errorf("%s: RDD cost %+v alone, %d multiply-adds in company", drive, got, shared.Operations())
		}
	}
}

// failing is a rule that ends a run in one way or another.
type failing struct {
	Reads
	Stretches int
	update    func(feedback []float32) error
	end       error
}

func (f *failing) Stretch(SpikeSource, spike.Stretch)         { f.Stretches++ }
func (f *failing) Update(layer int, feedback []float32) error { return f.update(feedback) }
func (f *failing) End() error                                 { return f.end }

// However a run fails, all is as it was: every rule, all feedback weights and the
// simulator.
func TestAFailedRunLeavesNothingBehind(t *testing.T) {
	sound := func([]float32) error { return nil }
	wrong := errors.New("wrong")
	for name, f := range map[string]*failing{
		"update":     {update: func([]float32) error { return wrong }},
		"end":        {update: sound, end: wrong},
		"not finite": {update: func(b []float32) error { b[1] = float32(math.NaN()); return nil }},
	} {
		rdd := must(NewRDD(RDDOptions{}))
		simulator, err := NewSimulator(SimulationOptions{Time: 1, Interval: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		layers := randomLayers[float32](7, 20, 10, 5)
		readers := []Reader{{rdd, copies(layers)}, {f, copies(layers)}}
		for range 2 {
			before, _ := rdd.MarshalBinary()
			state, _ := simulator.MarshalBinary()
			feedback := copies(readers[0].Layers)
			err = simulator.Run(context.Background(), readers, nil)
			var bad *invalid.Error
			if name == "not finite" && (!errors.As(err, &bad) || bad.Field != "layers[0].Feedback[1]") || name != "not finite" && !errors.Is(err, wrong) {
				t.Errorf("%s: error %v", name, err)
			}
			after, _ := rdd.MarshalBinary()
			stateAfter, _ := simulator.MarshalBinary()
			if !bytes.Equal(before, after) || !bytes.Equal(state, stateAfter) || !reflect.DeepEqual(feedback, readers[0].Layers) || !reflect.DeepEqual(layers, readers[1].Layers) || f.Stretches != 0 {
				t.Errorf("%s: something is left behind", name)
			}
			if err := simulator.Run(context.Background(), readers[:1], nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestReadersThatDoNotFitAreNamed(t *testing.T) {
	simulator, err := NewSimulator(SimulationOptions{Time: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	layers := randomLayers[float32](1, 6, 4)
	for want, readers := range map[string][]Reader{
		"readers":                       nil,
		"readers[0].Rule":               {{nil, layers}},
		"readers[1].Layers":             {{&failing{}, layers}, {&failing{}, randomLayers[float32](1, 6, 5)}},
		"readers[1].Layers[0].Forward":  {{&failing{}, layers}, {&failing{}, randomLayers[float32](2, 6, 4)}},
		"readers[1].Layers[0].Feedback": {{&failing{}, layers}, {&failing{}, layers}},
		"layers":                        {{&failing{}, nil}},
	} {
		var bad *invalid.Error
		if err := simulator.Run(context.Background(), readers, nil); !errors.As(err, &bad) || bad.Field != want {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	for want, o := range map[string]SimulationOptions{
		"SimulationOptions.Time":     {Time: 1e-5},
		"SimulationOptions.Interval": {Interval: -1},
		"SimulationOptions.Drive":    {Drive: "seldom"},
	} {
		var bad *invalid.Error
		if _, err := NewSimulator(o); !errors.As(err, &bad) || bad.Field != want {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
}

// Any input drives the layers: here one that gives the counts that the seed gives.
func TestASimulatorTakesAnyInput(t *testing.T) {
	p := spike.DefaultParams()
	p.EscapeWidth = 0.1
	options := SimulationOptions{Time: 0.6, Interval: 0.6, Drive: spike.Fresh, Seed: 3, Spike: p}
	layers := randomLayers[float32](1, 20, 12, 6)
	learn := func(o SimulationOptions) []Layer {
		simulator, err := NewSimulator(o)
		if err != nil {
			t.Fatal(err)
		}
		readers := []Reader{{must(NewRDD(RDDOptions{})), copies(layers)}}
		for range 2 {
			if err := simulator.Run(context.Background(), readers, nil); err != nil {
				t.Fatal(err)
			}
		}
		return readers[0].Layers
	}
	want := learn(options)
	options.Input = func(epoch uint64, sizes []int, phaseSteps int) (spike.Input, error) {
		in, err := spike.NewPoissonInput(p, spike.Fresh, 3, epoch, sizes, phaseSteps, nil)
		return struct{ spike.Input }{in}, err // which hides the seed
	}
	options.Drive = ""
	if got := learn(options); !reflect.DeepEqual(got, want) {
		t.Error("the same counts teach something else")
	}
	options.Input = func(uint64, []int, int) (spike.Input, error) {
		return spike.InputFunc(func(int, int, int) float64 { return math.Inf(1) }), nil
	}
	simulator, err := NewSimulator(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := simulator.Run(context.Background(), []Reader{{must(NewRDD(RDDOptions{})), layers}}, nil); err == nil || !strings.HasPrefix(err.Error(), "input of layer 0") {
		t.Errorf("an input of infinite counts: %v", err)
	}
}

// Regressions that diverge end Learn with an error that names rate and layer,
// whether an update or the end of the run comes upon it; feedback weights never
// become 0, and what is saved can be read.
func TestRegressionsThatDivergeEndTheRun(t *testing.T) {
	for _, estimator := range []Estimator{Sharp, Fuzzy, Wald} {
		for _, interval := range []float64{0.5, 1.4} { // with 1.4 s, the end of the run
			r := must(NewRDD(RDDOptions{Time: 2, Interval: interval, LearningRate: 1, Estimator: estimator, Seed: 1}))
			layers := randomLayers[float32](3, 30, 20, 5)
			var err error
			runs := 0
			for ; err == nil && runs < 200; runs++ {
				before := copies(layers)
				if err = r.Learn(context.Background(), layers, nil); err != nil && !reflect.DeepEqual(before, layers) {
					t.Error("the run that failed changed feedback weights")
				}
				for l := range layers {
					if spread := spike.StandardDeviation(layers[l].Feedback); !(spread > 0) {
						t.Fatalf("run %d: feedback weights with a standard deviation of %g", runs, spread)
					}
				}
				state, failure := r.MarshalBinary()
				if failure != nil {
					t.Fatal(failure)
				}
				if failure := must(NewRDD(RDDOptions{Estimator: estimator})).UnmarshalBinary(state); failure != nil {
					t.Fatalf("run %d left a state that cannot be read: %v", runs, failure)
				}
			}
			var bad *invalid.Error
			if !errors.As(err, &bad) || bad.Field != "RDDOptions.LearningRate" || !strings.Contains(bad.Allowed, "RDDRate") || !strings.Contains(bad.Allowed, "layers[") {
				t.Errorf("%s, after %d runs: %v", estimator, runs, err)
			}
		}
	}
	// A parameter that is not finite since the last update is found at the end.
	r := must(NewRDD(RDDOptions{Time: 2, Interval: 0.5, Estimator: Wald}))
	layers := randomLayers[float32](3, 30, 20)
	for _, spoil := range []func(l *regressions){
		func(l *regressions) { l.parameters[7][slopeQuiet][3] = math.Inf(1) },
		func(l *regressions) { l.treatment[2].SlopeSpike = math.Inf(-1) },
	} {
		if err := r.Learn(context.Background(), layers, nil); err != nil {
			t.Fatal(err)
		}
		restore := r.save()
		r.layers[0].changed = true
		spoil(r.layers[0])
		if err := r.End(); err == nil {
			t.Error("a parameter that is not finite passed")
		}
		if err := r.Update(0, layers[0].Feedback); err == nil {
			t.Error("feedback weights were made of a parameter that is not finite")
		}
		restore()
	}
	// Feedback weights without a spread would be 0 from the first update on.
	clear(layers[0].Feedback)
	var bad *invalid.Error
	if err := must(NewRDD(RDDOptions{Time: 1})).Learn(context.Background(), layers, nil); !errors.As(err, &bad) || bad.Field != "layers[0].Feedback's standard deviation" {
		t.Errorf("feedback weights that are all 0: %v", err)
	}
}
