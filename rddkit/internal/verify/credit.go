package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// creditReplayer replays the reference numbers of the causal effect of a spike.
// They are means over random runs with no recorded noise, so that a row's
// deviation is the largest |z| of its numbers: the difference over the combined
// standard error. Some 3000 numbers are compared, many of them of the same runs;
// if all were independent, one build in fifty that is right would show a |z|
// above creditZ. Seeds are fixed: a build that passes once always does.
var creditReplayer = Replayer{Kind: "credit", Recognises: recognisesCredit, Replay: replayCredit}

const creditZ = 4.5

// creditFiles are the parts of the folder, each with what replays it.
var creditFiles = []struct {
	name   string
	replay func(context.Context, *comparison, string) error
}{
	{"causal_effect.json", replayCausalEffect},
	{"learning.json", replayLearning},
	{"feedback_learning.json", replayFeedback},
}

func recognisesCredit(dir string) bool {
	for _, f := range creditFiles {
		if _, err := os.Stat(filepath.Join(dir, f.name)); err == nil {
			return true
		}
	}
	return false
}

func replayCredit(ctx context.Context, dir string) ([]Row, error) {
	var c comparison
	for _, f := range creditFiles {
		if _, err := os.Stat(filepath.Join(dir, f.name)); err != nil {
			continue
		}
		if err := f.replay(ctx, &c, dir); err != nil {
			return nil, err
		}
	}
	return c.rows, nil
}

// recorded is a JSON file as one number per path, e.g.
// "A1.c=0.5.quad.neuron1.rd_const.2.0".
type recorded map[string]float64

func readRecorded(dir, name string) (recorded, error) {
	var file any
	if err := readJSON(dir, name, &file); err != nil {
		return nil, err
	}
	r := recorded{}
	r.flatten("", file)
	return r, nil
}

func (r recorded) flatten(path string, v any) {
	join := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	switch v := v.(type) {
	case float64:
		r[path] = v
	case string:
		if v == "inf" {
			r[path] = math.Inf(1)
		}
	case []any:
		for i, e := range v {
			r.flatten(join(strconv.Itoa(i)), e)
		}
	case map[string]any:
		for key, e := range v {
			r.flatten(join(key), e)
		}
	}
}

// at returns a number, NaN if the file lacks it: then every comparison with it
// fails.
func (r recorded) at(path string) float64 {
	if v, ok := r[path]; ok {
		return v
	}
	return math.NaN()
}

// list returns the numbers of an array.
func (r recorded) list(path string) (values []float64) {
	for i := 0; ; i++ {
		v, ok := r[fmt.Sprintf("%s.%d", path, i)]
		if !ok {
			return values
		}
		values = append(values, v)
	}
}

// below returns the paths under prefix, without it, in order.
func (r recorded) below(prefix string) (paths []string) {
	for path := range r {
		if rest, ok := strings.CutPrefix(path, prefix+"."); ok {
			paths = append(paths, rest)
		}
	}
	slices.Sort(paths)
	return paths
}

// sample holds the values of every quantity, one per run.
type sample map[string][]float64

