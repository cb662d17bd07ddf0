package rd

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Every bad input is an error that names the field, its value and what is
// allowed.
func TestBadInput(t *testing.T) {
	x, _, y := jumpData(200)
	nan := append([]float64(nil), y...)
	nan[17] = math.NaN()
	var grid, flat []float64 // flat near the cutoff, bent far from it
	for v := -50.0; v <= 50; v++ {
		grid, flat = append(grid, v), append(flat, math.Pow(math.Max(math.Abs(v)-40, 0), 3))
	}
	sharp := func(x, y []float64, o Options) func() error {
		return func() error { _, err := Sharp(x, y, o); return err }
	}
	fuzzy := func(x, d, y []float64, o Options) func() error {
		return func() error { _, err := Fuzzy(x, d, y, o); return err }
	}
	density := func(x []float64, o DensityOptions) func() error {
		return func() error { _, err := DensityTest(x, o); return err }
	}
	for _, c := range []struct {
		name  string
		field string
		run   func() error
	}{
		{"no data", "points on the left", sharp([]float64{}, []float64{}, Options{})},
		{"no outcome", "len(y)", sharp(x, nil, Options{})},
		{"unequal lengths", "len(y)", sharp(x, y[1:], Options{})},
		{"NaN outcome", "y[17]", sharp(x, nan, Options{})},
		{"infinite x", "x[0]", sharp([]float64{math.Inf(1)}, []float64{0}, Options{})},
		{"NaN treatment", "d[17]", fuzzy(x, nan, y, Options{})},
		{"nobody below the cutoff", "points on the left", sharp(x, y, Options{Cutoff: -2})},
		{"nobody above the cutoff", "points on the right", sharp(x, y, Options{Cutoff: 2})},
		{"NaN cutoff", "Cutoff", sharp(x, y, Options{Cutoff: math.NaN()})},
		{"unknown kernel", "Kernel", sharp(x, y, Options{Kernel: 3})},
		{"order too high", "Order", sharp(x, y, Options{Order: 6})},
		{"order too low", "Order", sharp(x, y, Options{Order: -2})},
		{"unknown variance", "Variance", sharp(x, y, Options{Variance: CR1 + 1})},
		{"unknown selector", "Selector", sharp(x, y, Options{Selector: -1})},
		{"negative neighbours", "Neighbours", sharp(x, y, Options{Neighbours: -1})},
		{"level in per cent", "Level", sharp(x, y, Options{Level: 95})},
		{"negative bandwidth", "H", sharp(x, y, Options{H: Both(-1)})},
		{"half a bandwidth", "H", sharp(x, y, Options{H: [2]float64{1, 0}})},
		{"NaN bandwidth", "B", sharp(x, y, Options{H: Both(1), B: Both(math.NaN())})},
		{"bias bandwidth alone", "B", sharp(x, y, Options{B: Both(1)})},
		{"window with too few points", "distinct x on the left within the bandwidth", sharp(x, y, Options{H: Both(0.001)})},
		{"one value of x on a side", "distinct x on the left within the bandwidth", sharp([]float64{-1, -2, 0, 0}, []float64{1, 2, 3, 4}, Options{})},
		{"too few points for HC3", "points within the bandwidths h and b on the left", sharp([]float64{-3, -2, -1, 1, 2, 3}, []float64{1, 2, 4, 3, 4, 7}, Options{H: Both(4), Variance: HC3})},
		{"treatment that does not vary", "jump of d at the cutoff", fuzzy(x, make([]float64, len(x)), y, Options{})},
		{"treatment missing", "len(d)", fuzzy(x, nil, y, Options{})},
		{"outcome without noise", "variation of y around its fit", sharp(grid, flat, Options{})},
		{"density order", "Order", density(x, DensityOptions{Order: 4})},
		{"density with few points", "distinct x on the left within the bandwidth", density([]float64{-1, 1, 2}, DensityOptions{})},
		{"binomial window", "halfWindow", func() error { _, err := Binomial(x, 0, 0); return err }},
		{"randomisation window", "Window", func() error { _, err := LocalRandomisation(x, y, RandomisationOptions{}); return err }},
		{"randomisation window with one point", "points in the window on the left", func() error {
			_, err := LocalRandomisation([]float64{-1, 1, 1}, []float64{1, 2, 3}, RandomisationOptions{Window: [2]float64{-1, 1}})
			return err
		}},
		{"placebo at the cutoff", "cutoffs", func() error { _, err := Placebo(x, y, Options{}, 0); return err }},
		{"plot with negative bins", "Bins", func() error { _, err := Plot(x, y, PlotOptions{Bins: [2]int{-1, 0}}); return err }},
		{"kernel's name", "kernel", func() error { _, err := ParseKernel("gaussian"); return err }},
	} {
		err := c.run()
		var bad *invalid.Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v, want an *invalid.Error", c.name, err)
			continue
		}
		if bad.Field != c.field || bad.Allowed == "" {
			t.Errorf("%s: %v names %q, want %q", c.name, err, bad.Field, c.field)
		}
	}
}

