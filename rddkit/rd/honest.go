package rd

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/invalid"
)

// HonestResult holds intervals that remain right where x has few distinct values,
// such as a voltage on a grid: there no bandwidth goes to zero, and the bias of the
// fit at the cutoff does not vanish. It is bounded instead (Kolesár & Rothe 2018).
type HonestResult struct {
	Options     Options
	Left, Right Side // without the fields that concern bias and limits
	Estimate    float64
	StdErr      float64

	// Curvature is K, the bound on |μ”| on each side; Chosen if it was estimated.
	Curvature float64
	Chosen    bool

	// Bounded is the interval that allows for the largest bias at that curvature.
	Bounded HonestInterval
	// Misspecified is the interval that takes the fit to be no worse at the cutoff
	// than at the worst of the values of x within the bandwidth; for the uniform
	// kernel, without clusters and weights. It needs no K. Its ends are NaN where a
	// side has too few values for it.
	Misspecified HonestInterval

	Warnings []error
}

// An HonestInterval is a confidence interval and the bias that it allows for.
type HonestInterval struct{ Bias, Lo, Hi float64 }

// Honest is the method Honest for a sample of x and y alone.
func Honest(x, y []float64, o Options, curvature float64) (*HonestResult, error) {
	return Sample{X: x, Y: y}.Honest(o, curvature)
}

// Honest estimates the jump by local lines (o.Order is not used) and gives two
// intervals that are honest for a discrete running variable (Kolesár & Rothe 2018,
// AER 108(8), 2277–2304).
//
// Bounded second derivative: with |μ”| ≤ K on each side the bias of the weights a is
// at most
//
//	B = K/2 (|Σ_left a_i z_i²| + |Σ_right a_i z_i²|),
//
// and the interval is estimate ± cv(B/s.e.) s.e., with cv(t) the quantile of
// |N(t, 1)|. K, in units of y per squared unit of x, is curvature, or, for 0, the
// largest |μ”| of a quartic through each side (Armstrong & Kolesár 2020), which is a
// guess: say what is known of the curvature where something is.
//
// Bounded misspecification: with δ_g = ȳ_g − fit at the g-th value of x, the fit is
// off at the cutoff by at most the largest |δ_g| on each side. The interval is the
// hull of estimate ± δ_g ± δ_g' ∓ z s.e. over all pairs of a value on the left and one on the right
// and all signs, each with the standard error of its sum.
//
// A bandwidth that is not given is the one with the shortest bounded interval.
func (s Sample) Honest(o Options, curvature float64) (*HonestResult, error) {
	if !(curvature >= 0) || math.IsInf(curvature, 1) {
		return nil, invalid.New("curvature", curvature, "positive, or 0 for an estimate")
	}
	o.Order, o.BiasOrder, o.Derivative = 1, 0, 0
	s.D, s.Covariates = nil, nil
	d, err := s.prepare(o, false)
	if err != nil {
		return nil, err
	}
	o = d.o
	r := &HonestResult{Curvature: curvature, Chosen: curvature == 0}
	if r.Chosen {
		for i := range d.sides {
			k, err := d.sides[i].curvature()
			if err != nil {
				return nil, err
			}
			r.Curvature = max(r.Curvature, k)
		}
		r.Warnings = append(r.Warnings, fmt.Errorf("curvature %.4g is that of quartics through the data: a guess", r.Curvature))
	}
	if o.H == [2]float64{} {
		if o.H, err = d.honestBandwidth(r.Curvature); err != nil {
			return nil, err
		}
	}
	o.B = o.H
	r.Options = o
	var fits [2]*fit
	var scores [2]score
	bias := 0.0
	for i := range d.sides {
		s := &d.sides[i]
		f, err := s.fit(o.Kernel, 1, o.H[i])
		if err != nil {
			return nil, err
		}
		fits[i] = f
		a, limit, b := f.ofLimit(s)
		bias += b
		r.Estimate += float64(2*i-1) * limit
		about := Side{
			N: len(s.z), Unique: s.unique, Effective: f.hi - f.lo, Distinct: s.distinct(f.lo, f.hi),
			Bandwidth: o.H[i], Order: 1, Limit: limit, Coefficients: f.inUnitsOfX(f.coefficients(s.y)),
		}
		if i == 0 {
			r.Left = about
		} else {
			r.Right = about
		}
		variance := o
		if o.Variance == CR3 {
			variance.Variance = CR1
		}
		scores[i] = s.score(a, s.residuals(f, s.y, f.lo, f.hi, variance), s.y, f.lo, 2, variance)
	}
	v := o.variances(scores)
	r.StdErr = math.Sqrt(v.difference())
	if !finite(r.StdErr) {
		return nil, invalid.Newf("points within the bandwidth", [2]int{scores[0].n, scores[1].n}, "more than 2 on each side, for Variance %v", o.Variance)
	}
	// A t distribution widens the interval as it would without bias.
	stretch := quantile(0.5+o.Level/2, v.df) / quantile(0.5+o.Level/2, 0)
	bias *= r.Curvature / 2
	reach := stretch * foldedReach(bias, r.StdErr, o.Level)
	r.Bounded = HonestInterval{bias, r.Estimate - reach, r.Estimate + reach}
	r.Misspecified = HonestInterval{math.NaN(), math.NaN(), math.NaN()}
	if o.Kernel == Uniform && s.Cluster == nil && s.Weights == nil && r.Left.Distinct > 2 && r.Right.Distinct > 2 {
		r.Misspecified = misspecified(d.sides, fits, r.Estimate, o.Level)
	}
	return r, nil
}

