package rd

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/reference"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Tolerances of the reference's README, section 9.
const (
	atFixed    = 1e-8 // estimates, standard errors, intervals at a fixed bandwidth
	atSelected = 1e-6 // selected bandwidths, and results at them
	ofP        = 1e-6 // p-values; below pFloor relative to that
	pFloor     = 1e-6 // so that 1e-12 absolute is enough
	ofOnline   = 1e-9 // absolute
	ofDensity  = 1e-7 // density test at a fixed bandwidth
)

// The fixtures come from rdrobust, rddensity, rdlocrand, statsmodels and independent
// code; see testdata/rd/README.md.
func TestReferenceRD(t *testing.T) {
	reference.Replay(t, "rd", func(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
		replay := map[string]func(*comparison, string) error{
			"wls_fixed_h": replaySenate, "own_wald_2sls": replayFuzzy, "sgd": replayOnline,
			"local_polynomial": replayDensity, "windows": replayLocalRandomisation,
		}
		replayByKey(t, f, rows, replay)
	})
}

// Data sets that strain more than the others do, with runs of every option; see
// testdata/rd_more/README.md.
func TestReferenceRDMore(t *testing.T) {
	reference.Replay(t, "rd_more", func(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
		replayByKey(t, f, rows, map[string]func(*comparison, string) error{
			"missing": replayMore, "rdrobust_cr1_per_side": replayJointClusters,
		})
	})
}