func TestNamesParse(t *testing.T) {
	for i := range kernelNames {
		if k, err := ParseKernel(Kernel(i).String()); err != nil || k != Kernel(i) {
			t.Error(k, err)
		}
	}
	for i := range varianceNames {
		if v, err := ParseVariance(Variance(i).String()); err != nil || v != Variance(i) {
			t.Error(v, err)
		}
	}
	for i := range selectorNames {
		if s, err := ParseSelector(Selector(i).String()); err != nil || s != Selector(i) {
			t.Error(s, err)
		}
	}
}

// Results that can be computed but are doubtful say why.
func TestWarnings(t *testing.T) {
	x, d, y := jumpData(400)
	has := func(warnings []error, text string) {
		t.Helper()
		for _, w := range warnings {
			if strings.Contains(w.Error(), text) {
				return
			}
		}
		t.Errorf("no warning with %q in %v", text, warnings)
	}
	r, err := Sharp(x, y, Options{H: Both(0.05)})
	if err != nil {
		t.Fatal(err)
	}
	has(r.Warnings, "points within the bandwidth")
	has([]error{errors.New(r.String())}, "Warning: ")

	coarse := apply(x, func(v float64) float64 { return (math.Floor(20*v) + 0.5) / 20 })
	if r, err = Sharp(coarse, y, Options{}); err != nil {
		t.Fatal(err)
	}
	has(r.Warnings, "repeat a value of x")

	if r, err = Sharp(x, make([]float64, len(x)), Options{H: Both(0.3)}); err != nil {
		t.Fatal(err)
	}
	has(r.Warnings, "does not vary around its fit")

	unmoved := make([]float64, len(d))
	for i := range unmoved {
		unmoved[i] = float64(i % 2)
	}
	weak, err := Fuzzy(x, unmoved, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	has(weak.Warnings, "weak first stage")

	oneSided := make([]float64, len(d))
	for i := range d {
		if x[i] >= 0 {
			oneSided[i] = d[i]
		}
	}
	f, err := Fuzzy(x, oneSided, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	has(f.Warnings, "does not vary on one side")
	sharp, err := Sharp(x, y, Options{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "bandwidth", f.Left.Bandwidth, sharp.Left.Bandwidth)

	if r, err := Sharp(x, y, Options{}); err != nil || len(r.Warnings) != 0 {
		t.Error(err, r.Warnings)
	}
}

func TestInputsAreNotChanged(t *testing.T) {
	x, d, y := jumpData(300)
	sum := func() (s float64) {
		for i := range x {
			s += float64(i) * (x[i] + 3*d[i] + 7*y[i])
		}
		return s
	}
	before := sum()
	_, errFuzzy := Fuzzy(x, d, y, Options{})
	_, errDensity := DensityTest(x, DensityOptions{})
	_, errPlot := Plot(x, y, PlotOptions{})
	_, errRandom := LocalRandomisation(x, y, RandomisationOptions{Window: [2]float64{-0.2, 0.2}, Draws: 10})
	if err := errors.Join(errFuzzy, errDensity, errPlot, errRandom); err != nil {
		t.Fatal(err)
	}
	if sum() != before {
		t.Error("an input slice was changed")
	}
}

// Online estimators do not allocate, and say so while they have no answer.
func TestOnlineCosts(t *testing.T) {
	var line OnlineLeastSquares
	var means OnlineMeans
	var descent OnlineDescent
	if !math.IsNaN(line.Jump()) || !math.IsNaN(means.Jump()) || !math.IsNaN(line.StdErr()) || descent.Jump() != 0 {
		t.Error(line.Jump(), means.Jump(), line.StdErr(), descent.Jump())
	}
	var fuzzy OnlineFuzzy
	x := -1.0
	if n := testing.AllocsPerRun(100, func() {
		line.Add(x, x)
		means.Add(x, x)
		descent.Add(x, x)
		fuzzy.Add(x, 1, x)
		x += 0.02
	}); n != 0 {
		t.Errorf("%v allocations per point", n)
	}
}

// FuzzSharp feeds arbitrary numbers: an error or a result, never a panic.
func FuzzSharp(f *testing.F) {
	f.Add([]byte("some bytes that make up numbers of any kind, x then y, x then y, x then y"), 0.0, 1.0, 0)
	f.Add(make([]byte, 160), 0.0, 0.0, 3)
	f.Fuzz(func(t *testing.T, data []byte, cutoff, h float64, choice int) {
		var x, y []float64
		for i := 0; i+4 <= len(data) && len(x) < 200; i += 4 {
			x = append(x, float64(int16(binary.LittleEndian.Uint16(data[i:]))))
			y = append(y, float64(int16(binary.LittleEndian.Uint16(data[i+2:])))*math.Pow(10, float64(choice%300)))
		}
		o := Options{Cutoff: cutoff, Kernel: Kernel(choice & 3), Order: choice>>2&7 - 1, H: Both(h), Variance: Variance(choice >> 5 & 7), Selector: Selector(choice >> 8 & 7)}
		if r, err := Sharp(x, y, o); err == nil {
			_ = r.String()
		}
		if r, err := Fuzzy(x, y, x, o); err == nil {
			_ = r.String()
		}
		if r, err := DensityTest(x, DensityOptions{Cutoff: cutoff, H: Both(h)}); err == nil {
			_ = r.String()
		}
		if _, err := Plot(x, y, PlotOptions{Cutoff: cutoff, H: Both(h)}); err != nil {
			_ = err.Error()
		}
	})
}
