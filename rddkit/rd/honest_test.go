package rd

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// Critical values of |N(t, 1)| as Armstrong & Kolesár (2018, Table 1 and RDHonest's
// CVb) publish them, and the limits t = 0 and large t.
func TestFoldedReach(t *testing.T) {
	for bias, want := range map[float64]float64{0: 1.959964, 0.1: 1.970367, 0.5: 2.181477, 1: 2.646, 2: 3.645, 10: 11.644854} {
		got := foldedReach(bias, 1, 0.95)
		if inside := distuv.UnitNormal.CDF(got-bias) - distuv.UnitNormal.CDF(-got-bias); math.Abs(inside-0.95) > 1e-12 {
			t.Errorf("bias %v: %v leaves %v inside", bias, got, inside)
		}
		if math.Abs(got-want) > 0.01 {
			t.Errorf("bias %v: %v, want %v", bias, got, want)
		}
	}
}

// gridSample is a voltage on a grid, with curvature and a jump of 1.
func gridSample(random *rand.Rand, step float64, n int, mu func(float64) float64) (x, y []float64) {
	for range n {
		v := step * math.Floor((2*random.Float64()-1)/step+0.5)
		x = append(x, v)
		m := mu(v)
		if v >= 0 {
			m++
		}
		y = append(y, m+0.5*random.NormFloat64())
	}
	return x, y
}

// The bias bound is reached by the parabola of the largest curvature, and by none
// of other curves with it.
func TestBiasBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		kernel := Kernel(rapid.IntRange(0, 2).Draw(t, "kernel"))
		x, y := gridSample(random, 0.1, 300, func(float64) float64 { return 0 })
		o := Options{Kernel: kernel, H: Both(rapid.Float64Range(0.35, 1).Draw(t, "h"))}
		r, err := Honest(x, y, o, 4)
		if err != nil {
			t.Fatal(err)
		}
		estimate := func(mu func(float64) float64) float64 {
			at, err := Honest(x, apply(x, mu), o, 4)
			if err != nil {
				t.Fatal(err)
			}
			return math.Abs(at.Estimate)
		}
		worst := estimate(func(x float64) float64 { return math.Copysign(2*x*x, x) })
		near(t, "bias of the parabola", worst, r.Bounded.Bias)
		frequency, phase := rapid.Float64Range(0.5, 8).Draw(t, "frequency"), rapid.Float64Range(0, 6).Draw(t, "phase")
		other := estimate(func(x float64) float64 { return 4 / (frequency * frequency) * math.Sin(frequency*x+phase) })
		if other > r.Bounded.Bias*(1+1e-9)+1e-12 {
			t.Fatalf("a curve of that curvature has a bias of %v, above %v", other, r.Bounded.Bias)
		}
	})
}

