package report

import (
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit"
)

func TestDeviationsAndDistance(t *testing.T) {
	r := made(t, fresh, 60)
	all := Of(Compare(r), "Fig. 1(a)", "Fig. 4 middle")
	if len(all) != 6+2 {
		t.Fatalf("%d comparisons, want 6 of Fig. 1(a) and 2 of the middle of Fig. 4", len(all))
	}
	if _, rows := Deviations(all); len(rows) != 3 { // RDD only
		t.Errorf("%d rows", len(rows))
	}
	curve, err := SignAlignment("Fig. 1(a)", "FC2", "RDD")
	if err != nil {
		t.Fatal(err)
	}
	// The made record has 2000 + epoch in FC2.
	want := math.Sqrt((math.Pow(2000-curve.Values[0], 2) + math.Pow(2001-curve.Values[1], 2)) / 2)
	if got := Distance([]*rddkit.Record{r}, 0, 1, curve); math.Abs(got-want) > 1e-9 {
		t.Errorf("distance %g, want %g", got, want)
	}
	if got := Distance([]*rddkit.Record{r}, 60, 70, curve); !math.IsNaN(got) {
		t.Errorf("distance %g beyond the record's end", got)
	}
	headers, rows := At([]int{0, 1000, -1}, curve)
	if last := curve.Values[len(curve.Values)-1]; len(headers) != 7 || headers[6] != "last" || len(rows) != 1 || rows[0][4] != curve.Values[0] || !math.IsNaN(rows[0][5].(float64)) || rows[0][6] != last {
		t.Errorf("%v: %v", headers, rows)
	}
	if got := Select("Fig. 1(a)", SignAlignmentQuantity, "RDD"); len(got) != 3 || got[1].Panel != "FC2" {
		t.Errorf("%d curves", len(got))
	}
}

func TestTold(t *testing.T) {
	signs, self := Curve{Quantity: SignAlignmentQuantity, Values: []float64{50, 90}}, Curve{Quantity: RSelfQuantity, Values: []float64{0, -40, -30}}
	if signs.Tolerance() != 2 || self.Tolerance() != 4 {
		t.Errorf("tolerances %g and %g, want 2 and 4", signs.Tolerance(), self.Tolerance())
	}
	for _, c := range []struct {
		curve            Curve
		chosen, rejected float64
		fitted           bool
		want             string
	}{
		{signs, 2, 2.1, false, "agrees"}, {signs, 2.1, 9, false, "does not agree"}, {signs, 1, 1.5, false, "does not tell"},
		{self, 3, 9, true, "was fitted to"}, {self, 5, 9, true, "does not agree"}, {self, 3, 4, false, "does not tell"},
	} {
		if got := c.curve.Told(c.chosen, c.rejected, c.fitted); got != c.want {
			t.Errorf("%s, %g and %g, fitted %v: %s, want %s", c.curve.Quantity, c.chosen, c.rejected, c.fitted, got, c.want)
		}
	}
}
