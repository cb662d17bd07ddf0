package verify

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/rd"
)

// rdReplayer replays the reference numbers of regression discontinuity. That
// folder has no manifest; its tolerances are those of its README, section 9.
var rdReplayer = Replayer{Kind: "rd", Recognises: recognisesRD, Replay: replayRD}

const (
	rdFixed    = 1e-8 // estimates, standard errors, intervals at a fixed bandwidth
	rdSelected = 1e-6 // selected bandwidths, and results at them
	rdP        = 1e-6 // p-values; below rdPFloor relative to that
	rdPFloor   = 1e-6 // so that 1e-12 absolute is enough
	rdOnline   = 1e-9 // absolute
)

func recognisesRD(dir string) bool {
	for _, name := range []string{"senate.json", "fuzzy.json", "online.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func replayRD(ctx context.Context, dir string) ([]Row, error) {
	var c comparison
	for _, part := range []func(*comparison, string) error{
		replaySenate, replayFuzzy, replayOnline, replayDensity, replayLocalRandomisation,
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := part(&c, dir); err != nil {
			return nil, err
		}
	}
	return c.rows, nil
}

// A comparison collects rows.
type comparison struct{ rows []Row }

func (c *comparison) add(quantity, measure string, deviation, tolerance float64) {
	c.rows = append(c.rows, Row{Quantity: quantity, Measure: measure, Deviation: deviation, Tolerance: tolerance})
}

// relative adds the largest |got − want| / |want|.
func (c *comparison) relative(quantity string, tolerance float64, got, want []float64) {
	c.add(quantity, "relative", deviation(got, want, 0), tolerance)
}

// pvalues adds the largest |got − want| / max(|want|, rdPFloor).
func (c *comparison) pvalues(quantity string, got, want []float64) {
	c.add(quantity, "relative", deviation(got, want, rdPFloor), rdP)
}

// counts adds the number of entries that differ.
func (c *comparison) counts(quantity string, got, want []int) {
	unequal := math.Abs(float64(len(got) - len(want)))
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			unequal++
		}
	}
	c.add(quantity, "unequal entries", unequal, 0)
}

// deviation returns the largest |got − want| / max(|want|, floor), NaN if the
// lengths differ or nothing is compared.
func deviation(got, want []float64, floor float64) float64 {
	if len(got) != len(want) || len(got) == 0 {
		return math.NaN()
	}
	worst := 0.0
	for i, w := range want {
		d := math.Abs(got[i] - w)
		if d != 0 {
			d /= max(math.Abs(w), floor)
		}
		if math.IsNaN(d) {
			return d
		}
		worst = max(worst, d)
	}
	return worst
}

// absolute returns the largest |got − want|, NaN if the lengths differ.
func absolute(got, want []float64) float64 {
	if len(got) != len(want) || len(got) == 0 {
		return math.NaN()
	}
	worst := 0.0
	for i, w := range want {
		d := math.Abs(got[i] - w)
		if math.IsNaN(d) {
			return d
		}
		worst = max(worst, d)
	}
	return worst
}

// rdOptions are the options of a run in senate.json and fuzzy.json.
type rdOptions struct {
	Kernel         string
	P              int
	Cutoff         float64
	VCE            string
	NNMatch        int
	Bandwidth      string
	MassPoints     string
	ScaleRegul     float64
	Level          float64
	H, B           [2]float64
	SharpBandwidth bool `json:"sharp_bandwidth"`
}

func (o rdOptions) resolve() (rd.Options, error) {
	kernel, errKernel := rd.ParseKernel(o.Kernel)
	variance, errVariance := rd.ParseVariance(o.VCE)
	options := rd.Options{
		Cutoff: o.Cutoff, Kernel: kernel, Order: o.P, Variance: variance,
		Neighbours: o.NNMatch, Level: o.Level / 100,
		IgnoreMassPoints: o.MassPoints == "off", NoRegularisation: o.ScaleRegul == 0,
		SharpBandwidth: o.SharpBandwidth,
	}
	if o.P == 0 {
		options.Order = rd.LocalConstant
	}
	var errSelector error
	if o.Bandwidth == "fixed" {
		options.H, options.B = o.H, o.B
	} else {
		options.Selector, errSelector = rd.ParseSelector(o.Bandwidth)
	}
	return options, errors.Join(errKernel, errVariance, errSelector)
}

