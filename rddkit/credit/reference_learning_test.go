package credit_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/internal/reference"
)

const (
	// zOfFew is zTolerance for means over a dozen runs, whose standard error is
	// itself uncertain: Student's t with 11 degrees of freedom is beyond it as often
	// as a normal variable is beyond zTolerance.
	zOfFew = 8

	pairRuns       = 200     // behind the recorded curves of the pair: 100 starts, two seeds
	populationRuns = 20      // behind those of ten neurons
	ourPopulations = 12      // ours
	sampleSeconds  = 5       // of [credit.Learning], by default
	optimumWithin  = 0.424   // the recorded optimum is known to ±0.3 on each side
	anglesWithin   = 1.5     // degrees; two of our own seeds differ by up to 0.9
	biasesWithin   = 0.1     // relative to the effect; two of our own seeds differ by up to 0.06
	settleBlocks   = 500     // until the published rule has forgotten its start
	biasSeconds    = 250     // of a run with that rule
	curveSeconds   = 500     // of a run behind the rate curve
	costSeconds    = 25      // that a recorded cost is a mean over
	finalSeconds   = 100     // that a recorded final cost is a mean over
	rateSeconds    = 20      // that recorded rates and costs of ten neurons are means over: the file does not say so, but at 25 s only that fits
	startSeconds   = 100     // of an estimate at the start
	starts         = "fixed" // of settings of estimates at the start: "fixed_0.5"
)

// Learning by these estimates: of a pair, of ten neurons, and of a decoder that
// reads one of ten.
func TestReferenceLearning(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates days of neurons' time: some minutes")
	}
	reference.Replay(t, "credit/learning", replayLearning)
}

func replayLearning(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	n := f.Numbers()
	if n.Has("mu_table.w.0") {
		replayRateCurve(t, n, rows)
	}
	for k := 0; n.Has(fmt.Sprintf("alternating_rule_bias.%d.c", k)); k++ {
		replayBias(t, n, fmt.Sprintf("alternating_rule_bias.%d", k), rows)
	}
	for _, c := range correlations(n) {
		replayField(t, n, c, rows)
		under := fmt.Sprintf("learning_2neuron.c=%g", c)
		for _, name := range n.Names(under, ".t.0") {
			replayPair(t, n, under+"."+name, c, ruleCalled(t, name), rows)
		}
		for _, example := range []struct {
			name string
			make func(correlation float64, rule credit.Rule) credit.Learning
		}{{"population", credit.LargerExample}, {"bci", credit.BrainComputerInterface}} {
			if at := fmt.Sprintf("%s.%s_%g", example.name, starts, c); len(n.Below(at)) > 0 {
				replayStart(t, n, at, example.make(c, credit.TrueEffectOracle()), rows)
			}
			for _, name := range n.Names(example.name, fmt.Sprintf("_c%g.t.0", c)) {
				replayPopulation(t, n, fmt.Sprintf("%s.%s_c%g", example.name, name, c), example.make(c, ruleCalled(t, name)), rows)
			}
		}
	}
	n.MustBeRead(t, `filter\.(a|K)`, `grid\..*\.(min_cost|angle_mean_est_mean|global_rms_bias|frac_angle_gt90)`, // more digits of the same
		`.*\.(frac_.*|final_cost_median|final_cost_sd|t_sep6Hz_median)`) // of single runs, without an error
}

// correlations returns the noise correlations of the file, ascending.
func correlations(n *reference.Numbers) []float64 {
	found := map[float64]bool{}
	note := func(text string) {
		if c, err := strconv.ParseFloat(text, 64); err == nil {
			found[c] = true
		}
	}
	for _, c := range n.Names("grid", ".argmin.0") {
		note(c)
	}
	for _, path := range n.Names("learning_2neuron", ".t.0") {
		var c float64
		if _, err := fmt.Sscanf(path, "c=%g", &c); err == nil {
			found[c] = true
		}
	}
	for _, path := range append(n.Names("population", ".t.0"), n.Names("bci", ".t.0")...) {
		_, c, _ := strings.Cut(path, "_c")
		note(c)
	}
	return slices.Sorted(maps.Keys(found))
}

