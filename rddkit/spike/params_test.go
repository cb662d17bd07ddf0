package spike

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// What a user writes in decimals is a whole number of steps, and nothing between.
func TestStepsOfATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1_000_000).Draw(t, "steps")
		if got, ok := (Params{}).Steps(float64(n) / 1000); !ok || got != n {
			t.Errorf("%d ms are %d steps, %v", n, got, ok)
		}
		between := float64(n) + rapid.Float64Range(0.01, 0.99).Draw(t, "part")
		if got, ok := (Params{}).Steps(between / 1000); ok {
			t.Errorf("%g ms are %d steps", between, got)
		}
	})
	for _, seconds := range []float64{0, -1, 0.0004, 2e6, math.Inf(1), math.NaN()} {
		if got, ok := (Params{}).Steps(seconds); ok {
			t.Errorf("%g s are %d steps", seconds, got)
		}
	}
}

// Driven neurons with a threshold out of reach are where the mean input holds them;
// with one within reach they fire as often as they spiked.
func TestMeanPotentialAndRate(t *testing.T) {
	p := DefaultParams()
	p.DrivenFraction = 1
	const steps, neurons = 20_000, 5
	run := func(threshold float64) *Recording {
		p := p
		p.Threshold = threshold
		net := &Network{Params: p, Sizes: []int{neurons, 1}, Weights: [][]float64{make([]float64, neurons)}}
		input, err := NewPoissonInput(p, Accumulating, 1, 0, net.Sizes, steps, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Record(context.Background(), net, steps, input)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	quiet, sum := run(50), 0.0
	for _, v := range quiet.V[0] {
		sum += v
	}
	if mean, want := sum/(steps*neurons), p.MeanPotential(); math.Abs(mean-want) > 0.01 || quiet.Rate(0, 3) != 0 {
		t.Errorf("mean potential %.3f, want %.3f; %g Hz", mean, want, quiet.Rate(0, 3))
	}
	r, spikes := run(1), 0.0
	for step := range steps {
		spikes += float64(r.Spikes[0][step*neurons+3])
	}
	if got, want := r.Rate(0, 3), spikes/20; spikes == 0 || math.Abs(got-want) > 1e-9 {
		t.Errorf("%g Hz, want %g", got, want)
	}
}
