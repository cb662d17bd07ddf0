package rd

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/invalid"
)

// DensityOptions says how to test for a jump of the density of x. The zero
// value: cutoff 0, triangular kernel, order 2 (the test itself at order 3), both
// bandwidths from the data, jackknife variance.
type DensityOptions struct {
	Cutoff float64
	Kernel Kernel
	Order  int        // p, 1 to 3; 0 means 2
	H      [2]float64 // bandwidths, [left, right]; zero: chosen from the data
	PlugIn bool       // asymptotic rather than jackknife variance
	// IgnoreMassPoints treats repeated x as points in a row, rather than giving
	// them all the distribution value of the last of them. Windows still hold as
	// many distinct values.
	IgnoreMassPoints bool
}

// A DensityEstimate is the density of x at the cutoff from each side, and the
// test that the two are equal.
type DensityEstimate struct {
	Order       int        // of the polynomial through the distribution function
	Density     [2]float64 // [left, right], per unit of x, of the whole sample
	StdErr      [2]float64 // of each
	Difference  float64    // right less left
	DiffStdErr  float64
	T           float64 // Difference/DiffStdErr: positive if denser above the cutoff
	P           float64 // two-sided, standard normal
	covariances [2][2]float64
}

// DensityBandwidths tells how the bandwidths came about: pilots for the
// curvature and the variance, then one bandwidth for each of four targets. A
// side's bandwidth is the median of its own, the difference's and the sum's.
type DensityBandwidths struct {
	PilotBias, PilotVariance     float64
	Left, Right, Difference, Sum float64
}

// DensityResult is the outcome of DensityTest.
type DensityResult struct {
	Options      DensityOptions
	N, Effective [2]int     // points, points of positive weight, [left, right]
	H            [2]float64 // bandwidths, [left, right]
	Bandwidths   *DensityBandwidths
	Conventional DensityEstimate // order p
	Robust       DensityEstimate // order p + 1 at the same bandwidths: the test
	Warnings     []error
}

// The pilot constants of the normal reference model for orders 1, 2, 3
// (Cattaneo, Jansson & Ma 2020, supplement).
var (
	pilotBias     = [...]float64{25884.444444494151, 3430865.4551236178, 845007948.04262603}
	pilotVariance = [...]float64{4.8, 548.57142857155464, 100800.0000002042}
)

// DensityTest tests for manipulation of the running variable: is its density
// continuous at the cutoff? It fits the empirical distribution function by a
// local polynomial on each side, whose slope is the density (Cattaneo, Jansson &
// Ma 2020). x is [point], in any order, finite.
func DensityTest(x []float64, o DensityOptions) (*DensityResult, error) {
	base, err := Options{Cutoff: o.Cutoff, Kernel: o.Kernel, H: o.H}.resolve()
	if err != nil {
		return nil, err
	}
	if o.Order < 0 || o.Order > len(pilotBias) {
		return nil, invalid.New("Order", o.Order, "1 to 3, or 0 for 2")
	}
	if o.Order == 0 {
		o.Order = 2
	}
	sides, err := Sample{X: x}.split(base)
	if err != nil {
		return nil, err
	}
	sides = distribution(sides, !o.IgnoreMassPoints)
	r := &DensityResult{Options: o, N: [2]int{len(sides[0].z), len(sides[1].z)}, H: base.H}
	if base.H == [2]float64{} {
		if r.Bandwidths, err = densityBandwidths(sides, o); err != nil {
			return nil, err
		}
		b := r.Bandwidths
		r.H = [2]float64{median(b.Left, b.Difference, b.Sum), median(b.Right, b.Difference, b.Sum)}
	}
	if r.Conventional, r.Effective, err = estimateDensity(sides, o, o.Order, r.H); err != nil {
		return nil, err
	}
	if r.Robust, _, err = estimateDensity(sides, o, o.Order+1, r.H); err != nil {
		return nil, err
	}
	for i := range sides {
		s := &sides[i]
		if few := 20 + o.Order + 1; r.Effective[i] < few {
			r.Warnings = append(r.Warnings, fmt.Errorf("only %d points within the bandwidth on the %s", r.Effective[i], s.name()))
		}
		if f := r.Robust.Density[i]; !(f > 0) {
			r.Warnings = append(r.Warnings, fmt.Errorf("estimated density on the %s is %.3g: not positive", s.name(), f))
		}
		if repeated := len(s.z) - s.unique; !o.IgnoreMassPoints && float64(repeated) >= 0.2*float64(len(s.z)) {
			r.Warnings = append(r.Warnings, fmt.Errorf("%d of %d points on the %s repeat a value of x: its distribution is not continuous", repeated, len(s.z), s.name()))
		}
	}
	return r, nil
}

