package rd

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// A sampleCase is a drawn data set with noise, curvature and a jump, and
// options with a fixed bandwidth in which there is room for any order.
type sampleCase struct {
	x, d, y []float64
	o       Options
}

func drawCase(t *rapid.T) sampleCase {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	// With 160 points the narrowest bandwidth, 13 of the grid's 32 values on a
	// side, holds the 6 distinct ones that the highest order needs.
	n := rapid.IntRange(160, 400).Draw(t, "n")
	ties := rapid.Bool().Draw(t, "ties")
	c := sampleCase{o: Options{
		Kernel:   Kernel(rapid.IntRange(0, 2).Draw(t, "kernel")),
		Order:    rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "order"),
		Variance: Variance(rapid.IntRange(0, int(HC3)).Draw(t, "variance")),
		H:        [2]float64{rapid.Float64Range(0.4, 1.2).Draw(t, "h-"), rapid.Float64Range(0.4, 1.2).Draw(t, "h+")},
		B:        [2]float64{rapid.Float64Range(0.4, 1.2).Draw(t, "b-"), rapid.Float64Range(0.4, 1.2).Draw(t, "b+")},
	}}
	for range n {
		x := 2*random.Float64() - 1
		if ties {
			x = (math.Floor(32*x) + 0.5) / 32
		}
		d, chance := 0.0, 0.2
		if x >= 0 {
			chance = 0.9
		}
		if random.Float64() < chance {
			d = 1
		}
		c.x, c.d = append(c.x, x), append(c.d, d)
		c.y = append(c.y, 1+x-x*x+2*d+random.NormFloat64())
	}
	return c
}

func (c sampleCase) sharp(t *rapid.T) *Result {
	r, err := Sharp(c.x, c.y, c.o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// selectBandwidths asks for selected bandwidths at order 1. Some of the drawn samples are
// so small that the selected window is empty; they are passed over.
func (c *sampleCase) selectBandwidths(t *rapid.T) {
	c.o.H, c.o.B, c.o.Order = [2]float64{}, [2]float64{}, 1
	if _, err := Sharp(c.x, c.y, c.o); err != nil {
		t.Skip(err)
	}
}

func apply[T any](values []T, f func(T) float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = f(v)
	}
	return out
}

// near fails unless got is want up to the rounding of a well-conditioned fit.
func near(t rapid.TB, what string, got, want float64) {
	t.Helper()
	if d := math.Abs(got - want); !(d <= 1e-8*max(1, math.Abs(want))) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// numbers are the estimates and standard errors of a jump.
func (j Jump) numbers() (estimates, stderrs []float64) {
	return []float64{j.Conventional.Estimate, j.BiasCorrected.Estimate, j.Robust.Estimate},
		[]float64{j.Conventional.StdErr, j.BiasCorrected.StdErr, j.Robust.StdErr}
}

func nearJump(t *rapid.T, got, want Jump, scale float64) {
	t.Helper()
	ge, gs := got.numbers()
	we, ws := want.numbers()
	for i := range ge {
		near(t, "estimate", ge[i], scale*we[i])
		near(t, "standard error", gs[i], math.Abs(scale)*ws[i])
	}
}

func TestExactlyLinearDataGiveTheJumpExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		for i, x := range c.x {
			c.y[i] = 3 - 2*x
			if x >= 0 {
				c.y[i] = 5.5 + 0.5*x
			}
		}
		if c.o.Variance == NearestNeighbour {
			c.o.Variance = HC0 // neighbours differ along a slope, a fit does not
		}
		r := c.sharp(t)
		estimates, stderrs := r.Jump.numbers()
		for i := range estimates {
			near(t, "estimate", estimates[i], 2.5)
			near(t, "standard error", stderrs[i], 0)
		}
		near(t, "slope", r.Left.Coefficients[1], -2)
		near(t, "slope", r.Right.Coefficients[1], 0.5)
	})
}

