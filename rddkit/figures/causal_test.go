package figures

import (
	"context"
	"testing"

	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/rd"
)

// Every figure of package credit's results can be drawn, and has the numbers that
// were put in.
func TestFiguresOfCausalEffects(t *testing.T) {
	ctx := context.Background()
	trace, err := credit.MainPair(0.5).Trace(0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	compared, err := credit.EstimatorComparison{Correlations: []float64{0.1, 0.9}, Seconds: 10, Repeats: 3, Estimators: []credit.EffectEstimator{
		credit.ObservedDependence(), credit.SpikeDiscontinuity{Window: 0.2}, credit.SpikeDiscontinuity{Window: 0.3, Linear: true}, credit.LocalLinear{},
	}}.Run(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	run, err := credit.MainPair(0.5).Simulate(ctx, 40, 1)
	if err != nil {
		t.Fatal(err)
	}
	sample := run.Sample(1, credit.CurvedQuadratic, 2)
	jump, err := sample.Sharp(rd.Options{Cutoff: 1})
	if err != nil {
		t.Fatal(err)
	}
	rule, starts := credit.ObservedDependenceRule(), [][]float64{{4, 4}, {12, 9}}
	l := credit.LearnPair(0.5, rule)
	l.Seconds = 10
	trajectories, err := l.LearnFrom(ctx, starts, nil)
	if err != nil {
		t.Fatal(err)
	}
	learned := credit.Learned{Rule: rule, Starts: starts, Trajectories: trajectories}
	field, err := credit.UpdateField{Population: l.Population, Weights: []float64{2, 4, 6, 8, 10, 12, 14, 16}, Seconds: 2, Repeats: 2}.Run(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	predictions, err := credit.ExperimenterTest{Distances: []float64{0, 0.2}, Trials: 50}.Run(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]chart.Figure{
		"membranes": Membranes("membranes", trace), "effects": Effects("effects", compared),
		"cost by drive": CostByDrive("cost", sample, 1, 0.4, 0.15), "windows": WindowErrors("c = 0.9", compared, 1, 1),
		"paths": WeightPaths("paths", field, learned), "distances": DistanceToOptimum("distances", []float64{11, 10}, learned),
		"rates": OneAgainstOthers("rates", learned), "changes": WeightChanges("changes", predictions),
		"jumps": Jumps("jumps", chart.Axis{Label: "times"}, []float64{1}, []*rd.Result{jump}, -3.6),
	} {
		if err := f.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	way := namedSeries(WeightPaths("", field, learned), 0)[rule.String()]
	if last := len(way.X) - 1; way.X[0] != 12 || way.Y[0] != 9 || way.X[last] != trajectories[1].Weights[1][0] {
		t.Errorf("the way from (12, 9) begins at (%v, %v) and ends at %v", way.X[0], way.Y[0], way.X[last])
	}
	estimate := Jumps("", chart.Axis{Label: "times"}, []float64{2}, []*rd.Result{jump}, 0).Panels[0].Series[1]
	if estimate.X[0] != 2 || estimate.Y[0] != jump.Robust.Estimate || !(estimate.Error[0] > jump.Robust.StdErr) {
		t.Errorf("a jump of %v is drawn at %v ± %v", jump.Robust.Estimate, estimate.Y, estimate.Error)
	}
	if CostByDrive("", rd.Sample{X: []float64{1}, Y: []float64{1}}, 1, 0.4, 0.15).Validate() == nil {
		t.Error("a sample of one block is drawn")
	}
}

func TestRulesHaveLooksOfTheirOwn(t *testing.T) {
	seen := make(map[chart.Look]string)
	for _, r := range []credit.Rule{
		credit.TrueEffectOracle(), credit.SpikeDiscontinuityRule(0.1), {Kind: credit.LinearMeansRule, Window: 0.3},
		credit.ObservedDependenceRule(), credit.PublishedRule(0.1), credit.PublishedNaiveRule(), {Kind: credit.ReinforceRule},
	} {
		if other, ok := seen[RuleLook(r)]; ok {
			t.Errorf("%q looks like %q", r, other)
		}
		seen[RuleLook(r)] = r.String()
	}
}
