package align

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// spikeTrains keeps every spike of the driven layers and of those above them.
type spikeTrains struct {
	Reads
	run          SpikeRun
	below, above [][][]bool // [layer][step of its phase][neuron]
}

func (s *spikeTrains) Begin(run SpikeRun) error {
	*s = spikeTrains{run: run, below: make([][][]bool, len(run.Feedback)), above: make([][][]bool, len(run.Feedback))}
	return nil
}

func (s *spikeTrains) Stretch(seen SpikeSource, stretch spike.Stretch) {
	row := func(layer, step int) []bool {
		fired := make([]bool, s.run.Sizes[layer])
		for i := range seen.Spikes(layer).Spikes(step) {
			fired[i] = true
		}
		return fired
	}
	for step := stretch.First; step < stretch.First+stretch.Steps; step++ {
		l := stretch.Phase
		s.below[l], s.above[l] = append(s.below[l], row(l, step)), append(s.above[l], row(l+1, step))
	}
}

// stdwiByPairs is the rule as it is written, for one layer after another run:
// estimates are [neuron][neuron above].
func stdwiByPairs(o STDWIOptions, step float64, estimates []float64, below, above [][]bool) {
	n, m := len(below[0]), len(above[0])
	fast, slow := make([]float64, n), make([]float64, n)
	decay, skip := max(o.Decay, 0), max(o.Skip, 0)
	for t := range below {
		for i, fired := range below[t] {
			fast[i] *= math.Exp(-step / o.FastTime)
			slow[i] *= math.Exp(-step / o.SlowTime)
			if fired && o.Nearest {
				fast[i], slow[i] = 0, 0
			}
			if fired {
				fast[i]++
				slow[i] += o.SlowHeight
			}
		}
		for j, fired := range above[t] {
			if !fired || float64(t)*step < skip-1e-9 {
				continue
			}
			for i := range n {
				g := &estimates[i*m+j]
				*g += o.Rate * (fast[i] - slow[i] - decay**g)
			}
		}
	}
}

// countsByPairs is the rule of SpikeCount as it is written.
func countsByPairs(o SpikeCountOptions, step float64, estimates []float64, below, above [][]bool) {
	windowSteps, n, m := int(math.Round(o.Window/step)), len(below[0]), len(above[0])
	windows := len(below) / windowSteps
	count := func(spikes [][]bool, window, neuron int) (count float64) {
		for _, row := range spikes[window*windowSteps : (window+1)*windowSteps] {
			if row[neuron] {
				count++
			}
		}
		return count
	}
	for first := 0; first < windows; first += o.Windows {
		end := min(first+o.Windows, windows)
		if end-first < 2 {
			break
		}
		mean := func(spikes [][]bool, neuron int) (mean float64) {
			for w := first; w < end; w++ {
				mean += count(spikes, w, neuron) / float64(end-first)
			}
			return mean
		}
		for i := range n {
			for j := range m {
				meanBelow, meanAbove, g := mean(below, i), mean(above, j), &estimates[i*m+j]
				for w := first; w < end; w++ {
					*g += o.Rate * ((count(below, w, i)-meanBelow)*(count(above, w, j)-meanAbove) - max(o.Decay, 0)**g)
				}
			}
		}
	}
}

