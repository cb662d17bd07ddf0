package chart

import (
	"errors"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
)

func TestArmsAreDrawnUnderTheirNames(t *testing.T) {
	short := rddkit.Experiment{Dataset: "cifar10"}
	long := short
	long.RDDTime = 180
	f := SignAlignmentOf(
		Arm{Name: "90 s", Records: []*rddkit.Record{record(t, short, 3, 60), record(t, short, 2, 64)}},
		Arm{Name: "180 s", Records: []*rddkit.Record{record(t, long, 3, 70)}, Color: Purple, Figure: "Fig. 2", Series: "RDD long"},
	)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	named := namedSeries(f, 1) // FC2
	if got := named["90 s"]; len(got.Y) != 2 || got.Y[1] != 64 || got.Error[1] != 2 {
		t.Errorf("90 s is %+v, want the mean 64 ± 2 of 62 and 66 in epoch 1", got)
	}
	if got := named["180 s"]; len(got.Y) != 3 || got.Y[0] != 71 || got.Color != Purple {
		t.Errorf("180 s is %+v, want 71, 72, 73 in purple", got)
	}
	if got := named["report, Fig. 2 RDD long"]; len(got.Y) != 3 || got.Style != Reported || got.Color != Purple || got.Y[0] < 76 || got.Y[0] > 77 {
		t.Errorf("the report's curve is %+v, want its first three points from 76.4 in the arm's colour", got)
	}
}

// The report's first training error is after an epoch, ours is before it.
func TestTrainingErrorsOfArms(t *testing.T) {
	f := TrainingErrorOf(Arm{Name: "a", Records: []*rddkit.Record{record(t, rddkit.Experiment{Dataset: "cifar10"}, 3, 60)}, Figure: "left", Series: "FA"})
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := namedSeries(f, 0)["report, Fig. 4 left, FA"]; len(got.X) != 3 || got.X[0] != 1 || got.X[2] != 3 || got.Y[0] < 53.9 || got.Y[0] > 54 {
		t.Errorf("the report's curve is %+v, want 53.94 after the first epoch of three", got)
	}
}

func TestArmsThatCannotBeDrawn(t *testing.T) {
	r := []*rddkit.Record{record(t, rddkit.Experiment{}, 2, 60)}
	for what, f := range map[string]Figure{
		"no arms":          SignAlignmentOf(),
		"an arm of none":   RSelfOf(Arm{Name: "none"}),
		"no such panel":    TrainingErrorOf(Arm{Name: "a", Records: r, Figure: "Fig. 4", Series: "RDD"}),
		"no such a figure": SignAlignmentOf(Arm{Name: "a", Records: r, Figure: "Fig. 9", Series: "RDD"}),
	} {
		var bad *invalid.Error
		if err := f.Validate(); !errors.As(err, &bad) {
			t.Errorf("%s: %v, want an invalid input", what, err)
		}
	}
	if err := RSelfOf(Arm{Name: "a", Records: r}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestGridsTitlePanels(t *testing.T) {
	x, y := Axis{Label: "x"}, Axis{Label: "y"}
	line := Curve{Name: "a", X: []float64{0, 1}, Runs: [][]float64{{1, 2}}}
	named, own := Curves("left", x, y, line), Curves("", x, y, line)
	own.Panels[0].Title = "right"
	grid := Grid("both", 2, named, own)
	if grid.Title != "both" || grid.Panels[0].Title != "left" || grid.Panels[1].Title != "right" || named.Panels[0].Title != "" {
		t.Errorf("the titles are %q, %q and %q; the figure's own panel has %q", grid.Title, grid.Panels[0].Title, grid.Panels[1].Title, named.Panels[0].Title)
	}
}
