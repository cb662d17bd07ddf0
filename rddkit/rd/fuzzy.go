package rd

import (
	"errors"
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
)

// FuzzyResult is the outcome of Fuzzy. Its own Jump is the effect of the
// treatment; Left and Right describe the outcome.
type FuzzyResult struct {
	Result
	IntentionToTreat Jump // of y at the cutoff
	FirstStage       Jump // of d at the cutoff
	// AndersonRubin is the set of effects that a robust test of the jump of y − τd
	// does not reject at Options.Level: right however weak the first stage is.
	AndersonRubin []Interval
}

// An Interval is [Lo, Hi]; its ends may be infinite.
type Interval struct{ Lo, Hi float64 }

// Fuzzy estimates the effect of a treatment d whose probability jumps at the
// cutoff by less than one: the jump in y over the jump in d (Hahn, Todd & van
// der Klaauw 2001), with delta-method standard errors and the bias correction
// of Calonico, Cattaneo & Titiunik (2014). x, d and y are [point], in any order,
// of equal length and finite; d is 0 or 1, or any dose.
//
// Bandwidths are selected for the ratio, or for y alone if o.SharpBandwidth is
// set or d does not vary on one side. The error names a wrong input, a side with
// too few points, or a d that does not jump.
func Fuzzy(x, d, y []float64, o Options) (*FuzzyResult, error) {
	return Sample{X: x, Y: y, D: d}.Fuzzy(o)
}

// Fuzzy is the function Fuzzy for a sample that may also have covariates, weights
// and clusters.
func (s Sample) Fuzzy(o Options) (*FuzzyResult, error) {
	dn, err := s.prepare(o, true)
	if err != nil {
		return nil, err
	}
	sides := &dn.sides
	still := constant(sides[0].d) && constant(sides[1].d) && sides[0].d[0] == sides[1].d[0]
	if still {
		return nil, invalid.New("jump of d at the cutoff", 0.0, "a treatment whose probability changes at the cutoff")
	}
	forOutcome := dn.forSelection()[0].d == nil
	prepared, fits, err := dn.estimate()
	if err != nil {
		return nil, err
	}
	o = dn.o
	r := &FuzzyResult{Result: *prepared}
	ofY, ofD := func(s *side) []float64 { return s.y }, func(s *side) []float64 { return s.d }
	left, right := fits[0].limits(fits[0].y, o), fits[1].limits(fits[1].y, o)
	r.Left.take(left)
	r.Right.take(right)
	if r.IntentionToTreat, err = r.jump(left, right, fits, ofY); err != nil {
		return nil, err
	}
	if r.FirstStage, err = r.jump(fits[0].limits(fits[0].d, o), fits[1].limits(fits[1].d, o), fits, ofD); err != nil {
		return nil, err
	}

	psi, psiCorrected := r.IntentionToTreat.Conventional.Estimate, r.IntentionToTreat.Robust.Estimate
	pi, piCorrected := r.FirstStage.Conventional.Estimate, r.FirstStage.Robust.Estimate
	if pi == 0 {
		return nil, invalid.New("jump of d at the cutoff", 0.0, "a treatment whose probability changes at the cutoff")
	}
	tau := psi / pi
	corrected := tau - ((psi-psiCorrected)/pi - tau*(pi-piCorrected)/pi)
	// Var τ = (Var ψ − 2τ Cov + τ² Var π)/π² is the sharp formula with the outcome
	// (y − τ d)/π.
	plain, robust, err := o.spreads(fits, func(s *side) []float64 { return s.reduced(tau, pi) })
	if err != nil {
		return nil, err
	}
	r.Jump = o.threeFold(tau, corrected, plain, robust)
	r.warnOfNoNoise()
	if r.AndersonRubin, err = r.andersonRubin(fits); err != nil {
		return nil, err
	}
	if z := r.FirstStage.Conventional.Z; z*z < 10 {
		r.Warnings = append(r.Warnings, fmt.Errorf("weak first stage: F = %.3g, under 10; the interval of the ratio is not reliable, Anderson and Rubin's is", z*z))
	}
	if forOutcome && !o.SharpBandwidth && r.Selection != nil {
		r.Warnings = append(r.Warnings, errors.New("the treatment does not vary on one side: bandwidths are those of the outcome"))
	}
	return r, nil
}

// reduced returns (y − τ d)/π.
func (s *side) reduced(tau, pi float64) []float64 {
	out := make([]float64, len(s.y))
	for i, v := range s.y {
		out[i] = (v - tau*s.d[i]) / pi
	}
	return out
}

// andersonRubin solves (ψ* − τπ*)² ≤ c² Var(ψ* − τπ*), a quadratic in τ: the jump
// of y − τd is zero at the true τ, and its robust interval needs no division by π
// (Anderson & Rubin 1949; Feir, Lemieux & Marmer 2016 for this design). The set is
// an interval, all but an interval, or every number.
func (r *FuzzyResult) andersonRubin(fits [2]*sideFit) ([]Interval, error) {
	o := r.Options
	psi, pi := r.IntentionToTreat.Robust, r.FirstStage.Robust
	// Var(ψ − π) gives the covariance. Both are scaled to a like size first.
	scale := 1.0
	if psi.StdErr > 0 && pi.StdErr > 0 {
		scale = psi.StdErr / pi.StdErr
	}
	_, both, err := o.spreads(fits, func(s *side) []float64 { return s.reduced(scale, 1) })
	if err != nil {
		return nil, err
	}
	vy, vd := psi.StdErr*psi.StdErr, scale*scale*pi.StdErr*pi.StdErr
	cov := (vy + vd - both.variance) / 2
	c := quantile(0.5+o.Level/2, both.df)
	// a t² − 2 b t + k ≤ 0 for t = τ/scale.
	jump := scale * pi.Estimate
	a := jump*jump - c*c*vd
	b := jump*psi.Estimate - c*c*cov
	k := psi.Estimate*psi.Estimate - c*c*vy
	root := b*b - a*k
	inf := math.Inf(1)
	switch {
	case a == 0 && b == 0:
		return []Interval{{-inf, inf}}, nil
	case a == 0 && b > 0:
		return []Interval{{scale * k / (2 * b), inf}}, nil
	case a == 0:
		return []Interval{{-inf, scale * k / (2 * b)}}, nil
	case root < 0: // a < 0: the parabola lies below
		return []Interval{{-inf, inf}}, nil
	}
	// Without cancellation: the larger root in size first, the other from the product.
	q := b + math.Copysign(math.Sqrt(root), b)
	first, second := q/a, 0.0
	if q != 0 {
		second = k / q
	}
	lo, hi := scale*min(first, second), scale*max(first, second)
	if a > 0 {
		return []Interval{{lo, hi}}, nil
	}
	return []Interval{{-inf, lo}, {hi, inf}}, nil
}

func constant(values []float64) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}
