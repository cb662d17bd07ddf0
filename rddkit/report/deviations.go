package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit"
)

// Of returns the comparisons of some figures, such as "Fig. 2" or "Fig. 4 middle".
func Of(comparisons []Comparison, figures ...string) (of []Comparison) {
	for _, c := range comparisons {
		if slices.ContainsFunc(figures, func(f string) bool {
			return strings.HasPrefix(c.Curve.Figure+" "+c.Curve.Panel+" ", f)
		}) {
			of = append(of, c)
		}
	}
	return of
}

// Deviations is a table of how far our runs are from the report's curves, in each
// quantity's unit: at epoch 0, and the mean, lowest and highest of later epochs.
// Curves without a run are left out.
func Deviations(comparisons []Comparison) (headers []string, rows [][]any) {
	headers = []string{"figure", "panel", "quantity", "series", "epochs", "epoch 0", "later: mean", "from", "to"}
	for _, c := range comparisons {
		var later []float64
		for epoch := 1; epoch <= c.Last(); epoch++ {
			later = append(later, c.Difference(epoch))
		}
		if len(later) == 0 {
			continue
		}
		row := []any{c.Curve.Figure, c.Curve.Panel, c.Curve.Quantity, c.Curve.Series, c.Last() + 1}
		for _, d := range []float64{c.Difference(0), stat.Mean(later, nil), slices.Min(later), slices.Max(later)} {
			row = append(row, fmt.Sprintf("%+.2f", d))
		}
		rows = append(rows, row)
	}
	return headers, rows
}

// At is a table of curves of the report at some epochs; negative ones count from the
// end, -1 is the last. Where a curve does not go it has no number.
func At(epochs []int, curves ...Curve) (headers []string, rows [][]any) {
	headers = []string{"figure", "panel", "quantity", "series"}
	for _, epoch := range epochs {
		name := fmt.Sprintf("epoch %d", epoch)
		if epoch == -1 {
			name = "last"
		}
		headers = append(headers, name)
	}
	for _, c := range curves {
		row := []any{c.Figure, c.Panel, c.Quantity, c.Series}
		for _, epoch := range epochs {
			if epoch < 0 {
				epoch += len(c.Values)
			}
			value := math.NaN()
			if epoch >= 0 && epoch < len(c.Values) {
				value = c.Values[epoch]
			}
			row = append(row, value)
		}
		rows = append(rows, row)
	}
	return headers, rows
}

// Distance is the root mean square distance of records, in the mean over seeds, to
// curves of the report, over all epochs from first to last that records and curves
// have; in the curves' unit, and NaN if they have none.
func Distance(records []*rddkit.Record, first, last int, curves ...Curve) float64 {
	var sum, n float64
	for _, c := range curves {
		for epoch := first; epoch <= min(last, len(c.Values)-1); epoch++ {
			ours := rddkit.Mean(records, func(r *rddkit.Record) float64 {
				if values := c.of(r); epoch < len(values) {
					return values[epoch]
				}
				return math.NaN()
			})
			if d := ours.Mean - c.Values[epoch]; !math.IsNaN(d) {
				sum, n = sum+d*d, n+1
			}
		}
	}
	return math.Sqrt(sum / n)
}

// Tolerance is how far from the curve a run may be to agree with it, in its unit: two
// points of alignment or error, a tenth of the curve's range of R_self.
func (c Curve) Tolerance() float64 {
	if c.Quantity == RSelfQuantity {
		return (slices.Max(c.Values) - slices.Min(c.Values)) / 10
	}
	return 2
}

// Told is what a curve tells of a setting, by the distances to it of runs with the
// value that was chosen and with one that was rejected: a curve within whose tolerance
// both are tells nothing, nor does one by which the value was chosen.
func (c Curve) Told(chosen, rejected float64, fitted bool) string {
	switch within := c.Tolerance(); {
	case chosen > within:
		return "does not agree"
	case fitted:
		return "was fitted to"
	case rejected <= within:
		return "does not tell"
	}
	return "agrees"
}

// Select returns the curves of a figure (or of a panel of Fig. 4: "Fig. 4 left"),
// quantity and series.
func Select(figure, quantity, series string) (of []Curve) {
	for _, c := range Curves() {
		if strings.HasPrefix(c.Figure+" "+c.Panel+" ", figure) && c.Quantity == quantity && c.Series == series {
			of = append(of, c)
		}
	}
	return of
}
