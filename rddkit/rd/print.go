package rd

import (
	"fmt"
	"math"
	"strings"
)

// String prints the result as its readers know it: settings, the two sides, then
// estimates with standard error, z, p and interval.
func (r *Result) String() string {
	var t table
	t.line("Sharp regression discontinuity at cutoff %.6g", r.Options.Cutoff)
	t.design(r)
	t.methods(r.Options.Level)
	t.jump("", r.Jump)
	t.warnings(r.Warnings)
	return t.String()
}

// String prints the effect, then the intention to treat and the first stage
// that it is the ratio of.
func (r *FuzzyResult) String() string {
	var t table
	t.line("Fuzzy regression discontinuity at cutoff %.6g", r.Options.Cutoff)
	t.design(&r.Result)
	t.methods(r.Options.Level)
	t.jump("Effect of the treatment", r.Jump)
	t.jump("Intention to treat (jump of the outcome)", r.IntentionToTreat)
	t.jump("First stage (jump of the treatment)", r.FirstStage)
	t.warnings(r.Warnings)
	return t.String()
}

// String prints the estimate under each of its standard errors.
func (r *LeastSquaresResult) String() string {
	var t table
	t.line("Least squares on each side of cutoff %.6g", r.Options.Cutoff)
	t.line("Kernel %v, order %d", r.Options.Kernel, r.Options.order())
	t.head("", "Left", "Right")
	t.ints("N", r.Left.N, r.Right.N)
	t.ints("Effective N", r.Left.Effective, r.Right.Effective)
	t.floats("Bandwidth (h)", r.Left.Bandwidth, r.Right.Bandwidth)
	t.floats("Limit at cutoff", r.Left.Limit, r.Right.Limit)
	t.line("")
	t.methods(r.Options.Level)
	for _, s := range []struct {
		name string
		v    float64
	}{
		{"Homoskedastic", r.StdErr.Homoskedastic}, {"HC0", r.StdErr.HC0}, {"HC1", r.StdErr.HC1},
		{"HC1 per side", r.StdErr.HC1PerSide}, {"HC2", r.StdErr.HC2}, {"HC3", r.StdErr.HC3},
	} {
		t.inference(s.name, infer(r.Estimate, s.v, r.Options.Level))
	}
	return t.String()
}

// String prints the estimate with its HC1 inference.
func (r *TwoStageResult) String() string {
	var t table
	t.line("Two-stage least squares at cutoff %.6g", r.Options.Cutoff)
	t.line("Kernel %v, order %d", r.Options.Kernel, r.Options.order())
	t.head("", "Left", "Right")
	t.ints("Effective N", r.N[0], r.N[1])
	t.floats("Bandwidth (h)", r.Options.H[0], r.Options.H[1])
	t.line("")
	t.methods(r.Options.Level)
	t.inference("2SLS, HC1", r.Inference)
	return t.String()
}

// String prints the three stages of the selector.
func (s *Selection) String() string {
	var t table
	t.line("Bandwidth selection: spread %.6g, %d distinct x, pilot %.6g", s.Spread, s.Unique, s.Pilot[0])
	t.line("%-5s %5s %5s %26s %26s %26s %26s", "Stage", "order", "deriv", "variance V", "bias B", "regularisation R", "bandwidth")
	for i, name := range []string{"d", "b", "h"} {
		g := s.Stages[i]
		t.line("%-5s %5d %5d %12.5g, %12.5g %12.5g, %12.5g %12.5g, %12.5g %12.6g, %12.6g", name, g.Order, g.Derivative,
			g.V[0], g.V[1], g.B[0], g.B[1], g.R[0], g.R[1], g.Result[0], g.Result[1])
	}
	return t.String()
}

// String prints the two densities and the test at both orders.
func (r *DensityResult) String() string {
	var t table
	t.line("Local-polynomial density test at cutoff %.6g", r.Options.Cutoff)
	variance := "jackknife"
	if r.Options.PlugIn {
		variance = "plug-in"
	}
	t.line("Kernel %v, %s variance", r.Options.Kernel, variance)
	t.head("", "Left", "Right")
	t.ints("N", r.N[0], r.N[1])
	t.ints("Effective N", r.Effective[0], r.Effective[1])
	t.floats("Bandwidth (h)", r.H[0], r.H[1])
	for _, e := range []DensityEstimate{r.Conventional, r.Robust} {
		t.floats(fmt.Sprintf("Density, order %d", e.Order), e.Density[0], e.Density[1])
		t.floats("  std. error", e.StdErr[0], e.StdErr[1])
	}
	t.line("")
	t.line("%-16s %6s %12s %10s %9s %8s", "Method", "Order", "Difference", "Std. err.", "T", "P>|T|")
	for i, e := range []DensityEstimate{r.Conventional, r.Robust} {
		d := decimalsOf(e.DiffStdErr)
		t.line("%-16s %6d %12.*f %10.*f %9.3f %8s", [2]string{"Conventional", "Robust"}[i], e.Order, d, e.Difference, d, e.DiffStdErr, e.T, printP(e.P))
	}
	t.warnings(r.Warnings)
	return t.String()
}