// The weights of a coefficient reproduce polynomials: Σ A[ν,i] u_i^j = 1{j=ν}.
func TestWeightsReproducePolynomials(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		sides, err := Sample{X: c.x, Y: c.y}.split(Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range sides {
			f, err := sides[i].fit(c.o.Kernel, 5, c.o.H[i])
			if err != nil {
				t.Fatal(err)
			}
			trace := 0.0
			for _, l := range f.leverages() {
				trace += l
			}
			near(t, "sum of leverages", trace, 6)
			for nu := range 6 {
				a := f.weights(nu)
				for power := range 6 {
					sum, want := 0.0, 0.0
					for k, z := range f.z {
						sum += a[k] * math.Pow(z/f.h, float64(power))
					}
					if nu == power {
						want = 1
					}
					near(t, fmt.Sprintf("row %d on u^%d", nu, power), sum, want)
				}
			}
		}
	})
}

func TestAddingALineChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		if c.o.Variance == NearestNeighbour {
			c.o.Variance = HC0 // neighbours differ along a slope, a fit does not
		}
		want := c.sharp(t)
		for i, x := range c.x {
			c.y[i] += 7 - 4*x
		}
		nearJump(t, c.sharp(t).Jump, want.Jump, 1)
	})
}

func TestScalingTheOutcomeScalesTheEstimate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		if rapid.Bool().Draw(t, "selected") {
			c.selectBandwidths(t)
		}
		want := c.sharp(t)
		k := rapid.SampledFrom([]float64{-3, 0.01, 100}).Draw(t, "k")
		c.y = apply(c.y, func(v float64) float64 { return k * v })
		got := c.sharp(t)
		near(t, "h", got.Left.Bandwidth, want.Left.Bandwidth)
		near(t, "b", got.Right.BiasBandwidth, want.Right.BiasBandwidth)
		nearJump(t, got.Jump, want.Jump, k)
	})
}

func TestShiftingAndStretchingTheRunningVariable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		c.x = apply(c.x, func(v float64) float64 { return math.Round(v*1024) / 1024 }) // shifts are exact
		if rapid.Bool().Draw(t, "selected") {
			c.o.Selector = Selector(rapid.IntRange(0, int(CERComb2)).Draw(t, "selector"))
			c.selectBandwidths(t)
		}
		want := c.sharp(t)
		shift := rapid.SampledFrom([]float64{-5, 0, 16}).Draw(t, "shift")
		stretch := rapid.SampledFrom([]float64{0.125, 1, 64}).Draw(t, "stretch")
		move := func(v float64) float64 { return stretch * (v + shift) }
		c.x, c.o.Cutoff = apply(c.x, move), move(0)
		for i := range c.o.H {
			c.o.H[i] *= stretch
			c.o.B[i] *= stretch
		}
		got := c.sharp(t)
		near(t, "h", got.Left.Bandwidth/stretch, want.Left.Bandwidth)
		near(t, "b", got.Right.BiasBandwidth/stretch, want.Right.BiasBandwidth)
		nearJump(t, got.Jump, want.Jump, 1)
	})
}

func TestMirroringFlipsTheSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t) // no x is exactly 0
		if rapid.Bool().Draw(t, "selected") {
			c.selectBandwidths(t)
		}
		want := c.sharp(t)
		c.x = apply(c.x, func(v float64) float64 { return -v })
		slices.Reverse(c.o.H[:])
		slices.Reverse(c.o.B[:])
		nearJump(t, c.sharp(t).Jump, want.Jump, -1)
	})
}

func TestTheOrderOfPointsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		want := c.sharp(t)
		slices.Reverse(c.x)
		slices.Reverse(c.y)
		nearJump(t, c.sharp(t).Jump, want.Jump, 1)
	})
}

// With h = b, correcting the bias of order p is the same as estimating at p+1.
func TestBiasCorrectionIsTheNextOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		c.o.B = c.o.H
		c.o.Variance = NearestNeighbour
		lower := c.sharp(t)
		c.o.Order++
		higher := c.sharp(t)
		near(t, "estimate", lower.Robust.Estimate, higher.Conventional.Estimate)
		near(t, "standard error", lower.Robust.StdErr, higher.Conventional.StdErr)
	})
}

