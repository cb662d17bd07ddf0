package rd

import (
	"errors"
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
)

// FuzzyResult is the outcome of Fuzzy. Its own Jump is the effect of the
// treatment; Left and Right describe the outcome.
type FuzzyResult struct {
	Result
	IntentionToTreat Jump // of y at the cutoff
	FirstStage       Jump // of d at the cutoff
}

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
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(required("d", d, x), required("y", y, x)); err != nil {
		return nil, err
	}
	sides, err := split(x, y, d, o.Cutoff)
	if err != nil {
		return nil, err
	}
	forSelection := sides
	if o.SharpBandwidth || constant(sides[0].d) || constant(sides[1].d) {
		forSelection[0].d, forSelection[1].d = nil, nil
	}
	prepared, fits, err := prepare(sides, forSelection, o)
	if err != nil {
		return nil, err
	}
	r := &FuzzyResult{Result: *prepared}
	left, right := fits[0].limits(fits[0].y), fits[1].limits(fits[1].y)
	r.Left.take(left)
	r.Right.take(right)
	ofY := func(s *sideFit) residualPair { return s.residuals(s.y, o) }
	if r.IntentionToTreat, err = r.jump(left, right, fits, ofY); err != nil {
		return nil, err
	}
	ofD := func(s *sideFit) residualPair { return s.residuals(s.d, o) }
	if r.FirstStage, err = r.jump(fits[0].limits(fits[0].d), fits[1].limits(fits[1].d), fits, ofD); err != nil {
		return nil, err
	}

	psi, psiCorrected := r.IntentionToTreat.Conventional.Estimate, r.IntentionToTreat.Robust.Estimate
	pi, piCorrected := r.FirstStage.Conventional.Estimate, r.FirstStage.Robust.Estimate
	if pi == 0 || (constant(sides[0].d) && constant(sides[1].d) && sides[0].d[0] == sides[1].d[0]) {
		return nil, invalid.New("jump of d at the cutoff", 0.0, "a treatment whose probability changes at the cutoff")
	}
	tau := psi / pi
	corrected := tau - ((psi-psiCorrected)/pi - tau*(pi-piCorrected)/pi)
	// Var τ = (Var ψ − 2τ Cov + τ² Var π)/π² is the sharp formula with residual
	// (e^y − τ e^d)/π.
	plain, robust, err := stderrs(fits, o, func(s *sideFit) residualPair {
		ey, ed := ofY(s), ofD(s)
		return residualPair{ratioResiduals(ey.plain, ed.plain, tau, pi), ratioResiduals(ey.robust, ed.robust, tau, pi)}
	})
	if err != nil {
		return nil, err
	}
	r.Jump = o.threeFold(tau, corrected, plain, robust)
	r.warnOfNoNoise()
	if z := r.FirstStage.Conventional.Z; z*z < 10 {
		r.Warnings = append(r.Warnings, fmt.Errorf("weak first stage: F = %.3g, under 10; the interval of the ratio is not reliable", z*z))
	}
	if forSelection[0].d == nil && !o.SharpBandwidth && r.Selection != nil {
		r.Warnings = append(r.Warnings, errors.New("the treatment does not vary on one side: bandwidths are those of the outcome"))
	}
	return r, nil
}

func ratioResiduals(ey, ed []float64, tau, pi float64) []float64 {
	e := make([]float64, len(ey))
	for i := range e {
		e[i] = (ey[i] - tau*ed[i]) / pi
	}
	return e
}

func constant(values []float64) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}
