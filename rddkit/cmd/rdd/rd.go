package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/figures"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/rd"
)

const rdUsage = `usage: rdd rd [flags] FILE.csv
Estimates the jump of an outcome at a cutoff of a running variable, from a table
whose first row names its columns, for example

  rdd rd -x voltage -y rate -cutoff -55 -cluster trial -check -plot out/jump windows.csv

With -d it is the effect of a treatment that jumps there, with -unit the jumps of
many units and their mean.
`

// rdFlags are what the command line says.
type rdFlags struct {
	columns                      rd.Columns
	options                      rd.Options
	kernel, selector, variance   string
	h, b, donut, covariates      string
	check, honest                bool
	curvature, effect, power     float64
	plot, window                 string
	order, derivative, biasOrder int
}

func (f *rdFlags) define(set *flag.FlagSet) {
	c, o := &f.columns, &f.options
	set.StringVar(&c.X, "x", "", "column of the running variable (default x, or the first)")
	set.StringVar(&c.Y, "y", "", "column of the outcome (default y, or the second)")
	set.StringVar(&c.D, "d", "", "column of the treatment received: a fuzzy design")
	set.StringVar(&c.Cluster, "cluster", "", "column of the clusters (trials, cells)")
	set.StringVar(&c.Weights, "weights", "", "column of weights")
	set.StringVar(&f.covariates, "covariates", "", "columns of covariates, separated by commas")
	set.StringVar(&c.Unit, "unit", "", "column of the units (neurons), each with an estimate of its own")
	set.StringVar(&c.Cutoff, "cutoffs", "", "column of the units' cutoffs")
	set.Float64Var(&o.Cutoff, "cutoff", 0, "cutoff: points at or above it are treated")
	set.StringVar(&f.kernel, "kernel", rd.Triangular.String(), "triangular, uniform or epanechnikov")
	set.IntVar(&f.order, "order", 1, "order of the local polynomials, 0 to 5")
	set.IntVar(&f.biasOrder, "bias-order", 0, "order of those for the bias (default one more)")
	set.IntVar(&f.derivative, "derivative", 0, "derivative whose jump is estimated: 1 for a kink")
	set.StringVar(&f.h, "bandwidth", "", "bandwidth, or LEFT,RIGHT (default chosen by -selector)")
	set.StringVar(&f.b, "bias-bandwidth", "", "bandwidth of the bias, or LEFT,RIGHT (default that of the estimate, where it is given)")
	set.Float64Var(&o.Rho, "rho", 0, "bandwidth over bias bandwidth (default not tied)")
	set.StringVar(&f.selector, "selector", rd.MSERD.String(), "mserd, msesum, msetwo, msecomb1, msecomb2, or cer… instead of mse…")
	set.IntVar(&o.Distinct, "distinct", 0, "distinct values of x that the selector's pilot windows hold at least")
	set.StringVar(&f.variance, "variance", "", "nn, hc0 to hc3, or with clusters cr0, cr1, cr3 (default nn or cr1)")
	set.Float64Var(&o.Level, "level", 0.95, "confidence level")
	set.StringVar(&f.donut, "donut", "", "leave out points nearer to the cutoff than this, or LEFT,RIGHT")
	set.BoolVar(&f.check, "check", false, "also print validity checks: density, placebo cutoffs, bandwidths, donuts")
	set.BoolVar(&f.honest, "honest", false, "also print intervals for a running variable of few distinct values")
	set.Float64Var(&f.curvature, "curvature", 0, "with -honest: largest second derivative of the outcome (default a guess from the data)")
	set.Float64Var(&f.effect, "effect", 0, "also print how many points it takes to find an effect of this size")
	set.Float64Var(&f.power, "power", 0.8, "with -effect: with what chance")
	set.StringVar(&f.window, "window", "", "also compare the two sides of the window LOW,HIGH of the running variable as if randomised")
	set.StringVar(&f.plot, "plot", "", "draw PATH.png, .svg, .pdf, .html and .tsv")
	set.Usage = func() {
		fmt.Fprint(set.Output(), rdUsage)
		set.PrintDefaults()
	}
}

// resolve reads the values that are texts.
func (f *rdFlags) resolve() error {
	o := &f.options
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	var err error
	o.Kernel, err = rd.ParseKernel(f.kernel)
	add(err)
	o.Selector, err = rd.ParseSelector(f.selector)
	add(err)
	if f.variance != "" {
		o.Variance, err = rd.ParseVariance(f.variance)
		add(err)
	}
	o.Order, o.BiasOrder, o.Derivative = f.order, f.biasOrder, f.derivative
	if f.order == 0 {
		o.Order = rd.LocalConstant
	}
	for _, two := range []struct {
		flag, text string
		to         *[2]float64
	}{{"-bandwidth", f.h, &o.H}, {"-bias-bandwidth", f.b, &o.B}, {"-donut", f.donut, &o.Donut}} {
		if two.text != "" {
			*two.to, err = leftRight(two.flag, two.text)
			add(err)
		}
	}
	if f.covariates != "" {
		f.columns.Covariates = strings.Split(f.covariates, ",")
	}
	if f.columns.Cutoff != "" && f.columns.Unit == "" {
		add(invalid.New("-cutoffs", f.columns.Cutoff, "given together with -unit"))
	}
	if f.columns.Unit != "" && (f.columns.D != "" || f.check || f.honest || f.window != "" || f.plot != "" || f.effect != 0) {
		add(invalid.New("-unit", f.columns.Unit, "given without -d, -check, -honest, -window, -effect and -plot"))
	}
	for _, err := range errs {
		if err != nil {
			return err // the first, as a sentence of its own
		}
	}
	return nil
}

