package report

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// The table of how the figures were read gives these values.
func TestValuesOfTheTable(t *testing.T) {
	value := func(c Curve, err error) func(epoch int) float64 {
		if err != nil {
			t.Fatal(err)
		}
		return func(epoch int) float64 { return c.Values[epoch] }
	}
	for _, c := range []struct{ got, want float64 }{
		{value(SignAlignment("Fig. 1(a)", "FC1", "RDD"))(0), 63.13},
		{value(SignAlignment("Fig. 1(a)", "FC3", "FA"))(99), 85.78},
		{value(RSelf("Fig. 1(d)", "FC2", "RDD"))(10), -59.24},
		{value(RSelf("Fig. 2", "FC3", "RDD long"))(94), -7.59},
		{value(TrainingError("left", "RDD"))(50), 30.46},
		{value(TrainingError("right (Fuzzy RDD)", "Fuzzy RDD"))(99), 23.05},
	} {
		if math.Abs(c.got-c.want) > 0.0051 {
			t.Errorf("read %g, the table has %g", c.got, c.want)
		}
	}
}

func TestEveryCurveIsWhole(t *testing.T) {
	all := Curves()
	if len(all) != 42 {
		t.Errorf("%d curves, want 42 (21 panels of two)", len(all))
	}
	for _, c := range all {
		if n := len(c.Values); n != 95 && n != 100 || len(c.Epochs) != n || c.Epochs[n-1] != float64(n-1) {
			t.Errorf("%s %s %s: %d values, %d epochs", c.Figure, c.Panel, c.Series, n, len(c.Epochs))
		}
		for epoch, v := range c.Values {
			if math.IsNaN(v) || c.Unit == "percent" && (v < 0 || v > 100) {
				t.Errorf("%s %s %s: %g at epoch %d", c.Figure, c.Panel, c.Series, v, epoch)
			}
		}
		if !(c.Uncertainty > 0 && c.Uncertainty < 0.1) {
			t.Errorf("%s %s %s: uncertainty %g", c.Figure, c.Panel, c.Series, c.Uncertainty)
		}
	}
}

func TestCallersOwnTheirCurves(t *testing.T) {
	Curves()[0].Values[0] = -1
	if Curves()[0].Values[0] == -1 {
		t.Error("a caller's change reached the next caller")
	}
}

func TestUnknownCurvesAreRefused(t *testing.T) {
	_, err := SignAlignment("Fig. 1(a)", "FC4", "RDD")
	var wrong *invalid.Error
	if !errors.As(err, &wrong) {
		t.Errorf("error %v, want an *invalid.Error", err)
	}
}

func ExampleSignAlignment() {
	curve, err := SignAlignment("Fig. 1(a)", "FC2", "RDD")
	if err != nil {
		fmt.Println(err)
		return
	}
	last := len(curve.Values) - 1
	fmt.Printf("epoch 0: %.1f %%, epoch %.0f: %.1f %%\n", curve.Values[0], curve.Epochs[last], curve.Values[last])
	// Output: epoch 0: 74.5 %, epoch 99: 89.8 %
}
