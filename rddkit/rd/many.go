package rd

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/invalid"
)

// A Unit is one of many with a cutoff of its own: a neuron and its threshold, a
// state and its rule.
type Unit struct {
	Name   string
	Cutoff float64
	Sample
}

// ManyResult is the outcome of Many.
type ManyResult struct {
	Options Options // Cutoff is each unit's own
	Units   []UnitResult

	// Weighted is Σ w_u τ_u, with w_u the unit's share of the points within the
	// bandwidths (rdmulti's weighted effect): the effect at a point near a cutoff.
	Weighted Jump
	// Precise weighs by one over the squared robust standard errors: the effect, if
	// it is one for all.
	Precise Inference
	// Pooled is one estimate from all points, x less each unit's cutoff.
	Pooled *Result
	// Equality tests that all units have the same effect.
	Equality Wald

	Warnings []error
}

// UnitResult is what was estimated of a unit.
type UnitResult struct {
	Name   string
	Cutoff float64
	*Result
	Weight    float64 // in Weighted; they sum to 1
	Precision float64 // in Precise; they sum to 1
	Err       error   // why the unit is left out, Result then being nil
}

// Wald is a test that several differences are zero: Statistic, chi-squared with DF
// degrees of freedom, or, with clusters, Hotelling's T² with the Error degrees of
// freedom that the variances are estimated with.
type Wald struct {
	Statistic float64
	DF        int
	Error     float64 // 0 without clusters
	P         float64
}