type rdInference struct {
	Estimate, SE, Z, P float64
	CI                 [2]float64
}

type rdJump struct {
	Conventional, Robust rdInference
	BiasCorrected        rdInference `json:"bias_corrected"`
}

type rdResult struct {
	rdJump
	N           [2]int
	Unique      [2]int
	NH          [2]int `json:"N_h"`
	NB          [2]int `json:"N_b"`
	H, B        [2]float64
	LeftLimit   float64   `json:"left_limit"`
	RightLimit  float64   `json:"right_limit"`
	LeftLimitC  float64   `json:"left_limit_bc"`
	RightLimitC float64   `json:"right_limit_bc"`
	BetaLeft    []float64 `json:"beta_left"`
	BetaRight   []float64 `json:"beta_right"`
	FirstStage  *rdJump   `json:"first_stage"`
	ITT         *rdJump
}

type rdRun struct {
	ID        string
	Options   rdOptions
	Outcome   string
	Treatment string
	Result    rdResult
	Steps     *struct {
		Stages map[string]struct {
			O, Nu   int
			Input   [2]float64 `json:"input_bandwidth"`
			V, B, R [2]float64
		}
		Pilot       float64 `json:"pilot_v"`
		D, B, H     float64
		Spread      float64
		UniqueTotal int `json:"unique_total"`
	} `json:"bandwidth_steps"`
}

// compare adds the rows of one run.
func (c *comparison) run(run rdRun, got *rd.Result) {
	want, tolerance := run.Result, rdSelected
	if run.Options.Bandwidth == "fixed" {
		tolerance = rdFixed
	}
	l, r := got.Left, got.Right
	c.counts(run.ID+" N, unique, effective at h and b",
		[]int{l.N, r.N, l.Unique, r.Unique, l.Effective, r.Effective, l.EffectiveBias, r.EffectiveBias},
		slices.Concat(want.N[:], want.Unique[:], want.NH[:], want.NB[:]))
	c.relative(run.ID+" h, b", tolerance,
		[]float64{l.Bandwidth, r.Bandwidth, l.BiasBandwidth, r.BiasBandwidth}, slices.Concat(want.H[:], want.B[:]))
	c.relative(run.ID+" limits, coefficients", tolerance,
		slices.Concat([]float64{l.Limit, r.Limit, l.LimitCorrected, r.LimitCorrected}, l.Coefficients, r.Coefficients),
		slices.Concat([]float64{want.LeftLimit, want.RightLimit, want.LeftLimitC, want.RightLimitC}, want.BetaLeft, want.BetaRight))
	c.jump(run.ID, tolerance, got.Jump, want.rdJump)
	if steps := run.Steps; steps != nil && got.Selection != nil {
		sel := got.Selection
		gotSteps := []float64{sel.Pilot[0], sel.Spread, float64(sel.Unique), sel.Stages[0].Result[0], sel.B[0], sel.H[0]}
		wantSteps := []float64{steps.Pilot, steps.Spread, float64(steps.UniqueTotal), steps.D, steps.B, steps.H}
		for i, name := range []string{"d", "b", "h"} {
			g, w := sel.Stages[i], steps.Stages[name]
			gotSteps = slices.Concat(gotSteps, []float64{float64(g.Order), float64(g.Derivative)}, g.Input[:], g.V[:], g.B[:], g.R[:])
			wantSteps = slices.Concat(wantSteps, []float64{float64(w.O), float64(w.Nu)}, w.Input[:], w.V[:], w.B[:], w.R[:])
		}
		c.relative(run.ID+" selector's stages", rdSelected, gotSteps, wantSteps)
	}
}