// ruleCalled returns the rule that the file calls e.g. "sdl_alt_p0.1".
func ruleCalled(t *testing.T, name string) credit.Rule {
	t.Helper()
	var x float64
	is := func(format string) bool {
		_, err := fmt.Sscanf(name, format, &x)
		return err == nil
	}
	switch {
	case is("sdl_alt_p%g"):
		return credit.PublishedRule(x)
	case is("sdl_alt_lincorr_p%g"):
		return credit.Rule{Kind: credit.AlternatingRule, Window: x, LinearCorrection: true}
	case is("od_alt_p%g"):
		return credit.PublishedRule(x)
	case is("sdl_mean_p%g"):
		return credit.SpikeDiscontinuityRule(x)
	case name == "od_mean_all":
		return credit.ObservedDependenceRule()
	case is("np_notebook_eps%g"):
		return credit.Rule{Kind: credit.ReinforceRule, NoBaseline: true, LearningRate: x}
	case is("np_baseline_eps%g"):
		return credit.Rule{Kind: credit.ReinforceRule, LearningRate: x}
	case is("np_baseline_trace_eps%g"):
		return credit.Rule{Kind: credit.ReinforceRule, Trace: true, LearningRate: x}
	case name == "np_base_trace":
		return credit.Rule{Kind: credit.ReinforceRule, Trace: true, LearningRate: 0.03}
	case name == "oracle_do":
		return credit.TrueEffectOracle()
	}
	t.Fatalf("no rule is called %s", name)
	return credit.Rule{}
}

// estimatorCalled returns the estimator that the file calls e.g. "lin.3" or
// "lin0.3", and whether there is one.
func estimatorCalled(name string) (d credit.SpikeDiscontinuity, known bool) {
	if name == "odall" || name == "all" {
		return credit.ObservedDependence(), true
	}
	for _, format := range []string{"rd%g", "lin%g", "od%g", "p%g"} {
		var p float64
		if _, err := fmt.Sscanf(name, format, &p); err == nil {
			return credit.SpikeDiscontinuity{Window: p, Linear: format == "lin%g"}, true
		}
	}
	return d, false
}

// learningPair is the pair as the learning script simulates it.
func learningPair(correlation float64, weights ...float64) credit.Population {
	p := credit.LearningPair(correlation)
	p.Weights, p.SeparateBlocks = weights, true
	return p
}

