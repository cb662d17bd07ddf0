package feedback

import (
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit"
)

// Quantity is something of which a training curve has one number for each of its
// Batches; nil if it has none.
type Quantity func(*TrainingCurve) []float64

// Accuracy is in percent, TestLoss ½ squared error per test image.
var (
	Accuracy Quantity = func(c *TrainingCurve) []float64 { return c.Accuracy }
	TestLoss Quantity = func(c *TrainingCurve) []float64 { return c.TestLoss }
)

// Arriving is the angle in degrees between the error that arrives at a hidden layer
// (0 is the lowest) and the gradient.
func Arriving(layer int) Quantity {
	return func(c *TrainingCurve) []float64 { return c.Angles(layer) }
}

// At is the quantity after so many batches, those of a warm-up not counted; NaN of
// curves that do not have it.
func (q Quantity) At(batches int) func(*TrainingCurve) float64 {
	return func(c *TrainingCurve) float64 {
		values := q(c)
		if k := slices.Index(c.Batches, batches); k >= 0 && k < len(values) {
			return values[k]
		}
		return math.NaN()
	}
}

// Over is the mean ± standard error over the runs of one algorithm.
func Over(runs []*TrainingCurve, by Algorithm, of func(*TrainingCurve) float64) rddkit.Estimate {
	var values []float64
	for _, r := range runs {
		if r.Algorithm == by {
			values = append(values, of(r))
		}
	}
	return rddkit.EstimateOf(values...)
}

// Paired is the mean difference, one algorithm less another, over the seeds that both
// have: their runs begin with the same weights and see the same batches.
func Paired(runs []*TrainingCurve, one, less Algorithm, of func(*TrainingCurve) float64) rddkit.Estimate {
	var differences []float64
	for _, a := range runs {
		for _, b := range runs {
			if a.Algorithm == one && b.Algorithm == less && a.Seed == b.Seed {
				differences = append(differences, of(a)-of(b))
			}
		}
	}
	return rddkit.EstimateOf(differences...)
}

// Common is the largest number of batches after which all runs were tested, 0 if
// there is none.
func Common(runs []*TrainingCurve) int {
	if len(runs) == 0 {
		return 0
	}
	for _, b := range slices.Backward(runs[0].Batches) {
		if !slices.ContainsFunc(runs, func(r *TrainingCurve) bool { return !slices.Contains(r.Batches, b) }) {
			return b
		}
	}
	return 0
}

// AfterTable has the mean ± standard error of a quantity, named what, after so many
// batches: a row for each algorithm that has it.
func AfterTable(what string, runs []*TrainingCurve, of Quantity, batches ...int) (header []string, rows [][]any) {
	header = []string{what + ", ± s.e."}
	for _, b := range batches {
		header = append(header, fmt.Sprintf("after %d batches", b))
	}
	for _, algorithm := range Algorithms {
		if !slices.ContainsFunc(runs, func(r *TrainingCurve) bool { return r.Algorithm == algorithm && of(r) != nil }) {
			continue
		}
		row := []any{algorithm}
		for _, b := range batches {
			row = append(row, Over(runs, algorithm, of.At(b)))
		}
		rows = append(rows, row)
	}
	return header, rows
}

// Table has a row for each hidden layer after none, a tenth, three tenths and all of
// the simulated time, beside node perturbation after none, 320, 3200 and all of its images.
func (m *MeetingCurve) Table() (header []string, rows [][]any) {
	calls, shown := len(m.Seconds)-1, len(m.Images)-1
	for _, c := range []struct {
		part   float64 // of the simulated time
		images int     // place in Images
	}{{0, 0}, {0.1, min(1, shown)}, {0.3, min(3, shown)}, {1, shown}} {
		at, images := int(math.Round(c.part*float64(calls))), c.images
		for layer := range m.RDD {
			r, p := m.RDD[layer][at], m.Perturbation[layer][images]
			rows = append(rows, []any{layer + 1, m.Seconds[at], r.SignAgreement, r.Angle, m.Images[images], p.SignAgreement, p.Angle})
		}
	}
	return []string{"hidden layer", "RDD: seconds", "signs, %", "angle", "NP: images", "signs, %", "angle"}, rows
}
