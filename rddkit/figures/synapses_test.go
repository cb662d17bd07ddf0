package figures

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/rd"
	"github.com/weightalign/lab/rddkit/spike"
)

// What the tour shows of one small layer can be drawn, and is what was computed.
func TestFiguresOfSynapses(t *testing.T) {
	ctx := context.Background()
	layers, err := align.Random(1, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	o := rd.Options{Cutoff: 1, H: rd.Both(0.5), Kernel: rd.Uniform}
	seen, err := align.Observe(ctx, layers[0], spike.Params{}, 1, 60, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := align.Interventions(ctx, layers[0], spike.Params{}, 1, 30, 1, 0.2)
	if err != nil {
		t.Fatal(err)
	}
	found, err := align.Estimates(ctx, layers[0], spike.Params{}, 1, 60, 1, o)
	if err != nil {
		t.Fatal(err)
	}
	learner, err := align.NewRDD(align.RDDOptions{Time: 2, Interval: 1})
	if err != nil {
		t.Fatal(err)
	}
	course, err := align.Follow(ctx, learner, layers)
	if err != nil {
		t.Fatal(err)
	}
	synapses, learning := Synapses("", truth, found), Learning("", course, "4 to 2")
	for name, f := range map[string]chart.Figure{"Jump": Jump("", seen, o), "Synapses": synapses, "Learning": learning} {
		if err := f.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := synapses.Panels[1].Series[1]; s.X[3] != truth.Mean[3] || s.Y[3] != found.Mean[3] || s.Error[3] != found.StandardError[3] {
		t.Errorf("estimates against the truth: %+v", s)
	}
	if s := learning.Panels[1].Series[0]; s.X[2] != 2 || s.Y[2] != course.Reached[0][0][2].Angle {
		t.Errorf("angle over time: %+v", s)
	}
	if (Jump("", align.Observations{}, o)).Validate() == nil {
		t.Error("a jump of no observations is drawn")
	}
	if Learning("", course).Validate() == nil {
		t.Error("layers without names are drawn")
	}
}

// In the interactive twin, too, the way up and the way down are two lines.
func TestPathsAreApart(t *testing.T) {
	text, err := chart.Figure{Panels: []chart.Panel{paths()}}.Option()
	if err != nil {
		t.Fatal(err)
	}
	var option struct {
		XAxis  []struct{ Type string }
		Series []struct {
			Name string
			Data [][]float64
		}
	}
	if err := json.Unmarshal(text, &option); err != nil {
		t.Fatal(err)
	}
	if kind := option.XAxis[0].Type; kind != "value" {
		t.Fatalf("the twin's x axis is a %s axis, which rounds what lies between", kind)
	}
	up, down := option.Series[0].Data, option.Series[1].Data
	if math.Abs(up[0][0]-down[1][0]) < 0.05 || math.Abs(up[1][0]-down[0][0]) < 0.05 {
		t.Errorf("up along %v, down along %v", up, down)
	}
}
