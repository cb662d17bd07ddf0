package credit

import (
	"math"
	"slices"
	"testing"
)

func TestWhatIsReadOffTrajectories(t *testing.T) {
	run := func(rate ...float64) *Trajectory {
		t := &Trajectory{Time: []float64{5, 10, 15}, Weights: [][]float64{{0, 0}, {3, 4}, {6, 8}}}
		for _, r := range rate {
			t.Rates = append(t.Rates, []float64{r})
		}
		return t
	}
	runs := []*Trajectory{run(1, 4, 9), run(3, 8, 11)}
	if got := Distances(runs, []float64{0, 0}, -1); !slices.Equal(got, []float64{10, 10}) {
		t.Errorf("last distances %v", got)
	}
	if got := Distances(runs, []float64{3, 0}, 1); !slices.Equal(got, []float64{4, 4}) {
		t.Errorf("distances %v", got)
	}
	if s := RateAt(runs, 0, 10); s.Mean != 6 || s.N != 2 || math.Abs(s.StdErr()-2) > 1e-12 {
		t.Errorf("rate at 10 s: %v", s)
	}
	if got := TimeToRate(runs, 0, 6); got != 10 {
		t.Errorf("6 Hz after %v s", got)
	}
	if got := TimeToRate(runs, 0, 60); !math.IsInf(got, 1) {
		t.Errorf("60 Hz after %v s", got)
	}
	if s := PairedDifference([]float64{3, 5}, []float64{1, 1}); s.Mean != 3 || math.Abs(s.StdErr()-1) > 1e-12 {
		t.Errorf("paired: %v", s)
	}
}

func TestTrialsAreClusters(t *testing.T) {
	run := simulate(t, MainPair(0.5), 2, 1) // 100 blocks of 20 ms
	s := run.Sample(1, CurvedQuadratic, 0.5)
	if len(s.X) != 100 || len(s.Y) != 100 || s.Cluster[24] != 0 || s.Cluster[25] != 1 || s.Cluster[99] != 3 {
		t.Errorf("clusters %v", s.Cluster)
	}
	if run.Sample(0, Quadratic, 0).Cluster != nil {
		t.Error("clusters without trials")
	}
	if all := run.Sample(0, Quadratic, 1e12).Cluster; all[99] != 0 {
		t.Error("more than one trial")
	}
}
