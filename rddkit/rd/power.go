package rd

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Power returns the chance that the robust test at Options.Level rejects "no effect"
// in a sample like this one if the effect is the one given, in the units of the
// estimate (Cattaneo, Titiunik & Vazquez-Bare 2019, Power calculations for
// regression-discontinuity designs, Stata Journal 19(1)):
//
//	1 − Φ(c − τ/s.e.) + Φ(−c − τ/s.e.)
//
// with c the critical value. It is NaN without noise.
func (r *Result) Power(effect float64) float64 { return r.powerOf(effect, 1) }

// powerOf is Power for so many times as many points.
func (r *Result) powerOf(effect, times float64) float64 {
	i := r.Robust
	if i.StdErr == 0 {
		return math.NaN()
	}
	c := quantile(0.5+r.Options.Level/2, i.DF*times)
	t := effect * math.Sqrt(times) / i.StdErr
	return distuv.UnitNormal.Survival(c-t) + distuv.UnitNormal.CDF(-c-t)
}

// PointsFor returns how many points, on both sides together, a sample like this one
// needs for the robust test to find the effect with the given chance (0.8 is usual):
// at the same bandwidths the standard error goes down with the square root of the
// number of points. With clusters there are to be more clusters of the same size.
// For windows of a recording, points are seconds over the seconds of a window.
func (r *Result) PointsFor(effect, power float64) (int, error) {
	if effect == 0 || !finite(effect) {
		return 0, invalid.New("effect", effect, "a finite number other than 0")
	}
	if !(power > 1-r.Options.Level && power < 1) {
		return 0, invalid.Newf("power", power, "between %.3g, the chance of a false alarm, and 1", 1-r.Options.Level)
	}
	if r.Robust.StdErr == 0 {
		return 0, invalid.New("standard error", 0.0, "positive: a sample without noise says nothing of how many points are needed")
	}
	low, high := -60.0, 60.0 // powers of two of the number of points here
	for range 200 {
		middle := (low + high) / 2
		if r.powerOf(effect, math.Exp2(middle)) < power {
			low = middle
		} else {
			high = middle
		}
	}
	n := math.Ceil(float64(r.Left.N+r.Right.N) * math.Exp2(high))
	if !(n < 1<<53) {
		return 0, invalid.New("effect", effect, "large enough to be found with fewer than 2^53 points")
	}
	return int(n), nil
}
