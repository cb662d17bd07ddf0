package credit

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// A line on each side is found exactly by the linear estimator, whatever the
// window; the constant one errs by slopes times half the window.
func TestLinearDiscontinuityIsExactOnLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) float64 { return rapid.Float64Range(-5, 5).Draw(t, name) }
		jump, below, above, level := draw("jump"), draw("slope below"), draw("slope above"), draw("level")
		window := rapid.Float64Range(0.05, 1).Draw(t, "window")
		var drive, cost []float64
		for x := -1.0; x <= 1; x += 0.01 {
			drive = append(drive, 1+x)
			if x >= 0 {
				cost = append(cost, level+jump+above*x)
			} else {
				cost = append(cost, level+below*x)
			}
		}
		got := SpikeDiscontinuity{Window: window, Linear: true}.Estimate(drive, cost, 1)
		if math.Abs(got.Effect-jump) > 1e-9 {
			t.Fatalf("effect %v, want %v", got.Effect, jump)
		}
		if got.Below+got.Above > len(drive) || got.Window != window {
			t.Fatalf("%+v of %d blocks", got, len(drive))
		}
	})
}

// Adding to all costs changes nothing, scaling scales, and mirroring the drive
// about the threshold turns the sign.
func TestDiscontinuitySymmetries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(20, 60).Draw(t, "n")
		// Sixty-fourths: their mirror images are exact.
		drive := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 128), func(k int) float64 { return float64(k) / 64 }), n, n).Draw(t, "drive")
		cost := rapid.SliceOfN(rapid.Float64Range(-1, 1), n, n).Draw(t, "cost")
		d := SpikeDiscontinuity{Window: rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(t, "p"), Linear: rapid.Bool().Draw(t, "linear")}
		shifted, scaled, mirrored := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range drive {
			shifted[i], scaled[i], mirrored[i] = cost[i]+3, -2*cost[i], 2-drive[i]
			if drive[i] == 1 {
				drive[i], mirrored[i] = 1.5, 0.5 // the threshold itself counts as above
			}
		}
		base := d.Estimate(drive, cost, 1)
		if math.IsNaN(base.Effect) {
			t.Skip("a side has no two drives apart")
		}
		near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-6*(1+math.Abs(a)) }
		if got := d.Estimate(drive, shifted, 1); !near(base.Effect, got.Effect) {
			t.Fatalf("shifted: %v, was %v", got.Effect, base.Effect)
		}
		if got := d.Estimate(drive, scaled, 1); !near(-2*base.Effect, got.Effect) {
			t.Fatalf("scaled by −2: %v, was %v", got.Effect, base.Effect)
		}
		if got := d.Estimate(mirrored, cost, 1); !near(-base.Effect, got.Effect) || got.Below != base.Above {
			t.Fatalf("mirrored: %+v, was %+v", got, base)
		}
	})
}

func TestDiscontinuityCounts(t *testing.T) {
	drive, cost := []float64{0.2, 0.95, 0.99, 1.01, 1.2, 1.9}, []float64{1, 2, 4, 10, 20, 60}
	for _, c := range []struct {
		d            SpikeDiscontinuity
		effect       float64
		below, above int
	}{
		{ObservedDependence(), 30 - 7./3, 3, 3},
		{SpikeDiscontinuity{Window: 0.1}, 10 - 3, 2, 1},
		{SpikeDiscontinuity{Window: 0.1, WindowBelowOnly: true}, 30 - 3, 2, 3},
	} {
		got := c.d.Estimate(drive, cost, 1)
		if math.Abs(got.Effect-c.effect) > 1e-12 || got.Below != c.below || got.Above != c.above {
			t.Errorf("%v: %+v, want effect %v of %d and %d blocks", c.d, got, c.effect, c.below, c.above)
		}
	}
	if got := (SpikeDiscontinuity{Window: 0.001}).Estimate(drive, cost, 1); !math.IsNaN(got.Effect) {
		t.Errorf("an empty window gives %v, want NaN", got.Effect)
	}
	if got := (LocalLinear{}).Estimate(drive[:2], cost[:2], 1); !math.IsNaN(got.Effect) || !math.IsNaN(got.Low) {
		t.Errorf("two blocks give %+v, want NaN", got)
	}
}

