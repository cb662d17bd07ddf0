package figures

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/report"
)

// record makes one whose sign alignment in layer l after e epochs is
// level + l + e, and whose training error is 90 − that of layer 0.
func record(t *testing.T, e rddkit.Experiment, epochs int, level float64) *rddkit.Record {
	t.Helper()
	e.Epochs = epochs
	e, err := e.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	r := &rddkit.Record{Experiment: e, Dir: t.TempDir()}
	r.Symmetry = make([][][]align.Metrics, 3)
	r.TrainError = []float64{90}
	for epoch := range epochs {
		r.LearnSeconds, r.TrainSeconds, r.TestSeconds = append(r.LearnSeconds, 1), append(r.TrainSeconds, 1), append(r.TestSeconds, 1)
		r.TrainError = append(r.TrainError, 90-level-float64(epoch))
		for layer := range r.Symmetry {
			m := align.Metrics{SignAlignment: level + float64(layer+epoch), Self: -level}
			r.Symmetry[layer] = append(r.Symmetry[layer], []align.Metrics{{}, m})
		}
	}
	r.TestError = r.TrainError
	return r
}

func namedSeries(f chart.Figure, panel int) map[string]chart.Series {
	named := map[string]chart.Series{}
	for _, s := range f.Panels[panel].Series {
		named[s.Name] = s
	}
	return named
}

func TestSignAlignmentGroupsSeeds(t *testing.T) {
	rdd, fa := rddkit.Experiment{Dataset: "cifar10"}, rddkit.Experiment{Dataset: "cifar10", Method: rddkit.FeedbackAlignment}
	second := rdd
	second.Seed = 1
	f := SignAlignment(record(t, rdd, 3, 60), record(t, fa, 3, 50), record(t, second, 2, 64))
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(f.Panels) != 3 || f.Panels[1].Title != "FC2" {
		t.Fatalf("%d panels, the second %q", len(f.Panels), f.Panels[1].Title)
	}
	named := namedSeries(f, 1)
	ours := named["RDD"]
	// Two seeds at 61 and 65 (one more each epoch), as far as the shorter goes.
	if fmt.Sprint(ours.X, ours.Y, ours.Error) != "[0 1] [63 64] [2 2]" || ours.Color != chart.Blue {
		t.Errorf("RDD is %v ± %v at %v", ours.Y, ours.Error, ours.X)
	}
	if s := named["FA"]; fmt.Sprint(s.Y, s.Error) != "[51 52 53] []" || s.Color != chart.Vermillion {
		t.Errorf("FA is %v ± %v", s.Y, s.Error)
	}
	want, err := report.SignAlignment("Fig. 1(a)", "FC2", "RDD")
	if err != nil {
		t.Fatal(err)
	}
	if s := named["RDD, report (CIFAR-10)"]; fmt.Sprint(s.X, s.Y) != fmt.Sprint([]float64{0, 1}, want.Values[:2]) || s.Style != chart.Reported || s.Color != chart.Blue {
		t.Errorf("the report's curve is %v at %v", s.Y, s.X)
	}
	if first := f.Panels[1].Series[0]; first.Style != chart.Reported {
		t.Error("the report's curves are not drawn first")
	}
}

func TestArmsAreToldApart(t *testing.T) {
	short, long := rddkit.Experiment{}, rddkit.Experiment{RDDTime: 180, Drive: "fresh"}
	f := SignAlignment(record(t, short, 2, 60), record(t, long, 2, 70))
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	named := namedSeries(f, 0)
	for _, name := range []string{"RDD, drive accumulating, rdd-time 90", "RDD, drive fresh, rdd-time 180"} {
		if _, ok := named[name]; !ok {
			t.Errorf("no series %q", name)
		}
	}
	if len(named) != 2 {
		t.Errorf("series %v: the report's curve stands for neither", named)
	}
}

func TestDataSetsHaveTheirOwnPanels(t *testing.T) {
	f := SignAlignment(record(t, rddkit.Experiment{Dataset: "mnist"}, 2, 60), record(t, rddkit.Experiment{Dataset: "usps"}, 2, 60))
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(f.Panels) != 6 || f.Panels[3].Title != "usps FC1" {
		t.Fatalf("%d panels, the fourth %q", len(f.Panels), f.Panels[3].Title)
	}
	if _, ok := namedSeries(f, 3)["RDD, report (CIFAR-10)"]; !ok {
		t.Error("the report's curve does not say what it is for")
	}
	if named := namedSeries(RSelf(record(t, rddkit.Experiment{Dataset: "mnist"}, 2, 60)), 0); len(named) != 1 {
		t.Errorf("R_self on another data set has the series %v", named)
	}
}

func TestTrainingErrorIsShifted(t *testing.T) {
	f := TrainingError(record(t, rddkit.Experiment{Dataset: "cifar10"}, 3, 30))
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	want, err := report.TrainingError("left", "RDD")
	if err != nil {
		t.Fatal(err)
	}
	named := namedSeries(f, 0)
	if s := named["RDD, report (CIFAR-10)"]; fmt.Sprint(s.X, s.Y) != fmt.Sprint([]float64{1, 2, 3}, want.Values[:3]) {
		t.Errorf("the report's curve is %v at %v", s.Y, s.X)
	}
	if s := named["RDD"]; fmt.Sprint(s.X, s.Y) != "[0 1 2 3] [90 60 59 58]" {
		t.Errorf("ours is %v at %v", s.Y, s.X)
	}
	if err := TestError(record(t, rddkit.Experiment{}, 3, 30)).Validate(); err != nil {
		t.Error(err)
	}
}