// The rules fold the spikes of a stretch, or the windows of a batch, into few
// operations; here each pair of neurons goes through them one by one.
func TestEstimatesEqualTheRulesPairByPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(2, 40), 2, 4).Draw(t, "sizes")
		phase := rapid.SampledFrom([]float64{0.25, 0.6, 2.7}).Draw(t, "time of a layer")
		interval := rapid.SampledFrom([]float64{0.05, 0.333, 10}).Draw(t, "interval")
		stdwi, err := NewSTDWI(STDWIOptions{
			FastTime: rapid.SampledFrom([]float64{0, 0.02}).Draw(t, "fast"), Decay: rapid.SampledFrom([]float64{0, -1, 3}).Draw(t, "decay"),
			Skip: rapid.SampledFrom([]float64{0, -1, 0.2}).Draw(t, "skip"), Nearest: rapid.Bool().Draw(t, "nearest"), Forget: rapid.Bool().Draw(t, "forget"),
		})
		if err != nil {
			t.Fatal(err)
		}
		counts, err := NewSpikeCount(SpikeCountOptions{
			Window: rapid.SampledFrom([]float64{0, 0.03}).Draw(t, "window"), Windows: rapid.SampledFrom([]int{0, 2, 7}).Draw(t, "windows"),
			Rate: 0.01, Decay: rapid.SampledFrom([]float64{0, -1, 3}).Draw(t, "decay of counts"), Forget: rapid.Bool().Draw(t, "forget"),
		})
		if err != nil {
			t.Fatal(err)
		}
		time := phase * float64(len(sizes)-1)
		simulator, err := NewSimulator(SimulationOptions{Time: time, Interval: interval, Seed: rapid.Uint64().Draw(t, "seed"), Drive: spike.Fresh})
		if err != nil {
			t.Fatal(err)
		}
		layers := randomLayers[float32](rapid.Uint64().Draw(t, "weights"), sizes...)
		trains := &spikeTrains{}
		readers := []Reader{{stdwi, copies(layers)}, {counts, copies(layers)}, {trains, copies(layers)}}
		wantSTDWI, wantCounts := make([][]float64, len(layers)), make([][]float64, len(layers))
		for run := range 2 {
			if err := simulator.Run(context.Background(), readers, nil); err != nil {
				t.Fatal(err)
			}
			for l, layer := range layers {
				if run == 0 || stdwi.Options().Forget {
					wantSTDWI[l] = make([]float64, layer.In*layer.Out)
				}
				if run == 0 || counts.Options().Forget {
					wantCounts[l] = make([]float64, layer.In*layer.Out)
				}
				stdwiByPairs(stdwi.Options(), 0.001, wantSTDWI[l], trains.below[l], trains.above[l])
				countsByPairs(counts.Options(), 0.001, wantCounts[l], trains.below[l], trains.above[l])
				for name, pair := range map[string][2][]float64{"STDWI": {stdwi.Estimates(l), wantSTDWI[l]}, "SpikeCount": {counts.Estimates(l), wantCounts[l]}} {
					for k, want := range pair[1] {
						if got := pair[0][k]; math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
							t.Fatalf("%s, run %d, layer %d, pair %d: %g, want %g", name, run, l, k, got, want)
						}
					}
				}
			}
		}
	})
}

// rules makes the rules that keep a number for each pair, in a learner of their
// own.
var rules = map[string]func(unscaled bool) (SpikeRule, error){
	"STDWI": func(unscaled bool) (SpikeRule, error) { return NewSTDWI(STDWIOptions{Unscaled: unscaled}) },
	"SpikeCount": func(unscaled bool) (SpikeRule, error) {
		return NewSpikeCount(SpikeCountOptions{Windows: 4, Unscaled: unscaled})
	},
}

func newSpikeLearner(t testing.TB, name string, unscaled bool, o SimulationOptions) *SpikeLearner {
	t.Helper()
	rule, err := rules[name](unscaled)
	if err != nil {
		t.Fatal(err)
	}
	learner, err := NewSpikeLearner(o, rule)
	if err != nil {
		t.Fatal(err)
	}
	return learner
}

