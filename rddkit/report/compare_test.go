package report

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
)

// made is a record of so many epochs whose sign alignment, R_self and training
// error in epoch e are e, -e and 100-e, the first two 1000 apart between layers.
func made(t *testing.T, e rddkit.Experiment, epochs int) *rddkit.Record {
	t.Helper()
	e, err := e.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	r := &rddkit.Record{Experiment: e}
	r.Symmetry = make([][][]align.Metrics, 3)
	for epoch := range epochs {
		for layer := range r.Symmetry {
			value := float64(epoch + 1000*(layer+1))
			before := align.Metrics{SignAlignment: -1, Self: -1} // at the start of the RDD phase
			r.Symmetry[layer] = append(r.Symmetry[layer], []align.Metrics{before, {SignAlignment: value, Self: -value}})
		}
		r.TrainSeconds = append(r.TrainSeconds, 1)
	}
	for epoch := range epochs + 1 {
		r.TrainError = append(r.TrainError, 100-float64(epoch))
	}
	return r
}

var (
	fa    = rddkit.Experiment{Dataset: "cifar10", Method: rddkit.FeedbackAlignment, LearningRate: 0.05, Epochs: 60}
	fresh = rddkit.Experiment{Dataset: "cifar10", Drive: "fresh", Epochs: 60, Seed: 3}
	large = rddkit.Experiment{Dataset: "cifar10", BatchSize: 1024, Epochs: 60, Seed: 3}
)

func comparisonOf(t *testing.T, all []Comparison, figure, panel, quantity, series string) Comparison {
	t.Helper()
	for _, c := range all {
		if c.Curve.Figure == figure && strings.HasPrefix(c.Curve.Panel, panel) && c.Curve.Quantity == quantity && c.Curve.Series == series {
			return c
		}
	}
	t.Fatalf("no comparison for %s %s %s %s", figure, panel, quantity, series)
	return Comparison{}
}

func TestEveryCurveIsComparedAtItsOwnEpochs(t *testing.T) {
	all := Compare(made(t, fa, 12), made(t, fresh, 60), made(t, large, 60))
	if len(all) != len(Curves()) {
		t.Fatalf("%d comparisons of %d curves", len(all), len(Curves()))
	}
	for _, c := range []struct {
		figure, panel, quantity, series string
		epochs                          int
		ours                            float64 // at epoch 10
	}{
		{"Fig. 1(a)", "FC2", SignAlignmentQuantity, "RDD", 60, 2010},
		{"Fig. 1(d)", "FC3", RSelfQuantity, "RDD", 60, -3010},
		{"Fig. 1(a)", "FC1", SignAlignmentQuantity, "FA", 12, 1010},
		{"Fig. 3", "FC1", SignAlignmentQuantity, "FA", 12, 1010},
		{"Fig. 4", "left", TrainingErrorQuantity, "RDD", 60, 89}, // after 11 epochs of training
		{"Fig. 4", "right", TrainingErrorQuantity, "FA", 12, 89},
	} {
		got := comparisonOf(t, all, c.figure, c.panel, c.quantity, c.series)
		if got.Run == nil || len(got.Ours) != c.epochs || got.Ours[10] != c.ours {
			t.Errorf("%s %s %s: ours %v, want %d values, %g at epoch 10", c.figure, c.panel, c.series, got.Ours, c.epochs, c.ours)
			continue
		}
		if want := c.ours - got.Curve.Values[10]; got.Difference(10) != want || !math.IsNaN(got.Difference(c.epochs)) {
			t.Errorf("%s %s %s: difference %g, want %g, and NaN behind the end", c.figure, c.panel, c.series, got.Difference(10), want)
		}
	}
}