func (c *comparison) jump(id string, tolerance float64, got rd.Jump, want rdJump) {
	var estimates, stderrs, z, p, ends [2][]float64
	for _, pair := range []struct {
		got  rd.Inference
		want rdInference
	}{{got.Conventional, want.Conventional}, {got.BiasCorrected, want.BiasCorrected}, {got.Robust, want.Robust}} {
		g, w := pair.got, pair.want
		estimates[0], estimates[1] = append(estimates[0], g.Estimate), append(estimates[1], w.Estimate)
		stderrs[0], stderrs[1] = append(stderrs[0], g.StdErr), append(stderrs[1], w.SE)
		z[0], z[1] = append(z[0], g.Z), append(z[1], w.Z)
		p[0], p[1] = append(p[0], g.P), append(p[1], w.P)
		ends[0], ends[1] = append(ends[0], g.Lo, g.Hi), append(ends[1], w.CI[:]...)
	}
	c.relative(id+" estimates", tolerance, estimates[0], estimates[1])
	c.relative(id+" standard errors", tolerance, stderrs[0], stderrs[1])
	c.relative(id+" z", tolerance, z[0], z[1])
	c.pvalues(id+" p", p[0], p[1])
	c.relative(id+" intervals", tolerance, ends[0], ends[1])
}

func replaySenate(c *comparison, dir string) error {
	var file struct {
		Runs []rdRun
		WLS  []struct {
			Kernel       string
			H, Cutoff    float64
			N            [2]int
			Estimate     float64
			LeftLimit    float64 `json:"left_limit"`
			RightLimit   float64 `json:"right_limit"`
			LeftSlope    float64 `json:"left_slope"`
			RightSlope   float64 `json:"right_slope"`
			SE           rdStdErrs
			Conventional struct {
				NN, HC0, HC1, HC2, HC3 float64
			} `json:"rdrobust_conventional_se"`
		} `json:"wls_fixed_h"`
		Published []struct {
			What         string
			Run          string `json:"matches_run"`
			H, B         float64
			NH           [2]int `json:"N_h"`
			Conventional rdInference
			Robust       rdInference
		} `json:"published_rounded"`
	}
	data, err := readColumns(dir, "senate.csv", "x", "y")
	if err == nil {
		err = readJSON(dir, "senate.json", &file)
	}
	if err != nil {
		return err
	}
	x, y := data[0], data[1]
	results := map[string]*rd.Result{}
	for _, run := range file.Runs {
		o, err := run.Options.resolve()
		if err != nil {
			return fmt.Errorf("senate.json, run %s: %w", run.ID, err)
		}
		got, err := rd.Sharp(x, y, o)
		if err != nil {
			return fmt.Errorf("senate.json, run %s: %w", run.ID, err)
		}
		run.ID = "senate " + run.ID
		c.run(run, got)
		results[run.ID] = got
	}
	for _, w := range file.WLS {
		id := fmt.Sprintf("senate least squares %s h=%.4g", w.Kernel, w.H)
		kernel, err := rd.ParseKernel(w.Kernel)
		if err != nil {
			return err
		}
		o := rd.Options{Kernel: kernel, H: rd.Both(w.H), Cutoff: w.Cutoff}
		got, err := rd.LeastSquares(x, y, o)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.counts(id+" effective N", []int{got.Left.Effective, got.Right.Effective}, w.N[:])
		c.relative(id+" estimate, limits, slopes", rdFixed,
			[]float64{got.Estimate, got.Left.Limit, got.Right.Limit, got.Left.Coefficients[1], got.Right.Coefficients[1]},
			[]float64{w.Estimate, w.LeftLimit, w.RightLimit, w.LeftSlope, w.RightSlope})
		c.relative(id+" standard errors", rdFixed, w.SE.of(got.StdErr), w.SE.list())
		var conventional []float64
		for _, v := range []rd.Variance{rd.NearestNeighbour, rd.HC0, rd.HC1, rd.HC2, rd.HC3} {
			o.Variance = v
			r, err := rd.Sharp(x, y, o)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			conventional = append(conventional, r.Conventional.StdErr)
		}
		s := w.Conventional
		c.relative(id+" conventional s.e. nn, hc0-hc3", rdFixed, conventional, []float64{s.NN, s.HC0, s.HC1, s.HC2, s.HC3})
	}
	for _, p := range file.Published {
		got := results["senate "+p.Run]
		if got == nil {
			return invalid.New("matches_run", p.Run, "the id of a run of senate.json")
		}
		// Some are printed without b or without the conventional p; half a unit
		// of the last of three decimals is what rounding leaves.
		g, w := []float64{got.Left.Bandwidth}, []float64{p.H}
		if p.H == 0 {
			g, w = nil, nil
		}
		if p.B != 0 {
			g, w = append(g, got.Left.BiasBandwidth), append(w, p.B)
		}
		conv, rob := got.Conventional, got.Robust
		g = append(g, conv.Estimate, conv.StdErr, conv.Z, conv.Lo, conv.Hi, rob.Z, rob.Lo, rob.Hi)
		w = append(w, p.Conventional.Estimate, p.Conventional.SE, p.Conventional.Z, p.Conventional.CI[0], p.Conventional.CI[1],
			p.Robust.Z, p.Robust.CI[0], p.Robust.CI[1])
		c.add("senate "+p.Run+" as published", "absolute", absolute(g, w), 0.00051)
		c.counts("senate "+p.Run+" effective N as published", []int{got.Left.Effective, got.Right.Effective}, p.NH[:])
	}
	return nil
}

