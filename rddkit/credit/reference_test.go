package credit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/internal/reference"
	"github.com/weightalign/lab/rddkit/internal/stream"
)

// The recorded numbers are means over random runs with no recorded noise, so
// that a row's deviation is the largest |z| of its numbers: the difference over
// the combined standard error. Some 3000 numbers are compared, many of them of
// the same runs; if all were independent, one build in fifty that is right would
// show a |z| above zTolerance. Seeds are fixed: a build that passes once always
// does.
const (
	zTolerance      = 4.5
	roundedTo4      = 6e-4 // relative: the file has four digits
	runsOfOurs      = 40   // behind each of our means; recorded are 50 to 100
	runsOfGradients = 60   // behind the recorded gradients, which the file does not say
)

// The effect of a spike on the cost, by every estimator and by intervention.
func TestReferenceCausalEffect(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates hours of neurons' time: half a minute")
	}
	reference.Replay(t, "credit/causal_effect", replayCausalEffect)
}

// A number that is wrong, or missing, must be noticed.
func TestReferenceStandardErrorsNotice(t *testing.T) {
	for name, c := range map[string]struct {
		ours      []float64
		mean, err float64
		ok        bool
	}{
		"within its error":   {[]float64{1, 2, 3}, 2.1, 0.1, true},
		"ten errors off":     {[]float64{1.99, 2, 2.01}, 2.1, 0.01, false},
		"without a number":   {[]float64{1, 2, 3}, math.NaN(), 0.1, false},
		"without an error":   {[]float64{1, 2, 3}, 2.1, math.NaN(), false},
		"of nothing of ours": {nil, 2, 0.1, false},
	} {
		var rows reference.Rows
		against(&rows, name, c.ours, c.mean, c.err)
		if ok := len(rows.Beyond()) == 0; ok != c.ok {
			t.Errorf("%s: within tolerance is %v", name, ok)
		}
	}
}

// against adds the |z| of our runs' mean and a recorded mean with its standard
// error. What either side lacks is NaN, which no tolerance allows.
func against(rows *reference.Rows, quantity string, ours []float64, mean, err float64) {
	s := credit.Summarise(ours)
	z := math.Abs(s.Mean-mean) / math.Hypot(s.StdErr(), err)
	if s.Mean == mean {
		z = 0
	}
	rows.Add(quantity, "largest |z|", z, zTolerance)
}

// alone is against for a recorded mean over n runs that came without its error:
// ours, scaled, stands in.
func alone(rows *reference.Rows, quantity string, ours []float64, mean, n float64) {
	against(rows, quantity, ours, mean, credit.Summarise(ours).SD/math.Sqrt(n))
}

// sample holds the values of every quantity, one per run.
type sample map[string][]float64