// leftRight reads one number or two.
func leftRight(name, text string) (v [2]float64, err error) {
	parts := strings.Split(text, ",")
	if len(parts) > 2 {
		return v, invalid.New(name, text, "one number, or two separated by a comma")
	}
	for i := range v {
		v[i], err = strconv.ParseFloat(strings.TrimSpace(parts[min(i, len(parts)-1)]), 64)
		if err != nil || math.IsNaN(v[i]) {
			return v, invalid.New(name, text, "one number, or two separated by a comma")
		}
	}
	return v, nil
}

func rdCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("rd", flag.ContinueOnError)
	var f rdFlags
	f.define(set)
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if set.NArg() != 1 {
		return invalid.New("FILE.csv", strings.Join(set.Args(), " "), "one file, after the flags")
	}
	if err := f.resolve(); err != nil {
		return err
	}
	units, left, err := rd.OpenUnits(set.Arg(0), f.columns, f.options.Cutoff)
	if err != nil {
		return invalidIfMissing(set.Arg(0), err)
	}
	if left > 0 {
		fmt.Fprintf(stderr, "%d rows with missing values are left out\n", left)
	}
	if f.columns.Unit != "" {
		r, err := rd.Many(ctx, units, f.options)
		if err != nil {
			return err
		}
		return printAll(stdout, r)
	}
	return f.one(units[0].Sample, stdout)
}

// invalidIfMissing makes a file that is not there a wrong argument.
func invalidIfMissing(path string, err error) error {
	if wrong := new(invalid.Error); errors.As(err, &wrong) {
		return err
	}
	return invalid.Newf("FILE.csv", path, "a file that can be read (%v)", err)
}

// one prints what is asked for of a sample.
func (f *rdFlags) one(s rd.Sample, stdout io.Writer) error {
	var printed []any
	var result *rd.Result
	if s.D != nil {
		r, err := s.Fuzzy(f.options)
		if err != nil {
			return err
		}
		printed, result = append(printed, r), &r.Result
	} else {
		r, err := s.Sharp(f.options)
		if err != nil {
			return err
		}
		printed, result = append(printed, r), r
	}
	if f.honest {
		o := f.options
		o.Selector, o.B, o.Rho = rd.MSERD, [2]float64{}, 0
		r, err := s.Honest(o, f.curvature)
		if err != nil {
			return err
		}
		printed = append(printed, r)
	}
	if f.check {
		r, err := s.Check(f.options)
		if err != nil {
			return err
		}
		printed = append(printed, r)
	}
	if f.window != "" {
		window, err := leftRight("-window", f.window)
		if err != nil {
			return err
		}
		r, err := rd.LocalRandomisation(s.X, s.Y, rd.RandomisationOptions{Cutoff: f.options.Cutoff, Window: window})
		if err != nil {
			return err
		}
		printed = append(printed, r)
	}
	if f.effect != 0 {
		n, err := result.PointsFor(f.effect, f.power)
		if err != nil {
			return err
		}
		printed = append(printed, needed{Effect: f.effect, Power: f.power, Points: n, Here: result.Left.N + result.Right.N, PowerHere: result.Power(f.effect)})
	}
	if err := printAll(stdout, printed...); err != nil {
		return err
	}
	if f.plot == "" {
		return nil
	}
	return f.draw(s, result, stdout)
}

// needed is how many points an effect takes.
type needed struct {
	Effect, Power float64
	Points        int
	Here          int     // points in the sample
	PowerHere     float64 // of the sample
}

func (n needed) String() string {
	return fmt.Sprintf("An effect of %g is found with a chance of %.0f %% in %d points like these (%d here: %.0f %%).\n",
		n.Effect, 100*n.Power, n.Points, n.Here, 100*n.PowerHere)
}

// printAll prints results with an empty line between them.
func printAll(stdout io.Writer, results ...any) error {
	for i, r := range results {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		if _, err := fmt.Fprint(stdout, r); err != nil {
			return err
		}
	}
	return nil
}

// draw draws binned means and the fitted lines within the bandwidths, three
// bandwidths wide.
func (f *rdFlags) draw(s rd.Sample, r *rd.Result, stdout io.Writer) error {
	wide := [2]float64{3 * r.Left.Bandwidth, 3 * r.Right.Bandwidth}
	data, err := rd.Plot(s.X, s.Y, rd.PlotOptions{Cutoff: f.options.Cutoff, H: wide, Binning: rd.MimicVariance, Order: 1})
	if err != nil {
		return err
	}
	curves := r.Curves(0)
	data.Left.Curve, data.Right.Curve = curves[0], curves[1]
	label := func(name, usual string) chart.Axis {
		if name == "" {
			name = usual
		}
		return chart.Axis{Label: name}
	}
	figure := figures.RD("", label(f.columns.X, "running variable"), label(f.columns.Y, "outcome"), data)
	dir, name := filepath.Split(f.plot)
	if dir == "" {
		dir = "."
	}
	if err := figure.Save(dir, name); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s.{png,svg,pdf,html,tsv}\n", filepath.Join(dir, name))
	return err
}
