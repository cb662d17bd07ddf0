package rd

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// The power that Power promises is the share of samples in which the test rejects,
// and PointsFor is its inverse.
func TestPower(t *testing.T) {
	n := draws(t, 200)
	random := rand.New(rand.NewPCG(13, 13))
	sample := func(points int, effect float64) *Result {
		x, y := make([]float64, points), make([]float64, points)
		for i := range x {
			x[i] = 2*random.Float64() - 1
			y[i] = x[i] + effect*float64(sideOf(x[i])) + random.NormFloat64()
		}
		r, err := Sharp(x, y, Options{H: Both(0.5)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	pilot := sample(20_000, 0.3)
	points, err := pilot.PointsFor(0.5, 0.8)
	if err != nil {
		t.Fatal(err)
	}
	if got := pilot.powerOf(0.5, float64(points)/20_000); math.Abs(got-0.8) > 1e-3 {
		t.Errorf("%d points have a power of %v, want 0.8", points, got)
	}
	found := 0.0
	for range n {
		if sample(points, 0.5).Robust.P < 0.05 {
			found += 1 / float64(n)
		}
	}
	t.Logf("%d points, effect found in %.3f of %d samples", points, found, n)
	if allowed := 4*math.Sqrt(0.16/float64(n)) + 0.02; math.Abs(found-0.8) > allowed {
		t.Errorf("found in %.3f of the samples, want 0.8 ± %.3f", found, allowed)
	}
	near(t, "power without an effect", pilot.Power(0), 0.05)
	var wrong *invalid.Error
	if _, err := pilot.PointsFor(0, 0.8); !errors.As(err, &wrong) || wrong.Field != "effect" {
		t.Error(err)
	}
	if _, err := pilot.PointsFor(1, 80); !errors.As(err, &wrong) || wrong.Field != "power" {
		t.Error(err)
	}
}

// With a weak first stage the delta method's interval fails and Anderson and
// Rubin's covers; with a strong one they agree.
func TestAndersonRubin(t *testing.T) {
	n := draws(t, 200)
	random := rand.New(rand.NewPCG(17, 17))
	in := func(set []Interval, v float64) float64 {
		for _, i := range set {
			if i.Lo <= v && v <= i.Hi {
				return 1
			}
		}
		return 0
	}
	for _, jump := range []float64{0.02, 6} {
		var delta, robust float64
		shapes := map[int]int{}
		for range n {
			var s Sample
			for range 600 {
				x := 2*random.Float64() - 1
				common := random.NormFloat64() // what makes d and y go together
				d := x + jump*float64(sideOf(x)) + 0.3*common
				s.X, s.D = append(s.X, x), append(s.D, d)
				s.Y = append(s.Y, 2*d+common+0.3*random.NormFloat64())
			}
			r, err := s.Fuzzy(Options{H: Both(0.6)})
			if err != nil {
				t.Fatal(err)
			}
			delta += covers(r.Robust, 2) / float64(n)
			robust += in(r.AndersonRubin, 2) / float64(n)
			shapes[len(r.AndersonRubin)]++
			if jump > 0.5 {
				i := r.AndersonRubin[0]
				if len(r.AndersonRubin) != 1 || math.Abs(i.Lo-r.Robust.Lo) > r.Robust.StdErr || math.Abs(i.Hi-r.Robust.Hi) > r.Robust.StdErr {
					t.Errorf("strong first stage: %v, delta method %v", r.AndersonRubin, r.Robust)
				}
			}
		}
		t.Logf("jump of d %v: delta method %.3f, Anderson-Rubin %.3f, intervals in the set %v", jump, delta, robust, shapes)
		between(t, "Anderson-Rubin", robust, n, 0.935, 0.965)
		if jump < 0.1 && delta > 0.88 {
			t.Errorf("the delta method covers %.3f: the design is no test", delta)
		}
	}
}

// The set is where the robust test of the jump of y − τd does not reject.
func TestAndersonRubinByDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 19))
	for _, jump := range []float64{0, 0.1, 0.3, 1} {
		var s Sample
		for i := range 400 {
			x := 2*random.Float64() - 1
			d := jump*float64(sideOf(x)) + random.NormFloat64()
			s.X, s.D, s.Y = append(s.X, x), append(s.D, d), append(s.Y, d+random.NormFloat64())
			s.Cluster = append(s.Cluster, i%40)
		}
		for _, v := range []Variance{CR1, CR3} {
			r, err := s.Fuzzy(Options{H: Both(0.7), B: Both(0.9), Variance: v, NormalQuantiles: true})
			if err != nil {
				t.Fatal(err)
			}
			for tau := -30.0; tau <= 30; tau += 0.37 {
				at := s
				at.Y = make([]float64, len(s.Y))
				for i := range at.Y {
					at.Y[i] = s.Y[i] - tau*s.D[i]
				}
				test, err := at.Sharp(Options{H: Both(0.7), B: Both(0.9), Variance: v, NormalQuantiles: true})
				if err != nil {
					t.Fatal(err)
				}
				inside := false
				for _, i := range r.AndersonRubin {
					inside = inside || i.Lo <= tau && tau <= i.Hi
				}
				if inside != (test.Robust.P >= 0.05) {
					t.Errorf("jump %v, %v: τ = %v in %v is %v, but p = %v", jump, v, tau, r.AndersonRubin, inside, test.Robust.P)
				}
			}
		}
	}
}

