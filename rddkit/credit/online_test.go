package credit

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Costs that are constant on each side: every rule but the published one finds
// their difference, and that one half of it, as V₀ (Effect doubles it).
func TestRulesOnTwoLevels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low, high := rapid.Float64Range(-2, 2).Draw(t, "below"), rapid.Float64Range(-2, 2).Draw(t, "above")
		window := rapid.SampledFrom([]float64{0.1, 0.3, math.Inf(1)}).Draw(t, "window")
		alternating := &Alternating{Threshold: 1, Window: window, Rate: 0.1}
		rules := []Online{alternating, &Means{Threshold: 1, Window: window, Rate: 0.1}, &LinearMeans{Threshold: 1, Window: window, Rate: 0.1}}
		u := newNormals(4000, rapid.Uint64().Draw(t, "seed"), "test").next()
		for _, z := range u {
			x, c := 1+0.1*z, low
			if x >= 1 {
				c = high
			}
			if math.Abs(x-1) >= window {
				c = 1e6 // must not be seen
			}
			for _, rule := range rules {
				rule.Observe(x, c)
			}
		}
		for _, rule := range rules {
			if got := rule.Effect(); math.Abs(got-(high-low)) > 1e-6 {
				t.Fatalf("%T finds %v, want %v", rule, got, high-low)
			}
		}
		if got := alternating.v[0]; math.Abs(got-(high-low)/2) > 1e-6 {
			t.Fatalf("V₀ = %v, want half of %v", got, high-low)
		}
	})
}

// With a rate of zero the rules never forget: they are the batch estimators.
func TestRulesWithoutForgettingAreTheBatchEstimators(t *testing.T) {
	run := simulate(t, MainPair(0.5), 40, 5)
	costs := run.Costs(CurvedQuadratic)
	for _, window := range []float64{0.1, 0.5} {
		for _, c := range []struct {
			rule  Online
			batch SpikeDiscontinuity
		}{
			{&Means{Threshold: 1, Window: window}, SpikeDiscontinuity{Window: window}},
			{&LinearMeans{Threshold: 1, Window: window}, SpikeDiscontinuity{Window: window, Linear: true}},
		} {
			for b, cost := range costs {
				c.rule.Observe(run.Drive[0][b], cost)
			}
			want := c.batch.Estimate(run.Drive[0], costs, 1).Effect
			if got := c.rule.Effect(); math.Abs(got-want) > 1e-8*math.Abs(want) {
				t.Errorf("%T, window %v: %v, the batch estimator gives %v", c.rule, window, got, want)
			}
		}
	}
}

func TestRulesHaveNoEffectBeforeTheyHaveSeenBothSides(t *testing.T) {
	for _, rule := range []Online{
		&Alternating{Threshold: 1, Window: 1, Rate: 0.1}, &Means{Threshold: 1, Window: 1, Rate: 0.1}, &LinearMeans{Threshold: 1, Window: 1, Rate: 0.1},
	} {
		for range 5 {
			rule.Observe(0.5, 3)
		}
		if got := rule.Effect(); got != 0 {
			t.Errorf("%T knows blocks below alone and finds %v", rule, got)
		}
	}
}

func TestNodePerturbationRule(t *testing.T) {
	plain := Reinforce{}
	if got := plain.Observe(2, 3); got != 6 {
		t.Errorf("without baseline: %v, want 6", got)
	}
	rule := Reinforce{BaselineRate: 0.5, Memory: 0.5}
	// Baselines before each block: 4, 4, 6; eligibilities: 1, 2.5, 1.25.
	for k, want := range []float64{0, 10, -2.5} {
		if got := rule.Observe([]float64{1, 2, 0}[k], []float64{4, 8, 4}[k]); got != want {
			t.Errorf("block %d: %v, want %v", k, got, want)
		}
	}
}

func TestSlopeAt(t *testing.T) {
	c := PublishedModelRates()
	for _, p := range []struct{ w, slope float64 }{
		{0, 0.0002852}, {2, 0.0002852}, {2.5, (0.0002852 + 0.0005202) / 2}, {12, 0.001568}, {20, 0.001943}, {30, 0.001943},
	} {
		if got := c.SlopeAt(p.w); math.Abs(got-p.slope) > 1e-15 {
			t.Errorf("slope at %v is %v, want %v", p.w, got, p.slope)
		}
	}
}

func TestMeanEffectLeavesOutTheFirstBlocks(t *testing.T) {
	run := &SimulatedBlocks{Drive: [][]float64{{0.9, 1.1, 0.9, 1.1}}}
	costs := []float64{1, 3, 1, 3}
	rule := func() Online { return &Means{Threshold: 1, Window: 0.2, Rate: 0.5} }
	if got := run.MeanEffect(rule(), 0, costs, 1); got != 2 {
		t.Errorf("mean effect %v, want 2", got)
	}
	if got := run.MeanEffect(rule(), 0, costs, 4); !math.IsNaN(got) {
		t.Errorf("mean effect of no blocks %v, want NaN", got)
	}
}