func TestWhenEveryoneCompliesFuzzyIsSharp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		for i, x := range c.x {
			c.d[i] = 0
			if x >= 0 {
				c.d[i] = 1
			}
		}
		f, err := Fuzzy(c.x, c.d, c.y, c.o)
		if err != nil {
			t.Fatal(err)
		}
		nearJump(t, f.Jump, c.sharp(t).Jump, 1)
		near(t, "first stage", f.FirstStage.Robust.Estimate, 1)
	})
}

// The fuzzy effect by instrumental variables: y on d and (1, z, …, z^p, Tz, …),
// with T = 1{x >= c} the instrument of d, weighted by the kernel; exactly
// identified, sandwich variance. It is the ratio of jumps, and its standard error
// the delta method's.
func TestFuzzyIsTwoStageLeastSquares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		c.o.B, c.o.Variance = c.o.H, HC0
		f, err := Fuzzy(c.x, c.d, c.y, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if f.FirstStage.Conventional.Estimate < 0.1 {
			t.Skip("hardly any first stage")
		}
		p := c.o.Order
		terms := 2 * (p + 1)
		var regressors, instruments, outcome []float64
		for i, x := range c.x {
			side := sideOf(x)
			w := math.Sqrt(c.o.Kernel.Weight(x / c.o.H[side]))
			row := make([]float64, terms)
			for k := range p + 1 {
				row[1+k] = w * math.Pow(x, float64(k))
				if k > 0 {
					row[1+p+k] = row[1+k] * float64(side)
				}
			}
			row[0] = w * c.d[i]
			regressors = append(regressors, row...)
			row[0] = w * float64(side)
			instruments = append(instruments, row...)
			outcome = append(outcome, w*c.y[i])
		}
		n := len(c.x)
		X, Z, Y := mat.NewDense(n, terms, regressors), mat.NewDense(n, terms, instruments), mat.NewVecDense(n, outcome)
		var cross mat.Dense
		cross.Mul(Z.T(), X)
		var zy, beta, residual, influence, a mat.VecDense
		zy.MulVec(Z.T(), Y)
		first := mat.NewVecDense(terms, nil)
		first.SetVec(0, 1)
		if beta.SolveVec(&cross, &zy) != nil || influence.SolveVec(cross.T(), first) != nil {
			t.Skip("ill-conditioned powers")
		}
		residual.MulVec(X, &beta)
		residual.SubVec(Y, &residual)
		a.MulVec(Z, &influence)
		v := 0.0
		for i := range n {
			v += math.Pow(a.AtVec(i)*residual.AtVec(i), 2)
		}
		near(t, "estimate", f.Conventional.Estimate, beta.AtVec(0))
		near(t, "standard error", f.Conventional.StdErr, math.Sqrt(v))
	})
}

// The residuals by their definition: sort all others by distance, take whole
// distances (within them, whole values of x) until there are enough.
func TestNeighbourResiduals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := apply(rapid.SliceOfN(rapid.IntRange(0, 30), 2, 60).Draw(t, "x"), func(v int) float64 { return float64(v) })
		slices.Sort(x)
		y := rapid.SliceOfN(rapid.Float64Range(-10, 10), len(x), len(x)).Draw(t, "y")
		least := rapid.IntRange(1, 5).Draw(t, "least")
		got := make([]float64, len(x))
		neighbourResiduals(got, x, y, least)
		for i := range x {
			count, sum := 0, 0.0
			for distance := 0.0; distance == 0 || count < min(least, len(x)-1); distance++ {
				for j := range x {
					if j != i && math.Abs(x[j]-x[i]) == distance {
						count++
						sum += y[j]
					}
				}
			}
			j := float64(count)
			near(t, "residual", got[i], math.Sqrt(j/(j+1))*(y[i]-sum/j))
		}
	})
}