// Of a record's weights those pairs are drawn that a stored copy has, and the
// title is of all.
func TestWeightsOfARecord(t *testing.T) {
	runner := rddkit.Runner{Dir: t.TempDir()}
	r, err := runner.Run(context.Background(), rddkit.Experiment{Method: rddkit.FeedbackAlignment, Epochs: 1, TrainLimit: 16, TestLimit: 8, BatchSize: 16})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := rddkit.Store(r, t.TempDir(), rddkit.PairsStored)
	if err != nil {
		t.Fatal(err)
	}
	f := Weights(r)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(f.Panels) != r.Layers() {
		t.Fatalf("%d panels of %d layers", len(f.Panels), r.Layers())
	}
	sampled := false
	for i := range f.Panels {
		x, y, err := stored.Pairs(i + 1)
		if err != nil {
			t.Fatal(err)
		}
		if cloud := namedSeries(f, i)["FA"]; !slices.Equal(cloud.X, x) || !slices.Equal(cloud.Y, y) {
			t.Errorf("FC%d: %d pairs, not the %d that are stored", i+1, len(cloud.X), len(x))
		}
		forward, feedback, err := r.Pairs(i + 1)
		if err != nil {
			t.Fatal(err)
		}
		sampled = sampled || len(forward) > rddkit.PairsStored
		all := WeightScatter("", Pairs{Name: fmt.Sprintf("FA FC%d", i+1), Feedforward: forward, Feedback: feedback}).Panels[0].Title
		if f.Panels[i].Title != all {
			t.Errorf("title %q, want that of all weights, %q", f.Panels[i].Title, all)
		}
	}
	if !sampled {
		t.Error("no layer has more pairs than are drawn")
	}
	without, err := rddkit.Store(r, t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var bad *invalid.Error
	if err := Weights(without).Validate(); !errors.As(err, &bad) {
		t.Errorf("a record without weights gave %v", err)
	}
}

func TestTitlesOfWeights(t *testing.T) {
	for want, p := range map[string]Pairs{
		"FC3: r = −0.34, signs 83.3 %": {Name: "FC3", Feedforward: []float64{1, 2, 3, 4, 5, 6}, Feedback: []float64{2, 4, 6, 8, 10, -12}},
		"FC1: r = –, signs 50.0 %":     {Name: "FC1", Feedforward: []float64{1, 1, 1}, Feedback: []float64{0, 4, -6}},
		"one":                          {Name: "one", Feedforward: []float64{1}, Feedback: []float64{1}},
	} {
		if got := WeightScatter("", p).Panels[0].Title; got != want {
			t.Errorf("title %q, want %q", got, want)
		}
	}
}

func TestRecordFiguresRefuseNothing(t *testing.T) {
	var bad *invalid.Error
	for name, f := range map[string]chart.Figure{"none": SignAlignment[*rddkit.Record](), "nil": TrainingError([]*rddkit.Record{nil}...), "empty": Weights(&rddkit.Record{})} {
		if err := f.Validate(); !errors.As(err, &bad) || !strings.HasPrefix(bad.Field, "records") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if picture, err := SignAlignment[Arm]().PNG(); err == nil || !bytes.Equal(picture, nil) {
		t.Error("no records gave a picture")
	}
}

func TestMeasuresAreDrawn(t *testing.T) {
	perLayer, whole := record(t, rddkit.Experiment{}, 2, 60), record(t, rddkit.Experiment{Seed: 1}, 2, 60)
	perLayer.Measured = map[string][][][]float64{"norm": {{{9, 9, 9}, {1, 2, 3}}, {{9, 9, 9}, {4, math.NaN(), 6}}}, "loss": {{{0.5}}, {{0.4}}}}
	whole.Measured = map[string][][][]float64{"loss": {{{0.7}}, {{0.6}}}}
	f := Measured("norm", perLayer)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if s := namedSeries(f, 2)["RDD"]; len(f.Panels) != 3 || fmt.Sprint(s.Y) != "[3 6]" || f.Panels[2].Y.Label != "norm" {
		t.Errorf("%d panels, FC3 %v", len(f.Panels), s.Y)
	}
	f = Measured("loss", Arm{Name: "a", Records: []*rddkit.Record{perLayer, whole}})
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if s := namedSeries(f, 0)["a"]; len(f.Panels) != 1 || math.Abs(s.Y[0]-0.6) > 1e-12 || f.Panels[0].X.Label != "epoch" {
		t.Errorf("%d panels, %v", len(f.Panels), s.Y)
	}
	nan := math.NaN()
	perLayer.Measured["angle"] = [][][]float64{{{nan, 9, 9}}, {{nan, 9, 9}}}
	if f := Measured("angle", perLayer); f.Validate() != nil || len(f.Panels) != 2 || f.Panels[0].Title != "FC2" || f.Columns != 2 {
		t.Errorf("a layer without the quantity: %d panels in rows of %d, %v", len(f.Panels), f.Columns, f.Validate())
	}
	perLayer.Measured["angle"] = [][][]float64{{{nan, nan, nan}}, {{nan, nan, nan}}}
	var bad *invalid.Error
	if err := Measured("angle", perLayer).Validate(); !errors.As(err, &bad) {
		t.Errorf("no layer with the quantity: %v", err)
	}
	if err := Measured("norm", perLayer, whole).Validate(); !errors.As(err, &bad) || !strings.Contains(bad.Allowed, "loss") {
		t.Errorf("a record without the measure: %v", err)
	}
	perLayer.Symmetry[0][1][1].Angle = 45
	if s := namedSeries(Angle(perLayer), 0)["RDD"]; s.Y[1] != 45 {
		t.Errorf("angles %v", s.Y)
	}
}