// rdStdErrs are the standard errors of a regression, hc1_per_side only where
// there are kernel weights.
type rdStdErrs struct {
	Homoskedastic *float64
	HC0           float64
	HC1Pooled     float64  `json:"hc1_pooled"`
	HC1PerSide    *float64 `json:"hc1_per_side"`
	HC2, HC3      float64
}

func (s rdStdErrs) list() []float64 {
	values := []float64{s.HC0, s.HC1Pooled, s.HC2, s.HC3}
	for _, optional := range []*float64{s.Homoskedastic, s.HC1PerSide} {
		if optional != nil {
			values = append(values, *optional)
		}
	}
	return values
}

// of returns got in the order of list.
func (s rdStdErrs) of(got rd.LeastSquaresStdErrs) []float64 {
	values := []float64{got.HC0, got.HC1, got.HC2, got.HC3}
	if s.Homoskedastic != nil {
		values = append(values, got.Homoskedastic)
	}
	if s.HC1PerSide != nil {
		values = append(values, got.HC1PerSide)
	}
	return values
}

func replayFuzzy(c *comparison, dir string) error {
	type threeStdErrs struct {
		ITT        float64
		FirstStage float64 `json:"first_stage"`
		Delta      float64
		TSLS       float64
	}
	var file struct {
		Runs []rdRun
		Wald []struct {
			Kernel     string
			H, Cutoff  float64
			N          [2]int
			ITT        float64
			FirstStage float64 `json:"first_stage"`
			Wald, TSLS float64
			SE         map[string]threeStdErrs
			CI         [2]float64 `json:"ci95_delta_hc1_pooled"`
			P          float64    `json:"p_delta_hc1_pooled"`
			F          float64    `json:"first_stage_F_hc1_pooled"`
		} `json:"own_wald_2sls"`
	}
	data, err := readColumns(dir, "fuzzy.csv", "x", "d", "y")
	if err == nil {
		err = readJSON(dir, "fuzzy.json", &file)
	}
	if err != nil {
		return err
	}
	x, d, y := data[0], data[1], data[2]
	for _, run := range file.Runs {
		o, err := run.Options.resolve()
		if err != nil {
			return fmt.Errorf("fuzzy.json, run %s: %w", run.ID, err)
		}
		outcome := y
		if run.Outcome == "d" {
			outcome = d
		}
		id := run.ID
		run.ID = "fuzzy " + id
		if run.Treatment == "" {
			got, err := rd.Sharp(x, outcome, o)
			if err != nil {
				return fmt.Errorf("fuzzy.json, run %s: %w", id, err)
			}
			c.run(run, got)
			continue
		}
		got, err := rd.Fuzzy(x, d, outcome, o)
		if err != nil {
			return fmt.Errorf("fuzzy.json, run %s: %w", id, err)
		}
		c.run(run, &got.Result)
		tolerance := rdSelected
		if run.Options.Bandwidth == "fixed" {
			tolerance = rdFixed
		}
		if run.Result.FirstStage == nil || run.Result.ITT == nil {
			return invalid.New("fuzzy.json, run "+id, "no first_stage or itt", "both")
		}
		c.jump(run.ID+" first stage", tolerance, got.FirstStage, *run.Result.FirstStage)
		c.jump(run.ID+" intention to treat", tolerance, got.IntentionToTreat, *run.Result.ITT)
	}
	for _, w := range file.Wald {
		id := fmt.Sprintf("fuzzy Wald and 2SLS %s h=%.4g", w.Kernel, w.H)
		kernel, err := rd.ParseKernel(w.Kernel)
		if err != nil {
			return err
		}
		o := rd.Options{Kernel: kernel, H: rd.Both(w.H), Cutoff: w.Cutoff}
		twoStage, err := rd.TwoStageLeastSquares(x, d, y, o)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.counts(id+" effective N", twoStage.N[:], w.N[:])
		var got, want []float64
		for _, v := range []struct {
			name     string
			variance rd.Variance
			twoStage float64
		}{{"hc0", rd.HC0, twoStage.HC0}, {"hc1_pooled", rd.HC1Pooled, twoStage.HC1}, {"hc1_per_side", rd.HC1, math.NaN()}} {
			o.Variance = v.variance
			r, err := rd.Fuzzy(x, d, y, o)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			s := w.SE[v.name]
			got = append(got, r.IntentionToTreat.Conventional.StdErr, r.FirstStage.Conventional.StdErr, r.Conventional.StdErr)
			want = append(want, s.ITT, s.FirstStage, s.Delta)
			if !math.IsNaN(v.twoStage) {
				got, want = append(got, v.twoStage), append(want, s.TSLS)
			}
			if v.variance != rd.HC1Pooled {
				continue
			}
			itt, first := r.IntentionToTreat.Conventional.Estimate, r.FirstStage.Conventional
			c.relative(id+" estimates", rdFixed, []float64{itt, first.Estimate, r.Conventional.Estimate, twoStage.Estimate},
				[]float64{w.ITT, w.FirstStage, w.Wald, w.TSLS})
			c.relative(id+" intervals", rdFixed,
				[]float64{r.Conventional.Lo, r.Conventional.Hi, twoStage.Inference.Lo, twoStage.Inference.Hi}, slices.Concat(w.CI[:], w.CI[:]))
			c.pvalues(id+" p", []float64{r.Conventional.P, twoStage.Inference.P}, []float64{w.P, w.P})
			c.relative(id+" first-stage F", rdFixed, []float64{first.Z * first.Z}, []float64{w.F})
		}
		c.relative(id+" standard errors", rdFixed, got, want)
	}
	return nil
}