// learnInTurns learns three times, handing over by the state before one of them.
func learnInTurns(t *testing.T, name string, handOver int) (state []byte, layers []Layer) {
	t.Helper()
	o := SimulationOptions{Time: 3, Interval: 0.5, Seed: 2}
	layers = randomLayers[float32](7, 40, 37, 20, 5)
	learner := newSpikeLearner(t, name, false, o)
	for run := range 3 {
		if run == handOver {
			state, err := learner.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			learner = newSpikeLearner(t, name, false, o)
			if err := learner.UnmarshalBinary(state); err != nil {
				t.Fatal(err)
			}
			if learner.Epochs() != run {
				t.Errorf("%s: %d epochs after %d", name, learner.Epochs(), run)
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
	if c := learner.Cost(); c.Seconds != 9 || c.Spikes == 0 || c.Operations == 0 {
		t.Errorf("%s: cost %+v", name, c)
	}
	state, err := learner.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return state, layers
}

func TestRulesGiveTheSameBits(t *testing.T) {
	for name := range rules {
		want, wantLayers := learnInTurns(t, name, -1)
		same := func(how string, got []byte, layers []Layer) {
			if !bytes.Equal(got, want) || !reflect.DeepEqual(layers, wantLayers) {
				t.Errorf("%s: other results %s", name, how)
			}
		}
		for _, cores := range []int{1, 2, 4} {
			before := runtime.GOMAXPROCS(cores)
			got, layers := learnInTurns(t, name, -1)
			runtime.GOMAXPROCS(before)
			same("on another number of cores", got, layers)
		}
		for handOver := range 3 {
			got, layers := learnInTurns(t, name, handOver)
			same("after a hand-over", got, layers)
		}
		before := useVectors
		useVectors = false
		got, layers := learnInTurns(t, name, -1)
		useVectors = before
		same("without vector kernels", got, layers)
	}
}

// Feedback weights keep the spread that they had at first, and get the signs of
// the feedforward weights; unscaled, they are the estimates.
func TestRulesBringFeedbackWeightsIntoLine(t *testing.T) {
	for name := range rules {
		layers := randomLayers[float32](8, 30, 15)
		raw := copies(layers)
		deviation := float64(spike.StandardDeviation(layers[0].Feedback))
		o := SimulationOptions{Time: 40, Interval: 20, Seed: 3, Drive: spike.Fresh}
		learner, unscaled := newSpikeLearner(t, name, false, o), newSpikeLearner(t, name, true, o)
		for learner, layers := range map[*SpikeLearner][]Layer{learner: layers, unscaled: raw} {
			if err := learner.Learn(context.Background(), layers, nil); err != nil {
				t.Fatal(err)
			}
			if s := Measure(layers[0].Forward, layers[0].Feedback, 30, 15, make([]float64, 30)).SignAlignment; s < 75 {
				t.Errorf("%s: sign alignment %g %%", name, s)
			}
		}
		if got := float64(spike.StandardDeviation(layers[0].Feedback)); math.Abs(got-deviation) > 1e-5*deviation {
			t.Errorf("%s: the feedback weights' standard deviation went from %g to %g", name, deviation, got)
		}
		for k, estimate := range unscaled.Rule().(interface{ Estimates(int) []float64 }).Estimates(0) {
			if raw[0].Feedback[k] != float32(estimate) {
				t.Fatalf("%s: weight %d is %g unscaled, estimated %g", name, k, raw[0].Feedback[k], estimate)
			}
		}
	}
}

// Estimates that are not finite end the run, by an update or at its end.
func TestEstimatesThatDivergeEndTheRun(t *testing.T) {
	for name := range rules {
		for _, unscaled := range []bool{false, true} {
			for _, spoiled := range []float64{math.Inf(1), math.NaN(), 1e200} {
				learner := newSpikeLearner(t, name, unscaled, SimulationOptions{Time: 2, Interval: 0.7})
				layers := randomLayers[float32](8, 30, 15)
				if err := learner.Learn(context.Background(), layers, nil); err != nil {
					t.Fatal(err)
				}
				var f *inference
				switch rule := learner.Rule().(type) {
				case *STDWI:
					f = &rule.inference
				case *SpikeCount:
					f = &rule.inference
				}
				f.layers[0].values[3][2] = spoiled
				f.layers[0].changed = true
				before := copies(layers)
				var bad *invalid.Error
				if err := learner.Rule().Update(0, layers[0].Feedback); !errors.As(err, &bad) || bad.Field != name+"Options.Rate" || !strings.Contains(bad.Allowed, "layers[0]") {
					t.Errorf("%s, %g: updated with error %v", name, spoiled, err)
				}
				if !unscaled && !reflect.DeepEqual(before, layers) {
					t.Errorf("%s, %g: the update that failed wrote", name, spoiled)
				}
				f.layers[0].changed = true
				if err := learner.Rule().End(); !errors.As(err, &bad) {
					t.Errorf("%s, %g: ended with error %v", name, spoiled, err)
				}
			}
		}
	}
}

func TestBadOptionsOfRulesAreNamed(t *testing.T) {
	for want, err := range map[string]error{
		"STDWIOptions.FastTime":     failure(NewSTDWI(STDWIOptions{FastTime: -1})),
		"STDWIOptions.SlowTime":     failure(NewSTDWI(STDWIOptions{SlowTime: 0.005})),
		"STDWIOptions.SlowHeight":   failure(NewSTDWI(STDWIOptions{SlowHeight: math.Inf(1)})),
		"STDWIOptions.Decay":        failure(NewSTDWI(STDWIOptions{Decay: math.NaN()})),
		"STDWIOptions.Skip":         failure(NewSTDWI(STDWIOptions{Skip: math.Inf(1)})),
		"STDWIOptions.Rate":         failure(NewSTDWI(STDWIOptions{Rate: 11})),
		"SpikeCountOptions.Window":  failure(NewSpikeCount(SpikeCountOptions{Window: math.NaN()})),
		"SpikeCountOptions.Windows": failure(NewSpikeCount(SpikeCountOptions{Windows: 1})),
		"SpikeCountOptions.Rate":    failure(NewSpikeCount(SpikeCountOptions{Rate: 6})),
		"SpikeCountOptions.Decay":   failure(NewSpikeCount(SpikeCountOptions{Decay: math.NaN()})),
		"rule":                      failure(NewSpikeLearner(SimulationOptions{}, nil)),
	} {
		var bad *invalid.Error
		if !errors.As(err, &bad) || bad.Field != want {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	// What only the run tells.
	for _, o := range []SpikeCountOptions{{Window: 0.0005}, {Window: 0.6}} {
		rule, err := NewSpikeCount(o)
		if err != nil {
			t.Fatal(err)
		}
		learner, err := NewSpikeLearner(SimulationOptions{Time: 1}, rule)
		if err != nil {
			t.Fatal(err)
		}
		var bad *invalid.Error
		if err := learner.Learn(context.Background(), randomLayers[float32](1, 4, 3), nil); !errors.As(err, &bad) || bad.Field != "SpikeCountOptions.Window" {
			t.Errorf("windows of %g s: %v", o.Window, err)
		}
	}
	for name := range rules {
		learner := newSpikeLearner(t, name, false, SimulationOptions{Time: 1, Drive: spike.Fresh})
		if err := learner.Learn(context.Background(), randomLayers[float32](1, 4, 3), nil); err != nil {
			t.Fatal(err)
		}
		var bad *invalid.Error
		if err := learner.Learn(context.Background(), randomLayers[float32](1, 5, 3), nil); !errors.As(err, &bad) || bad.Field != "layers" {
			t.Errorf("%s took layers of other sizes: %v", name, err)
		}
	}
}

func failure[T any](_ T, err error) error { return err }

func FuzzUnmarshalSpikeLearner(f *testing.F) {
	for _, name := range []string{"STDWI", "SpikeCount"} {
		learner := newSpikeLearner(f, name, false, SimulationOptions{Time: 1})
		empty, _ := learner.MarshalBinary()
		f.Add(empty)
		if err := learner.Learn(context.Background(), randomLayers[float32](1, 4, 3, 2), nil); err != nil {
			f.Fatal(err)
		}
		state, _ := learner.MarshalBinary()
		f.Add(state)
		f.Add(state[:len(state)-1])
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		for name := range rules {
			learner := newSpikeLearner(t, name, false, SimulationOptions{Time: 1})
			before, _ := learner.MarshalBinary()
			err := learner.UnmarshalBinary(state)
			again, _ := learner.MarshalBinary()
			var bad *invalid.Error
			switch {
			case err != nil && !errors.As(err, &bad):
				t.Fatalf("error %v is not about the input", err)
			case err != nil && !bytes.Equal(again, before):
				t.Fatalf("a state that was refused changed the learner")
			case err == nil && !bytes.Equal(again, state):
				t.Fatalf("%x became %x", state, again)
			}
		}
	})
}

// Three rules read the same spikes of a network that was never trained.
func ExampleSimulator() {
	layers, err := Random(1, 50, 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	rdd, err := NewRDD(RDDOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	stdwi, err := NewSTDWI(STDWIOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	counts, err := NewSpikeCount(SpikeCountOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var readers []Reader
	for _, rule := range []SpikeRule{rdd, stdwi, counts} {
		own := layers[0]
		own.Feedback = append([]float32{}, own.Feedback...)
		readers = append(readers, Reader{Rule: rule, Layers: []Layer{own}})
	}
	simulator, err := NewSimulator(SimulationOptions{Time: 30, Drive: spike.Fresh})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := simulator.Run(context.Background(), readers, nil); err != nil {
		fmt.Println(err)
		return
	}
	for i, name := range []string{"RDD", "STDWI", "spike counts"} {
		l := readers[i].Layers[0]
		fmt.Printf("%s: sign alignment %.0f %%\n", name, Measure(l.Forward, l.Feedback, l.In, l.Out, make([]float64, l.In)).SignAlignment)
	}
	fmt.Printf("%d spikes in %g s\n", simulator.Cost().Spikes, simulator.Cost().Seconds)
	// Output:
	// RDD: sign alignment 88 %
	// STDWI: sign alignment 95 %
	// spike counts: sign alignment 90 %
	// 64222 spikes in 30 s
}