// runs calls one for every run on all cores and gathers what it fills in.
func runs(n int, one func(run int, found map[string]float64) error) (sample, error) {
	found, errs := make([]map[string]float64, n), make([]error, n)
	parallel.For(n, func(run int) {
		found[run] = map[string]float64{}
		errs[run] = one(run, found[run])
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	all := sample{}
	for run := range found {
		for name, v := range found[run] {
			all[name] = append(all[name], v)
		}
	}
	return all, nil
}

// worst follows the largest |z| of many numbers.
type worst struct{ z float64 }

// against compares our runs' mean with a recorded mean and its standard error.
// What either side lacks is as bad as can be.
func (w *worst) against(ours []float64, mean, err float64) {
	s := credit.Summarise(ours)
	if s.Mean == mean {
		return
	}
	z := math.Abs(s.Mean-mean) / math.Hypot(s.StdErr(), err)
	if math.IsNaN(z) {
		z = math.Inf(1)
	}
	w.z = max(w.z, z)
}

// without is against for a recorded mean over n runs that came without its
// error: ours, scaled, stands in.
func (w *worst) without(ours []float64, mean float64, n float64) {
	w.against(ours, mean, credit.Summarise(ours).SD/math.Sqrt(n))
}

func (c *comparison) standardErrors(quantity string, w worst) {
	c.add(quantity, "largest |z|", w.z, creditZ)
}

// creditCosts are the costs by their names in the files.
var creditCosts = map[string]credit.Cost{
	"quad": credit.Quadratic, "quad_s2sq": credit.CurvedQuadratic, "banana": credit.Valley,
}

// creditRuns is the number of runs behind each of our means; the recorded ones are
// of 100 (effects) and 60 (gradients).
const creditRuns = 40

func replayCausalEffect(ctx context.Context, c *comparison, dir string) error {
	r, err := readRecorded(dir, "causal_effect.json")
	if err != nil {
		return err
	}
	for _, configuration := range []struct {
		name   string
		pair   func(correlation float64) credit.Population
		costs  []string
		kernel map[string]credit.Kernel
	}{
		{"A1", credit.MainPair, []string{"quad_s2sq", "quad", "banana"}, map[string]credit.Kernel{"banana": credit.PublishedKernel(0.2)}},
		{"A2", credit.EqualPair, []string{"quad_s2sq", "quad"}, nil},
		{"A3", credit.LearningPair, []string{"banana"}, nil},
	} {
		for _, correlation := range r.list("c_values") {
			for _, cost := range configuration.costs {
				pair := configuration.pair(correlation)
				if kernel, ok := configuration.kernel[cost]; ok {
					pair.Kernel = kernel
				}
				if err := r.effects(ctx, c, configuration.name, pair, cost); err != nil {
					return err
				}
			}
		}
	}
	for name, p := range map[string]credit.Population{
		"A1_quad": credit.MainPair(0), "A2": credit.EqualPair(0), "A3": credit.LearningPair(0),
		"A1_banana": {Kernel: credit.PublishedKernel(0.2)},
	} {
		rise, err := p.SpikeRise()
		if err != nil {
			return err
		}
		want := "filter_constants." + name
		// The file has four digits.
		c.relative("filter "+name, 6e-4, []float64{rise.Peak, rise.Mean, rise.MeanSquare},
			[]float64{r.at(want + ".ds"), r.at(want + ".Delta_s"), r.at(want + ".E_delta2")})
	}
	if err := r.publishedFunction(ctx, c); err != nil {
		return err
	}
	for _, correlation := range r.list("c_values") {
		for _, cost := range []string{"quad", "banana"} {
			if err := r.gradients(ctx, c, cost, correlation); err != nil {
				return err
			}
		}
	}
	return nil
}

// effects compares every number of one pair under one cost.
func (r recorded) effects(ctx context.Context, c *comparison, name string, pair credit.Population, costName string) error {
	cost := creditCosts[costName]
	windows := r.list("p_values")
	ours, err := runs(creditRuns, func(run int, found map[string]float64) error {
		seed := uint64(run)
		sim, err := pair.Simulate(ctx, r.at(name+".T_s"), seed)
		if err != nil {
			return err
		}
		costs := sim.Costs(cost)
		found["mean_cost"] = credit.Summarise(costs).Mean
		published := sim.PublishedRandomised(cost, false, stream.New(seed, "published randomised"))
		for i := range sim.Drive {
			neuron := fmt.Sprintf("neuron%d.", i+1)
			estimate := func(d credit.Discontinuity) credit.Estimate {
				return d.Estimate(sim.Drive[i], costs, sim.Population.Threshold)
			}
			for k, p := range windows {
				constant := estimate(credit.Discontinuity{Window: p})
				found[fmt.Sprintf("%srd_const.%d", neuron, k)] = constant.Effect
				found[fmt.Sprintf("n_blocks_in_window.%d.%d", i, k)] = float64(constant.Below + constant.Above)
				found[fmt.Sprintf("%srd_linear.%d", neuron, k)] = estimate(credit.Discontinuity{Window: p, Linear: true}).Effect
				found[fmt.Sprintf("%srd_asym.%d", neuron, k)] = estimate(credit.Discontinuity{Window: p, WindowBelowOnly: true}).Effect
			}
			found[neuron+"od_all"] = estimate(credit.ObservedDependence()).Effect
			found[neuron+"do_uniform_all"] = sim.Intervene(cost, i, credit.Intervention{}).Mean
			found[neuron+"do_uniform_marginal"] = sim.Intervene(cost, i, credit.Intervention{Marginal: 0.05}).Mean
			found[neuron+"do_argmax_marginal"] = sim.Intervene(cost, i, credit.NearThreshold).Mean
			found[neuron+"sp_truth"] = published[i].Mean
			randomised, excess, err := sim.Randomised(cost, i, 0.1, stream.New(seed, "randomised", uint64(i)))
			if err != nil {
				return err
			}
			found[neuron+"randomised_q0.1"], found[neuron+"randomised_q0.1_excess_cost"] = randomised.Mean, excess
			found[fmt.Sprintf("rate_hz.%d", i)] = sim.Rate(i)
			var once, twice float64
			for _, n := range sim.SpikesPerBlock(i) {
				if n > 0 {
					once += 1 / float64(sim.Blocks)
				}
				if n > 1 {
					twice += 1 / float64(sim.Blocks)
				}
			}
			found[fmt.Sprintf("frac_blocks_spike.%d", i)], found[fmt.Sprintf("frac_blocks_2plus.%d", i)] = once, twice
		}
		return nil
	})
	if err != nil {
		return err
	}
	at := fmt.Sprintf("%s.c=%g", name, pair.NoiseCorrelation)
	n := r.at(name + ".seeds")
	var w worst
	for _, under := range []string{at + "." + costName, at} {
		for _, path := range r.below(under) {
			quantity, isMean := strings.CutSuffix(path, ".0")
			_, hasSD := r[under+"."+quantity+".1"]
			_, isSD := ours[strings.TrimSuffix(path, ".1")]
			switch {
			case ours[path] != nil:
				w.without(ours[path], r[under+"."+path], n)
			case isMean && hasSD && ours[quantity] != nil:
				w.against(ours[quantity], r[under+"."+path], r[under+"."+quantity+".1"]/math.Sqrt(n))
			case isSD:
			case under == at: // another cost
			default:
				return invalid.New("causal_effect.json", under+"."+path, "a quantity that this build knows")
			}
		}
	}
	c.standardErrors(fmt.Sprintf("effects %s %s c=%g", name, costName, pair.NoiseCorrelation), w)
	return nil
}

// publishedFunction compares the published truth by randomisation, which disturbs
// neuron 2.
func (r recorded) publishedFunction(ctx context.Context, c *comparison) error {
	ours, err := runs(creditRuns, func(run int, found map[string]float64) error {
		sim, err := credit.MainPair(r.at("original_sp_function_check.c")).Simulate(ctx, 100, uint64(run))
		if err != nil {
			return err
		}
		effects := sim.PublishedRandomised(credit.CurvedQuadratic, true, stream.New(uint64(run), "overwrite"))
		found["1"], found["2"] = effects[0].Mean, effects[1].Mean
		return nil
	})
	if err != nil {
		return err
	}
	var w worst
	for _, neuron := range []string{"1", "2"} {
		want := r.list("original_sp_function_check.neuron" + neuron)
		if len(want) != 2 {
			return invalid.New("causal_effect.json", "original_sp_function_check", "a mean and its error for each neuron")
		}
		w.against(ours[neuron], want[0], want[1])
	}
	c.standardErrors("published true-effect routine", w)
	return nil
}

// gradients compares dE(C)/dW by finite differences and by node perturbation.
func (r recorded) gradients(ctx context.Context, c *comparison, costName string, correlation float64) error {
	cost := creditCosts[costName]
	pair := credit.MainPair(correlation)
	if costName == "banana" {
		pair = credit.LearningPair(correlation)
	}
	// The file does not say so, but its mean costs are those of the learning
	// script: 17.60–17.66, where blocks read at their last step cost 17.65–17.69.
	pair.SeparateBlocks = true
	const seconds = 100
	mean := func(p credit.Population, seed uint64) (float64, *credit.Run, error) {
		sim, err := p.Simulate(ctx, seconds, seed)
		if err != nil {
			return 0, nil, err
		}
		return credit.Summarise(sim.Costs(cost)).Mean, sim, nil
	}
	ours, err := runs(creditRuns, func(run int, found map[string]float64) error {
		for i := range 2 {
			var sides [2]float64
			for k, step := range []float64{-1, 1} {
				p := pair
				p.Weights = []float64{12, 9}
				p.Weights[i] += step
				var err error
				if sides[k], _, err = mean(p, uint64(run)); err != nil {
					return err
				}
			}
			found[fmt.Sprintf("fd_gradient.%d", i)] = (sides[1] - sides[0]) / 2
		}
		for _, sd := range []float64{20, 60} {
			p := pair
			p.Perturbation = sd
			perturbed, sim, err := mean(p, uint64(run))
			if err != nil {
				return err
			}
			found[fmt.Sprintf("meancost_sigp%g", sd)] = perturbed
			for i := range 2 {
				for suffix, trace := range map[string]bool{"block": false, "trace": true} {
					g, err := sim.GradientByPerturbation(cost, i, trace)
					if err != nil {
						return err
					}
					found[fmt.Sprintf("np_sigp%g_%s.%d", sd, suffix, i)] = g.Mean
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	at := fmt.Sprintf("node_perturbation_gradient.%s_c%g", costName, correlation)
	var w worst
	for quantity, values := range ours {
		want := r.list(at + "." + quantity)
		switch {
		case strings.HasPrefix(quantity, "meancost"):
			w.without(values, r.at(at+"."+quantity), 60)
		case len(want) != 2:
			return invalid.New("causal_effect.json", at+"."+quantity, "a mean and its error or s.d.")
		case strings.HasPrefix(quantity, "fd"):
			w.against(values, want[0], want[1])
		default:
			w.against(values, want[0], want[1]/math.Sqrt(60))
		}
	}
	c.standardErrors(fmt.Sprintf("weight gradient %s c=%g", costName, correlation), w)
	return nil
}
