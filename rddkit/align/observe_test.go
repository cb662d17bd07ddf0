package align

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/rd"
	"github.com/weightalign/lab/rddkit/spike"
)

// What Observe reads off the fast simulation is what Targets reads off the
// step-by-step one.
func TestObserveAgreesWithTargets(t *testing.T) {
	layers, err := Random(3, 6, 4)
	if err != nil {
		t.Fatal(err)
	}
	l := layers[0]
	const steps, seed, lower, upper = 4000, 5, 2, 1
	weights, err := spike.ScaleWeights(spike.Params{}, "Forward", l.Forward, l.In)
	if err != nil {
		t.Fatal(err)
	}
	p := spike.DefaultParams()
	p.DrivenFraction = 1
	net := &spike.Network{Params: p, Sizes: []int{l.In, l.Out}, Weights: [][]float64{weights}}
	input, err := spike.NewPoissonInput(p, spike.Accumulating, seed, 0, net.Sizes, steps, nil)
	if err != nil {
		t.Fatal(err)
	}
	recording, err := spike.Record(context.Background(), net, steps, input)
	if err != nil {
		t.Fatal(err)
	}
	targets := Targets(recording, 0)
	got, err := Observe(context.Background(), l, spike.Params{}, seed, steps*p.Step, lower, upper)
	if err != nil {
		t.Fatal(err)
	}
	treated := got.Treated()
	k := 0
	for i, w := range recording.Windows[0] {
		if w.Neuron != lower {
			continue
		}
		if k == len(got.Drive) {
			t.Fatalf("%d windows, want more", k)
		}
		if math.Abs(got.Drive[k]-w.MaxDrive) > 1e-9 || got.Spiked[k] != w.Spiked || (treated[k] == 1) != w.Spiked || math.Abs(got.Target[k]-targets[i][upper]) > 1e-9 {
			t.Fatalf("window %d: %g %v %g, want %g %v %g", k, got.Drive[k], got.Spiked[k], got.Target[k], w.MaxDrive, w.Spiked, targets[i][upper])
		}
		k++
	}
	if k != len(got.Drive) || k < 20 {
		t.Errorf("%d windows, want %d, and at least 20", len(got.Drive), k)
	}
}

// Estimates are those of each neuron's own observations.
func TestEstimates(t *testing.T) {
	layers, err := Random(3, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	o := rd.Options{Cutoff: 1, H: rd.Both(0.3), Kernel: rd.Uniform}
	effects, err := Estimates(context.Background(), layers[0], spike.Params{}, 1, 100, 1, o)
	if err != nil {
		t.Fatal(err)
	}
	for lower := range 4 {
		seen, err := Observe(context.Background(), layers[0], spike.Params{}, 1, 100, lower, 1)
		if err != nil {
			t.Fatal(err)
		}
		r, err := rd.Sharp(seen.Drive, seen.Target, o)
		if err != nil {
			t.Fatal(err)
		}
		within := 0
		for _, drive := range seen.Drive {
			if math.Abs(drive-1) <= 0.3 {
				within++
			}
		}
		if effects.Mean[lower] != r.Conventional.Estimate || effects.StandardError[lower] != r.Conventional.StdErr ||
			effects.Windows[lower] != within || effects.Weight[lower] != float64(layers[0].Forward[4+lower]) {
			t.Errorf("neuron %d: %+v, want %+v from %d windows", lower, effects, r.Conventional, within)
		}
	}
	var bad *invalid.Error
	if _, err := Estimates(context.Background(), layers[0], spike.Params{}, 1, 100, 2, o); !errors.As(err, &bad) || bad.Field != "upper" {
		t.Errorf("upper 2 of 2: %v", err)
	}
}

func TestObserveNamesBadInput(t *testing.T) {
	layers, err := Random(3, 6, 4)
	if err != nil {
		t.Fatal(err)
	}
	for field, observe := range map[string]func() (Observations, error){
		"lower": func() (Observations, error) {
			return Observe(context.Background(), layers[0], spike.Params{}, 0, 1, 6, 0)
		},
		"upper": func() (Observations, error) {
			return Observe(context.Background(), layers[0], spike.Params{}, 0, 1, 0, -1)
		},
		"seconds": func() (Observations, error) {
			return Observe(context.Background(), layers[0], spike.Params{}, 0, math.NaN(), 0, 0)
		},
	} {
		_, err := observe()
		var bad *invalid.Error
		if !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: error %v", field, err)
		}
	}
	// Longer than memory is refused, what fits begins: here to be stopped at once.
	ctx, stop := context.WithCancel(context.Background())
	stop()
	for _, c := range []struct {
		above         int
		step, seconds float64
		fits          bool
	}{
		{4, 0.001, 1e6, false}, {4, 0.001, math.Inf(1), false}, {32, 0.001, 62500, true}, {32, 0.001, 62501, false},
		{10, 0.0001, 6250, true}, {10, 0.0001, 6251, false}, {1000, 0.001, 62500, true},
	} {
		layers, err := Random(3, 2, c.above)
		if err != nil {
			t.Fatal(err)
		}
		p := spike.DefaultParams()
		p.Step = c.step
		_, err = Observe(ctx, layers[0], p, 0, c.seconds, 0, 0)
		var bad *invalid.Error
		if c.fits && !errors.Is(err, context.Canceled) || !c.fits && (!errors.As(err, &bad) || bad.Field != "seconds") {
			t.Errorf("%+v: error %v", c, err)
		}
	}
	for _, sizes := range [][]int{nil, {3}, {3, 0}} {
		if _, err := Random(0, sizes...); err == nil {
			t.Errorf("Random made layers of sizes %v", sizes)
		}
	}
}
