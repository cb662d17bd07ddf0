package credit

import (
	"context"
	"math"
	"testing"
)

func TestExperimenterTest(t *testing.T) {
	e := ExperimenterTest{Trials: 3000, Seed: 4}
	r, err := e.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Stimuli) != 13 || len(r.Pairs) != 7 {
		t.Fatalf("%d stimuli, %d pairs", len(r.Stimuli), len(r.Pairs))
	}
	for k, s := range r.Stimuli {
		// A stimulus' spiking says where it is; reward is by spikes alone.
		if s.Reward != s.Spiking || k > 0 && s.Spiking < r.Stimuli[k-1].Spiking {
			t.Errorf("stimulus at %v: spikes in %v of the trials, reward in %v", s.Distance, s.Spiking, s.Reward)
		}
		// A spike is worth 1: the expected change is what lies just above.
		if !(s.Discontinuity.Mean >= 0 && s.Discontinuity.Mean <= s.NearThreshold+1e-12) {
			t.Errorf("stimulus at %v: change %v with %v near the threshold", s.Distance, s.Discontinuity.Mean, s.NearThreshold)
		}
	}
	for k, pair := range r.Pairs {
		if math.Abs(pair.Spiking-0.5) > 0.04 {
			t.Errorf("pair at %v spikes in %v of the trials, want about half", pair.Distance, pair.Spiking)
		}
		if math.Abs(pair.RateAverage.Mean-r.Pairs[0].RateAverage.Mean) > 0.01 {
			t.Errorf("pair at %v: the rate-based change %v is not that of the other pairs", pair.Distance, pair.RateAverage.Mean)
		}
		if k > 0 && pair.Discontinuity.Mean >= r.Pairs[k-1].Discontinuity.Mean && pair.Discontinuity.Mean > 0 {
			t.Errorf("pair at %v: change %v, more than nearer the threshold", pair.Distance, pair.Discontinuity.Mean)
		}
	}
}

func TestBadExperimenterTests(t *testing.T) {
	for field, e := range map[string]ExperimenterTest{
		"Distances":  {Distances: []float64{-1}},
		"Trials":     {Trials: 1},
		"Window":     {Window: -1},
		"Weight":     {Weight: -2},
		"NoiseSD":    {NoiseSD: -1},
		"RewardFrom": {RewardFrom: 50},
	} {
		_, err := e.Run(context.Background(), nil)
		requireInvalid(t, field, err)
	}
}