// distribution gives each point the empirical distribution function (i−1)/(n−1)
// of the whole sample as its outcome; if ties, repeated x take their last one's.
func distribution(sides [2]side, ties bool) [2]side {
	n := len(sides[0].z) + len(sides[1].z)
	before := 0
	for i := range sides {
		s := &sides[i]
		s.y = make([]float64, len(s.z))
		for j := len(s.z) - 1; j >= 0; j-- {
			if ties && j+1 < len(s.z) && s.z[j] == s.z[j+1] {
				s.y[j] = s.y[j+1]
				continue
			}
			s.y[j] = float64(before+j) / float64(n-1)
		}
		before += len(s.z)
	}
	return sides
}

// estimateDensity fits order k at the bandwidths h on both sides.
func estimateDensity(sides [2]side, o DensityOptions, k int, h [2]float64) (DensityEstimate, [2]int, error) {
	est := DensityEstimate{Order: k}
	var effective [2]int
	var weights [2][]float64 // of F in the slope per unit of x
	for i := range sides {
		f, err := sides[i].fit(o.Kernel, k, h[i])
		if err != nil {
			return est, effective, err
		}
		effective[i] = f.hi - f.lo
		weights[i] = f.weights(1)
		for j := range weights[i] {
			weights[i][j] /= h[i]
		}
		est.Density[i] = f.coefficients(sides[i].y)[1] / h[i]
	}
	if o.PlugIn {
		n := float64(len(sides[0].z) + len(sides[1].z))
		unit := plugInVariance(o.Kernel, k)
		for i, f := range est.Density {
			est.covariances[i][i] = f * unit / (n * h[i])
		}
	} else {
		est.covariances = jackknife(sides, weights, effective, !o.IgnoreMassPoints)
	}
	v := est.covariances
	est.StdErr = [2]float64{math.Sqrt(v[0][0]), math.Sqrt(v[1][1])}
	est.Difference = est.Density[1] - est.Density[0]
	est.DiffStdErr = math.Sqrt(v[0][0] + v[1][1] - 2*v[0][1])
	est.T = est.Difference / est.DiffStdErr
	est.P = pvalue(est.T)
	return est, effective, nil
}

// jackknife returns V_ss' = Σ_i l^s_i l^s'_i over the points of both windows in
// ascending order, with l^s_i the sum of the weights m^s of later points over
// n − 1; if ties, repeated x all count from the first of them.
func jackknife(sides [2]side, weights [2][]float64, effective [2]int, ties bool) (v [2][2]float64) {
	n := len(sides[0].z) + len(sides[1].z)
	x := slices.Concat(sides[0].z[len(sides[0].z)-effective[0]:], sides[1].z[:effective[1]])
	later := make([][2]float64, len(x)) // l of each point
	var sum [2]float64
	for i := len(x) - 1; i >= 0; i-- {
		later[i] = [2]float64{sum[0] / float64(n-1), sum[1] / float64(n-1)}
		if i < effective[0] {
			sum[0] += weights[0][i]
		} else {
			sum[1] += weights[1][i-effective[0]]
		}
	}
	for i := range x {
		if ties && i > 0 && x[i] == x[i-1] {
			later[i] = later[i-1]
		}
		for s := range v {
			for t := range v[s] {
				v[s][t] += later[i][s] * later[i][t]
			}
		}
	}
	return v
}

// plugInVariance returns (S^(−1) G S^(−1))[1,1] for order k, with S[i,j] =
// ∫K u^(i+j) over [0, 1] and G[i,j] = ∫∫ min(u,v) K(u) K(v) u^i v^j over the unit
// square.
func plugInVariance(kernel Kernel, k int) float64 {
	terms := k + 1
	s, g := mat.NewSymDense(terms, nil), mat.NewDense(terms, terms, nil)
	c := kernel.polynomial()
	for i := range terms {
		for j := range terms {
			if j >= i {
				s.SetSym(i, j, kernelMoment(kernel, i+j))
			}
			sum := 0.0
			for a, ca := range c {
				for b, cb := range c {
					// ∫∫ min(u,v) u^m v^l: the inner integral below v, then above it.
					m, l := float64(a+i), float64(b+j)
					sum += ca * cb * (1/((m+2)*(m+l+3)) + (1/(l+2)-1/(m+l+3))/(m+1))
				}
			}
			g.Set(i, j, sum)
		}
	}
	row := solveMoments(s, 1)
	return mat.Inner(row, g, row)
}