// replayByKey replays a fixture by the one name at its top that tells what it is.
func replayByKey(t *testing.T, f *reference.Fixture, rows *reference.Rows, replays map[string]func(*comparison, string) error) {
	var keys map[string]json.RawMessage
	f.JSON(&keys)
	for key, replay := range replays {
		if keys[key] != nil {
			if err := replay(&comparison{rows, t}, f.Path); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%s has none of %v", f.Path, slices.Sorted(maps.Keys(replays)))
}

// A comparison collects rows, and notes where recorded numbers are rounding.
type comparison struct {
	*reference.Rows
	t *testing.T
}

func (c *comparison) note(format string, args ...any) { c.t.Logf(format, args...) }

// relative adds the largest |got − want| / |want|.
func (c *comparison) relative(quantity string, tolerance float64, got, want []float64) {
	c.Relative(quantity, tolerance, 0, got, want)
}

// scaled adds the largest |got − want| / max(|want|, scale): for what is a
// difference of numbers of that size.
func (c *comparison) scaled(quantity string, tolerance, scale float64, got, want []float64) {
	c.Relative(quantity, tolerance, scale, got, want)
}

// pvalues adds the largest |got − want| / max(|want|, pFloor).
func (c *comparison) pvalues(quantity string, got, want []float64) {
	c.Relative(quantity, ofP, pFloor, got, want)
}

// counts adds the number of entries that differ.
func (c *comparison) counts(quantity string, got, want []int) {
	reference.Unequal(c.Rows, quantity, got, want)
}

// recordedOptions are the options of a recorded run.
type recordedOptions struct {
	Kernel         string
	P, Q           int
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

func (o recordedOptions) resolve() (Options, error) {
	kernel, errKernel := ParseKernel(o.Kernel)
	variance, errVariance := ParseVariance(o.VCE)
	options := Options{
		Cutoff: o.Cutoff, Kernel: kernel, Order: o.P, Variance: variance,
		Neighbours: o.NNMatch, Level: o.Level / 100,
		IgnoreMassPoints: o.MassPoints == "off", NoRegularisation: o.ScaleRegul == 0,
		SharpBandwidth: o.SharpBandwidth,
	}
	if o.P == 0 {
		options.Order = LocalConstant
	}
	var errSelector error
	if o.Bandwidth == "fixed" {
		options.H, options.B = o.H, o.B
	} else {
		options.Selector, errSelector = ParseSelector(o.Bandwidth)
	}
	return options, errors.Join(errKernel, errVariance, errSelector)
}

type recordedInference struct {
	Estimate, SE float64
	Z, P         *float64
	CI           [2]float64
}

type recordedJump struct {
	Conventional, Robust recordedInference
	BiasCorrected        recordedInference `json:"bias_corrected"`
}

type recordedResult struct {
	recordedJump
	N           [2]int
	Unique      [2]int
	NH          [2]int `json:"N_h"`
	NB          [2]int `json:"N_b"`
	H, B        [2]float64
	LeftLimit   float64       `json:"left_limit"`
	RightLimit  float64       `json:"right_limit"`
	LeftLimitC  float64       `json:"left_limit_bc"`
	RightLimitC float64       `json:"right_limit_bc"`
	BetaLeft    []float64     `json:"beta_left"`
	BetaRight   []float64     `json:"beta_right"`
	FirstStage  *recordedJump `json:"first_stage"`
	ITT         *recordedJump
}

type recordedRun struct {
	ID        string
	Options   recordedOptions
	Outcome   string
	Treatment string
	Error     string
	Extra     struct {
		Deriv, BWCheck, Q       int
		Rho                     float64
		Cluster, Covs, Weights_ string
		Weights                 string
	}
	Result recordedResult
	Steps  *struct {
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

func (r recordedRun) tolerance() float64 {
	if r.Options.Bandwidth == "fixed" {
		return atFixed
	}
	return atSelected
}

// run adds the rows of one run.
func (c *comparison) run(run recordedRun, got *Result) {
	want, tolerance := run.Result, run.tolerance()
	l, r := got.Left, got.Right
	c.counts(run.ID+" N, unique, effective at h and b",
		[]int{l.N, r.N, l.Unique, r.Unique, l.Effective, r.Effective, l.EffectiveBias, r.EffectiveBias},
		slices.Concat(want.N[:], want.Unique[:], want.NH[:], want.NB[:]))
	c.relative(run.ID+" h, b", tolerance,
		[]float64{l.Bandwidth, r.Bandwidth, l.BiasBandwidth, r.BiasBandwidth}, slices.Concat(want.H[:], want.B[:]))
	if want.BetaLeft != nil {
		c.relative(run.ID+" limits, coefficients", tolerance,
			slices.Concat([]float64{l.Limit, r.Limit, l.LimitCorrected, r.LimitCorrected}, l.Coefficients, r.Coefficients),
			slices.Concat([]float64{want.LeftLimit, want.RightLimit, want.LeftLimitC, want.RightLimitC}, want.BetaLeft, want.BetaRight))
	}
	c.jump(run.ID, tolerance, got.Jump, want.recordedJump)
	if steps := run.Steps; steps != nil && got.Selection != nil {
		sel := got.Selection
		gotSteps := []float64{sel.Pilot[0], sel.Spread, float64(sel.Unique), sel.Stages[0].Result[0], sel.B[0], sel.H[0]}
		wantSteps := []float64{steps.Pilot, steps.Spread, float64(steps.UniqueTotal), steps.D, steps.B, steps.H}
		for i, name := range []string{"d", "b", "h"} {
			g, w := sel.Stages[i], steps.Stages[name]
			gotSteps = slices.Concat(gotSteps, []float64{float64(g.Order), float64(g.Derivative)}, g.Input[:], g.V[:], g.B[:], g.R[:])
			wantSteps = slices.Concat(wantSteps, []float64{float64(w.O), float64(w.Nu)}, w.Input[:], w.V[:], w.B[:], w.R[:])
		}
		c.relative(run.ID+" selector's stages", atSelected, gotSteps, wantSteps)
	}
}

func (c *comparison) jump(id string, tolerance float64, got Jump, want recordedJump) {
	var estimates, stderrs, z, p, ends [2][]float64
	scale := want.Conventional.SE // an estimate near zero is a difference of limits
	for _, pair := range []struct {
		got  Inference
		want recordedInference
	}{{got.Conventional, want.Conventional}, {got.BiasCorrected, want.BiasCorrected}, {got.Robust, want.Robust}} {
		g, w := pair.got, pair.want
		estimates[0], estimates[1] = append(estimates[0], g.Estimate), append(estimates[1], w.Estimate)
		stderrs[0], stderrs[1] = append(stderrs[0], g.StdErr), append(stderrs[1], w.SE)
		ends[0], ends[1] = append(ends[0], g.Lo, g.Hi), append(ends[1], w.CI[:]...)
		if w.Z != nil && w.P != nil {
			z[0], z[1] = append(z[0], g.Z), append(z[1], *w.Z)
			p[0], p[1] = append(p[0], g.P), append(p[1], *w.P)
		}
	}
	c.scaled(id+" estimates", tolerance, scale, estimates[0], estimates[1])
	c.relative(id+" standard errors", tolerance, stderrs[0], stderrs[1])
	c.scaled(id+" intervals", tolerance, scale, ends[0], ends[1])
	if len(z[0]) > 0 {
		c.scaled(id+" z", tolerance, 1, z[0], z[1])
		// A change of z by δ z changes p by about z² δ p.
		furthest := 0.0
		for _, v := range z[1] {
			furthest = max(furthest, v*v)
		}
		c.Relative(id+" p", ofP*(1+furthest), pFloor, p[0], p[1])
	}
}

// replayMore replays a data set with runs of every option.
func replayMore(c *comparison, path string) error {
	var file struct {
		Data struct {
			File   string
			Cutoff float64
		}
		Runs, Missing []recordedRun
		Density       []struct {
			P      int
			Error  string
			H      [2]float64
			Robust struct {
				Left, Right float64
				SE          [3]float64
				T           float64
				P           float64 `json:"pvalue"`
			}
		}
	}
	if err := readJSON(path, &file); err != nil {
		return err
	}
	columns, err := readTable(filepath.Join(filepath.Dir(path), file.Data.File))
	if err != nil {
		return err
	}
	for _, run := range slices.Concat(file.Runs, file.Missing) {
		c.more(columns, run)
	}
	for _, w := range file.Density {
		id := fmt.Sprintf("density p=%d", w.P)
		got, err := DensityTest(columns["x"], DensityOptions{Cutoff: file.Data.Cutoff, Order: w.P})
		if err != nil || w.Error != "" {
			c.note("%s: error %v, recorded error %q", id, err, w.Error)
			if w.Error == "" && len(columns["x"]) >= fewest { // with fewer the pilots are not identified
				c.Add(id, "refused", 1, 0)
			}
			continue
		}
		c.relative(id+" h", atSelected, got.H[:], w.H[:])
		r := got.Robust
		c.relative(id+" densities", atSelected, r.Density[:], []float64{w.Robust.Left, w.Robust.Right})
		c.relative(id+" standard errors", atSelected, []float64{r.StdErr[0], r.StdErr[1], r.DiffStdErr}, w.Robust.SE[:])
		c.scaled(id+" T", atSelected, 1, []float64{r.T}, []float64{w.Robust.T})
		c.pvalues(id+" p", []float64{r.P}, []float64{w.Robust.P})
	}
	return nil
}

func (c *comparison) more(columns map[string][]float64, run recordedRun) {
	s := Sample{X: columns["x"], Y: columns[run.Outcome]}
	o, err := run.Options.resolve()
	if err != nil {
		c.note("%s: %v", run.ID, err)
		return
	}
	if run.Extra.Cluster != "" {
		for _, v := range columns["cl"] {
			s.Cluster = append(s.Cluster, int(v))
		}
		o.SplitClusters, o.NormalQuantiles = true, true
	}
	if run.Extra.Covs != "" {
		s.Covariates = [][]float64{columns["z"]}
	}
	if run.Extra.Weights != "" {
		s.Weights = columns["w"]
	}
	o.beyond = alikeDistance // as the version that made these numbers
	if run.ID == "q3" && o.H == [2]float64{} {
		// That version's selector reads the coefficient of z^q where the bias is that
		// of z^(p+1), as R's does: only the estimate at its bandwidths is comparable.
		o.H, o.B = run.Result.H, run.Result.B
	}
	if o.Variance == CR3 && o.H == [2]float64{} { // the selector here has CR1's variances
		o.H, o.B = run.Result.H, run.Result.B
	}
	o.Derivative, o.Distinct, o.BiasOrder, o.Rho = run.Extra.Deriv, run.Extra.BWCheck, run.Extra.Q, run.Extra.Rho
	var got *Result
	var fuzzy *FuzzyResult
	if run.Treatment != "" {
		s.D = columns[run.Treatment]
		if fuzzy, err = s.Fuzzy(o); err == nil {
			got = &fuzzy.Result
		}
	} else {
		got, err = s.Sharp(o)
	}
	if run.Error != "" || err != nil {
		c.note("%s: error %v, recorded error %q", run.ID, err, run.Error)
		var wrong *invalid.Error
		if w := run.Result; errors.As(err, &wrong) && strings.Contains(wrong.Field, "h and b") {
			return // the fit passes through all points: what is recorded is rounding, divided by 1e-8
		} else if run.Error == "" && !(w.Robust.SE < 1e-10*math.Abs(w.Robust.Estimate)) && !(w.Robust.SE < 1e-14) {
			c.Add(run.ID, "refused", 1, 0)
		}
		return
	}
	if got.Selection != nil && got.Left.Effective+got.Right.Effective < run.Result.NH[0]+run.Result.NH[1] && run.Result.NH == run.Result.N {
		// The bandwidth is the whole range. Whether its last point has a weight of
		// 1e-16 or of 0 is rounding in those numbers, and a rule here.
		o.H, o.B, o.beyond = Both(got.Left.Bandwidth*(1+4*edge)), Both(got.Left.BiasBandwidth*(1+4*edge)), 0
		if got, err = s.Sharp(o); err != nil {
			c.Add(run.ID, "refused", 1, 0)
			return
		}
	}
	if w := run.Result.Robust; w.SE < 1e-10*max(math.Abs(w.Estimate), run.Result.Conventional.SE) || w.SE < 1e-14 {
		c.note("%s: recorded standard error %.2g is rounding; here %v", run.ID, w.SE, got.Robust)
		c.Add(run.ID+" no noise", "standard error", got.Robust.StdErr, 0)
		return
	}
	if o.Variance == CR3 {
		// The robust one there has the leverages of the bias fit alone; here the whole
		// estimate is made again without each cluster. At h = b they would be equal.
		w, g := run.Result, got.Jump
		c.relative(run.ID+" conventional estimate, s.e.", atSelected, []float64{g.Conventional.Estimate, g.Conventional.StdErr}, []float64{w.Conventional.Estimate, w.Conventional.SE})
		c.relative(run.ID+" robust s.e., by other leverages", 2e-3, []float64{g.Robust.StdErr}, []float64{w.Robust.SE})
		return
	}
	c.run(run, got)
	if fuzzy != nil && run.Result.FirstStage != nil && run.Result.ITT != nil {
		c.jump(run.ID+" first stage", run.tolerance(), fuzzy.FirstStage, *run.Result.FirstStage)
		c.jump(run.ID+" intention to treat", run.tolerance(), fuzzy.IntentionToTreat, *run.Result.ITT)
	}
}

// replayJointClusters replays least squares with clusters on both sides.
func replayJointClusters(c *comparison, path string) error {
	var file struct {
		Runs []struct {
			P, Clusters, N int
			H, Estimate    float64
			Kernel         string
			CR0            float64 `json:"se_joint_cr0"`
			CR1            float64 `json:"se_joint_cr1_stata"`
		}
	}
	if err := readJSON(path, &file); err != nil {
		return err
	}
	columns, err := readTable(strings.TrimSuffix(path, "_joint_clusters.json") + ".csv")
	if err != nil {
		return err
	}
	s := Sample{X: columns["x"], Y: columns["y"]}
	for _, v := range columns["cl"] {
		s.Cluster = append(s.Cluster, int(v))
	}
	for _, w := range file.Runs {
		id := fmt.Sprintf("joint clusters p=%d", w.P)
		kernel, err := ParseKernel(w.Kernel)
		if err != nil {
			return err
		}
		o := Options{Kernel: kernel, H: Both(w.H), Order: w.P, Variance: CR0}
		plain, err := s.Sharp(o)
		if err != nil {
			return err
		}
		o.Variance = CR1
		factored, err := s.Sharp(o)
		if err != nil {
			return err
		}
		c.relative(id+" estimate", atFixed, []float64{plain.Conventional.Estimate}, []float64{w.Estimate})
		c.relative(id+" CR0, CR1", atFixed, []float64{plain.Conventional.StdErr, factored.Conventional.StdErr}, []float64{w.CR0, w.CR1})
		c.counts(id+" n, clusters", []int{plain.Left.Effective + plain.Right.Effective, max(plain.Left.Clusters, plain.Right.Clusters)}, []int{w.N, w.Clusters})
		if w.P > 1 { // also the robust run of the order below at h = b
			o.Order--
			robust, err := s.Sharp(o)
			if err != nil {
				return err
			}
			c.relative(id+" as robust", atFixed, []float64{robust.Robust.Estimate, robust.Robust.StdErr}, []float64{w.Estimate, w.CR1})
		}
	}
	return nil
}

func replaySenate(c *comparison, path string) error {
	var file struct {
		Runs []recordedRun
		WLS  []struct {
			Kernel       string
			H, Cutoff    float64
			N            [2]int
			Estimate     float64
			LeftLimit    float64 `json:"left_limit"`
			RightLimit   float64 `json:"right_limit"`
			LeftSlope    float64 `json:"left_slope"`
			RightSlope   float64 `json:"right_slope"`
			SE           recordedStdErrs
			Conventional struct {
				NN, HC0, HC1, HC2, HC3 float64
			} `json:"rdrobust_conventional_se"`
		} `json:"wls_fixed_h"`
		Published []struct {
			What         string
			Run          string `json:"matches_run"`
			H, B         float64
			NH           [2]int `json:"N_h"`
			Conventional recordedInference
			Robust       recordedInference
		} `json:"published_rounded"`
	}
	data, err := readColumns(filepath.Dir(path), "senate.csv", "x", "y")
	if err == nil {
		err = readJSON(path, &file)
	}
	if err != nil {
		return err
	}
	x, y := data[0], data[1]
	results := map[string]*Result{}
	for _, run := range file.Runs {
		o, err := run.Options.resolve()
		if err != nil {
			return fmt.Errorf("senate.json, run %s: %w", run.ID, err)
		}
		got, err := Sharp(x, y, o)
		if err != nil {
			return fmt.Errorf("senate.json, run %s: %w", run.ID, err)
		}
		run.ID = "senate " + run.ID
		c.run(run, got)
		results[run.ID] = got
	}
	for _, w := range file.WLS {
		id := fmt.Sprintf("senate least squares %s h=%.4g", w.Kernel, w.H)
		kernel, err := ParseKernel(w.Kernel)
		if err != nil {
			return err
		}
		o := Options{Kernel: kernel, H: Both(w.H), Cutoff: w.Cutoff}
		got, err := Sharp(x, y, o)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.counts(id+" effective N", []int{got.Left.Effective, got.Right.Effective}, w.N[:])
		c.relative(id+" estimate, limits, slopes", atFixed,
			[]float64{got.Conventional.Estimate, got.Left.Limit, got.Right.Limit, got.Left.Coefficients[1], got.Right.Coefficients[1]},
			[]float64{w.Estimate, w.LeftLimit, w.RightLimit, w.LeftSlope, w.RightSlope})
		stderrs, err := conventional(x, y, o)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.relative(id+" standard errors", atFixed, w.SE.of(stderrs), w.SE.list())
		s := w.Conventional
		c.relative(id+" conventional s.e. nn, hc0-hc3", atFixed,
			[]float64{stderrs[NearestNeighbour], stderrs[HC0], stderrs[HC1], stderrs[HC2], stderrs[HC3]},
			[]float64{s.NN, s.HC0, s.HC1, s.HC2, s.HC3})
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
		w = append(w, p.Conventional.Estimate, p.Conventional.SE, *p.Conventional.Z, p.Conventional.CI[0], p.Conventional.CI[1],
			*p.Robust.Z, p.Robust.CI[0], p.Robust.CI[1])
		c.Absolute("senate "+p.Run+" as published", 0.00051, g, w)
		c.counts("senate "+p.Run+" effective N as published", []int{got.Left.Effective, got.Right.Effective}, p.NH[:])
	}
	return nil
}

// conventional returns the conventional standard error by each variance.
func conventional(x, y []float64, o Options) (map[Variance]float64, error) {
	out := map[Variance]float64{}
	for v := NearestNeighbour; v <= HC3; v++ {
		o.Variance = v
		r, err := Sharp(x, y, o)
		if err != nil {
			return nil, err
		}
		out[v] = r.Conventional.StdErr
	}
	return out, nil
}

// recordedStdErrs are the standard errors of a regression, hc1_per_side only where
// there are kernel weights.
type recordedStdErrs struct {
	Homoskedastic *float64
	HC0           float64
	HC1Pooled     float64  `json:"hc1_pooled"`
	HC1PerSide    *float64 `json:"hc1_per_side"`
	HC2, HC3      float64
}

func (s recordedStdErrs) list() []float64 {
	values := []float64{s.HC0, s.HC1Pooled, s.HC2, s.HC3}
	if s.HC1PerSide != nil {
		values = append(values, *s.HC1PerSide)
	}
	return values
}

// of returns got in the order of list.
func (s recordedStdErrs) of(got map[Variance]float64) []float64 {
	values := []float64{got[HC0], got[HC1Pooled], got[HC2], got[HC3]}
	if s.HC1PerSide != nil {
		values = append(values, got[HC1])
	}
	return values
}

func replayFuzzy(c *comparison, path string) error {
	type threeStdErrs struct {
		ITT        float64
		FirstStage float64 `json:"first_stage"`
		Delta      float64
		TSLS       float64
	}
	var file struct {
		Runs []recordedRun
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
	data, err := readColumns(filepath.Dir(path), "fuzzy.csv", "x", "d", "y")
	if err == nil {
		err = readJSON(path, &file)
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
			got, err := Sharp(x, outcome, o)
			if err != nil {
				return fmt.Errorf("fuzzy.json, run %s: %w", id, err)
			}
			c.run(run, got)
			continue
		}
		got, err := Fuzzy(x, d, outcome, o)
		if err != nil {
			return fmt.Errorf("fuzzy.json, run %s: %w", id, err)
		}
		c.run(run, &got.Result)
		tolerance := atSelected
		if run.Options.Bandwidth == "fixed" {
			tolerance = atFixed
		}
		if run.Result.FirstStage == nil || run.Result.ITT == nil {
			return invalid.New("fuzzy.json, run "+id, "no first_stage or itt", "both")
		}
		c.jump(run.ID+" first stage", tolerance, got.FirstStage, *run.Result.FirstStage)
		c.jump(run.ID+" intention to treat", tolerance, got.IntentionToTreat, *run.Result.ITT)
	}
	for _, w := range file.Wald {
		id := fmt.Sprintf("fuzzy Wald and 2SLS %s h=%.4g", w.Kernel, w.H)
		kernel, err := ParseKernel(w.Kernel)
		if err != nil {
			return err
		}
		o := Options{Kernel: kernel, H: Both(w.H), Cutoff: w.Cutoff}
		var got, want []float64
		for _, v := range []struct {
			name     string
			variance Variance
		}{{"hc0", HC0}, {"hc1_pooled", HC1Pooled}, {"hc1_per_side", HC1}} {
			o.Variance = v.variance
			r, err := Fuzzy(x, d, y, o)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			s := w.SE[v.name]
			got = append(got, r.IntentionToTreat.Conventional.StdErr, r.FirstStage.Conventional.StdErr, r.Conventional.StdErr)
			want = append(want, s.ITT, s.FirstStage, s.Delta)
			if s.TSLS != 0 { // the ratio is the instrumental variables' estimate
				got, want = append(got, r.Conventional.StdErr), append(want, s.TSLS)
			}
			if v.variance != HC1Pooled {
				continue
			}
			c.counts(id+" effective N", []int{r.Left.Effective, r.Right.Effective}, w.N[:])
			itt, first := r.IntentionToTreat.Conventional.Estimate, r.FirstStage.Conventional
			c.relative(id+" estimates", atFixed, []float64{itt, first.Estimate, r.Conventional.Estimate, r.Conventional.Estimate},
				[]float64{w.ITT, w.FirstStage, w.Wald, w.TSLS})
			c.relative(id+" intervals", atFixed, []float64{r.Conventional.Lo, r.Conventional.Hi}, w.CI[:])
			c.pvalues(id+" p", []float64{r.Conventional.P}, []float64{w.P})
			c.relative(id+" first-stage F", atFixed, []float64{first.Z * first.Z}, []float64{w.F})
		}
		c.relative(id+" standard errors", atFixed, got, want)
	}
	return nil
}

func replayOnline(c *comparison, path string) error {
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
			SE           recordedStdErrs
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
	data, err := readColumns(filepath.Dir(path), "online.csv", "x", "y")
	if err == nil {
		err = readJSON(path, &file)
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
		fit := OnlineLeastSquares{Cutoff: file.Cutoff, Window: file.W}
		for i := range w.Points {
			fit.Add(x[i], y[i])
		}
		n, lines := fit.N(), fit.Lines()
		c.counts(id+" N", n[:], w.N[:])
		c.Absolute(id+" lines, beta, s.e.", ofOnline, []float64{lines[0].Intercept, lines[0].Slope, lines[1].Intercept, lines[1].Slope, fit.Jump(), fit.StdErr()},
			[]float64{w.Below.AtCutoff, w.Below.B, w.Above.AtCutoff, w.Above.B, w.Beta, *w.SE.Homoskedastic})
		robust, err := fit.Robust(0)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.Add(id+" robust s.e.", "absolute", math.Abs(robust.StdErr-w.SE.HC1Pooled), ofOnline)
		stderrs, err := conventional(x[:w.Points], y[:w.Points], Options{Cutoff: file.Cutoff, H: Both(file.W), Kernel: Uniform})
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.Absolute(id+" in one batch, s.e.", ofOnline, w.SE.of(stderrs), w.SE.list())
	}
	for _, w := range file.SGD {
		descent := OnlineDescent{
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
			c.Absolute(id+" lines, beta", ofOnline, []float64{lines[0].Intercept, lines[0].Slope, lines[1].Intercept, lines[1].Slope, descent.Jump()},
				[]float64{p.Below.A, p.Below.B, p.Above.A, p.Above.B, p.Beta})
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

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

func replayDensity(c *comparison, path string) error {
	type estimate struct {
		Order   int
		FLeft   float64 `json:"f_left"`
		FRight  float64 `json:"f_right"`
		Diff    float64
		SELeft  float64 `json:"se_left"`
		SERight float64 `json:"se_right"`
		SEDiff  float64 `json:"se_diff"`
		T, P    float64
	}
	var file struct {
		LocalPolynomial []struct {
			ID, Data string
			Options  struct {
				Cutoff     float64
				P          int
				Kernel     string
				VCE        string
				Bandwidth  string
				H          *[2]float64
				MassPoints bool `json:"mass_points"`
			}
			Result struct {
				H     [2]float64
				Table *struct {
					PilotB                 float64 `json:"pilot_b"`
					PilotC                 float64 `json:"pilot_c"`
					Left, Right, Diff, Sum float64
				} `json:"bandwidth_table"`
				Robust, Conventional estimate
				NEff                 [2]int `json:"n_eff"`
				N                    [2]int
			}
		} `json:"local_polynomial"`
		Binomial []struct {
			Data        string
			Cutoff      float64
			HalfWindow  float64 `json:"half_window"`
			Left, Right int
			P           float64
		}
		Published []struct {
			Run  string `json:"matches_run"`
			N    [2]int
			NEff [2]int `json:"n_eff"`
			H    [2]float64
			T    float64 `json:"T_robust"`
			P    float64 `json:"p_robust"`
		} `json:"published_rounded"`
	}
	if err := readJSON(path, &file); err != nil {
		return err
	}
	samples := map[string][]float64{}
	sample := func(name string) ([]float64, error) {
		if x, ok := samples[name]; ok {
			return x, nil
		}
		columns, err := readColumns(filepath.Dir(path), name, "x")
		if err != nil {
			return nil, err
		}
		samples[name] = columns[0]
		return columns[0], nil
	}
	density := func(id string, tolerance float64, got DensityEstimate, want estimate) {
		c.relative(id+" densities, difference", tolerance,
			[]float64{float64(got.Order), got.Density[0], got.Density[1], got.Difference},
			[]float64{float64(want.Order), want.FLeft, want.FRight, want.Diff})
		c.relative(id+" standard errors, T", tolerance,
			[]float64{got.StdErr[0], got.StdErr[1], got.DiffStdErr, got.T},
			[]float64{want.SELeft, want.SERight, want.SEDiff, want.T})
		c.pvalues(id+" p", []float64{got.P}, []float64{want.P})
	}
	results := map[string]*DensityResult{}
	for _, run := range file.LocalPolynomial {
		x, err := sample(run.Data)
		if err != nil {
			return err
		}
		kernel, err := ParseKernel(run.Options.Kernel)
		if err != nil {
			return err
		}
		o := DensityOptions{
			Cutoff: run.Options.Cutoff, Kernel: kernel, Order: run.Options.P,
			PlugIn: run.Options.VCE == "plugin", IgnoreMassPoints: !run.Options.MassPoints,
		}
		tolerance := atSelected
		if run.Options.H != nil {
			o.H, tolerance = *run.Options.H, ofDensity
		}
		id := "density " + run.ID
		got, err := DensityTest(x, o)
		if err != nil {
			return fmt.Errorf("density.json, run %s: %w", run.ID, err)
		}
		results[run.ID] = got
		want := run.Result
		c.counts(id+" N, effective", append(got.N[:], got.Effective[:]...), append(want.N[:], want.NEff[:]...))
		if table := want.Table; table != nil && got.Bandwidths != nil {
			b := got.Bandwidths
			c.relative(id+" bandwidths", atSelected,
				[]float64{got.H[0], got.H[1], b.PilotBias, b.PilotVariance, b.Left, b.Right, b.Difference, b.Sum},
				[]float64{want.H[0], want.H[1], table.PilotB, table.PilotC, table.Left, table.Right, table.Diff, table.Sum})
		}
		density(id+" conventional", tolerance, got.Conventional, want.Conventional)
		density(id+" robust", tolerance, got.Robust, want.Robust)
	}
	for _, p := range file.Published {
		got := results[p.Run]
		if got == nil {
			return invalid.New("matches_run", p.Run, "the id of a run of density.json")
		}
		c.counts("density "+p.Run+" N as published", append(got.N[:], got.Effective[:]...), append(p.N[:], p.NEff[:]...))
		c.Absolute("density "+p.Run+" h as published", 0.00051, got.H[:], p.H[:])
		c.Absolute("density "+p.Run+" T, p as published", 0.000051, []float64{got.Robust.T, got.Robust.P}, []float64{p.T, p.P})
	}
	for _, w := range file.Binomial {
		x, err := sample(w.Data)
		if err != nil {
			return err
		}
		id := fmt.Sprintf("binomial %s ±%g", strings.TrimSuffix(w.Data, ".csv"), w.HalfWindow)
		got, err := Binomial(x, w.Cutoff, w.HalfWindow)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.counts(id+" counts", got.N[:], []int{w.Left, w.Right})
		c.pvalues(id+" p", []float64{got.P}, []float64{w.P})
	}
	return nil
}

func replayLocalRandomisation(c *comparison, path string) error {
	var file struct {
		Cutoff  float64
		Data    string
		Windows []struct {
			Window      [2]float64
			N           [2]int
			Mean, SD    [2]float64
			Difference  float64 `json:"difference_in_means"`
			SE          float64 `json:"neyman_se"`
			Z           float64
			P           float64 `json:"p_large_sample"`
			KS          float64 `json:"ks_statistic"`
			RankSumZ    float64 `json:"ranksum_z"`
			RankSumP    float64 `json:"ranksum_p"`
			Permutation struct {
				Package float64 `json:"p_estimate_rdrandinf_20000"`
				Own     float64 `json:"p_estimate_own_20000"`
			}
		}
	}
	if err := readJSON(path, &file); err != nil {
		return err
	}
	data, err := readColumns(filepath.Dir(path), file.Data, "x", "y")
	if err != nil {
		return err
	}
	const draws = 20_000 // as recorded
	for _, w := range file.Windows {
		id := fmt.Sprintf("local randomisation %g to %g", w.Window[0], w.Window[1])
		got, err := LocalRandomisation(data[0], data[1], RandomisationOptions{Cutoff: file.Cutoff, Window: w.Window, Draws: draws})
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.counts(id+" N", got.N[:], w.N[:])
		c.relative(id+" means, s.d., difference, tests", atFixed,
			[]float64{got.Mean[0], got.Mean[1], got.StdDev[0], got.StdDev[1], got.Difference.Estimate, got.Difference.StdErr, got.Difference.Z, got.KolmogorovSmirnov, got.RankSumZ},
			[]float64{w.Mean[0], w.Mean[1], w.SD[0], w.SD[1], w.Difference, w.SE, w.Z, w.KS, w.RankSumZ})
		c.pvalues(id+" p", []float64{got.Difference.P, got.RankSumP}, []float64{w.P, w.RankSumP})
		// Three standard errors of a p estimated from that many draws.
		p := float64(got.AsExtreme) / draws
		for _, want := range []float64{w.Permutation.Package, w.Permutation.Own} {
			spread := max(p, want)
			c.Add(id+" permutation p", "absolute", math.Abs(p-want), 3*math.Sqrt(spread*(1-spread)/draws))
		}
	}
	return nil
}

// readTable reads all columns of a CSV file by their names.
func readTable(path string) (map[string][]float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	header, err := csv.NewReader(f).Read()
	f.Close()
	if err != nil {
		return nil, err
	}
	columns, err := readColumns(filepath.Dir(path), filepath.Base(path), header...)
	if err != nil {
		return nil, err
	}
	table := map[string][]float64{}
	for i, name := range header {
		table[name] = columns[i]
	}
	return table, nil
}
