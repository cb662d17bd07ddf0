package rddkit

import (
	"fmt"
	"math"
	"testing"
)

func seeded(seed uint64, errors ...float64) *Record {
	return &Record{Experiment: Experiment{Seed: seed}, Series: Series{TestError: errors}}
}

func TestQuantity(t *testing.T) {
	r := seeded(0, 90, 40, 30, 20)
	for _, c := range []struct{ got, want float64 }{
		{TestErrors.At(0)(r), 90}, {TestErrors.At(-1)(r), 20}, {TestErrors.At(4)(r), math.NaN()}, {TestErrors.At(-5)(r), math.NaN()},
		{TestErrors.Since(1)(r), -20}, {TestErrors.Since(4)(r), math.NaN()},
		{TestErrors.Between(1, 3)(r), 30}, {TestErrors.Between(3, 4)(r), math.NaN()}, {TestErrors.Between(2, 1)(r), math.NaN()},
	} {
		if c.got != c.want && !(math.IsNaN(c.got) && math.IsNaN(c.want)) {
			t.Errorf("%g, want %g", c.got, c.want)
		}
	}
}

func TestPairedComparesSeedWithSeed(t *testing.T) {
	a := []*Record{seeded(0, 90, 30), seeded(1, 90, 50), seeded(2, 90, 7)}
	b := []*Record{seeded(1, 90, 40), seeded(0, 90, 24), seeded(5, 90, 3)}
	last := TestErrors.At(-1)
	// By hand: 6 and 10, mean 8, sample s.d. √8, divided by √2.
	if got := Paired(a, b, last); got.Mean != 8 || math.Abs(got.StandardError-2) > 1e-12 || got.Seeds != 2 {
		t.Errorf("%+v, want 8 ± 2 of 2", got)
	} else if p := 2 / math.Pi * math.Atan(0.25); math.Abs(got.P()-p) > 1e-12 { // t is 4, with one degree of freedom
		t.Errorf("p = %g, want %g", got.P(), p)
	}
	// Of 30 to 20 and of 50 to 10 a method at 24 and 40 closes 0.6 and 0.25.
	best := []*Record{seeded(0, 90, 20), seeded(1, 90, 10)}
	if got := GapClosed(a, b, best, last); math.Abs(got.Mean-0.425) > 1e-12 || got.Seeds != 2 {
		t.Errorf("%+v, want 0.425 of 2", got)
	}
	if got := TestErrors.Less(a[0], seeded(0, 80, 31, 7)); fmt.Sprint(got) != "[10 -1]" {
		t.Errorf("difference %v", got)
	}
	if got := PairedValues([]float64{30, 50}, []float64{24, 40, 3}); got.Mean != 8 || math.Abs(got.StandardError-2) > 1e-12 || got.Seeds != 2 {
		t.Errorf("%+v, want 8 ± 2 of 2", got)
	}
	if got := Paired(a, nil, last); got.Seeds != 0 || got.String() != "–" {
		t.Errorf("no pair: %v", got)
	}
}

func ExampleEstimate() {
	fmt.Println(EstimateOf(1, 2, 3), EstimateOf(4), EstimateOf(1, 2, 3).Signed())
	// Output: 2.00 ± 0.58 4.00 +2.00 ± 0.58
}

func TestRanges(t *testing.T) {
	a, b := seeded(0, 90, 30, 20, 10), seeded(0, 90, 31, 23, 15)
	a.TrainSeconds, b.TrainSeconds = []float64{1, 1, 1}, []float64{1, 1, 1}
	rows := Ranges([]*Record{a}, []*Record{b}, 2, TestErrors)
	if len(rows) != 1 || rows[0][0] != "1 to 2" || rows[0][1] != "-2.00" {
		t.Errorf("%v", rows)
	}
	if Ranges(nil, []*Record{b}, 2, TestErrors) != nil {
		t.Error("rows without records")
	}
}

func TestSameSigns(t *testing.T) {
	if n := SameSigns([]float64{1, -2, 3, 0}, []float64{4, -5, -6, 0}); n != 2 {
		t.Errorf("%d, want 2", n)
	}
}

func TestOverSeeds(t *testing.T) {
	if got := OverSeeds(3, func(seed uint64) float64 { return float64(seed + 1) }); got != EstimateOf(1, 2, 3) {
		t.Errorf("%v, want that of 1, 2, 3", got)
	}
}
