package figures

import (
	"context"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/spike"
)

func TestRolesLookTheSameEverywhere(t *testing.T) {
	for _, c := range []struct {
		e     rddkit.Experiment
		style chart.Style
		color chart.Color
	}{
		{rddkit.Experiment{Drive: spike.Fresh}, chart.Solid, chart.Blue},
		{rddkit.Experiment{Drive: spike.Fresh, RDDTime: 180}, chart.Dotted, chart.Blue},
		{rddkit.Experiment{}, chart.Dashed, chart.Blue},
		{rddkit.Experiment{RDDTime: 180}, chart.DashDot, chart.Blue},
		{rddkit.Experiment{Method: rddkit.FeedbackAlignment}, chart.Solid, chart.Vermillion},
		{rddkit.Experiment{Method: rddkit.FeedbackAlignment, LearningRate: 0.05}, chart.DashDot, chart.Vermillion},
		{rddkit.Experiment{Method: rddkit.Backpropagation}, chart.Solid, chart.Green},
	} {
		if a := Role("", []*rddkit.Record{record(t, c.e, 2, 50)}, "", ""); a.Style != c.style || a.Color != c.color {
			t.Errorf("%+v: style %q, colour %v", c.e, a.Style, a.Color)
		}
	}
	if err := SignAlignment(Role("none", nil, "", "")).Validate(); err == nil {
		t.Error("an arm without records is drawn")
	}
}

func TestAnglesAreDrawn(t *testing.T) {
	r := record(t, rddkit.Experiment{}, 2, 60)
	for l := range r.Symmetry {
		for e := range r.Symmetry[l] {
			r.Symmetry[l][e][len(r.Symmetry[l][e])-1].Angle = float64(80 - 10*l)
		}
	}
	f := Angle(r)
	if err := f.Validate(); err != nil || len(f.Panels) != 3 || namedSeries(f, 2)["RDD"].Y[0] != 60 {
		t.Errorf("%v, %+v", err, f.Panels)
	}
	r.Measured = map[string][][][]float64{rddkit.GradientAngle: {{{50, 40, 30}}, {{45, 35, 25}}}}
	if f := Measured(rddkit.GradientAngle, r); f.Validate() != nil || namedSeries(f, 1)["RDD"].Y[1] != 35 || f.Panels[0].Y.Text() != "angle to the gradient (degrees)" || !f.ShareY {
		t.Errorf("%v, %+v", f.Validate(), f.Panels)
	}
}

func TestIdeaShowsWindowsOfBothKinds(t *testing.T) {
	p := spike.DefaultParams()
	p.DrivenFraction = 1
	net := &spike.Network{Params: p, Sizes: []int{2, 1}, Weights: [][]float64{{8, -4}}}
	input, err := spike.NewPoissonInput(p, spike.Fresh, 1, 0, net.Sizes, 20_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := spike.Record(context.Background(), net, 20_000, input)
	if err != nil {
		t.Fatal(err)
	}
	f := Idea(r, 0, 0, 0.99, 1.01, 0.05)
	if err := f.Validate(); err != nil || len(f.Panels) != 6 {
		t.Fatalf("%v, %d panels", err, len(f.Panels))
	}
	if Idea(r, 0, 0, 0.99, 1.01, 1e-9).Validate() == nil {
		t.Error("drawn without windows")
	}
}

func TestOverTimeIsInSeconds(t *testing.T) {
	f := OverTime(record(t, rddkit.Experiment{RDDTime: 180}, 3, 50))
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if x := namedSeries(f, 0)["RDD"].X; len(x) != 3 || x[0] != 180 || x[2] != 540 {
		t.Errorf("%v, want 180, 360, 540", x)
	}
}