// replayRateCurve compares filter and rate curve. The recorded curve is of 40
// runs of 500 s; here they are 24, enough for the standard errors to be known
// well: of 8 runs one such curve in twenty would be turned down.
func replayRateCurve(t *testing.T, n *reference.Numbers, rows *reference.Rows) {
	rise, err := learningPair(0, 1).SpikeRise()
	if err != nil {
		t.Fatal(err)
	}
	rows.Relative("filter, read one step late", roundedTo4, 0, []float64{rise.Peak, rise.Mean}, []float64{n.At("filter.ds"), n.At("Delta_s_cost_sampled_one_step_late")})
	const repeats, recorded = 24, 40
	weights := n.List("mu_table.w")
	curve, err := credit.LearningPair(0).RateCurve(t.Context(), weights, curveSeconds, repeats, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k := range weights {
		// The recorded slopes are differences of two rates with noise of their own.
		rateErr := curve.RateErr[k] * math.Sqrt(float64(repeats)/recorded)
		rows.Add("rate by weight", "largest |z|", math.Abs(curve.Rate[k]-n.At("mu_table.rate_per_step.%d", k))/math.Hypot(curve.RateErr[k], rateErr), zTolerance)
		rows.Add("slope of the rate by weight", "largest |z|",
			math.Abs(curve.Slope[k]-n.At("mu_table.drate_dw.%d", k))/math.Hypot(curve.SlopeErr[k], math.Sqrt2*rateErr), zTolerance)
	}
}

// replayBias compares what the published rule converges to at fixed weights.
func replayBias(t *testing.T, n *reference.Numbers, at string, rows *reference.Rows) {
	const ourRuns = 16
	weights, window := n.List(at+".W"), n.At(at+".p")
	p := learningPair(n.At(at+".c"), weights...)
	estimator := credit.SpikeDiscontinuity{Window: window}
	if math.IsInf(window, 1) {
		estimator = credit.ObservedDependence()
	}
	ours := runs(t, ourRuns, func(run int, found map[string]float64) error {
		sim, err := p.Simulate(t.Context(), biasSeconds, uint64(run))
		if err != nil {
			return err
		}
		valley := sim.Costs(credit.Valley)
		for i := range weights {
			found[fmt.Sprintf("two_V.%d", i)] = sim.MeanEffect(&credit.Alternating{Threshold: 1, Window: window, Rate: 0.1}, i, valley, settleBlocks)
			found[fmt.Sprintf("window_mean.%d", i)] = estimator.Estimate(sim.Drive[i], valley, 1).Effect
			found[fmt.Sprintf("true.%d", i)] = sim.Intervene(credit.Valley, i, credit.Intervention{}).Mean
		}
		return nil
	})
	quantity := fmt.Sprintf("published rule at fixed weights %v c=%g p=%g", weights, n.At(at+".c"), window)
	for i := range weights {
		against(rows, quantity, ours[fmt.Sprintf("two_V.%d", i)], n.At("%s.two_V.%d", at, i), n.At("%s.two_V_sem.%d", at, i))
		against(rows, quantity, ours[fmt.Sprintf("window_mean.%d", i)], n.At("%s.window_mean.%d", at, i), n.At("%s.window_sem.%d", at, i))
		// The runs behind the recorded truth are not said; as many as ours.
		alone(rows, quantity, ours[fmt.Sprintf("true.%d", i)], n.At("%s.true.%d", at, i), ourRuns)
	}
}

// replayField compares the direction of the update on the weight grid. The file
// gives no errors.
func replayField(t *testing.T, n *reference.Numbers, correlation float64, rows *reference.Rows) {
	at := fmt.Sprintf("grid.%g.", correlation)
	names := n.Names(at+"stats", ".angle_mean_est_median")
	if len(names) == 0 {
		return
	}
	f := credit.UpdateField{Population: learningPair(correlation), Repeats: 10}
	var estimated []string
	for _, name := range names {
		if e, known := estimatorCalled(name); known {
			f.Estimators, estimated = append(f.Estimators, e), append(estimated, name)
		} else if name != "do" {
			t.Errorf("%sstats: no estimator is called %s", at, name)
		}
	}
	field, err := f.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows.Add(fmt.Sprintf("optimum c=%g", correlation), "weight", max(math.Abs(field.Optimum[0]-n.At(at+"argmin.0")), math.Abs(field.Optimum[1]-n.At(at+"argmin.1"))), optimumWithin)
	compare := func(name string, u credit.FieldUpdate) {
		want := func(quantity string) float64 { return n.At("%sstats.%s.%s", at, name, quantity) }
		angle := fmt.Sprintf("angle of the update c=%g", correlation)
		rows.Add(angle, "degrees", math.Abs(u.Angle-want("angle_mean_est_median")), anglesWithin)
		rows.Add(angle, "degrees", math.Abs(u.SingleAngle-want("angle_100s_median")), anglesWithin)
		size := fmt.Sprintf("bias, s.d., gain of the update c=%g", correlation)
		for _, deviation := range []float64{u.Bias - want("rel_bias_median"), u.SD - want("rel_sd100s_median"), u.GradientGain/want("grad_ratio_median") - 1} {
			rows.Add(size, "relative to the effect", math.Abs(deviation), biasesWithin)
		}
	}
	compare("do", field.True)
	for k, name := range estimated {
		compare(name, field.Updates[k])
	}
}

// replayPair compares a learning curve of the pair: distance from the optimum,
// cost, and when the mean distance falls below 3.
func replayPair(t *testing.T, n *reference.Numbers, at string, correlation float64, rule credit.Rule, rows *reference.Rows) {
	optimum, times := n.List("grid.%g.argmin", correlation), n.List(at+".t")
	if len(optimum) != 2 {
		t.Fatalf("grid.%g has no optimum", correlation)
	}
	l := credit.LearnPair(correlation, rule)
	l.Seconds = slices.Max(times)
	trajectories, err := l.LearnFrom(t.Context(), credit.Starts(), nil)
	if err != nil {
		t.Fatal(err)
	}
	over := func(value func(t *credit.Trajectory) float64) (values []float64) {
		for _, t := range trajectories {
			values = append(values, value(t))
		}
		return values
	}
	distance := func(sample int) []float64 {
		return over(func(t *credit.Trajectory) float64 {
			return math.Hypot(t.Weights[sample][0]-optimum[0], t.Weights[sample][1]-optimum[1])
		})
	}
	cost := func(sample, seconds int) []float64 {
		return over(func(t *credit.Trajectory) float64 { return lastMean(t.Cost, sample, seconds) })
	}
	for k, time := range times {
		sample := int(time)/sampleSeconds - 1
		against(rows, at, distance(sample), n.At("%s.dist_mean.%d", at, k), n.At("%s.dist_sem.%d", at, k))
		alone(rows, at, cost(sample, costSeconds), n.At("%s.cost_mean.%d", at, k), pairRuns)
	}
	samples := len(trajectories[0].Time)
	alone(rows, at, cost(samples-1, finalSeconds), n.At(at+".final_cost_mean"), pairRuns)
	mean := func(sample int) (mean, err float64) {
		s := credit.Summarise(distance(sample))
		return s.Mean, s.StdErr()
	}
	if path := at + ".t_meandist_lt3"; n.Has(path) {
		// At that sample the recorded mean distance fell below 3: ours must be there
		// too, allowing for the way from sample to sample.
		now, nowErr := mean(int(n.At(path))/sampleSeconds - 1)
		before, beforeErr := mean(int(n.At(path))/sampleSeconds - 2)
		rows.Add(at, "largest |z|", max((now-3)/nowErr/math.Sqrt2, (3-before)/beforeErr/math.Sqrt2), zTolerance)
		return
	}
	for sample := range samples { // it never did
		m, err := mean(sample)
		rows.Add(at, "largest |z|", (3-m)/err, zTolerance)
	}
}

// replayStart compares the estimates at the start's weights.
func replayStart(t *testing.T, n *reference.Numbers, at string, l credit.Learning, rows *reference.Rows) {
	estimators := map[string]credit.SpikeDiscontinuity{}
	for _, name := range n.Names(at, ".control.0") {
		d, known := estimatorCalled(name)
		if !known {
			t.Errorf("%s: no estimator is called %s", at, name)
		}
		estimators[name] = d
	}
	ours := runs(t, runsOfOurs, func(run int, found map[string]float64) error {
		sim, err := l.Population.Simulate(t.Context(), startSeconds, uint64(run))
		if err != nil {
			return err
		}
		blockCosts := sim.Costs(l.Cost)
		both := func(name string, effect func(neuron int) float64) {
			found[name+".control"] = effect(0)
			for i := 1; i < len(sim.Drive); i++ {
				found[name+".others"] += effect(i) / float64(len(sim.Drive)-1)
			}
		}
		both("true", func(i int) float64 { return sim.Intervene(l.Cost, i, credit.Intervention{}).Mean })
		for name, e := range estimators {
			both(name, func(i int) float64 { return e.Estimate(sim.Drive[i], blockCosts, 1).Effect })
		}
		return nil
	})
	for path, values := range ours {
		if !n.Has(at + "." + path) { // the truth comes without its error
			// The recorded s.d. of the others is of single neurons; ours is of their
			// mean, which is what is compared.
			path += ".0"
		}
		alone(rows, "estimates "+at, values, n.At(at+"."+path), runsOfOurs)
	}
}

// replayPopulation compares one learning curve of ten neurons.
func replayPopulation(t *testing.T, n *reference.Numbers, at string, l credit.Learning, rows *reference.Rows) {
	times := n.List(at + ".t")
	l.Seconds = slices.Max(times)
	trajectories, err := l.LearnFrom(t.Context(), slices.Repeat([][]float64{l.Population.Weights}, ourPopulations), nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, time := range times {
		ours := sample{}
		for _, trajectory := range trajectories {
			for name, v := range populationAt(trajectory, l.Population.Weights, int(time)/sampleSeconds-1) {
				ours[name] = append(ours[name], v)
			}
		}
		for name, values := range ours {
			err := credit.Summarise(values).SD / math.Sqrt(populationRuns)
			if name == "cost" {
				err = n.At("%s.cost_sem.%d", at, k)
			}
			s := credit.Summarise(values)
			z := 0.0
			if want := n.At("%s.%s.%d", at, name, k); s.Mean != want {
				z = math.Abs(s.Mean-want) / math.Hypot(s.StdErr(), err)
			}
			rows.Add(at, "largest |z|", z, zOfFew)
		}
	}
}

// populationAt returns what is recorded of ten neurons at one sample.
func populationAt(t *credit.Trajectory, start []float64, sample int) map[string]float64 {
	others := func(value func(neuron int) float64) (mean float64) {
		for i := 1; i < len(start); i++ {
			mean += value(i) / float64(len(start)-1)
		}
		return mean
	}
	rate := func(neuron int) (mean float64) {
		const samples = rateSeconds / sampleSeconds
		for s := sample - samples + 1; s <= sample; s++ {
			mean += t.Rates[s][neuron] / samples
		}
		return mean
	}
	return map[string]float64{
		"cost":              lastMean(t.Cost, sample, rateSeconds),
		"rate_special":      rate(0),
		"rate_others":       others(rate),
		"W_special":         t.Weights[sample][0],
		"W_others_mean":     others(func(i int) float64 { return t.Weights[sample][i] }),
		"W_others_absdrift": others(func(i int) float64 { return math.Abs(t.Weights[sample][i] - start[i]) }),
	}
}

// lastMean is the mean over the seconds up to and with the sample last.
func lastMean(values []float64, last, seconds int) (mean float64) {
	samples := seconds / sampleSeconds
	for _, v := range values[last-samples+1 : last+1] {
		mean += v / float64(samples)
	}
	return mean
}