// A run of any other settings does not stand for the report's.
func TestOnlyTheReportsSettingsCount(t *testing.T) {
	few, small, resting := fa, fa, fresh
	few.TrainLimit, small.Dataset, resting.TrainEpochs = 2000, "mnist", rddkit.None
	freshLarge := fresh
	freshLarge.BatchSize = 1024
	for _, c := range Compare(made(t, few, 60), made(t, small, 60), made(t, resting, 60), made(t, freshLarge, 60), made(t, fa, 0)) {
		if c.Run != nil || c.Ours != nil || c.Last() != -1 {
			t.Errorf("%s %s %s is compared with %+v", c.Curve.Figure, c.Curve.Panel, c.Curve.Series, c.Run.Experiment)
		}
	}
	long := rddkit.Experiment{Dataset: "cifar10", RDDTime: 180}
	largeFA := fa
	largeFA.BatchSize, largeFA.LearningRate = 1024, 0
	for _, c := range Compare(made(t, long, 100), made(t, largeFA, 100)) {
		extended := c.Curve.Figure == "Fig. 2" || strings.HasPrefix(c.Curve.Panel, "middle")
		if (c.Run != nil) != extended { // the runs of 180 s stand in for those with batches of 1024
			t.Errorf("%s %s %s: run %v", c.Curve.Figure, c.Curve.Panel, c.Curve.Series, c.Run)
		}
		if extended && len(c.Ours) != len(c.Curve.Values) {
			t.Errorf("%s: %d values of ours beside %d", c.Curve.Figure, len(c.Ours), len(c.Curve.Values))
		}
	}
}

func TestTheRunThatGotFarthestIsCompared(t *testing.T) {
	another := fresh
	another.Seed = 4
	c := comparisonOf(t, Compare(made(t, fresh, 5), made(t, another, 7), made(t, fresh, 6)), "Fig. 1(a)", "FC1", SignAlignmentQuantity, "RDD")
	if c.Run.Experiment.Seed != 4 || c.Last() != 6 {
		t.Errorf("seed %d to epoch %d, want seed 4 to epoch 6", c.Run.Experiment.Seed, c.Last())
	}
}

// The RDD of the left of Fig. 4 is not that of Fig. 1.
func TestTheSettingsOfTheFigureComeFirst(t *testing.T) {
	small := large
	small.BatchSize = 128
	all := Compare(made(t, fresh, 60), made(t, small, 60), made(t, large, 2))
	errors := comparisonOf(t, all, "Fig. 4", "left", TrainingErrorQuantity, "RDD").Run.Experiment
	signs := comparisonOf(t, all, "Fig. 1(a)", "FC1", SignAlignmentQuantity, "RDD").Run.Experiment
	if errors.BatchSize != 1024 || errors.Drive != "accumulating" || signs.BatchSize != 128 || signs.Drive != "fresh" {
		t.Errorf("batches of %d and the drive %s for the error, %d and %s for the alignment", errors.BatchSize, errors.Drive, signs.BatchSize, signs.Drive)
	}
	all = Compare(made(t, small, 60))
	if run := comparisonOf(t, all, "Fig. 4", "left", TrainingErrorQuantity, "RDD").Run; run == nil || run.Experiment.BatchSize != 128 {
		t.Errorf("%v stands in for the batches of 1024", run)
	}
}

func TestTheTableSaysWhatIsThere(t *testing.T) {
	table := Markdown(Compare(made(t, fa, 12)))
	name, err := fa.Name()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := TrainingError("left", "FA")
	if err != nil {
		t.Fatal(err)
	}
	at := func(epoch int) string {
		return fmt.Sprintf("%d.00, %.2f (%+.2f)", 99-epoch, theirs.Values[epoch], float64(99-epoch)-theirs.Values[epoch])
	}
	for _, line := range []string{
		"| FA of Fig. 1(a), Fig. 1(d), Fig. 3, Fig. 4 left, Fig. 4 right | " + name + " | 12 of 60 | `go run ./rddkit/cmd/rdd train -dataset cifar10 -method fa -epochs 60 -learning-rate 0.05` |",
		"| FA of Fig. 2, Fig. 4 middle | not run |  | `go run ./rddkit/cmd/rdd train -dataset cifar10 -method fa -batch-size 1024` |",
		"| Fig. 4 | left (reproduction) | training error | FA | " + at(0) + " | " + at(10) + " | – | epoch 11: " + at(11) + " |",
		"| Fig. 1(a) | FC1 | sign alignment | RDD | not run | not run | not run | not run |",
	} {
		if !strings.Contains(table, line+"\n") {
			t.Errorf("lacks\n%s\nin\n%s", line, table)
		}
	}
}