// The chosen bandwidth is the one with the shortest interval.
func TestHonestBandwidth(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	x, y := gridSample(random, 0.05, 1000, func(v float64) float64 { return v * v })
	best, err := Honest(x, y, Options{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	length := best.Bounded.Hi - best.Bounded.Lo
	for h := 0.16; h < 1; h += 0.01 {
		r, err := Honest(x, y, Options{H: Both(h)}, 2)
		if err != nil {
			t.Fatal(err)
		}
		// Up to the estimates of the noise, which differ with the window.
		if l := r.Bounded.Hi - r.Bounded.Lo; l < 0.97*length {
			t.Errorf("length %v at %v, chosen %v at %v", l, h, length, best.Left.Bandwidth)
		}
	}
}

// The interval for bounded misspecification by its definition: two regressions, the
// line and the dummies of each x, their joint sandwich, and a loop over all pairs
// and signs.
func TestMisspecifiedByDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	x, y := gridSample(random, 0.25, 200, func(v float64) float64 { return math.Sin(3 * v) })
	h := 0.8
	r, err := Honest(x, y, Options{Kernel: Uniform, H: Both(h)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	var in [][2]float64
	for i := range x {
		if math.Abs(x[i]) <= h {
			in = append(in, [2]float64{x[i], y[i]})
		}
	}
	n := len(in)
	var support []float64
	for _, p := range in {
		if !slices.Contains(support, p[0]) {
			support = append(support, p[0])
		}
	}
	slices.Sort(support)
	g := len(support)
	row := func(x float64) []float64 {
		right := float64(sideOf(x))
		return []float64{1, right, x, x * right}
	}
	line, dummies, outcome := mat.NewDense(n, 4, nil), mat.NewDense(n, g, nil), mat.NewVecDense(n, nil)
	for i, p := range in {
		line.SetRow(i, row(p[0]))
		dummies.Set(i, slices.Index(support, p[0]), 1)
		outcome.SetVec(i, p[1])
	}
	influence := func(m *mat.Dense) (*mat.VecDense, *mat.Dense) {
		var gram, inverse mat.Dense
		gram.Mul(m.T(), m)
		if err := inverse.Inverse(&gram); err != nil {
			t.Fatal(err)
		}
		var xy, beta, fitted mat.VecDense
		xy.MulVec(m.T(), outcome)
		beta.MulVec(&inverse, &xy)
		fitted.MulVec(m, &beta)
		var out mat.Dense
		out.Mul(m, &inverse)
		out.Apply(func(i, _ int, v float64) float64 { return v * (outcome.AtVec(i) - fitted.AtVec(i)) }, &out)
		return &beta, &out
	}
	b1, i1 := influence(line)
	b2, i2 := influence(dummies)
	lo, hi := math.Inf(1), math.Inf(-1)
	for l := range support {
		for k := range support {
			if support[l] >= 0 || support[k] < 0 {
				continue
			}
			for _, sl := range []float64{-1, 1} {
				for _, sk := range []float64{-1, 1} {
					centre, psi := b1.AtVec(1), mat.Col(nil, 1, i1)
					for _, at := range []struct {
						g    int
						sign float64
					}{{l, sl}, {k, sk}} {
						centre += at.sign * b2.AtVec(at.g)
						for j, v := range row(support[at.g]) {
							centre -= at.sign * v * b1.AtVec(j)
							for i := range psi {
								psi[i] -= at.sign * v * i1.At(i, j)
							}
						}
						for i := range psi {
							psi[i] += at.sign * i2.At(i, at.g)
						}
					}
					se := math.Sqrt(float64(n) * stat.Variance(psi, nil))
					lo, hi = min(lo, centre-1.959963984540054*se), max(hi, centre+1.959963984540054*se)
				}
			}
		}
	}
	near(t, "lower end", r.Misspecified.Lo, lo)
	near(t, "upper end", r.Misspecified.Hi, hi)
}

// Voltages on a grid of step 0.1 over a curve that bends within a few steps: the
// usual intervals miss, and say that x is discrete; honest ones cover.
func TestCoverageOnAGrid(t *testing.T) {
	n := draws(t, 60)
	random := rand.New(rand.NewPCG(11, 11))
	const bend, points = 12.0, 4000 // largest |μ''|
	bump := func(v float64) float64 { return math.Copysign(bend/2*v*v*math.Exp(-v*v), v) }
	var usual, robust, bounded, guessed float64
	for range n {
		x, y := gridSample(random, 0.1, points, bump)
		r, err := Sharp(x, y, Options{H: Both(0.35)}) // three or four values on each side
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(r.Warnings, func(w error) bool { return strings.Contains(w.Error(), "distinct values of x") }) {
			t.Fatal(r.Warnings)
		}
		usual += covers(r.Conventional, 1) / float64(n)
		robust += covers(r.Robust, 1) / float64(n)
		for to, curvature := range map[*float64]float64{&bounded: bend, &guessed: 0} {
			h, err := Honest(x, y, Options{}, curvature)
			if err != nil {
				t.Fatal(err)
			}
			*to += covers(Inference{Lo: h.Bounded.Lo, Hi: h.Bounded.Hi}, 1) / float64(n)
		}
	}
	t.Logf("conventional %.3f, robust %.3f", usual, robust)
	if usual > 0.9 {
		t.Errorf("the conventional interval covers %.3f: the design is no test", usual)
	}
	between(t, "curvature known", bounded, n, 0.95, 1)
	between(t, "curvature guessed", guessed, n, 0.95, 1)
}

// Where a line is no worse at the cutoff than at some value of x within the window,
// as along a ripple, the interval for bounded misspecification covers, and that of
// the line does not.
func TestCoverageOfMisspecifiedLines(t *testing.T) {
	n := draws(t, 60)
	random := rand.New(rand.NewPCG(12, 12))
	ripple := func(v float64) float64 { return 0.4 * math.Cos(math.Pi*v/0.2) }
	o := Options{Kernel: Uniform, H: Both(0.65)}
	var misses [2]float64
	for range n {
		x, y := gridSample(random, 0.1, 4000, func(v float64) float64 {
			if v < 0 {
				v -= 0.1 // so that the line is off on the left
			}
			return ripple(v)
		})
		h, err := Honest(x, y, o, 1)
		if err != nil {
			t.Fatal(err)
		}
		truth := 1 + ripple(0) - ripple(-0.1)
		misses[0] += covers(Inference{Lo: h.Misspecified.Lo, Hi: h.Misspecified.Hi}, truth) / float64(n)
		misses[1] += covers(infer(h.Estimate, h.StdErr, 0.95), truth) / float64(n)
	}
	t.Logf("the line's own interval %.3f", misses[1])
	if misses[1] > 0.9 {
		t.Errorf("the line's interval covers %.3f: the design is no test", misses[1])
	}
	between(t, "bounded misspecification", misses[0], n, 0.95, 1)
}

// RDHonest's published results on Lee's (2008) elections: uniform kernel, h = 10,
// curvature 0.1, a lower end of the one-sided interval of 2.3747626508 (its tests).
func TestBoundedCurvatureAgreesWithRDHonest(t *testing.T) {
	s, _, err := OpenCSV("testdata/honest/lee08.csv", Columns{X: "margin", Y: "voteshare"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Honest(Options{Kernel: Uniform, H: Both(10)}, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "lower end", r.Estimate-r.Bounded.Bias-distuv.UnitNormal.Quantile(0.95)*r.StdErr, 2.3747626508)
	for i, want := range []float64{6.056773533317582, 1.190526985688489, 1.7237682521413746, 2.3747302878169143, 9.738816778818249} {
		near(t, "estimate, s.e., bias, interval", []float64{r.Estimate, r.StdErr, r.Bounded.Bias, r.Bounded.Lo, r.Bounded.Hi}[i], want)
	}
}

// Kolesár & Rothe's (2018) results on Oreopoulos's (2006) earnings by year of birth,
// within six years of the reform: estimate 0.0213, bounded misspecification from
// −0.13218978736 to 0.17499392431 (RDHonest's tests). An interval hangs on number,
// mean and variance of the outcomes at each x alone, so points that have those stand
// for the 20,883.
func TestMisspecifiedAgreesWithThePaper(t *testing.T) {
	var x, y []float64
	for _, c := range []struct {
		year           float64
		n              int
		mean, variance float64
	}{
		{1941, 749, 8.56459887653314, 1.22962039694179},
		{1942, 880, 8.5717640368224, 1.25251682852908},
		{1943, 1027, 8.66178306647083, 1.02651413908359},
		{1944, 1166, 8.68700345858522, 1.08579323240854},
		{1945, 1231, 8.71858002598047, 0.98669272843781},
		{1946, 1435, 8.71988240571521, 1.16243353361646},
		{1947, 1419, 8.80486082659478, 0.964020616632811},
		{1948, 1563, 8.81664976816981, 0.998870794839237},
		{1949, 1776, 8.85331792133016, 0.965740522199398},
		{1950, 1943, 8.85375122923944, 0.978780830479217},
		{1951, 2244, 8.87858249235465, 1.01392905435664},
		{1952, 2556, 8.88180925788908, 1.01735297121153},
		{1953, 2894, 8.95759123799053, 0.998904531510957},
	} {
		even := c.n / 2 * 2
		spread := math.Sqrt(c.variance * float64(c.n) / float64(even))
		for i := range c.n {
			v := c.mean
			if i < even {
				v += spread * float64(2*(i%2)-1)
			}
			x, y = append(x, c.year), append(y, v)
		}
	}
	r, err := Honest(x, y, Options{Cutoff: 1947, Kernel: Uniform, H: Both(6), Variance: HC0}, 0.04)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "estimate", r.Estimate, 0.0212923111)
	near(t, "standard error", r.StdErr*math.Sqrt(20883./20882), 0.03272404599)
	near(t, "lower end", r.Misspecified.Lo, -0.13218978736)
	near(t, "upper end", r.Misspecified.Hi, 0.17499392431)
	near(t, "bounded curvature 0.04, lower end", r.Bounded.Lo, -0.3234726451890562) // RDHonest by its Python port
	near(t, "bounded curvature 0.04, upper end", r.Bounded.Hi, 0.3660572673931303)
}
