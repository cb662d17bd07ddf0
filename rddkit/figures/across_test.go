package figures

import (
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
)

func TestAcrossHasAPointForEachExperiment(t *testing.T) {
	few, many := rddkit.Experiment{TrainLimit: 100}, rddkit.Experiment{TrainLimit: 900}
	second := few
	second.Seed = 1
	x, y := chart.Axis{Label: "images"}, chart.Axis{Label: "sign alignment", Unit: "%"}
	images := func(e rddkit.Experiment) float64 { return float64(e.TrainLimit) }
	f := Across(x, images, y, rddkit.Signs(1).At(-1), record(t, few, 1, 60), record(t, many, 1, 70), record(t, second, 1, 64))
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	s := namedSeries(f, 0)["RDD"]
	if len(s.X) != 2 || s.X[0] != 100 || s.Y[0] != 62 || s.Error[0] != 2 || s.Y[1] != 70 || !math.IsNaN(s.Error[1]) || s.Color != chart.Blue {
		t.Errorf("%+v, want 62 ± 2 at 100 and 70 at 900 in blue", s)
	}
	if Across(x, images, y, rddkit.Signs(1).At(-1)).Validate() == nil {
		t.Error("no records are drawn")
	}
}