// Many estimates the jump of each unit at its own cutoff by Sharp, and their mean
// (Cattaneo, Titiunik & Vazquez-Bare 2020, Analysis of regression discontinuity
// designs with multiple cutoffs or multiple scores, Stata Journal 20(4)). Equal
// cluster numbers in different units are one cluster: the same trial seen by two
// neurons makes their estimates dependent, which the mean and the test allow for.
// Units without clusters in common are independent.
//
// A unit that nothing can be estimated of has an error and is left out of the
// means; the error of Many is not nil if there is none that is left.
func Many(ctx context.Context, units []Unit, o Options) (*ManyResult, error) {
	if _, err := o.resolve(); err != nil {
		return nil, err
	}
	if len(units) == 0 {
		return nil, invalid.New("units", 0, "at least 1")
	}
	r := &ManyResult{Options: o, Units: make([]UnitResult, len(units))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, u := range units {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			at := o
			at.Cutoff = u.Cutoff
			result, err := u.Sharp(at)
			r.Units[i] = UnitResult{Name: u.Name, Cutoff: u.Cutoff, Result: result, Err: err}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var used []*UnitResult
	var pooled Sample
	for i := range r.Units {
		u := &r.Units[i]
		if u.Err != nil {
			r.Warnings = append(r.Warnings, fmt.Errorf("unit %s is left out: %w", u.Name, u.Err))
			continue
		}
		used = append(used, u)
		pooled.add(units[i])
	}
	if len(used) == 0 {
		return nil, fmt.Errorf("every one of %d units failed; the first: %w", len(units), r.Units[0].Err)
	}
	r.combine(used)
	at := o
	at.Cutoff = 0
	var err error
	if r.Pooled, err = pooled.Sharp(at); err != nil {
		r.Warnings = append(r.Warnings, fmt.Errorf("pooled: %w", err))
	}
	return r, nil
}

// add appends a unit's points at x − Cutoff. A column that some unit lacks is left
// out.
func (s *Sample) add(u Unit) {
	first := len(s.X) == 0
	for _, x := range u.X {
		s.X = append(s.X, x-u.Cutoff)
	}
	s.Y = append(s.Y, u.Y...)
	column := func(to *[]float64, from []float64) {
		if from == nil || *to == nil && !first {
			*to = nil
			return
		}
		*to = append(*to, from...)
	}
	column(&s.Weights, u.Weights)
	if u.Cluster == nil || s.Cluster == nil && !first {
		s.Cluster = nil
	} else {
		s.Cluster = append(s.Cluster, u.Cluster...)
	}
	if first {
		s.Covariates = make([][]float64, len(u.Covariates))
	}
	if len(u.Covariates) != len(s.Covariates) {
		s.Covariates = nil
	}
	for i := range s.Covariates {
		s.Covariates[i] = append(s.Covariates[i], u.Covariates[i]...)
	}
}

// combine makes the means of the units' estimates and the test that they are equal.
func (r *ManyResult) combine(units []*UnitResult) {
	n := len(units)
	level := units[0].Options.Level
	points, precision := 0.0, 0.0
	for _, u := range units {
		u.Weight = float64(u.Left.Effective + u.Right.Effective)
		u.Precision = 1 / (u.Robust.StdErr * u.Robust.StdErr)
		points += u.Weight
		precision += u.Precision
	}
	weights, precisions := make([]float64, n), make([]float64, n)
	estimates, corrected := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
	for i, u := range units {
		u.Weight /= points
		u.Precision /= precision
		weights[i], precisions[i] = u.Weight, u.Precision
		estimates.SetVec(i, u.Conventional.Estimate)
		corrected.SetVec(i, u.Robust.Estimate)
	}
	plain, robust := covariances(units, 0), covariances(units, 1)
	w, p := mat.NewVecDense(n, weights), mat.NewVecDense(n, precisions)
	df := 0.0
	for _, u := range units {
		df = max(df, u.Robust.DF)
	}
	mean := func(w, values *mat.VecDense, v *mat.SymDense) Inference {
		return inferT(mat.Dot(w, values), math.Sqrt(mat.Inner(w, v, w)), level, df)
	}
	r.Weighted = Jump{mean(w, estimates, plain), mean(w, corrected, plain), mean(w, corrected, robust)}
	r.Precise = mean(p, corrected, robust)

	// Differences from the first unit, and their joint variance.
	r.Equality = Wald{DF: n - 1, Error: df, Statistic: math.NaN(), P: math.NaN()}
	if n < 2 {
		return
	}
	differences, v := mat.NewVecDense(n-1, nil), mat.NewSymDense(n-1, nil)
	for i := 1; i < n; i++ {
		differences.SetVec(i-1, corrected.AtVec(i)-corrected.AtVec(0))
		for j := i; j < n; j++ {
			v.SetSym(i-1, j-1, robust.At(i, j)-robust.At(i, 0)-robust.At(0, j)+robust.At(0, 0))
		}
	}
	var factor mat.Cholesky
	var solved mat.VecDense
	q := float64(n - 1)
	if df > 0 && df-q+1 < 1 || !factor.Factorize(v) || factor.SolveVecTo(&solved, differences) != nil {
		r.Warnings = append(r.Warnings, fmt.Errorf("no test of equality: %d units have too few clusters for their joint variance", n))
		return
	}
	r.Equality.Statistic = mat.Dot(differences, &solved)
	r.Equality.P = distuv.ChiSquared{K: q}.Survival(r.Equality.Statistic)
	if df > 0 {
		r.Equality.P = distuv.F{D1: q, D2: df - q + 1}.Survival(r.Equality.Statistic * (df - q + 1) / (q * df))
	}
}

// covariances of the units' estimates, kind 0 conventional, 1 robust: on the
// diagonal their squared standard errors, elsewhere what clusters in common make.
func covariances(units []*UnitResult, kind int) *mat.SymDense {
	v := mat.NewSymDense(len(units), nil)
	for i, a := range units {
		stderr := [2]float64{a.Conventional.StdErr, a.Robust.StdErr}[kind]
		v.SetSym(i, i, stderr*stderr)
		for j, b := range units[:i] {
			sum, common := 0.0, 0.0
			for g, s := range a.clusterScores[kind] {
				if t, ok := b.clusterScores[kind][g]; ok {
					sum += s * t
					common++
				}
			}
			if common > 1 {
				v.SetSym(i, j, sum*common/(common-1))
			}
		}
	}
	return v
}

// String prints a line for each unit, the means and the test.
func (r *ManyResult) String() string {
	var t table
	t.line("%-16s %10s %8s %12s %10s %9s %8s   %s", "Unit", "Cutoff", "Weight", "Robust est.", "Std. err.", "z", "P>|z|", fmt.Sprintf("%.4g %% interval", 100*levelOf(r.Options)))
	row := func(name, cutoff, weight string, i Inference) {
		d := decimalsOf(i.StdErr)
		t.line("%-16s %10s %8s %12.*f %10.*f %9s %8s   [%.*f, %.*f]", name, cutoff, weight, d, i.Estimate, d, i.StdErr, printZ(i.Z), printP(i.P), d, i.Lo, d, i.Hi)
	}
	for _, u := range r.Units {
		if u.Err == nil {
			row(u.Name, fmt.Sprintf("%.6g", u.Cutoff), fmt.Sprintf("%.3f", u.Weight), u.Robust)
		}
	}
	row("Weighted", "", "1.000", r.Weighted.Robust)
	row("By precision", "", "", r.Precise)
	if r.Pooled != nil {
		row("Pooled", "", "", r.Pooled.Robust)
	}
	if r.Equality.DF > 0 && !math.IsNaN(r.Equality.P) {
		t.line("Equal effects: Wald statistic %.3f of %d differences, p %s", r.Equality.Statistic, r.Equality.DF, sayP(r.Equality.P))
	}
	t.warnings(r.Warnings)
	return t.String()
}

func levelOf(o Options) float64 {
	level, _ := resolveLevel(o.Level)
	return level
}