// In expectation over one repeated point, descent shrinks the error by the
// factor 1 − rate (1 + x²) per step.
func TestDescentClosedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Float64Range(0, 2).Draw(t, "x"), rapid.Float64Range(-5, 5).Draw(t, "y")
		rate := rapid.Float64Range(0.001, 0.1).Draw(t, "rate")
		steps := rapid.IntRange(1, 100).Draw(t, "steps")
		d := OnlineDescent{Rate: rate}
		for range steps {
			d.Add(x, y)
		}
		left := math.Pow(1-rate*(1+x*x), float64(steps))
		near(t, "fit", d.Lines()[1].At(x), y*(1-left))
		if d.N() != [2]int{0, steps} || d.Lines()[0] != (Line{}) {
			t.Fatal("the other side moved")
		}
	})
}

func TestDensityTestIsInvariant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		o := DensityOptions{
			Kernel: Kernel(rapid.IntRange(0, 2).Draw(t, "kernel")),
			Order:  rapid.IntRange(1, 3).Draw(t, "order"),
			PlugIn: rapid.Bool().Draw(t, "plug-in"),
		}
		x := make([]float64, 400)
		for i := range x {
			x[i] = random.NormFloat64() + 0.2
		}
		want, err := DensityTest(x, o)
		if err != nil {
			t.Fatal(err)
		}
		stretched, err := DensityTest(apply(x, func(v float64) float64 { return 4 * v }), o)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "T stretched", stretched.Robust.T, want.Robust.T)
		near(t, "density stretched", 4*stretched.Robust.Density[0], want.Robust.Density[0])
		near(t, "bandwidth stretched", stretched.H[1], 4*want.H[1])
	})
}

func TestBinomialSymmetric(t *testing.T) {
	// n = 6, 1 against 5: p = 2 (1 + 6)/2^6 = 0.21875.
	r, err := Binomial([]float64{-1, 1, 1, 1, 1, 1, 9}, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	if r.N != [2]int{1, 5} {
		t.Fatal(r.N)
	}
	near(t, "p", r.P, 0.21875)
}

func TestPermutationPAgreesWithEnumeration(t *testing.T) {
	// Outcomes 0..3 left, 6..9 right: of the 70 ways to choose four of eight, 2
	// are as extreme as the one observed.
	x := []float64{-1, -1, -1, -1, 1, 1, 1, 1}
	y := []float64{0, 1, 2, 3, 6, 7, 8, 9}
	o := RandomisationOptions{Window: [2]float64{-1, 1}, Draws: 100_000}
	r, err := LocalRandomisation(x, y, o)
	if err != nil {
		t.Fatal(err)
	}
	if want, spread := 2./70, math.Sqrt(2./70*68./70/float64(o.Draws)); math.Abs(r.PermutationP-want) > 4*spread { // false alarm 6e-5
		t.Fatalf("p = %v, want %v ± %v", r.PermutationP, want, spread)
	}
	again, err := LocalRandomisation(x, y, o)
	if err != nil || again.AsExtreme != r.AsExtreme {
		t.Fatal("the same seed drew other permutations")
	}
	near(t, "rank-sum z", r.RankSumZ, (10-18)/math.Sqrt(12))
	near(t, "Kolmogorov-Smirnov", r.KolmogorovSmirnov, 1)
}

// Plug-in variance constants by quadrature on a grid.
func TestPlugInVariance(t *testing.T) {
	for _, k := range []Kernel{Triangular, Uniform, Epanechnikov} {
		for order := 1; order <= 4; order++ {
			// The equivalent kernel of the slope is Σ_j S^(−1)[1,j] u^j K(u); the
			// variance is ∫∫ min(u,v) of two of them.
			const grid = 1000
			s := &side{right: true}
			for i := range grid {
				s.z = append(s.z, (float64(i)+0.5)/grid)
			}
			f, err := s.fit(k, order, 1)
			if err != nil {
				t.Fatal(err)
			}
			a := f.weights(1)
			sum := 0.0
			for i := range a {
				for j := range a {
					sum += a[i] * a[j] * min(f.z[i], f.z[j])
				}
			}
			if got := plugInVariance(k, order); math.Abs(got-sum) > 1e-3*sum {
				t.Errorf("%v order %d: %v, by quadrature %v", k, order, got, sum)
			}
		}
	}
}

func TestPlotBins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCase(t)
		o := PlotOptions{Bins: [2]int{rapid.IntRange(0, 12).Draw(t, "left"), rapid.IntRange(0, 12).Draw(t, "right")}, Order: 2}
		data, err := Plot(c.x, c.y, o)
		if err != nil {
			t.Fatal(err)
		}
		n, sum, total := 0, 0.0, 0.0
		for i, s := range []PlotSide{data.Left, data.Right} {
			if o.Bins[i] != 0 && data.Options.Bins[i] != o.Bins[i] || data.Options.Bins[i] < 1 {
				t.Fatal(data.Options.Bins)
			}
			for j, b := range s.Bins {
				n += b.N
				sum += float64(b.N) * b.Y
				if b.N < 1 || !(b.From <= b.X && b.X <= b.To) || j > 0 && b.From < s.Bins[j-1].To-1e-12 {
					t.Fatalf("bin %+v", b)
				}
			}
			if len(s.Curve) != 200 {
				t.Fatal(len(s.Curve))
			}
		}
		for _, y := range c.y {
			total += y
		}
		if n != len(c.x) {
			t.Fatalf("%d of %d points in bins", n, len(c.x))
		}
		near(t, "sum of y", sum, total)
		near(t, "curve at the cutoff", data.Left.Curve[199].Y, data.Left.Coefficients[0])
	})
}

