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
	t.line("Anderson-Rubin %.4g %% set of the effect: %s", 100*r.Options.Level, printSet(r.AndersonRubin))
	t.warnings(r.Warnings)
	return t.String()
}

// printSet prints a union of intervals.
func printSet(set []Interval) string {
	var parts []string
	for _, i := range set {
		parts = append(parts, fmt.Sprintf("[%.4g, %.4g]", i.Lo, i.Hi))
	}
	return strings.Join(parts, " or ")
}

// String prints the estimate, its standard error and interval in words.
func (i Inference) String() string {
	d := decimalsOf(i.StdErr)
	if i.StdErr == 0 {
		return fmt.Sprintf("%.*f (no noise to infer from)", d, i.Estimate)
	}
	return fmt.Sprintf("%.*f (std. err. %.*f, %s = %.3f, p %s, interval [%.*f, %.*f])",
		d, i.Estimate, d, i.StdErr, statistic(i.DF), i.Z, sayP(i.P), d, i.Lo, d, i.Hi)
}

func statistic(df float64) string {
	if df == 0 {
		return "z"
	}
	return fmt.Sprintf("t(%.3g)", df)
}

// String prints the three inferences under their heads.
func (j Jump) String() string {
	var t table
	t.line("%-16s %12s %10s %9s %8s   %s", "Method", "Estimate", "Std. err.", "z", "P>|z|", "Interval")
	t.jump("", j)
	return t.String()
}

// String prints the checks, a line each.
func (v *Validity) String() string {
	var t table
	if v.Density != nil {
		t.line("Density of x continuous at the cutoff: T = %.3f, p %s", v.Density.Robust.T, sayP(v.Density.Robust.P))
	}
	if v.Binomial != nil {
		t.line("%s", strings.TrimSuffix(v.Binomial.String(), "\n"))
	}
	t.line("%-30s %12s %10s %9s %8s   %s", "Robust estimate", "Estimate", "Std. err.", "z", "P>|z|", "Interval")
	row := func(what string, r *Result) {
		i := r.Robust
		d := decimalsOf(i.StdErr)
		t.line("%-30s %12.*f %10.*f %9s %8s   [%.*f, %.*f]", what, d, i.Estimate, d, i.StdErr, printZ(i.Z), printP(i.P), d, i.Lo, d, i.Hi)
	}
	for _, r := range v.Placebo {
		row(fmt.Sprintf("placebo cutoff %.4g", r.Options.Cutoff), r)
	}
	for _, r := range v.Bandwidths {
		row(fmt.Sprintf("bandwidth %.4g, %.4g", r.Left.Bandwidth, r.Right.Bandwidth), r)
	}
	for _, r := range v.Donuts {
		row(fmt.Sprintf("without |x - c| < %.4g", r.Options.Donut[0]), r)
	}
	t.warnings(v.Warnings)
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
	switch {
	case o.Variance == NearestNeighbour:
		variance = fmt.Sprintf("nn (%d neighbours)", o.Neighbours)
	case o.clustered() && r.Robust.DF > 0:
		variance += fmt.Sprintf(", Student's t with %.4g degrees of freedom", r.Robust.DF)
	}
	t.line("Kernel %v, bandwidth %s, variance %s", o.Kernel, bandwidth, variance)
	if o.Derivative > 0 {
		t.line("Jump of the derivative of order %d", o.Derivative)
	}
	if o.Donut != [2]float64{} {
		t.line("Without points nearer than %.6g, %.6g to the cutoff", o.Donut[0], o.Donut[1])
	}
	l, g := r.Left, r.Right
	t.head("", "Left", "Right")
	t.ints("N", l.N, g.N)
	t.ints("Unique N", l.Unique, g.Unique)
	t.ints("Effective N", l.Effective, g.Effective)
	t.ints("Distinct x in h", l.Distinct, g.Distinct)
	if o.clustered() {
		t.ints("Clusters", l.Clusters, g.Clusters)
	}
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
	t.line("%-16s %12.*f %10.*f %9s %8s   [%.*f, %.*f]", name, decimals, i.Estimate, decimals, i.StdErr,
		printZ(i.Z), printP(i.P), decimals, i.Lo, decimals, i.Hi)
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

func printZ(z float64) string {
	if math.IsNaN(z) {
		return "none"
	}
	return fmt.Sprintf("%.3f", z)
}

func printP(p float64) string {
	if math.IsNaN(p) {
		return "none"
	}
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