func replayOnline(c *comparison, dir string) error {
	type side struct {
		A, B     float64
		ACentred float64 `json:"a_centred"`
		AtCutoff float64 `json:"at_cutoff"`
	}
	var file struct {
		Cutoff, W float64
		OLS       []struct {
			Points       int
			N            [2]int `json:"n_used"`
			Below, Above side
			Beta         float64
			SE           rdStdErrs
		}
		SGD []struct {
			ID          string
			Features    string
			Factor      float64 `json:"gradient_factor"`
			Used        string  `json:"points_used"`
			Rate        float64 `json:"learning_rate"`
			Checkpoints []struct {
				Points       int
				Updates      [2]int
				Below, Above side
				Beta         float64
			}
		}
	}
	data, err := readColumns(dir, "online.csv", "x", "y")
	if err == nil {
		err = readJSON(dir, "online.json", &file)
	}
	if err != nil {
		return err
	}
	x, y := data[0], data[1]
	for _, w := range file.OLS {
		if w.Points < 0 || w.Points > len(x) || w.SE.Homoskedastic == nil {
			return invalid.Newf("online.json points", w.Points, "0 to %d, the rows of online.csv, with a homoskedastic s.e.", len(x))
		}
		id := fmt.Sprintf("online least squares %d points", w.Points)
		fit := rd.OnlineLeastSquares{Cutoff: file.Cutoff, Window: file.W}
		for i := range w.Points {
			fit.Add(x[i], y[i])
		}
		n, lines := fit.N(), fit.Lines()
		c.counts(id+" N", n[:], w.N[:])
		c.add(id+" lines, beta, s.e.", "absolute", absolute(
			[]float64{lines[0].Intercept, lines[0].Slope, lines[1].Intercept, lines[1].Slope, fit.Jump(), fit.StdErr()},
			[]float64{w.Below.AtCutoff, w.Below.B, w.Above.AtCutoff, w.Above.B, w.Beta, *w.SE.Homoskedastic}), rdOnline)
		batch, err := rd.LeastSquares(x[:w.Points], y[:w.Points], rd.Options{Cutoff: file.Cutoff, H: rd.Both(file.W), Kernel: rd.Uniform})
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.add(id+" in one batch, beta and s.e.", "absolute",
			absolute(append(w.SE.of(batch.StdErr), batch.Estimate), append(w.SE.list(), w.Beta)), rdOnline)
	}
	for _, w := range file.SGD {
		descent := rd.OnlineDescent{
			Cutoff: file.Cutoff, Rate: w.Factor * w.Rate, Centred: w.Features == "centred",
		}
		if w.Used != "every point" {
			descent.Window = file.W
		}
		read := 0
		for _, p := range w.Checkpoints {
			if p.Points > len(x) {
				return invalid.Newf("online.json points", p.Points, "at most %d, the rows of online.csv", len(x))
			}
			for ; read < p.Points; read++ {
				descent.Add(x[read], y[read])
			}
			id := fmt.Sprintf("online descent %s %d points", w.ID, p.Points)
			n, lines := descent.N(), descent.Lines()
			c.counts(id+" updates", n[:], p.Updates[:])
			c.add(id+" lines, beta", "absolute", absolute(
				[]float64{lines[0].Intercept, lines[0].Slope, lines[1].Intercept, lines[1].Slope, descent.Jump()},
				[]float64{p.Below.A, p.Below.B, p.Above.A, p.Above.B, p.Beta}), rdOnline)
		}
	}
	return nil
}

