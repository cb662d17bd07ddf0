package reference

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Row compares the numbers of one quantity with this build's.
type Row struct {
	Quantity  string  // e.g. "spikes of layer 1"
	Measure   string  // of the deviation, e.g. "relative", "unequal entries", "largest |z|"
	Numbers   int     // that were compared
	Deviation float64 // the largest, in the unit of Measure; NaN if one could not be measured
	Tolerance float64 // the largest Deviation that passes
}

// OK reports whether the row is within its tolerance. NaN is not.
func (r Row) OK() bool { return r.Deviation <= r.Tolerance }

// Rows collects the rows of one fixture.
type Rows struct{ list []Row }

// Add adds a number's deviation. Numbers of one quantity, measure and tolerance
// share a row, which keeps the largest.
func (r *Rows) Add(quantity, measure string, deviation, tolerance float64) {
	r.add(quantity, measure, 1, deviation, tolerance)
}

func (r *Rows) add(quantity, measure string, numbers int, deviation, tolerance float64) {
	for i := range slices.Backward(r.list) {
		if row := &r.list[i]; row.Quantity == quantity && row.Measure == measure && row.Tolerance == tolerance {
			row.Numbers += numbers
			row.Deviation = max(row.Deviation, deviation) // NaN stays
			return
		}
	}
	r.list = append(r.list, Row{quantity, measure, numbers, deviation, tolerance})
}

// Absolute adds the largest |got − want|. As in the methods below, a deviation
// is NaN where the lengths differ or nothing is compared.
func (r *Rows) Absolute(quantity string, tolerance float64, got, want []float64) {
	r.add(quantity, "absolute", len(want), largest(got, want, func(float64) float64 { return 1 }), tolerance)
}

// Relative adds the largest |got − want| / max(|want|, floor).
func (r *Rows) Relative(quantity string, tolerance, floor float64, got, want []float64) {
	r.add(quantity, "relative", len(want), largest(got, want, func(w float64) float64 { return max(math.Abs(w), floor) }), tolerance)
}

// OfLargest adds the largest |got − want| over the largest |want|.
func (r *Rows) OfLargest(quantity string, tolerance float64, got, want []float64) {
	scale := 0.0
	for _, w := range want {
		scale = max(scale, math.Abs(w))
	}
	if scale == 0 {
		scale = 1
	}
	r.add(quantity, "of the largest", len(want), largest(got, want, func(float64) float64 { return scale }), tolerance)
}

func largest(got, want []float64, unit func(want float64) float64) float64 {
	if len(got) != len(want) || len(got) == 0 {
		return math.NaN()
	}
	worst := 0.0
	for i, w := range want {
		if d := math.Abs(got[i] - w); d != 0 {
			worst = max(worst, d/unit(w)) // NaN stays
		}
	}
	return worst
}

// Unequal adds the number of entries that differ; none may.
func Unequal[T comparable](r *Rows, quantity string, got, want []T) {
	unequal := math.Abs(float64(len(got) - len(want)))
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			unequal++
		}
	}
	r.add(quantity, "unequal entries", len(want), unequal, 0)
}

// Beyond returns the rows that are not within their tolerance.
func (r *Rows) Beyond() (beyond []Row) {
	for _, row := range r.list {
		if !row.OK() {
			beyond = append(beyond, row)
		}
	}
	return beyond
}

// table prints rows one a line.
func table(rows []Row) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "quantity\tnumbers\tmeasure\tdeviation\ttolerance\t\n")
	for _, row := range rows {
		verdict := "ok"
		if !row.OK() {
			verdict = "BEYOND"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%.3g\t%.3g\t%s\n", row.Quantity, row.Numbers, row.Measure, row.Deviation, row.Tolerance, verdict)
	}
	w.Flush()
	return text.String()
}