// The optimal number of bins for a line y = x + σ noise, x uniform over [0, 1)
// on the right of the cutoff: B = 1/12·n_s/n, V = σ², so J³ = n_s/(6 σ²).
func TestOptimalNumberOfBins(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	const n, sigma = 20_000, 0.5
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = random.Float64()
		y[i] = x[i] + sigma*random.NormFloat64()
	}
	x, y = append(x, -1, -0.9, -0.8, -0.7, -0.6), append(y, 0, 0, 1, 0, 0)
	data, err := Plot(x, y, PlotOptions{Order: 1, Bins: [2]int{1, 0}})
	if err != nil {
		t.Fatal(err)
	}
	want := math.Cbrt(n / (6 * sigma * sigma)) // 23.7
	if got := float64(data.Options.Bins[1]); math.Abs(got-want) > 2 {
		t.Fatalf("%v bins, want about %.1f", got, want)
	}
}

// Under no manipulation the density test rejects at its level, and its T is
// standard normal.
func TestDensityTestSize(t *testing.T) {
	runs := draws(t, 200)
	random := rand.New(rand.NewPCG(5, 6))
	rejected, square := 0.0, 0.0
	x := make([]float64, 1000)
	for range runs {
		for i := range x {
			x[i] = random.NormFloat64() + 0.3
		}
		r, err := DensityTest(x, DensityOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Robust.P < 0.05 {
			rejected++
		}
		square += r.Robust.T * r.Robust.T
	}
	n := float64(runs)
	t.Logf("%d samples: rejected %.3f, mean T² %.3f", runs, rejected/n, square/n)
	// Were the true size 0.05: false alarm below 1 in 10,000.
	if rejected/n > 0.05+4*math.Sqrt(0.05*0.95/n) {
		t.Errorf("rejects %.3f of unmanipulated samples at level 0.05", rejected/n)
	}
}

func TestSortByDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e300, 1e300), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, 0.1})), 0, 300).Draw(t, "z")
		copies := rapid.IntRange(1, 3).Draw(t, "copies")
		for range copies {
			z = append(z, z...)
		}
		index, order := make([]int32, len(z)), make([]int, len(z))
		for i := range z {
			index[i], order[i] = int32(i), i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(z[a], z[b]) })
		sorted := slices.Clone(z)
		sortByDistance(sorted, index)
		for i, k := range order {
			if sorted[i] != z[k] || int(index[i]) != k {
				t.Fatalf("place %d: %v of index %d, want %v of %d", i, sorted[i], index[i], z[k], k)
			}
		}
	})
}
