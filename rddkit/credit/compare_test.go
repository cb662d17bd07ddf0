package credit

import (
	"context"
	"math"
	"reflect"
	"testing"
)

func TestByCorrelationAndRMSError(t *testing.T) {
	cell := func(c, mean float64) ComparisonCell {
		return ComparisonCell{Correlation: c, Estimates: []Summary{{Mean: mean, SD: 4, N: 16}}}
	}
	r := Compared{Cells: [][]ComparisonCell{{{}, cell(0.1, 2)}, {{}, cell(0.9, 5)}}}
	c, means, errs := r.ByCorrelation(1, func(c ComparisonCell) Summary { return c.Estimates[0] })
	if !reflect.DeepEqual([][]float64{c, means, errs}, [][]float64{{0.1, 0.9}, {2, 5}, {1, 1}}) {
		t.Errorf("%v, %v, %v; want 0.1 and 0.9, 2 and 5, 1 and 1", c, means, errs)
	}
	if got := r.Cells[1][1].RMSError(0, 2); got != 5 { // √(3² + 4²)
		t.Errorf("root mean squared error %v, want 5", got)
	}
}

// Reference: 40 runs of 500 s, rounded to four digits. With 20 runs of 100 s a
// value that is right is 5 standard errors off once in ten thousand times.
func TestRateCurve(t *testing.T) {
	weights := []float64{6, 12, 18}
	c, err := LearningPair(0).RateCurve(context.Background(), weights, 100, 20, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []struct{ rate, slope float64 }{{0.002833, 0.000956}, {0.01056, 0.001568}, {0.02096, 0.001892}} {
		if math.Abs(c.Rate[k]-want.rate) > 5*c.RateErr[k] || math.Abs(c.Slope[k]-want.slope) > 5*c.SlopeErr[k] {
			t.Errorf("weight %v: rate %v ± %v, slope %v ± %v; reference %v, %v", weights[k],
				c.Rate[k], c.RateErr[k], c.Slope[k], c.SlopeErr[k], want.rate, want.slope)
		}
		if !(c.RateErr[k] < 0.03*want.rate) {
			t.Errorf("weight %v: a standard error of %v shows nothing", weights[k], c.RateErr[k])
		}
	}
	_, err = LearningPair(0).RateCurve(context.Background(), weights, 100, 0, 1, nil)
	requireInvalid(t, "repeats", err)
	_, err = LearningPair(0).RateCurve(context.Background(), []float64{math.NaN()}, 100, 1, 1, nil)
	requireInvalid(t, "Weights", err)
}
