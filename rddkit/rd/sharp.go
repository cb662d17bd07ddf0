package rd

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/invalid"
)

// An Inference is one estimate and what it says about the effect.
type Inference struct {
	Estimate float64 // units of y (of y per unit of d for a fuzzy effect)
	StdErr   float64
	Z        float64 // Estimate/StdErr
	P        float64 // two-sided, standard normal
	Lo, Hi   float64 // confidence interval at Options.Level
}

func infer(estimate, stderr, level float64) Inference {
	z := estimate / stderr
	reach := distuv.UnitNormal.Quantile(0.5+level/2) * stderr
	return Inference{
		Estimate: estimate, StdErr: stderr, Z: z, P: pvalue(z),
		Lo: estimate - reach, Hi: estimate + reach,
	}
}

// pvalue is two-sided, standard normal.
func pvalue(z float64) float64 { return 2 * distuv.UnitNormal.Survival(math.Abs(z)) }

// A Jump is the three inferences of Calonico, Cattaneo & Titiunik (2014).
type Jump struct {
	Conventional  Inference // local polynomial estimate and its standard error; its interval ignores the bias
	BiasCorrected Inference // estimate less its estimated bias, same standard error
	Robust        Inference // bias-corrected estimate, standard error that counts the correction's own noise
}

// A Side tells what one side of the cutoff contributed.
type Side struct {
	N             int     // points
	Unique        int     // distinct x; N if Options.IgnoreMassPoints
	Effective     int     // points of positive weight at Bandwidth
	EffectiveBias int     // points of positive weight at BiasBandwidth
	Bandwidth     float64 // h, units of x
	BiasBandwidth float64 // b, units of x
	Order         int     // p, of the estimate
	BiasOrder     int     // q = p + 1

	Limit          float64   // of the outcome at the cutoff
	LimitCorrected float64   // less its estimated bias
	Coefficients   []float64 // of 1, z, …, z^p: the fitted curve within the bandwidth
}

// Result is the outcome of Sharp.
type Result struct {
	Options     Options // as used, defaults filled in
	Left, Right Side
	Jump                   // of y: the effect at the cutoff
	Selection   *Selection // nil if H was given
	Warnings    []error    // why to doubt a result that could be computed
}

// Sharp estimates the jump of E[y|x] at the cutoff by local polynomials on each
// side (Hahn, Todd & van der Klaauw 2001; Imbens & Lemieux 2008) with robust
// bias correction (Calonico, Cattaneo & Titiunik 2014). x and y are [point], in
// any order, of equal length and finite. The error names what is wrong with an
// input, or which side has too few distinct values of x for the order.
func Sharp(x, y []float64, o Options) (*Result, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	if err := required("y", y, x); err != nil {
		return nil, err
	}
	sides, err := split(x, y, nil, o.Cutoff)
	if err != nil {
		return nil, err
	}
	r, fits, err := prepare(sides, sides, o)
	if err != nil {
		return nil, err
	}
	left, right := fits[0].limits(fits[0].y), fits[1].limits(fits[1].y)
	r.Left.take(left)
	r.Right.take(right)
	if r.Jump, err = r.jump(left, right, fits, func(s *sideFit) residualPair { return s.residuals(s.y, o) }); err != nil {
		return nil, err
	}
	r.warnOfNoNoise()
	return r, nil
}

func (r *Result) warnOfNoNoise() {
	if r.Robust.StdErr == 0 {
		r.Warnings = append(r.Warnings, errors.New("the outcome does not vary around its fit: z and p mean nothing"))
	}
}

// A sideFit is everything of a side that does not depend on outcomes: weights
// a of the limit and a* of the bias-corrected limit over the wider window.
type sideFit struct {
	*side
	local, bias   *fit
	lo, hi        int       // the wider of the two windows
	plain, robust []float64 // a, a* over [lo, hi)
}

// prepare fills in the bandwidths (selected on the sides chosen for that) and
// the weights; r lacks only what depends on the outcomes.
func prepare(sides, forSelection [2]side, o Options) (r *Result, fits [2]*sideFit, err error) {
	r = &Result{}
	p := o.order()
	h, b := o.H, o.B
	if h == [2]float64{} {
		if r.Selection, r.Warnings, err = selectBandwidth(forSelection, o); err != nil {
			return nil, fits, err
		}
		h, b = r.Selection.H, r.Selection.B
	}
	r.Options = o
	for i := range sides {
		s := &sides[i]
		if fits[i], err = s.prepare(o.Kernel, p, h[i], b[i]); err != nil {
			if r.Selection != nil {
				err = fmt.Errorf("at the selected bandwidth (give H for another): %w", err)
			}
			return nil, fits, err
		}
		f := fits[i]
		about := Side{
			N: len(s.x), Unique: s.unique,
			Effective: f.local.hi - f.local.lo, EffectiveBias: f.bias.hi - f.bias.lo,
			Bandwidth: h[i], BiasBandwidth: b[i], Order: p, BiasOrder: p + 1,
		}
		if o.IgnoreMassPoints {
			about.Unique = about.N
		}
		if i == 0 {
			r.Left = about
		} else {
			r.Right = about
		}
		if few := 10 * (p + 1); about.Effective < few {
			r.Warnings = append(r.Warnings, fmt.Errorf("only %d points within the bandwidth on the %s: normal intervals may be too short", about.Effective, s.name()))
		}
	}
	return r, fits, nil
}