// String prints the log difference of the densities.
func (r *McCraryResult) String() string {
	var t table
	t.line("McCrary density test at cutoff %.6g", r.Options.Cutoff)
	t.head("", "Left", "Right")
	t.ints("N", r.N[0], r.N[1])
	t.floats("Density", r.Density[0], r.Density[1])
	t.line("")
	t.line("Bin %.6g, bandwidth %.6g", r.Bin, r.H)
	t.line("Log difference %.5g, std. err. %.5g, z = %.3f, p %s", r.Theta, r.StdErr, r.Z, sayP(r.P))
	return t.String()
}

// String prints the counts and the p-value.
func (r *BinomialResult) String() string {
	return fmt.Sprintf("Binomial test within %.6g of cutoff %.6g: p %s, n = %d + %d\n", r.HalfWindow, r.Cutoff, sayP(r.P), r.N[0], r.N[1])
}

// String prints the two sides of the window and the tests of their difference.
func (r *RandomisationResult) String() string {
	var t table
	t.line("Local randomisation at cutoff %.6g, window [%.6g, %.6g]", r.Options.Cutoff, r.Options.Window[0], r.Options.Window[1])
	t.head("", "Left", "Right")
	t.ints("N", r.N[0], r.N[1])
	t.floats("Mean", r.Mean[0], r.Mean[1])
	t.floats("Std. dev.", r.StdDev[0], r.StdDev[1])
	t.line("")
	t.methods(0.95)
	t.inference("Difference", r.Difference)
	t.line("")
	t.line("Permutations: p %s (%d of %d draws as extreme)", sayP(r.PermutationP), r.AsExtreme, r.Options.Draws)
	t.line("Rank sum: z = %.3f, p %s", r.RankSumZ, sayP(r.RankSumP))
	t.line("Kolmogorov-Smirnov distance: %.4g", r.KolmogorovSmirnov)
	return t.String()
}

// A table collects lines of fixed columns.
type table struct{ strings.Builder }

func (t *table) line(format string, args ...any) {
	fmt.Fprintf(t, format+"\n", args...)
}

func (t *table) head(name, left, right string) { t.line("%-16s %12s %12s", name, left, right) }

func (t *table) ints(name string, left, right int) { t.line("%-16s %12d %12d", name, left, right) }

func (t *table) floats(name string, left, right float64) {
	t.line("%-16s %12.6g %12.6g", name, left, right)
}

// design prints settings and sides of a local polynomial result.
func (t *table) design(r *Result) {
	o := r.Options
	bandwidth := "fixed"
	if r.Selection != nil {
		bandwidth = o.Selector.String()
	}
	variance := o.Variance.String()
	if o.Variance == NearestNeighbour {
		variance = fmt.Sprintf("nn (%d neighbours)", o.Neighbours)
	}
	t.line("Kernel %v, bandwidth %s, variance %s", o.Kernel, bandwidth, variance)
	l, g := r.Left, r.Right
	t.head("", "Left", "Right")
	t.ints("N", l.N, g.N)
	t.ints("Unique N", l.Unique, g.Unique)
	t.ints("Effective N", l.Effective, g.Effective)
	t.ints("Order (p)", l.Order, g.Order)
	t.ints("Bias order (q)", l.BiasOrder, g.BiasOrder)
	t.floats("Bandwidth (h)", l.Bandwidth, g.Bandwidth)
	t.floats("Bias bandw. (b)", l.BiasBandwidth, g.BiasBandwidth)
	t.floats("rho (h/b)", l.Bandwidth/l.BiasBandwidth, g.Bandwidth/g.BiasBandwidth)
	t.line("")
}

func (t *table) methods(level float64) {
	t.line("%-16s %12s %10s %9s %8s   %s", "Method", "Estimate", "Std. err.", "z", "P>|z|", fmt.Sprintf("%.4g %% interval", 100*level))
}

// inference prints the estimate to as many decimals as show four digits of its
// standard error.
func (t *table) inference(name string, i Inference) {
	decimals := decimalsOf(i.StdErr)
	t.line("%-16s %12.*f %10.*f %9.3f %8s   [%.*f, %.*f]", name, decimals, i.Estimate, decimals, i.StdErr,
		i.Z, printP(i.P), decimals, i.Lo, decimals, i.Hi)
}

func decimalsOf(stderr float64) int {
	if !(stderr > 0) || math.IsInf(stderr, 1) {
		return 4
	}
	return min(max(3-int(math.Floor(math.Log10(stderr))), 0), 12)
}

func (t *table) jump(title string, j Jump) {
	if title != "" {
		t.line("%s", title)
	}
	t.inference("Conventional", j.Conventional)
	t.inference("Bias-corrected", j.BiasCorrected)
	t.inference("Robust", j.Robust)
}

func (t *table) warnings(warnings []error) {
	for _, w := range warnings {
		t.line("Warning: %v", w)
	}
}

func printP(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// sayP is printP with its relation sign, for a sentence.
func sayP(p float64) string {
	if bound, small := strings.CutPrefix(printP(p), "<"); small {
		return "< " + bound
	}
	return "= " + printP(p)
}
