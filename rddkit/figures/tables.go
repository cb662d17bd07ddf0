package figures

import (
	"fmt"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
)

// Minus returns the arms with base's records as what is subtracted ([Arm].Less).
func Minus(base Arm, arms ...Arm) []Arm {
	less := make([]Arm, len(arms))
	for i, a := range arms {
		less[i] = a
		less[i].Less = base.Records
	}
	return less
}

// Rows is a table of arms: the name, the number of seeds, and of each of some
// numbers the mean over the seeds ± its standard error; of an arm with Less the
// mean difference within seeds.
func Rows(arms []Arm, of ...func(*rddkit.Record) float64) [][]any {
	var rows [][]any
	for _, a := range arms {
		row := []any{a.Name, 0}
		for _, number := range of {
			e := rddkit.Mean(a.Records, number)
			text := e.String()
			if len(a.Less) > 0 {
				e = rddkit.Paired(a.Records, a.Less, number)
				text = e.Signed()
			}
			row[1], row = e.Seeds, append(row, text)
		}
		rows = append(rows, row)
	}
	return rows
}

// LessFirst is a table of curves with the same points and the same runs: at each x,
// as format has it ("w = %g"), the mean difference within runs of every further
// curve less the first.
func LessFirst(format string, curves ...chart.Curve) [][]any {
	var rows [][]any
	for k, x := range curves[0].X {
		row := []any{fmt.Sprintf(format, x)}
		for _, c := range curves[1:] {
			row = append(row, rddkit.PairedValues(at(c, k), at(curves[0], k)).Signed())
		}
		rows = append(rows, row)
	}
	return rows
}

// at are the values of a curve's runs at its k-th point.
func at(c chart.Curve, k int) []float64 {
	values := make([]float64, len(c.Runs))
	for i, run := range c.Runs {
		values[i] = run[k]
	}
	return values
}