// The published pair of the main figure at c = 0.5 and 0.99; numbers: mean and s.d.
// of one run of 100 s over 100 runs of an independent NumPy implementation. 20
// runs here; |z| beyond 4.5 has a chance of 1e-4 in all, and the seed is fixed.
func TestReferenceEffects(t *testing.T) {
	reference := map[float64][2]map[string][2]float64{
		0.5: {
			{"true": {5.156, 0.0054}, "crossing": {5.537, 0.051}, "od": {4.262, 0.062}, "0.1": {5.299, 0.110}, "0.3": {5.498, 0.147}},
			{"true": {-3.263, 0.0060}, "crossing": {-3.615, 0.039}, "od": {-1.685, 0.091}, "0.1": {-3.259, 0.216}, "0.3": {-3.580, 0.282}},
		},
		0.99: {
			{"true": {5.16, 0.005}, "crossing": {5.56, 0.04}, "od": {3.58, 0.07}, "0.1": {5.35, 0.10}, "0.3": {5.68, 0.12}},
			{"true": {-3.26, 0.006}, "crossing": {-3.77, 0.04}, "od": {0.10, 0.10}, "0.1": {-3.62, 0.15}, "0.3": {-4.55, 0.19}},
		},
	}
	c := EstimatorComparison{
		Correlations: []float64{0.5, 0.99},
		Estimators:   []EffectEstimator{ObservedDependence(), SpikeDiscontinuity{Window: 0.1}, SpikeDiscontinuity{Window: 0.3, Linear: true}},
		Seed:         1000,
	}
	result, err := c.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range result.Cells {
		for i, cell := range row {
			want := reference[cell.Correlation][i]
			for name, got := range map[string]Summary{
				"true": cell.True, "crossing": cell.AtCrossing,
				"od": cell.Estimates[0], "0.1": cell.Estimates[1], "0.3": cell.Estimates[2],
			} {
				// 0.005: half of the last digit of the numbers at c = 0.99.
				z := (math.Abs(got.Mean-want[name][0]) - 0.005) / math.Hypot(got.StdErr(), want[name][1]/10)
				if z > 4.5 {
					t.Errorf("c = %v, neuron %d, %s: %v, reference %v: %.1f standard errors", cell.Correlation, i+1, name, got, want[name], z)
				}
			}
		}
	}
}

// At c = 0.99 a fixed window of 0.3 catches the other neuron's crossing; the
// data-driven one must not. 500 data sets of two neurons: coverage has a standard
// error of 0.7 %. At c = 0.01 and 0.5 it was 96.0 and 94.1 %.
func TestLocalLinearIntervalCovers(t *testing.T) {
	if testing.Short() {
		t.Skip("selects a thousand bandwidths")
	}
	c := EstimatorComparison{
		Correlations: []float64{0.99}, Repeats: 500,
		Estimators: []EffectEstimator{LocalLinear{}, SpikeDiscontinuity{Window: 0.3, Linear: true}},
	}
	result, err := c.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	cells := result.Cells[0]
	if held := (cells[0].Coverage[0] + cells[1].Coverage[0]) / 2; !(held >= 0.92 && held <= 0.97) {
		t.Errorf("95 %% intervals held the effect in %.1f %% of the data sets", 100*held)
	}
	if fixed := cells[1].Coverage[1]; fixed > 0.3 {
		t.Errorf("with a fixed window of 0.3 neuron 2's interval holds the effect in %.0f %%: the test shows nothing", 100*fixed)
	}
}

func TestBadComparisons(t *testing.T) {
	for field, c := range map[string]EstimatorComparison{
		"NoiseCorrelation":          {Correlations: []float64{2}},
		"Repeats":                   {Repeats: 1},
		"SpikeDiscontinuity.Window": {Estimators: []EffectEstimator{SpikeDiscontinuity{Window: -1}}},
		"seconds":                   {Seconds: -1},
	} {
		_, err := c.Run(context.Background(), nil)
		requireInvalid(t, field, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	_, err := EstimatorComparison{Repeats: 50}.Run(ctx, func(done, total int, text string) {
		calls++
		cancel()
	})
	if err != context.Canceled || calls == 0 || calls > 10 {
		t.Errorf("cancelled after the first of 250 runs: error %v after %d calls", err, calls)
	}
}

func BenchmarkLocalLinear(b *testing.B) {
	run := simulate(b, MainPair(0.5), 100, 1)
	costs := run.Costs(CurvedQuadratic)
	for b.Loop() {
		LocalLinear{}.Estimate(run.Drive[0], costs, 1)
	}
}
