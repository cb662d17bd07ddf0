package rd

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Every result is equivariant under shifts and scales of x and y, on grids too,
// where the unit of x makes what it likes of the last digits of distances.
func TestUnitsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		steps := rapid.SampledFrom([]int{0, 40, 100, 400}).Draw(t, "values on each side; 0: no grid")
		o := Options{
			Kernel:   Kernel(rapid.IntRange(0, 2).Draw(t, "kernel")),
			Variance: Variance(rapid.IntRange(0, int(HC3)).Draw(t, "variance")),
			Selector: Selector(rapid.IntRange(0, int(CERComb2)).Draw(t, "selector")),
		}
		clustered := rapid.Bool().Draw(t, "clustered")
		if clustered {
			o.Variance = CR1
		}
		fixed := rapid.Bool().Draw(t, "fixed") && steps > 0
		var s Sample
		for i := range 800 {
			x := 2*random.Float64() - 1
			if steps > 0 {
				x = math.Floor(x * float64(steps)) // whole steps: scaled below
			}
			s.X = append(s.X, x)
			z := x / float64(max(steps, 1))
			y := math.Sin(3*z) + 0.3*random.NormFloat64()
			if x >= 0 {
				y++
			}
			s.Y = append(s.Y, y)
			if clustered {
				s.Cluster = append(s.Cluster, i%25)
			}
		}
		if fixed { // on a value of the grid, which the edge of the window then meets
			o.H = Both(math.Floor(float64(steps) / 3))
		}
		want, err := s.Sharp(o)
		if err != nil {
			t.Skip(err)
		}
		scale := rapid.SampledFrom([]float64{0.1, 0.001, 1. / 3, 7, 1e-6, 1e6}).Draw(t, "scale of x")
		shift := rapid.SampledFrom([]float64{0, 0.3, -5, 70}).Draw(t, "shift of x, in new units")
		yScale := rapid.SampledFrom([]float64{1, -3, 1e-5, 1e7}).Draw(t, "scale of y")
		yShift := rapid.SampledFrom([]float64{0, 5, -0.1}).Draw(t, "shift of y, in new units")
		moved := s
		moved.X = apply(s.X, func(v float64) float64 { return scale * (v + shift) })
		moved.Y = apply(s.Y, func(v float64) float64 { return yScale * (v + yShift) })
		at := o
		at.Cutoff = scale * shift
		for i := range at.H {
			at.H[i] *= scale
		}
		got, err := moved.Sharp(at)
		if err != nil {
			t.Fatal(err)
		}
		equal := func(what string, got, want float64) {
			t.Helper()
			if math.Abs(got-want) > 1e-6*max(math.Abs(want), want*0+1e-3) {
				t.Fatalf("%s: got %v, want %v", what, got, want)
			}
		}
		if got.Left.Effective != want.Left.Effective || got.Right.EffectiveBias != want.Right.EffectiveBias {
			t.Fatalf("%d, %d points, want %d, %d", got.Left.Effective, got.Right.EffectiveBias, want.Left.Effective, want.Right.EffectiveBias)
		}
		for i := range 2 {
			a, b := []Side{got.Left, got.Right}[i], []Side{want.Left, want.Right}[i]
			equal("h", a.Bandwidth/scale, b.Bandwidth)
			equal("b", a.BiasBandwidth/scale, b.BiasBandwidth)
		}
		estimates, stderrs := got.Jump.numbers()
		wantEstimates, wantStderrs := want.Jump.numbers()
		for i := range estimates {
			equal("estimate", estimates[i]/yScale, wantEstimates[i])
			equal("standard error", stderrs[i]/math.Abs(yScale), wantStderrs[i])
		}
	})
}