func (s *side) prepare(k Kernel, p int, h, b float64) (*sideFit, error) {
	local, err := s.fit(k, p, h)
	if err != nil {
		return nil, err
	}
	bias, err := s.fit(k, p+1, b)
	if err != nil {
		return nil, err
	}
	f := &sideFit{side: s, local: local, bias: bias, lo: min(local.lo, bias.lo), hi: max(local.hi, bias.hi)}
	f.plain = make([]float64, f.hi-f.lo)
	copy(f.plain[local.lo-f.lo:], local.weights(0))
	// L = Σ a_i z_i^(p+1) is the leading bias per unit of β_(p+1); both in units
	// of b here.
	lead := 0.0
	for i := local.lo; i < local.hi; i++ {
		lead += f.plain[i-f.lo] * math.Pow(s.z[i]/b, float64(p+1))
	}
	f.robust = append([]float64(nil), f.plain...)
	for i, a := range bias.weights(p + 1) {
		f.robust[bias.lo-f.lo+i] -= lead * a
	}
	return f, nil
}

// limits are what one side's fits say of one outcome.
type limits struct {
	plain, corrected float64
	coefficients     []float64
}

func (f *sideFit) limits(y []float64) limits {
	c := f.local.inUnitsOfX(f.local.coefficients(y))
	corrected := 0.0
	for i, a := range f.robust {
		corrected += a * y[f.lo+i]
	}
	return limits{c[0], corrected, c}
}

func (s *Side) take(l limits) {
	s.Limit, s.LimitCorrected, s.Coefficients = l.plain, l.corrected, l.coefficients
}

// A residualPair holds the residuals over [lo, hi) that go with a and with a*.
type residualPair struct{ plain, robust []float64 }

func (f *sideFit) residuals(y []float64, o Options) residualPair {
	if o.Variance == NearestNeighbour {
		e := neighbourResiduals(f.x[f.lo:f.hi], y[f.lo:f.hi], o.Neighbours)
		return residualPair{e, e}
	}
	return residualPair{
		f.local.residuals(f.side, y, f.lo, f.hi, o.Variance),
		f.bias.residuals(f.side, y, f.lo, f.hi, o.Variance),
	}
}

// jump infers from the two sides' limits and residuals.
func (r *Result) jump(left, right limits, fits [2]*sideFit, residuals func(*sideFit) residualPair) (Jump, error) {
	plain, robust, err := stderrs(fits, r.Options, residuals)
	return r.Options.threeFold(right.plain-left.plain, right.corrected-left.corrected, plain, robust), err
}

func (o Options) threeFold(estimate, corrected, plain, robust float64) Jump {
	return Jump{
		Conventional:  infer(estimate, plain, o.Level),
		BiasCorrected: infer(corrected, plain, o.Level),
		Robust:        infer(corrected, robust, o.Level),
	}
}

// stderrs returns sqrt(Σ a² e²) and sqrt(Σ a*² e²) over both sides, with the
// degrees-of-freedom factor of HC1.
func stderrs(fits [2]*sideFit, o Options, residuals func(*sideFit) residualPair) (plain, robust float64, err error) {
	p := o.order()
	n := [2]float64{float64(fits[0].hi - fits[0].lo), float64(fits[1].hi - fits[1].lo)}
	for i, f := range fits {
		e := residuals(f)
		vPlain, vRobust := sumSquares(f.plain, e.plain), sumSquares(f.robust, e.robust)
		switch all := n[0] + n[1]; o.Variance {
		case HC1:
			vPlain *= n[i] / (n[i] - float64(p+1))
			vRobust *= n[i] / (n[i] - float64(p+2))
		case HC1Pooled:
			vPlain *= all / (all - float64(2*(p+1)))
			vRobust *= all / (all - float64(2*(p+2)))
		}
		plain += vPlain
		robust += vRobust
	}
	if !finite(plain) || !finite(robust) {
		return 0, 0, invalid.Newf("points within the bandwidth", [2]int{int(n[0]), int(n[1])},
			"at least %d on each side for Variance %v at order %d", p+3, o.Variance, p)
	}
	return math.Sqrt(plain), math.Sqrt(robust), nil
}