// readColumns reads the named columns of a CSV file whose first row names them.
func readColumns(dir, file string, names ...string) ([][]float64, error) {
	path := filepath.Join(dir, file)
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	columns, err := parseColumns(f, names...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return columns, nil
}

func parseColumns(r io.Reader, names ...string) ([][]float64, error) {
	reader := csv.NewReader(r)
	header, err := reader.Read()
	if err != nil {
		return nil, invalid.New("header", fmt.Sprint(err), "a row of column names")
	}
	index := make([]int, len(names))
	for i, name := range names {
		if index[i] = slices.Index(header, name); index[i] < 0 {
			return nil, invalid.New("header", fmt.Sprint(header), "a row with "+name)
		}
	}
	columns := make([][]float64, len(names))
	for {
		record, err := reader.Read()
		if err == io.EOF {
			return columns, nil
		}
		if err != nil {
			return nil, invalid.New("row", fmt.Sprint(err), "as many columns as the header")
		}
		for i, name := range names {
			v, err := strconv.ParseFloat(record[index[i]], 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				line, _ := reader.FieldPos(index[i])
				return nil, invalid.New(fmt.Sprintf("%s in line %d", name, line), record[index[i]], "a finite number")
			}
			columns[i] = append(columns[i], v)
		}
	}
}
