package align

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/weightalign/lab/rddkit/spike"
)

// noisyOptions make crossing the threshold and spiking two different things.
func noisyOptions() RDDOptions {
	p := spike.DefaultParams()
	p.EscapeWidth, p.RefractorySteps = 0.3, 8
	return RDDOptions{Time: 6, Interval: 6, Estimator: Wald, Drive: spike.Fresh, Seed: 5, Spike: p}
}

func noisyLayers(t testing.TB) []Layer {
	layers, err := Random(1, 12, 7, 3)
	if err != nil {
		t.Fatal(err)
	}
	return layers
}

func learn(t testing.TB, r *RDD, layers []Layer) {
	t.Helper()
	if err := r.Learn(context.Background(), layers, nil); err != nil {
		t.Fatal(err)
	}
}

// The learner gives what the definition gives, window by window and synapse by
// synapse on a recording of the plain simulator.
func TestWaldIsTheRatioOfTwoJumps(t *testing.T) {
	o, layers := noisyOptions(), noisyLayers(t)
	r, err := NewRDD(o)
	if err != nil {
		t.Fatal(err)
	}
	net := &spike.Network{Params: o.Spike, Sizes: []int{12, 7, 3}}
	for _, l := range layers {
		w, err := spike.ScaleWeights(o.Spike, "weights", l.Forward, l.In)
		if err != nil {
			t.Fatal(err)
		}
		net.Weights = append(net.Weights, w)
	}
	input, err := spike.NewPoissonInput(o.Spike, o.Drive, o.Seed, 0, net.Sizes, 3000, nil)
	if err != nil {
		t.Fatal(err)
	}
	recording, err := spike.Record(context.Background(), net, 3000, input)
	if err != nil {
		t.Fatal(err)
	}
	learn(t, r, layers)
	compliers, others := 0, 0
	for l, layer := range layers {
		first := make([]Regression, layer.In)
		outcome := make([]Regression, layer.In*layer.Out)
		targets := Targets(recording, l)
		for k, w := range recording.Windows[l] {
			if math.Abs(w.MaxDrive-1) > 10 {
				continue
			}
			spiked, above := 0.0, w.MaxDrive >= 1
			if w.Spiked {
				spiked = 1
			}
			if w.Spiked == above {
				compliers++
			} else {
				others++
			}
			first[w.Neuron].Observe(w.MaxDrive, above, spiked, 0.001)
			for j, y := range targets[k] {
				outcome[w.Neuron*layer.Out+j].Observe(w.MaxDrive, above, y, 0.001)
			}
		}
		beta := r.Beta(l)
		for i := range first {
			jump := Sharp.Beta(first[i], 1)
			if got := r.FirstStage(l)[i]; math.Abs(got-jump) > 1e-12 {
				t.Fatalf("layer %d: first stage %d is %g, want %g", l, i, got, jump)
			}
			for j := range layer.Out {
				want := Sharp.Beta(outcome[i*layer.Out+j], 1) / jump
				if jump < weakestFirstStage {
					want = 0
				}
				if got := beta[i*layer.Out+j]; math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
					t.Fatalf("layer %d: effect %d→%d is %g, want %g", l, i, j, got, want)
				}
			}
		}
	}
	if compliers == 0 || others == 0 {
		t.Errorf("%d windows in which the spike followed the threshold, %d others: the test needs both", compliers, others)
	}
}

// Stopping and going on gives the same bits, the first stage included.
func TestWaldGoesOnFromItsState(t *testing.T) {
	learner := func() *RDD {
		r, err := NewRDD(noisyOptions())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	once, layers := learner(), noisyLayers(t)
	learn(t, once, layers)
	state, err := once.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	again, copies := learner(), noisyLayers(t)
	for l := range layers {
		copy(copies[l].Feedback, layers[l].Feedback)
	}
	if err := again.UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	learn(t, once, layers)
	learn(t, again, copies)
	for l := range layers {
		if !reflect.DeepEqual(once.Beta(l), again.Beta(l)) || !reflect.DeepEqual(layers[l], copies[l]) {
			t.Errorf("layer %d differs after going on", l)
		}
	}
	sharp := noisyOptions()
	sharp.Estimator = Sharp
	other, err := NewRDD(sharp)
	if err != nil {
		t.Fatal(err)
	}
	if other.UnmarshalBinary(state) == nil {
		t.Error("a learner without first stages took a state with them")
	}
}

// A learner that forgets its regressions estimates from the last Learn alone.
func TestForgettingStartsFromZero(t *testing.T) {
	o := noisyOptions()
	o.ForgetRegressions = true
	r, err := NewRDD(o)
	if err != nil {
		t.Fatal(err)
	}
	layers := noisyLayers(t)
	learn(t, r, layers)
	for l := range layers { // what the second Learn has to forget
		for i := range r.layers[l].parameters {
			r.layers[l].parameters[i][interceptSpike][0] += 1e6
		}
		r.layers[l].treatment[0].InterceptSpike += 1e6
	}
	learn(t, r, layers)
	for l := range layers {
		for _, p := range r.Parameters(l) {
			if math.Abs(p) > 1e3 {
				t.Fatalf("layer %d: parameter %g is left of the first Learn", l, p)
			}
		}
		if f := r.FirstStage(l)[0]; math.Abs(f) > 10 {
			t.Errorf("layer %d: first stage %g is left of the first Learn", l, f)
		}
	}
}

// Effects as jump of the outcome over jump of the spike probability, for one
// layer of a network that was never trained.
func ExampleWald() {
	layers, err := Random(1, 50, 20)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := NewRDD(RDDOptions{Estimator: Wald, Time: 30})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := r.Learn(context.Background(), layers, nil); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("sign alignment %.0f %%\n", Measure(layers[0].Forward, layers[0].Feedback, 50, 20, make([]float64, 50)).SignAlignment)
	// Output: sign alignment 89 %
}

// With the published neuron a spike follows from crossing the threshold, so that
// both designs sort the windows alike: the same regressions, and effects that
// differ by each neuron's first stage alone.
func TestWaldIsSharpForThePublishedNeuron(t *testing.T) {
	var learners [2]*RDD
	for k, estimator := range []Estimator{Sharp, Wald} {
		r, err := NewRDD(RDDOptions{Time: 6, Interval: 6, Estimator: estimator, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		learn(t, r, noisyLayers(t))
		learners[k] = r
	}
	for l := range 2 {
		if !reflect.DeepEqual(learners[0].Parameters(l), learners[1].Parameters(l)) {
			t.Errorf("layer %d: the regressions differ", l)
		}
		sharp, wald, first := learners[0].Beta(l), learners[1].Beta(l), learners[1].FirstStage(l)
		out := len(sharp) / len(first)
		for k := range sharp {
			if want := sharp[k] / first[k/out]; math.Abs(wald[k]-want) > 1e-12 {
				t.Fatalf("layer %d: effect %d is %g, want %g", l, k, wald[k], want)
			}
		}
	}
}