// kernelMoment returns ∫K u^m over [0, 1].
func kernelMoment(k Kernel, m int) float64 {
	sum := 0.0
	for a, c := range k.polynomial() {
		sum += c / float64(a+m+1)
	}
	return sum
}

// solveMoments returns row i of S^(−1). S, the moments of a positive weight, is
// positive definite.
func solveMoments(s *mat.SymDense, i int) *mat.VecDense {
	var factor mat.Cholesky
	if !factor.Factorize(s) {
		panic("rd: kernel moments are not positive definite")
	}
	unit := mat.NewVecDense(s.SymmetricDim(), nil)
	unit.SetVec(i, 1)
	var row mat.VecDense
	if err := factor.SolveVecTo(&row, unit); err != nil {
		panic("rd: kernel moments are singular")
	}
	return &row
}

// densityBandwidths minimises the mean squared error of the density on each
// side, of their difference and of their sum (selector comb).
func densityBandwidths(sides [2]side, o DensityOptions) (*DensityBandwidths, error) {
	p := o.Order
	all := slices.Concat(sides[0].z, sides[1].z)
	n := float64(len(all))
	mean, sd := stat.MeanStdDev(all, nil)
	if !(sd > 0) {
		return nil, invalid.New("x", "constant", "at least two values")
	}
	r := mean / sd
	phi := distuv.UnitNormal.Prob(r)
	pilot := func(scale float64, order, root int) float64 {
		he := hermite(order, r)
		return sd * math.Pow(scale/(he*he*phi)/n, 1/float64(root))
	}
	fp := float64(p)
	bounded := func(h float64, points int) float64 {
		h = min(h, max(sides[0].reach(), sides[1].reach()))
		for i := range sides {
			h = max(h, sides[i].toHold(points))
		}
		return h
	}
	b := &DensityBandwidths{
		PilotBias:     bounded(pilot((2*fp+1)/4*pilotBias[p-1], p+2, 2*p+5), 20+p+3),
		PilotVariance: bounded(pilot(1/(2*fp)*pilotVariance[p-1], p, 2*p+1), 20+p+1),
	}

	// The leading bias of the density is κ β_(p+1), of alternating sign on the left.
	moments := mat.NewSymDense(p+1, nil)
	next := mat.NewVecDense(p+1, nil)
	for i := range p + 1 {
		next.SetVec(i, kernelMoment(o.Kernel, p+1+i))
		for j := i; j <= p; j++ {
			moments.SetSym(i, j, kernelMoment(o.Kernel, i+j))
		}
	}
	kappa := mat.Dot(solveMoments(moments, 1), next)
	var bias [2]float64
	for i := range sides {
		f, err := sides[i].fit(o.Kernel, p+2, b.PilotBias)
		if err != nil {
			return nil, fmt.Errorf("bandwidth selection: %w", err)
		}
		bias[i] = kappa * f.coefficients(sides[i].y)[p+1] / math.Pow(b.PilotBias, float64(p+1))
	}
	if p%2 == 1 {
		bias[0] = -bias[0]
	}
	est, _, err := estimateDensity(sides, o, p, Both(b.PilotVariance))
	if err != nil {
		return nil, fmt.Errorf("bandwidth selection: %w", err)
	}
	v := est.covariances
	target := func(v, bias float64) float64 {
		h := math.Pow(b.PilotVariance*v/(2*fp*bias*bias), 1/(2*fp+1))
		return bounded(h, 20+p+1)
	}
	b.Left = target(v[0][0], bias[0])
	b.Right = target(v[1][1], bias[1])
	b.Difference = target(v[0][0]+v[1][1]-2*v[0][1], bias[1]-bias[0])
	b.Sum = target(v[0][0]+v[1][1]+2*v[0][1], bias[1]+bias[0])
	return b, nil
}

// toHold returns how far from the cutoff the side's n-th point and its n-th
// distinct value are; its farthest if it has fewer.
func (s *side) toHold(n int) float64 {
	i := min(n, len(s.z)) - 1
	if !s.right {
		i = len(s.z) - 1 - i
	}
	return max(math.Abs(s.z[i]), s.distance(n))
}

// hermite returns the probabilists' Hermite polynomial of order k at x.
func hermite(k int, x float64) float64 {
	previous, h := 0.0, 1.0
	for i := range k {
		previous, h = h, x*h-float64(i)*previous
	}
	return h
}

func median(a, b, c float64) float64 {
	v := []float64{a, b, c}
	sort.Float64s(v)
	return v[1]
}