// An evenly gridded drive in other units: standard errors were up to 7 % apart.
func TestNeighboursOfAGridAreEquallyFar(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 7))
	x, y := make([]float64, 400), make([]float64, 400)
	for i := range x {
		x[i], y[i] = float64(i-200), random.NormFloat64()
	}
	want, err := Sharp(x, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range []float64{0.1, 0.3, 0.007, 1e-6} {
		got, err := Sharp(apply(x, func(v float64) float64 { return v * unit }), y, Options{})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "standard error", got.Robust.StdErr, want.Robust.StdErr)
		near(t, "bandwidth", got.Left.Bandwidth/unit, want.Left.Bandwidth)
	}
}

// p-values keep their digits far into the tails (2(1 − Φ) to 40 digits by series and
// continued fraction, rounded).
func TestTails(t *testing.T) {
	for z, want := range map[float64]float64{
		1.959963984540054: 0.05, 5: 5.733031437583892e-07, 8.05: 8.27940e-16, 9: 2.257176811907681e-19,
		20: 5.507248237212467e-89, 37: 1.14511e-299,
	} {
		tolerance := 1e-9
		if want == 8.27940e-16 || want == 1.14511e-299 {
			tolerance = 1e-4
		}
		if got := pvalue(-z); math.Abs(got-want) > tolerance*want {
			t.Errorf("z = %v: p = %v, want %v", z, got, want)
		}
	}
	for _, df := range []float64{1, 3, 24, 1e6} {
		q := quantile(0.975, df)
		if got := pvalueT(q, df); math.Abs(got-0.05) > 1e-8 {
			t.Errorf("t with %v degrees of freedom at %v: p = %v, want 0.05", df, q, got)
		}
	}
	if got, want := pvalueT(1e6, 3), pvalueT(1e5, 3)/1000; !(got > 0) || math.Abs(got/want-1) > 1e-6 { // falls as t^-3
		t.Errorf("p at t = 1e6 is %v, want %v", got, want)
	}
}

// Outcomes without noise are said to be that, whatever their size.
func TestNoNoise(t *testing.T) {
	x, _, _ := jumpData(500)
	for _, level := range []float64{0, 3.25, 0.1, -1e-30, 1e30} {
		y := apply(x, func(float64) float64 { return level })
		for v := NearestNeighbour; v <= HC3; v++ {
			r, err := Sharp(x, y, Options{H: Both(0.5), Variance: v})
			if err != nil {
				t.Fatal(err)
			}
			if r.Robust.StdErr != 0 || r.Conventional.StdErr != 0 || !math.IsNaN(r.Robust.Z) || len(r.Warnings) == 0 || !strings.Contains(r.Warnings[len(r.Warnings)-1].Error(), "no noise") {
				t.Errorf("y = %v, %v: %v, warnings %v", level, v, r.Robust, r.Warnings)
			}
			if text := r.String(); strings.Contains(text, "NaN") {
				t.Error(text)
			}
		}
		_, err := Sharp(x, y, Options{})
		if wrong := new(invalid.Error); !errors.As(err, &wrong) || wrong.Field != "variation of y around its fit" {
			t.Errorf("y = %v: selected a bandwidth: %v", level, err)
		}
	}
	// A jump and nothing else.
	y := apply(x, func(v float64) float64 { return 2 + 3*float64(sideOf(v)) })
	r, err := Sharp(x, y, Options{H: Both(0.5)})
	if err != nil || r.Robust.StdErr != 0 || math.Abs(r.Robust.Estimate-3) > 1e-12 {
		t.Errorf("%v, %v", r, err)
	}
}

