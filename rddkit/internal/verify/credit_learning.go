package verify

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/invalid"
)

// learningRules are the rules by their names in the file.
var learningRules = map[string]credit.Rule{
	"sdl_alt_p0.1":             credit.PublishedRule(0.1),
	"sdl_alt_p0.3":             credit.PublishedRule(0.3),
	"od_alt_p1":                credit.PublishedNaiveRule(),
	"sdl_mean_p0.1":            credit.SpikeDiscontinuityRule(0.1),
	"sdl_mean_p0.3":            credit.SpikeDiscontinuityRule(0.3),
	"od_mean_all":              credit.ObservedDependenceRule(),
	"sdl_alt_lincorr_p0.3":     {Kind: credit.AlternatingRule, Window: 0.3, LinearCorrection: true},
	"np_notebook_eps0.1":       {Kind: credit.PerturbationRule, NoBaseline: true},
	"np_baseline_eps0.3":       {Kind: credit.PerturbationRule, LearningRate: 0.3},
	"np_baseline_trace_eps0.1": {Kind: credit.PerturbationRule, Trace: true},
	"np_base_trace":            {Kind: credit.PerturbationRule, Trace: true, LearningRate: 0.03},
	"oracle_do":                credit.TrueEffectOracle(),
}

// learningCorrelations are those of the file. The test takes one of them.
var learningCorrelations = []float64{0.01, 0.5, 0.99}

