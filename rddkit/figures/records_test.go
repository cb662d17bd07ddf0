package figures

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/internal/npy"
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

func TestWeightsOfARecord(t *testing.T) {
	r := record(t, rddkit.Experiment{}, 1, 60)
	for layer := 1; layer <= len(r.Symmetry); layer++ {
		// Two neurons to three: feedback is twice feedforward, but for one sign.
		for name, a := range map[string]struct {
			values []float32
			shape  []int
		}{
			"weight":    {[]float32{1, 2, 3, 4, 5, 6}, []int{3, 2}},
			"fb_weight": {[]float32{2, 6, 10, 4, 8, -12}, []int{2, 3}},
		} {
			if err := npy.WriteFile(filepath.Join(r.Dir, fmt.Sprintf("%s_%d.npy", name, layer)), a.values, a.shape...); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := Weights(r)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	cloud := namedSeries(f, 2)["RDD"]
	if fmt.Sprint(cloud.X, cloud.Y) != "[1 2 3 4 5 6] [2 4 6 8 10 -12]" {
		t.Errorf("pairs %v %v", cloud.X, cloud.Y)
	}
	if title := f.Panels[2].Title; !strings.HasPrefix(title, "RDD FC3: r = ") || !strings.HasSuffix(title, "signs 83.3 %") {
		t.Errorf("title %q", title)
	}
	r.Dir = t.TempDir()
	if err := Weights(r).Validate(); err == nil {
		t.Error("a record without files was drawn")
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
	var bad *invalid.Error
	if err := Measured("norm", perLayer, whole).Validate(); !errors.As(err, &bad) || !strings.Contains(bad.Allowed, "loss") {
		t.Errorf("a record without the measure: %v", err)
	}
	perLayer.Symmetry[0][1][1].Angle = 45
	if s := namedSeries(Angle(perLayer), 0)["RDD"]; s.Y[1] != 45 {
		t.Errorf("angles %v", s.Y)
	}
}
