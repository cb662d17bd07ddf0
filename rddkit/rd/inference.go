package rd

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// An Inference is one estimate and what it says about the effect.
type Inference struct {
	Estimate float64 // units of y (of y per unit of d for a fuzzy effect)
	StdErr   float64
	Z        float64 // Estimate/StdErr; NaN without noise
	P        float64 // two-sided; NaN without noise
	Lo, Hi   float64 // confidence interval at Options.Level
	DF       float64 // degrees of freedom of Student's t that P, Lo and Hi are from; 0 means the normal distribution
}

func infer(estimate, stderr, level float64) Inference { return inferT(estimate, stderr, level, 0) }

// inferT infers from Student's t with df degrees of freedom, 0 for the normal
// distribution.
func inferT(estimate, stderr, level, df float64) Inference {
	if stderr == 0 {
		nan := math.NaN()
		return Inference{Estimate: estimate, Z: nan, P: nan, Lo: estimate, Hi: estimate, DF: df}
	}
	z := estimate / stderr
	reach := quantile(0.5+level/2, df) * stderr
	return Inference{
		Estimate: estimate, StdErr: stderr, Z: z, P: pvalueT(z, df),
		Lo: estimate - reach, Hi: estimate + reach, DF: df,
	}
}

// pvalue is two-sided, standard normal: 2(1 − Φ(|z|)), to full relative accuracy
// however small.
func pvalue(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// pvalueT is two-sided, Student's t with df degrees of freedom, or normal for 0.
func pvalueT(t, df float64) float64 {
	if df == 0 || math.IsNaN(t) {
		return pvalue(t)
	}
	return mathext.RegIncBeta(df/2, 0.5, df/(df+t*t))
}

func quantile(p, df float64) float64 {
	if df == 0 {
		return distuv.UnitNormal.Quantile(p)
	}
	return distuv.StudentsT{Sigma: 1, Nu: df}.Quantile(p)
}

// A Jump is the three inferences of Calonico, Cattaneo & Titiunik (2014).
type Jump struct {
	Conventional  Inference // local polynomial estimate and its standard error; its interval ignores the bias
	BiasCorrected Inference // estimate less its estimated bias, same standard error
	Robust        Inference // bias-corrected estimate, standard error that counts the correction's own noise
}

// spread2 is an estimated variance and its degrees of freedom, 0 for "so many
// that it is normal".
type spread2 struct{ variance, df float64 }

func (o Options) threeFold(estimate, corrected float64, plain, robust spread2) Jump {
	p, r := math.Sqrt(plain.variance), math.Sqrt(robust.variance)
	return Jump{
		Conventional:  inferT(estimate, p, o.Level, plain.df),
		BiasCorrected: inferT(corrected, p, o.Level, plain.df),
		Robust:        inferT(corrected, r, o.Level, robust.df),
	}
}
