package figures

import (
	"errors"
	"fmt"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
)

// An arm with Less is drawn and told as differences within seeds, however the
// seeds are sorted.
func TestDifferencesAreWithinSeeds(t *testing.T) {
	seed := func(seed uint64, level float64, epochs int) *rddkit.Record {
		return record(t, rddkit.Experiment{Seed: seed}, epochs, level)
	}
	short := Arm{Name: "90 s", Records: []*rddkit.Record{seed(1, 61, 3), seed(0, 60, 3), seed(7, 1, 3)}}
	long := Arm{Name: "180 s", Records: []*rddkit.Record{seed(0, 62, 4), seed(1, 67, 3), seed(8, 99, 3)}}
	arms := Minus(short, long)
	f := SignAlignment(arms...)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	// By hand: 2 and 6, mean 4, sample s.d. √8, divided by √2.
	if s := namedSeries(f, 2)["180 s"]; fmt.Sprint(s.X, s.Y, s.Error) != "[0 1 2] [4 4 4] [2 2 2]" {
		t.Errorf("differences %v ± %v at %v", s.Y, s.Error, s.X)
	}
	if y := f.Panels[0].Y; y.Text() != "sign alignment, difference (points)" || namedSeries(f, 0)[""].Kind != chart.Horizontal {
		t.Errorf("the axis is %q", y.Text())
	}
	if s := namedSeries(TrainingError(arms...), 0)["180 s"]; fmt.Sprint(s.Y) != "[0 -4 -4 -4]" {
		t.Errorf("errors differ by %v", s.Y)
	}
	last := rddkit.Signs(1).At(2)
	if rows := Rows(append(arms, short), last, rddkit.Signs(2).At(2)); fmt.Sprint(rows) != "[[180 s 2 +4.00 ± 2.00 +4.00 ± 2.00] [90 s 3 42.67 ± 19.84 43.67 ± 19.84]]" {
		t.Errorf("rows %v", rows)
	}
	arms[0].Less = []*rddkit.Record{nil}
	var bad *invalid.Error
	if err := SignAlignment(arms...).Validate(); !errors.As(err, &bad) || bad.Field != "arms[0].Less[0]" {
		t.Errorf("error %v", err)
	}
	arms[0].Less = short.Records[2:]
	if err := SignAlignment(arms...).Validate(); !errors.As(err, &bad) {
		t.Errorf("no seed in common: %v", err)
	}
}

func TestCurvesLessTheFirst(t *testing.T) {
	x := []float64{0, 0.5}
	first := chart.Curve{X: x, Runs: [][]float64{{1, 2}, {3, 4}}}
	rows := LessFirst("w = %g", first, chart.Curve{X: x, Runs: [][]float64{{1, 4}, {3, 10}}})
	if fmt.Sprint(rows) != "[[w = 0 +0.00 ± 0.00] [w = 0.5 +4.00 ± 2.00]]" {
		t.Errorf("rows %v", rows)
	}
}