// A point of weight k is k points, a covariate takes out what it explains, a donut
// leaves out the middle, and clusters of one point are no clusters.
func TestColumnsByDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 23))
	var s, repeated, hole Sample
	var covariate []float64
	for i := range 500 {
		x := 2*random.Float64() - 1
		y := x + 2*float64(sideOf(x)) + random.NormFloat64()
		k := 1 + random.IntN(3)
		s.X, s.Y, s.Weights, s.Cluster = append(s.X, x), append(s.Y, y), append(s.Weights, float64(k)), append(s.Cluster, i)
		for range k {
			repeated.X, repeated.Y = append(repeated.X, x), append(repeated.Y, y)
			repeated.Cluster = append(repeated.Cluster, i)
		}
		if math.Abs(x) >= 0.1 {
			hole.X, hole.Y = append(hole.X, x), append(hole.Y, y)
		}
		covariate = append(covariate, random.NormFloat64())
	}
	o := Options{H: Both(0.5), B: Both(0.7), Variance: CR0}
	weighted, err := s.Sharp(o)
	if err != nil {
		t.Fatal(err)
	}
	copies, err := repeated.Sharp(o)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "weighted estimate", weighted.Robust.Estimate, copies.Robust.Estimate)
	near(t, "weighted standard error", weighted.Robust.StdErr, copies.Robust.StdErr)

	single := Sample{X: s.X, Y: s.Y}
	o.Variance = HC0
	plain, err := single.Sharp(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Variance = CR0
	single.Cluster = s.Cluster
	one, err := single.Sharp(o)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "standard error of clusters of one", one.Robust.StdErr, plain.Robust.StdErr)

	single.Cluster = nil
	o.Variance = HC0
	for _, share := range []float64{0, 3} {
		single.Covariates = [][]float64{covariate}
		single.Y = make([]float64, len(s.Y))
		for i := range single.Y {
			single.Y[i] = s.Y[i] + share*covariate[i]
		}
		adjusted, err := single.Sharp(o)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(adjusted.Gamma[0]-share) > 0.2 {
			t.Errorf("covariate explains %v, want about %v", adjusted.Gamma[0], share)
		}
		if r := adjusted.Robust.StdErr / plain.Robust.StdErr; r > 1.05 || r < 0.9 {
			t.Errorf("standard error %v with a covariate that explains %v, %v without noise from it", adjusted.Robust.StdErr, share, plain.Robust.StdErr)
		}
	}
	single = Sample{X: s.X, Y: s.Y}
	o.Donut = Both(0.1)
	donut, err := single.Sharp(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Donut = [2]float64{}
	without, err := hole.Sharp(o)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "donut", donut.Robust.Estimate, without.Robust.Estimate)

	results, err := single.Donuts(o, 0, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Donuts without a hole", results[0].Robust.Estimate, plain.Robust.Estimate)
	near(t, "Donuts", results[1].Robust.Estimate, without.Robust.Estimate)
	if results, err = single.Bandwidths(o, 0.8, 1); err != nil {
		t.Fatal(err)
	}
	near(t, "Bandwidths", results[1].Robust.Estimate, plain.Robust.Estimate)
	near(t, "Bandwidths", results[0].Left.Bandwidth, 0.4)
	v, err := single.Check(Options{})
	if err != nil || v.Density == nil || v.Binomial == nil || len(v.Placebo) != 2 || len(v.Bandwidths) != 3 || len(v.Donuts) != 3 {
		t.Fatal(v, err)
	}
	if !finite(v.Placebo[0].Robust.P) || len(v.String()) < 200 {
		t.Error(v)
	}
}

// rdpower's table for the Senate elections: the power against 1, 2.5, 4 and 5.
func TestPowerAgreesWithRDPower(t *testing.T) {
	s, _, err := OpenCSV("testdata/rd/senate.csv", Columns{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Sharp(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for effect, want := range map[float64]float64{0: 0.05, 1: 0.089, 2.5: 0.3, 4: 0.632, 5: 0.819} {
		if got := r.Power(effect); math.Abs(got-want) > 0.0005 {
			t.Errorf("power against %v is %.4f, want %v", effect, got, want)
		}
	}
}