// Messages name what is wrong.
func TestMessagesNameTheCause(t *testing.T) {
	x, _, y := jumpData(300)
	scaled := func(v []float64, by float64) []float64 { return apply(v, func(v float64) float64 { return v * by }) }
	for _, c := range []struct {
		x, y  []float64
		field string
	}{
		{append(slices.Clone(x), -1e6, 1e6, -2e6, 2e6), append(slices.Clone(y), 0, 0, 0, 0), "x on the left within the bandwidth"},
		{x, scaled(y, 1e300), "y["}, {x, scaled(y, 1e160), "y["}, {scaled(x, 1e160), y, "x["}, {scaled(x, 1e40), y, "x["},
	} {
		_, err := Sharp(c.x, c.y, Options{})
		if wrong := new(invalid.Error); !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Field, c.field) {
			t.Errorf("%v, want an error about %s", err, c.field)
		}
	}
	// Values far from the rest are no error, nor are large and small units.
	for _, c := range [][2][]float64{
		{append(slices.Clone(x), -1e6, 1e6), append(slices.Clone(y), 0, 0)},
		{scaled(x, 1e6), y}, {scaled(x, 1e-12), scaled(y, 1e-9)}, {x, scaled(y, 1e60)},
	} {
		if _, err := Sharp(c[0], c[1], Options{}); err != nil {
			t.Error(err)
		}
	}
}

// What used to panic, or to be spoilt without a word.
func TestSmallFaults(t *testing.T) {
	var fuzzy OnlineFuzzy
	fuzzy.Add(1, 0, 2)
	if !math.IsNaN(fuzzy.Effect()) {
		t.Error(fuzzy.Effect())
	}
	x, _, y := jumpData(300)
	r, err := Sharp(x, y, Options{H: Both(0.5)})
	if err != nil {
		t.Fatal(err)
	}
	for _, points := range []int{-1, 0, 1, 2} {
		for i, c := range r.Curves(points) {
			limit := []float64{r.Left.Limit, r.Right.Limit}[i]
			at := c[(1-i)*(len(c)-1)]
			if math.Abs(at.Y-limit) > 1e-9 || at.X != 0 {
				t.Errorf("curve of %d points ends at %v, want the limit %v", points, at, limit)
			}
		}
	}
	var line OnlineLeastSquares
	var means OnlineMeans
	var descent OnlineDescent
	for i, v := range x {
		for _, online := range []interface{ Add(x, y float64) }{&line, &means, &descent} {
			online.Add(v, y[i])
			online.Add(math.NaN(), y[i])
			online.Add(v, math.Inf(1))
		}
	}
	if math.IsNaN(line.Jump()) || math.IsNaN(means.Jump()) || math.IsNaN(descent.Jump()) {
		t.Error("a point that is not finite spoils an estimator")
	}
	if line.Skipped() != 600 || means.Skipped() != 600 || descent.Skipped() != 600 {
		t.Error(line.Skipped(), means.Skipped(), descent.Skipped())
	}
	if text := r.Robust.String(); !strings.Contains(text, "std. err.") || !strings.Contains(text, "interval") {
		t.Error(text)
	}
	if text := r.Jump.String(); !strings.Contains(text, "Robust") || !strings.Contains(text, "Std. err.") {
		t.Error(text)
	}
}

// The bins of a plot do not hang on the order of rows under ties.
func TestBinsDoNotDependOnTheOrderOfRows(t *testing.T) {
	x, _, y := jumpData(1000)
	x = apply(x, func(v float64) float64 { return math.Floor(20*v) / 20 })
	for _, b := range []Binning{IMSEOptimal, MimicVariance} {
		want, err := Plot(x, y, PlotOptions{Binning: b})
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(5) {
			p, q := slices.Clone(x), slices.Clone(y)
			rand.New(rand.NewPCG(seed, 0)).Shuffle(len(p), func(i, j int) { p[i], p[j], q[i], q[j] = p[j], p[i], q[j], q[i] })
			got, err := Plot(p, q, PlotOptions{Binning: b})
			if err != nil || got.Options.Bins != want.Options.Bins {
				t.Errorf("%v bins, want %v (%v)", got.Options.Bins, want.Options.Bins, err)
			}
		}
	}
}