// runs calls one for every run on all cores and gathers what it fills in.
func runs(t *testing.T, n int, one func(run int, found map[string]float64) error) sample {
	t.Helper()
	found, errs := make([]map[string]float64, n), make([]error, n)
	parallel.For(n, func(run int) {
		found[run] = map[string]float64{}
		errs[run] = one(run, found[run])
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	all := sample{}
	for run := range found {
		for name, v := range found[run] {
			all[name] = append(all[name], v)
		}
	}
	return all
}

// costs are the costs by their names in the files.
var costs = map[string]credit.BlockCost{"quad": credit.Quadratic, "quad_s2sq": credit.CurvedQuadratic, "banana": credit.Valley}

// kernels are those of the pairs by their names in the file, which says only
// what follows from them.
func kernel(pair, cost string) credit.SpikeKernel {
	switch {
	case pair == "A2":
		return credit.ScriptKernel()
	case cost == "banana":
		return credit.PublishedKernel(0.2)
	}
	return credit.PublishedKernel(0.02)
}

func replayCausalEffect(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	n := f.Numbers()
	for _, name := range n.Names("", ".T_s") {
		for _, correlation := range n.List("c_values") {
			for _, cost := range n.Names(fmt.Sprintf("%s.c=%g", name, correlation), ".mean_cost.0") {
				replayEffects(t, n, name, correlation, cost, rows)
			}
		}
	}
	for _, name := range n.Names("filter_constants", ".ds") {
		pair, cost, _ := strings.Cut(name, "_")
		if cost == "" && pair == "A3" {
			cost = "banana"
		}
		rise, err := pairOf(n, pair, cost, 0).SpikeRise()
		if err != nil {
			t.Fatal(err)
		}
		want := func(quantity string) float64 { return n.At("filter_constants.%s.%s", name, quantity) }
		rows.Relative("filter "+name, roundedTo4, 0, []float64{rise.Peak, rise.Mean, rise.MeanSquare}, []float64{want("ds"), want("Delta_s"), want("E_delta2")})
	}
	if n.Has("original_sp_function_check.c") {
		replayPublishedTruth(t, n, rows)
	}
	for _, name := range n.Names("node_perturbation_gradient", ".fd_gradient.0.0") {
		replayGradients(t, n, name, rows)
	}
	n.MustBeRead(t, `stored_.*`, `filter_constants\..*\.eff_tau_steps`, `original_sp_function_check\.n`)
}

// pairOf returns a pair as the file describes it.
func pairOf(n *reference.Numbers, name, cost string, correlation float64) credit.Population {
	return credit.Population{Weights: n.List(name + ".W"), NoiseSD: n.At(name + ".sigma"), NoiseCorrelation: correlation,
		BlockSteps: int(n.At(name + ".DeltaT_steps")), Kernel: kernel(name, cost)}
}

// replayEffects compares every number of one pair under one cost.
func replayEffects(t *testing.T, n *reference.Numbers, name string, correlation float64, costName string, rows *reference.Rows) {
	cost, known := costs[costName]
	if !known {
		t.Errorf("%s: no cost is called %s", name, costName)
		return
	}
	pair, windows, seconds := pairOf(n, name, costName, correlation), n.List("p_values"), n.At(name+".T_s")
	ours := runs(t, runsOfOurs, func(run int, found map[string]float64) error {
		sim, err := pair.Simulate(t.Context(), seconds, uint64(run))
		if err != nil {
			return err
		}
		return effectsOf(sim, cost, windows, uint64(run), found)
	})
	seeds := n.At(name + ".seeds")
	at := fmt.Sprintf("%s.c=%g", name, correlation)
	quantity := fmt.Sprintf("effects %s %s c=%g", name, costName, correlation)
	for _, under := range []string{at + "." + costName, at} {
		for path, values := range ours {
			switch {
			case n.Has(under + "." + path):
				alone(rows, quantity, values, n.At(under+"."+path), seeds)
			case n.Has(under + "." + path + ".0"):
				against(rows, quantity, values, n.At(under+"."+path+".0"), n.At(under+"."+path+".1")/math.Sqrt(seeds))
			}
		}
	}
}

// effectsOf fills in what the file has of one run, by the file's paths.
func effectsOf(sim *credit.SimulatedBlocks, cost credit.BlockCost, windows []float64, seed uint64, found map[string]float64) error {
	blockCosts := sim.Costs(cost)
	found["mean_cost"] = credit.Summarise(blockCosts).Mean
	published := sim.PublishedRandomised(cost, false, stream.New(seed, "published randomised"))
	for i := range sim.Drive {
		neuron := fmt.Sprintf("neuron%d.", i+1)
		estimate := func(d credit.SpikeDiscontinuity) credit.EffectEstimate {
			return d.Estimate(sim.Drive[i], blockCosts, sim.Population.Threshold)
		}
		for k, p := range windows {
			constant := estimate(credit.SpikeDiscontinuity{Window: p})
			found[fmt.Sprintf("%srd_const.%d", neuron, k)] = constant.Effect
			found[fmt.Sprintf("n_blocks_in_window.%d.%d", i, k)] = float64(constant.Below + constant.Above)
			found[fmt.Sprintf("%srd_linear.%d", neuron, k)] = estimate(credit.SpikeDiscontinuity{Window: p, Linear: true}).Effect
			found[fmt.Sprintf("%srd_asym.%d", neuron, k)] = estimate(credit.SpikeDiscontinuity{Window: p, WindowBelowOnly: true}).Effect
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
		once, twice := fmt.Sprintf("frac_blocks_spike.%d", i), fmt.Sprintf("frac_blocks_2plus.%d", i)
		found[once], found[twice] = 0, 0
		for _, spikes := range sim.SpikesPerBlock(i) {
			if spikes > 0 {
				found[once] += 1 / float64(sim.Blocks)
			}
			if spikes > 1 {
				found[twice] += 1 / float64(sim.Blocks)
			}
		}
	}
	return nil
}

// replayPublishedTruth compares the published truth by randomisation, which
// disturbs neuron 2.
func replayPublishedTruth(t *testing.T, n *reference.Numbers, rows *reference.Rows) {
	const at = "original_sp_function_check"
	pair, seconds := pairOf(n, "A1", "quad_s2sq", n.At(at+".c")), n.At("A1.T_s")
	ours := runs(t, runsOfOurs, func(run int, found map[string]float64) error {
		sim, err := pair.Simulate(t.Context(), seconds, uint64(run))
		if err != nil {
			return err
		}
		for i, effect := range sim.PublishedRandomised(credit.CurvedQuadratic, true, stream.New(uint64(run), "overwrite")) {
			found[fmt.Sprintf("neuron%d", i+1)] = effect.Mean
		}
		return nil
	})
	for neuron, values := range ours {
		against(rows, "published true-effect routine", values, n.At("%s.%s.0", at, neuron), n.At("%s.%s.1", at, neuron))
	}
}

// replayGradients compares dE(C)/dW by finite differences and by node
// perturbation, of a setting called e.g. "banana_c0.5".
func replayGradients(t *testing.T, n *reference.Numbers, name string, rows *reference.Rows) {
	at := "node_perturbation_gradient." + name
	costName, c, _ := strings.Cut(name, "_c")
	var correlation float64
	cost, known := costs[costName]
	if _, err := fmt.Sscan(c, &correlation); err != nil || !known {
		t.Errorf("%s: want a cost and a correlation", at)
		return
	}
	base := map[bool]string{true: "A3", false: "A1"}[costName == "banana"]
	pair, seconds := pairOf(n, base, costName, correlation), n.At(base+".T_s")
	// The file does not say so, but its mean costs are those of the learning
	// script: 17.60–17.66, where blocks read at their last step cost 17.65–17.69.
	pair.SeparateBlocks = true
	perturbations := map[float64]bool{}
	for _, below := range n.Below(at) {
		var sd float64
		if _, err := fmt.Sscanf(below, "meancost_sigp%g", &sd); err == nil {
			perturbations[sd] = true
		}
	}
	ours := runs(t, runsOfOurs, func(run int, found map[string]float64) error {
		return gradientsOf(t.Context(), pair, cost, seconds, perturbations, uint64(run), found)
	})
	for path, values := range ours {
		quantity := fmt.Sprintf("weight gradient %s c=%g", costName, correlation)
		switch spread := n.At("%s.%s.1", at, path); {
		case strings.HasPrefix(path, "meancost"):
			alone(rows, quantity, values, n.At(at+"."+path), runsOfGradients)
		case strings.HasPrefix(path, "fd"):
			against(rows, quantity, values, n.At("%s.%s.0", at, path), spread)
		default:
			against(rows, quantity, values, n.At("%s.%s.0", at, path), spread/math.Sqrt(runsOfGradients))
		}
	}
}

// gradientsOf fills in what the file has of one run, by the file's paths.
func gradientsOf(ctx context.Context, pair credit.Population, cost credit.BlockCost, seconds float64, perturbations map[float64]bool, seed uint64, found map[string]float64) error {
	simulate := func(p credit.Population) (float64, *credit.SimulatedBlocks, error) {
		sim, err := p.Simulate(ctx, seconds, seed)
		if err != nil {
			return 0, nil, err
		}
		return credit.Summarise(sim.Costs(cost)).Mean, sim, nil
	}
	for i := range pair.Weights {
		var sides [2]float64
		for k, step := range []float64{-1, 1} {
			p := pair
			p.Weights = slices.Clone(pair.Weights)
			p.Weights[i] += step
			var err error
			if sides[k], _, err = simulate(p); err != nil {
				return err
			}
		}
		found[fmt.Sprintf("fd_gradient.%d", i)] = (sides[1] - sides[0]) / 2
	}
	for sd := range perturbations {
		p := pair
		p.Perturbation = sd
		mean, sim, err := simulate(p)
		if err != nil {
			return err
		}
		found[fmt.Sprintf("meancost_sigp%g", sd)] = mean
		for i := range pair.Weights {
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
}