func replayLearning(ctx context.Context, c *comparison, dir string) error {
	r, err := readRecorded(dir, "learning.json")
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context, *comparison) error{
		r.rateCurve, r.alternatingBias, r.updateFields, r.pairLearning, r.populations,
	} {
		if err := part(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// learningPair is the pair as the learning script simulates it.
func learningPair(correlation float64, weights ...float64) credit.Population {
	p := credit.LearningPair(correlation)
	p.Weights, p.SeparateBlocks = weights, true
	return p
}

// rateCurve compares filter and rate curve. The recorded curve is of 40 runs of
// 500 s; here they are 24, enough for the standard errors to be known well: of 8
// runs one such curve in twenty would be turned down.
func (r recorded) rateCurve(ctx context.Context, c *comparison) error {
	rise, err := learningPair(0, 1).SpikeRise()
	if err != nil {
		return err
	}
	c.relative("filter, read one step late", 6e-4, []float64{rise.Peak, rise.Mean},
		[]float64{r.at("filter.ds"), r.at("Delta_s_cost_sampled_one_step_late")})
	const repeats, recordedRepeats = 24, 40
	weights := r.list("mu_table.w")
	curve, err := credit.LearningPair(0).RateCurve(ctx, weights, 500, repeats, 1, nil)
	if err != nil {
		return err
	}
	var rate, slope worst
	z := func(w *worst, got, want, err, wantErr float64) {
		w.z = max(w.z, math.Abs(got-want)/math.Hypot(err, wantErr))
	}
	for k := range weights {
		// The recorded slopes are differences of two rates with noise of their own.
		rateErr := curve.RateErr[k] * math.Sqrt(float64(repeats)/recordedRepeats)
		z(&rate, curve.Rate[k], r.at(fmt.Sprintf("mu_table.rate_per_step.%d", k)), curve.RateErr[k], rateErr)
		z(&slope, curve.Slope[k], r.at(fmt.Sprintf("mu_table.drate_dw.%d", k)), curve.SlopeErr[k], math.Sqrt2*rateErr)
	}
	c.standardErrors("rate by weight", rate)
	c.standardErrors("slope of the rate by weight", slope)
	return nil
}

// alternatingBias compares what the published rule converges to at fixed weights.
func (r recorded) alternatingBias(ctx context.Context, c *comparison) error {
	for k := 0; ; k++ {
		at := fmt.Sprintf("alternating_rule_bias.%d", k)
		if _, ok := r[at+".c"]; !ok {
			if k == 0 {
				return invalid.New("learning.json", "alternating_rule_bias", "a list of settings")
			}
			return nil
		}
		weights, window := r.list(at+".W"), r.at(at+".p")
		p := learningPair(r.at(at+".c"), weights...)
		ours, err := runs(16, func(run int, found map[string]float64) error {
			sim, err := p.Simulate(ctx, 250, uint64(run))
			if err != nil {
				return err
			}
			costs := sim.Costs(credit.Valley)
			for i := range weights {
				const settle = 500 // blocks until the rule has forgotten its start
				rule := &credit.Alternating{Threshold: 1, Window: window, Rate: 0.1}
				found[fmt.Sprintf("two_V.%d", i)] = sim.MeanEffect(rule, i, costs, settle)
				estimator := credit.Discontinuity{Window: window}
				if math.IsInf(window, 1) {
					estimator = credit.ObservedDependence()
				}
				found[fmt.Sprintf("window_mean.%d", i)] = estimator.Estimate(sim.Drive[i], costs, 1).Effect
				found[fmt.Sprintf("true.%d", i)] = sim.Intervene(credit.Valley, i, credit.Intervention{}).Mean
			}
			return nil
		})
		if err != nil {
			return err
		}
		var w worst
		for i := range weights {
			w.against(ours[fmt.Sprintf("two_V.%d", i)], r.at(fmt.Sprintf("%s.two_V.%d", at, i)), r.at(fmt.Sprintf("%s.two_V_sem.%d", at, i)))
			w.against(ours[fmt.Sprintf("window_mean.%d", i)], r.at(fmt.Sprintf("%s.window_mean.%d", at, i)), r.at(fmt.Sprintf("%s.window_sem.%d", at, i)))
			// The runs behind the recorded truth are not said; 16 as ours.
			w.without(ours[fmt.Sprintf("true.%d", i)], r.at(fmt.Sprintf("%s.true.%d", at, i)), 16)
		}
		c.standardErrors(fmt.Sprintf("published rule at fixed weights %v c=%g p=%g", weights, r.at(at+".c"), window), w)
	}
}

// fieldEstimators are the estimators of the weight grid in the file's order.
var fieldEstimators = []struct {
	name      string
	estimator credit.Estimator
}{
	{"rd.1", credit.Discontinuity{Window: 0.1}}, {"rd.3", credit.Discontinuity{Window: 0.3}},
	{"lin.1", credit.Discontinuity{Window: 0.1, Linear: true}}, {"lin.3", credit.Discontinuity{Window: 0.3, Linear: true}},
	{"od1", credit.Discontinuity{Window: 1}}, {"odall", credit.ObservedDependence()},
}

// updateFields compares the direction of the update on the weight grid.
func (r recorded) updateFields(ctx context.Context, c *comparison) error {
	for _, correlation := range learningCorrelations {
		f := credit.UpdateField{Population: learningPair(correlation), Repeats: 10}
		for _, e := range fieldEstimators {
			f.Estimators = append(f.Estimators, e.estimator)
		}
		field, err := f.Run(ctx, nil)
		if err != nil {
			return err
		}
		at := fmt.Sprintf("grid.%g.", correlation)
		c.add(fmt.Sprintf("optimum c=%g", correlation), "weight", max(math.Abs(field.Optimum[0]-r.at(at+"argmin.0")),
			math.Abs(field.Optimum[1]-r.at(at+"argmin.1"))), 0.3*math.Sqrt2) // ±0.3 on each side
		var angle, size float64
		for k, u := range append([]credit.FieldUpdate{field.True}, field.Updates...) {
			name := "do"
			if k > 0 {
				name = fieldEstimators[k-1].name
			}
			want := func(quantity string) float64 { return r.at(at + "stats." + name + "." + quantity) }
			angle = max(angle, math.Abs(u.Angle-want("angle_mean_est_median")), math.Abs(u.SingleAngle-want("angle_100s_median")))
			size = max(size, math.Abs(u.Bias-want("rel_bias_median")), math.Abs(u.SD-want("rel_sd100s_median")),
				math.Abs(u.GradientGain/want("grad_ratio_median")-1))
		}
		// The file gives no errors. Two of our own seeds differ by up to 0.9° and
		// 0.06.
		c.add(fmt.Sprintf("angle of the update c=%g", correlation), "degrees", angle, 1.5)
		c.add(fmt.Sprintf("bias, s.d., gain of the update c=%g", correlation), "relative to the effect", size, 0.1)
	}
	return nil
}

// pairLearning compares learning curves of the pair: distance from the optimum,
// cost, and when the mean distance falls below 3.
func (r recorded) pairLearning(ctx context.Context, c *comparison) error {
	for _, correlation := range learningCorrelations {
		under := fmt.Sprintf("learning_2neuron.c=%g", correlation)
		optimum := r.list(fmt.Sprintf("grid.%g.argmin", correlation))
		for _, name := range r.names(under) {
			rule, ok := learningRules[name]
			if !ok || len(optimum) != 2 {
				return invalid.New("learning.json", under+"."+name, "a rule that this build knows")
			}
			trajectories, err := credit.LearnPair(correlation, rule).LearnFrom(ctx, credit.Starts(), nil)
			if err != nil {
				return err
			}
			at := under + "." + name
			var w worst
			values := make([]float64, len(trajectories))
			over := func(value func(t *credit.Trajectory) float64) []float64 {
				for k, t := range trajectories {
					values[k] = value(t)
				}
				return values
			}
			distance := func(sample int) []float64 {
				return over(func(t *credit.Trajectory) float64 {
					return math.Hypot(t.Weights[sample][0]-optimum[0], t.Weights[sample][1]-optimum[1])
				})
			}
			const every = 5 // seconds between samples
			for k, time := range r.list(at + ".t") {
				sample := int(time)/every - 1
				w.against(distance(sample), r.at(fmt.Sprintf("%s.dist_mean.%d", at, k)), r.at(fmt.Sprintf("%s.dist_sem.%d", at, k)))
				// Costs are means over 25 s, of 200 runs.
				w.without(over(func(t *credit.Trajectory) float64 { return lastMean(t.Cost, sample, 25/every) }), r.at(fmt.Sprintf("%s.cost_mean.%d", at, k)), 200)
			}
			last := len(trajectories[0].Time) - 1
			w.without(over(func(t *credit.Trajectory) float64 { return lastMean(t.Cost, last, 100/every) }), r.at(at+".final_cost_mean"), 200)
			if reached := r.at(at + ".t_meandist_lt3"); !math.IsNaN(reached) {
				// At that sample the recorded mean distance fell below 3: ours must be
				// there too, allowing for the way from sample to sample.
				now := credit.Summarise(distance(int(reached)/every - 1))
				before := credit.Summarise(distance(int(reached)/every - 2))
				w.z = max(w.z, (now.Mean-3)/now.StdErr()/math.Sqrt2, (3-before.Mean)/before.StdErr()/math.Sqrt2)
			} else {
				for sample := range trajectories[0].Time {
					s := credit.Summarise(distance(sample))
					w.z = max(w.z, (3-s.Mean)/s.StdErr())
				}
			}
			c.standardErrors(fmt.Sprintf("learning c=%g %s", correlation, name), w)
		}
	}
	return nil
}

// populations compares the larger example and the brain–computer interface:
// estimates at the start, and learning.
func (r recorded) populations(ctx context.Context, c *comparison) error {
	for _, example := range []struct {
		name string
		make func(correlation float64, rule credit.Rule) credit.Learning
	}{{"population", credit.LargerExample}, {"bci", credit.BrainComputerInterface}} {
		for _, correlation := range learningCorrelations {
			if err := r.startOf(ctx, c, example.name, example.make(correlation, credit.TrueEffectOracle())); err != nil {
				return err
			}
		}
		for _, name := range r.names(example.name) {
			short, at, _ := strings.Cut(name, "_c")
			correlation, err := strconv.ParseFloat(at, 64)
			rule, ok := learningRules[short]
			if !ok || err != nil {
				return invalid.New("learning.json", example.name+"."+name, "a rule that this build knows")
			}
			if !slices.Contains(learningCorrelations, correlation) {
				continue
			}
			if err := r.populationLearning(ctx, c, example.name+"."+name, example.make(correlation, rule)); err != nil {
				return err
			}
		}
	}
	return nil
}

// startOf compares the estimates at the start's weights.
func (r recorded) startOf(ctx context.Context, c *comparison, example string, l credit.Learning) error {
	estimators := map[string]credit.Discontinuity{
		"p0.1": {Window: 0.1}, "p0.3": {Window: 0.3}, "lin0.3": {Window: 0.3, Linear: true}, "p1": {Window: 1}, "all": {},
	}
	ours, err := runs(creditRuns, func(run int, found map[string]float64) error {
		sim, err := l.Population.Simulate(ctx, 100, uint64(run))
		if err != nil {
			return err
		}
		costs := sim.Costs(l.Cost)
		both := func(name string, effect func(neuron int) float64) {
			found[name+".control"] = effect(0)
			for i := 1; i < len(sim.Drive); i++ {
				found[name+".others"] += effect(i) / float64(len(sim.Drive)-1)
			}
		}
		both("true", func(i int) float64 { return sim.Intervene(l.Cost, i, credit.Intervention{}).Mean })
		for name, e := range estimators {
			both(name, func(i int) float64 { return e.Estimate(sim.Drive[i], costs, 1).Effect })
		}
		return nil
	})
	if err != nil {
		return err
	}
	at := fmt.Sprintf("%s.fixed_%g", example, l.Population.NoiseCorrelation)
	var w worst
	for name, values := range ours {
		if want, ok := r[at+"."+name]; ok { // the truth, without its error
			w.without(values, want, 40)
			continue
		}
		// The recorded s.d. of the others is of single neurons; ours is of their
		// mean, which is what is compared.
		w.without(values, r.at(at+"."+name+".0"), 40)
	}
	c.standardErrors(fmt.Sprintf("effects %s c=%g", example, l.Population.NoiseCorrelation), w)
	return nil
}

// populationLearning compares one learning curve of ten neurons. Its rates and
// costs are means over 20 s: the file does not say so, but at 25 s only that fits.
func (r recorded) populationLearning(ctx context.Context, c *comparison, at string, l credit.Learning) error {
	const seeds, every = 12, 5
	starts := make([][]float64, seeds)
	for k := range starts {
		starts[k] = l.Population.Weights
	}
	trajectories, err := l.LearnFrom(ctx, starts, nil)
	if err != nil {
		return err
	}
	var w worst
	for k, time := range r.list(at + ".t") {
		sample := int(time)/every - 1
		ours := map[string][]float64{}
		for _, t := range trajectories {
			others := func(value func(neuron int) float64) (mean float64) {
				for i := 1; i < len(t.Weights[0]); i++ {
					mean += value(i) / float64(len(t.Weights[0])-1)
				}
				return mean
			}
			rate := func(neuron int) (mean float64) {
				for s := sample - 20/every + 1; s <= sample; s++ {
					mean += t.Rates[s][neuron] / (20 / every)
				}
				return mean
			}
			for name, v := range map[string]float64{
				"cost":              lastMean(t.Cost, sample, 20/every),
				"rate_special":      rate(0),
				"rate_others":       others(rate),
				"W_special":         t.Weights[sample][0],
				"W_others_mean":     others(func(i int) float64 { return t.Weights[sample][i] }),
				"W_others_absdrift": others(func(i int) float64 { return math.Abs(t.Weights[sample][i] - l.Population.Weights[i]) }),
			} {
				ours[name] = append(ours[name], v)
			}
		}
		for name, values := range ours {
			if want := r.at(fmt.Sprintf("%s.%s.%d", at, name, k)); name == "cost" {
				w.against(values, want, r.at(fmt.Sprintf("%s.cost_sem.%d", at, k)))
			} else {
				w.without(values, want, 20)
			}
		}
	}
	c.add("learning "+at, "largest |z|", w.z, creditSmallZ)
	return nil
}

// creditSmallZ is creditZ for means over a dozen runs, whose standard error is itself
// uncertain: Student's t with 11 degrees of freedom is beyond it as often as a
// normal variable is beyond creditZ.
const creditSmallZ = 8

// lastMean is the mean of the n values up to and with last.
func lastMean(values []float64, last, n int) (mean float64) {
	for _, v := range values[last-n+1 : last+1] {
		mean += v / float64(n)
	}
	return mean
}

// names returns the learning curves under a path, in order.
func (r recorded) names(path string) (names []string) {
	for _, below := range r.below(path) {
		if name, ok := strings.CutSuffix(below, ".t.0"); ok {
			names = append(names, name)
		}
	}
	return names
}