// Nor on the unit of x, where edges of bins are values of a grid.
func TestBinsDoNotDependOnTheUnit(t *testing.T) {
	x, _, y := jumpData(2000)
	x = apply(x, func(v float64) float64 { return math.Floor(20 * v) })
	counts := func(unit float64) (n []int) {
		d, err := Plot(apply(x, func(v float64) float64 { return v * unit }), y, PlotOptions{Bins: [2]int{10, 19}, Order: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range append(d.Left.Bins, d.Right.Bins...) {
			n = append(n, b.N)
		}
		return n
	}
	want := counts(1)
	for _, unit := range []float64{0.1, 0.3, 1. / 7, 1e-6} {
		if got := counts(unit); !slices.Equal(got, want) {
			t.Errorf("unit %v: %v, want %v", unit, got, want)
		}
	}
}

// Ignoring mass points in the density test keeps the floor of distinct values.
func TestDensityFloorOfDistinctValues(t *testing.T) {
	x, _, _ := jumpData(3000)
	x = apply(x, func(v float64) float64 { return math.Floor(80*v) / 80 })
	for _, ignore := range []bool{false, true} {
		r, err := DensityTest(x, DensityOptions{IgnoreMassPoints: ignore})
		if err != nil {
			t.Fatal(err)
		}
		for i, h := range r.H {
			if values := h * 80; values < 22 { // 20 + p + 1, less the cutoff's own on the right
				t.Errorf("ignore %v: side %d holds %.1f values", ignore, i, values)
			}
		}
	}
}

// The other results on grids: the ratio, honest intervals, the density test, the
// online line.
func TestUnitsDoNotMatterElsewhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 4))
		steps := rapid.SampledFrom([]float64{30, 200}).Draw(t, "values on each side")
		h := math.Floor(steps / 2)
		var s Sample
		for range 1500 {
			x := math.Floor(steps * (2*random.Float64() - 1))
			d, chance := 0.0, 0.2
			if x >= 0 {
				chance = 0.9
			}
			if random.Float64() < chance {
				d = 1
			}
			s.X, s.D, s.Y = append(s.X, x), append(s.D, d), append(s.Y, x/steps+d+random.NormFloat64())
		}
		scale := rapid.SampledFrom([]float64{0.1, 1. / 3, 7e-5, 1e6}).Draw(t, "scale")
		shift := rapid.SampledFrom([]float64{0, 0.7, -60}).Draw(t, "shift")
		moved := s
		moved.X = apply(s.X, func(v float64) float64 { return scale * (v + shift) })
		at := scale * shift
		numbers := func(s Sample, cutoff, unit float64) []float64 {
			fuzzy, err := s.Fuzzy(Options{Cutoff: cutoff, Kernel: Uniform, H: Both(h * unit)})
			if err != nil {
				t.Fatal(err)
			}
			out := []float64{fuzzy.Robust.Estimate, fuzzy.Robust.StdErr, fuzzy.AndersonRubin[0].Lo, float64(fuzzy.Left.Effective)}
			honest, err := s.Honest(Options{Cutoff: cutoff, Kernel: Uniform, H: Both(h * unit)}, 0.001/(unit*unit))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, honest.StdErr, honest.Bounded.Lo, honest.Misspecified.Hi)
			density, err := DensityTest(s.X, DensityOptions{Cutoff: cutoff})
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, density.Robust.T, density.H[0]/unit, density.H[1]/unit, float64(density.Effective[0]), density.Conventional.Density[1]*unit)
			binomial, err := Binomial(s.X, cutoff, h*unit)
			if err != nil {
				t.Fatal(err)
			}
			line := OnlineLeastSquares{Cutoff: cutoff, Window: h * unit}
			for i, x := range s.X {
				line.Add(x, s.Y[i])
			}
			return append(out, float64(binomial.N[0]), line.Jump(), line.StdErr(), float64(line.N()[0]))
		}
		want, got := numbers(s, 0, 1), numbers(moved, at, scale)
		for i := range want {
			if d := math.Abs(got[i] - want[i]); !(d <= 1e-6*max(1, math.Abs(want[i]))) {
				t.Fatalf("number %d: got %v, want %v", i, got[i], want[i])
			}
		}
	})
}
