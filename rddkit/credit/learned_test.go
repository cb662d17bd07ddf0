package credit

import (
	"fmt"
	"testing"
)

func TestTablesOfLearning(t *testing.T) {
	starts := [][]float64{{0, 0}, {1, 1}}
	run := func(shift float64) []*Trajectory {
		var all []*Trajectory
		for _, k := range []float64{1, 3} {
			all = append(all, &Trajectory{Time: []float64{5, 10}, Weights: [][]float64{{0, 0}, {k + shift, 0}}, Rates: [][]float64{{k, 1}, {20 + k, 2}}})
		}
		return all
	}
	a := Learned{ObservedDependenceRule(), 0.5, starts, run(0)}
	b := Learned{SpikeDiscontinuityRule(0.1), 0.5, starts, run(-1)}
	for want, got := range map[string][]any{
		"[0.5 observed dependence 2 1 2 1]":                                 row(EndsTable([]float64{0, 0}, 2.5, a, b)),
		"[0.5 observed dependence less discontinuity, window 0.1 1 0 +Inf]": PairedEnds([]float64{0, 0}, a, b),
		"[0.5 observed dependence 2.0 ± 1.0 1.0 ± 0.0 10 22.0 ± 1.0]":       row(RatesTable(5, 20, a)),
		"[0.5 observed dependence 2.0 ± 1.0 1.0 ± 0.0 – 22.0 ± 1.0]":        row(RatesTable(5, 60, a)),
	} {
		if fmt.Sprint(got) != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	compared := &Compared{Comparison: EstimatorComparison{Estimators: []EffectEstimator{ObservedDependence(), LocalLinear{}}}, Cells: [][]ComparisonCell{{{
		Correlation: 0.9, AtCrossing: Summary{Mean: -4}, Estimates: []Summary{{-2, 1, 4}, {-5, 0.8, 4}}, Windows: []Summary{{Mean: 9}, {Mean: 0.2}}, Coverage: []float64{0, 0.95},
	}}}}
	if got := fmt.Sprint(row(compared.Errors())); got != "[0.9 1 -4 -50.0 ± 12.5 25.0 ± 10.0]" {
		t.Error(got)
	}
	if got := fmt.Sprint(row(compared.Coverages(0, 1))); got != "[0.9 discontinuity, local linear, window from the data 0.2 95]" {
		t.Error(got)
	}
}

func row(_ []string, rows [][]any) []any { return rows[0] }