// ofLimit returns the weights of a line's limit, the limit, and |Σ a_i z_i²|.
func (f *fit) ofLimit(s *side) (a []float64, limit, bias float64) {
	a = f.weights(0)
	for i, w := range a {
		limit += w * s.y[f.lo+i]
		bias += w * f.z[i] * f.z[i]
	}
	return a, limit, math.Abs(bias)
}

// foldedReach returns half the length of the interval of an estimate whose bias is
// at most so large: the quantile of |N(bias, stderr²)|.
func foldedReach(bias, stderr, level float64) float64 {
	if stderr == 0 {
		return bias
	}
	t := bias / stderr
	low := distuv.UnitNormal.Quantile(0.5 + level/2)
	high := t + low
	for range 200 {
		c := (low + high) / 2
		if c == low || c == high {
			break
		}
		if inside := (math.Erf((c-t)/math.Sqrt2) + math.Erf((c+t)/math.Sqrt2)) / 2; inside < level {
			low = c
		} else {
			high = c
		}
	}
	return (low + high) / 2 * stderr
}

// curvature returns the largest |second derivative| of a quartic through the side.
func (s *side) curvature() (float64, error) {
	f, err := s.fit(Uniform, 4, s.reach())
	if err != nil {
		return 0, fmt.Errorf("estimate of the curvature (give it): %w", err)
	}
	c := f.inUnitsOfX(f.coefficients(s.y))
	bend := []float64{2 * c[2], 6 * c[3], 12 * c[4]}
	low, high := s.z[0], s.z[len(s.z)-1]
	largest := max(math.Abs(polynomialAt(bend, low)), math.Abs(polynomialAt(bend, high)))
	if vertex := -bend[1] / (2 * bend[2]); vertex > low && vertex < high {
		largest = max(largest, math.Abs(polynomialAt(bend, vertex)))
	}
	if !(largest > 0) {
		return 0, invalid.New("estimated curvature on the "+s.name(), largest, "positive; give it")
	}
	return largest, nil
}

// honestBandwidth returns the bandwidth, the same on both sides, with the shortest
// bounded interval for noise of one size on each side.
func (d *design) honestBandwidth(curvature float64) ([2]float64, error) {
	least, most := 0.0, 0.0
	var noise [2]float64
	var values [2]side
	var shares [2][]float64
	for i := range d.sides {
		values[i], shares[i] = d.sides[i].collapsed()
		s := &d.sides[i]
		least = max(least, s.distance(3)*(1+alikeDistance))
		most = max(most, s.reach()*(1+alikeDistance))
		e := make([]float64, len(s.z))
		neighbourResiduals(e, s.z, s.y, 3)
		for _, v := range e {
			noise[i] += v * v / float64(len(e))
		}
	}
	length := func(h float64) float64 {
		bias, variance := 0.0, 0.0
		for i := range d.sides {
			f, err := values[i].fit(d.o.Kernel, 1, h)
			if err != nil {
				return math.Inf(1)
			}
			a, _, b := f.ofLimit(&values[i])
			bias += b
			for j, v := range a {
				variance += noise[i] * v * v * shares[i][f.lo+j]
			}
		}
		return foldedReach(bias*curvature/2, math.Sqrt(variance), d.o.Level)
	}
	// On a grid of x the length has steps: a scan, then a finer one about its best.
	best, shortest := 0.0, math.Inf(1)
	low, high := least, most
	for range 2 {
		const steps = 40
		ratio := math.Pow(high/low, 1./steps)
		for i := range steps + 1 {
			h := low * math.Pow(ratio, float64(i))
			if l := length(h); l < shortest {
				best, shortest = h, l
			}
		}
		low, high = max(least, best/ratio), min(most, best*ratio)
	}
	if best == 0 {
		return [2]float64{}, invalid.New("distinct x on a side", min(d.sides[0].unique, d.sides[1].unique), "at least 3, to choose a bandwidth; give H")
	}
	return Both(best), nil
}

