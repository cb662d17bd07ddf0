package feedback

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit"
)

// Quantity is something of which a training curve has one number for each of its
// Batches; Of returns nil if it has none.
type Quantity struct {
	Label, Unit string // as an axis has them
	Of          func(*TrainingCurve) []float64
}

var (
	Accuracy = Quantity{"test accuracy", "%", func(c *TrainingCurve) []float64 { return c.Accuracy }}
	TestLoss = Quantity{"test loss per image", "", func(c *TrainingCurve) []float64 { return c.TestLoss }}
	// LeastLoss is the least TestLoss so far, BatchLoss the same per batch of 32
	// images, as the authors give it.
	LeastLoss = Quantity{"least test loss per image", "", func(c *TrainingCurve) []float64 { return least(c, 1) }}
	BatchLoss = Quantity{"least test loss per batch of 32", "", func(c *TrainingCurve) []float64 { return least(c, BatchSize) }}
)

func least(c *TrainingCurve, times float64) []float64 {
	losses := slices.Clone(c.TestLoss)
	for i := range losses {
		losses[i] = times * slices.Min(c.TestLoss[:i+1])
	}
	return losses
}

// Arriving is the angle between the error that arrives at a hidden layer (0 is the
// lowest) and the gradient.
func Arriving(layer int) Quantity {
	return Quantity{"angle to the gradient", "degrees", func(c *TrainingCurve) []float64 { return c.Angles(layer) }}
}

// At is the quantity after so many batches, those of a warm-up not counted; NaN of
// curves that do not have it.
func (q Quantity) At(batches int) func(*TrainingCurve) float64 {
	return func(c *TrainingCurve) float64 {
		values := q.Of(c)
		if k := slices.Index(c.Batches, batches); k >= 0 && k < len(values) {
			return values[k]
		}
		return math.NaN()
	}
}

// text is the label with its unit, as tables have it.
func (q Quantity) text() string { return strings.TrimSuffix(q.Label+", "+q.Unit, ", ") }

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

// Common is the largest number of batches after which all runs of some algorithms were
// tested, of all algorithms if none is named; 0 if there is none.
func Common(runs []*TrainingCurve, by ...Algorithm) (batches int) {
	common := map[int]int{} // how many runs have a number of batches
	n := 0
	for _, r := range runs {
		if by != nil && !slices.Contains(by, r.Algorithm) {
			continue
		}
		n++
		for _, b := range r.Batches {
			common[b]++
		}
	}
	for b, have := range common {
		if have == n {
			batches = max(batches, b)
		}
	}
	return batches
}

// AfterTable has the mean ± standard error of a quantity after so many batches: a row
// for each algorithm that has it.
func AfterTable(runs []*TrainingCurve, of Quantity, batches ...int) (header []string, rows [][]any) {
	header = []string{of.text() + ", ± s.e."}
	for _, b := range batches {
		header = append(header, fmt.Sprintf("after %d batches", b))
	}
	for _, algorithm := range Algorithms {
		if !slices.ContainsFunc(runs, func(r *TrainingCurve) bool { return r.Algorithm == algorithm && of.Of(r) != nil }) {
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
