package verify

import "math"

// A comparison collects rows.
type comparison struct{ rows []Row }

func (c *comparison) add(quantity, measure string, deviation, tolerance float64) {
	c.rows = append(c.rows, Row{Quantity: quantity, Measure: measure, Deviation: deviation, Tolerance: tolerance})
}

// relative adds the largest |got − want| / |want|.
func (c *comparison) relative(quantity string, tolerance float64, got, want []float64) {
	c.add(quantity, "relative", deviation(got, want, 0), tolerance)
}

// counts adds the number of entries that differ.
func (c *comparison) counts(quantity string, got, want []int) {
	unequal := math.Abs(float64(len(got) - len(want)))
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			unequal++
		}
	}
	c.add(quantity, "unequal entries", unequal, 0)
}

// deviation returns the largest |got − want| / max(|want|, floor), NaN if the
// lengths differ or nothing is compared.
func deviation(got, want []float64, floor float64) float64 {
	if len(got) != len(want) || len(got) == 0 {
		return math.NaN()
	}
	worst := 0.0
	for i, w := range want {
		d := math.Abs(got[i] - w)
		if d != 0 {
			d /= max(math.Abs(w), floor)
		}
		if math.IsNaN(d) {
			return d
		}
		worst = max(worst, d)
	}
	return worst
}

// absolute returns the largest |got − want|, NaN if the lengths differ.
func absolute(got, want []float64) float64 {
	if len(got) != len(want) || len(got) == 0 {
		return math.NaN()
	}
	worst := 0.0
	for i, w := range want {
		d := math.Abs(got[i] - w)
		if math.IsNaN(d) {
			return d
		}
		worst = max(worst, d)
	}
	return worst
}