// collapsed returns the side's distinct x with their total weights, and by how much
// less the square of each total weight is once it is that of several points.
func (s *side) collapsed() (values side, shares []float64) {
	values.right = s.right
	for i := 0; i < len(s.z); {
		sum, squares := 0.0, 0.0
		first := i
		for ; i < len(s.z) && s.z[i] == s.z[first]; i++ {
			w := 1.0
			if s.w != nil {
				w = s.w[i]
			}
			sum += w
			squares += w * w
		}
		values.z = append(values.z, s.z[first])
		values.y = append(values.y, 0)
		values.w = append(values.w, sum)
		shares = append(shares, squares/(sum*sum))
	}
	return values, shares
}

// misspecified is the interval for bounded misspecification. What a value of x adds
// to an estimate separates by side, so that every pair is a sum.
func misspecified(sides [2]side, fits [2]*fit, estimate, level float64) HonestInterval {
	type option struct{ shift, variance float64 }
	var options [2][]option
	n := float64(fits[0].hi - fits[0].lo + fits[1].hi - fits[1].lo)
	worst := 0.0
	for k := range sides {
		s, f := &sides[k], fits[k]
		sign := float64(2*k - 1)
		a := f.weights(0)
		c := f.coefficients(s.y)
		var inverse mat.SymDense
		if f.gram.InverseTo(&inverse) != nil {
			panic("rd: Gram matrix of orthonormal polynomials is singular")
		}
		basis := func(z float64) [2]float64 {
			u := z / f.h
			return [2]float64{f.basis[0][0] + f.basis[1][0]*u, f.basis[0][1] + f.basis[1][1]*u}
		}
		y := s.y[f.lo:f.hi]
		residual, own := make([]float64, len(y)), make([]float64, len(y)) // from the line, from the mean of the same x
		for i := 0; i < len(y); {
			first, mean := i, 0.0
			for ; i < len(y) && f.z[i] == f.z[first]; i++ {
				mean += y[i]
			}
			mean /= float64(i - first)
			for j := first; j < i; j++ {
				residual[j], own[j] = y[j]-polynomialAt(c, f.z[j]/f.h), y[j]-mean
			}
		}
		largest := 0.0
		for first := 0; first < len(y); {
			end, mean := first, 0.0
			for ; end < len(y) && f.z[end] == f.z[first]; end++ {
				mean += y[end]
			}
			size := float64(end - first)
			delta := mean/size - polynomialAt(c, f.z[first]/f.h)
			largest = max(largest, math.Abs(delta))
			p := basis(f.z[first])
			to0, to1 := inverse.At(0, 0)*p[0]+inverse.At(0, 1)*p[1], inverse.At(1, 0)*p[0]+inverse.At(1, 1)*p[1]
			for _, to := range []float64{-1, 1} {
				variance := 0.0
				for i, e := range residual {
					p := basis(f.z[i])
					atValue := 0.5 * (to0*p[0] + to1*p[1]) // the uniform kernel's weight
					v := sign*a[i]*e - to*atValue*e
					if i >= first && i < end {
						v += to * own[i] / size
					}
					variance += v * v
				}
				options[k] = append(options[k], option{to * delta, variance * n / (n - 1)})
			}
			first = end
		}
		worst += largest
	}
	z := distuv.UnitNormal.Quantile(0.5 + level/2)
	interval := HonestInterval{Bias: worst, Lo: math.Inf(1), Hi: math.Inf(-1)}
	for _, l := range options[0] {
		for _, r := range options[1] {
			centre, reach := estimate+l.shift+r.shift, z*math.Sqrt(l.variance+r.variance)
			interval.Lo, interval.Hi = min(interval.Lo, centre-reach), max(interval.Hi, centre+reach)
		}
	}
	return interval
}

// String prints the estimate and both intervals.
func (r *HonestResult) String() string {
	var t table
	t.line("Honest intervals at cutoff %.6g, kernel %v, order 1", r.Options.Cutoff, r.Options.Kernel)
	t.head("", "Left", "Right")
	t.ints("N", r.Left.N, r.Right.N)
	t.ints("Effective N", r.Left.Effective, r.Right.Effective)
	t.ints("Distinct x in h", r.Left.Distinct, r.Right.Distinct)
	t.floats("Bandwidth (h)", r.Left.Bandwidth, r.Right.Bandwidth)
	t.line("")
	d := decimalsOf(r.StdErr)
	t.line("Estimate %.*f, std. err. %.*f", d, r.Estimate, d, r.StdErr)
	t.line("%-28s %12s   %.4g %% interval", "", "Largest bias", 100*r.Options.Level)
	row := func(name string, i HonestInterval) {
		t.line("%-28s %12.*f   [%.*f, %.*f]", name, d, i.Bias, d, i.Lo, d, i.Hi)
	}
	row(fmt.Sprintf("Curvature up to %.4g", r.Curvature), r.Bounded)
	if !math.IsNaN(r.Misspecified.Lo) {
		row("Fit no worse at the cutoff", r.Misspecified)
	}
	t.warnings(r.Warnings)
	return t.String()
}
