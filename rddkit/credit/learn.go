package credit

import (
	"context"
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/invalid"
)

// RuleKind names what a built-in learning rule estimates the effect of a spike by.
type RuleKind string

const (
	AlternatingRule RuleKind = "alternating"       // the published online rule, see Alternating
	MeansRule       RuleKind = "means"             // see Means
	LinearMeansRule RuleKind = "linear means"      // see LinearMeans
	ReinforceRule   RuleKind = "node perturbation" // see Reinforce
	TrueEffectRule  RuleKind = "true effect"       // an oracle: C with Δ_s put on the carried-over train less C without
)

// Rule is a learning rule for input weights. Every rule but node perturbation
// follows the chain rule dE(C)/dW ≈ β/Δ_s·μ(W):
//
//	W ← W − LearningRate/2·β·μ(W), clipped, for every neuron after every block
//
// the half as the published rule's V₀ is β/2. Node perturbation does
// W ← W − LearningRate·(C − baseline)·e. The estimate of β is that of a built-in
// Kind, or of any other Online that Own makes.
type Rule struct {
	// Own makes a neuron's estimator, one for every neuron of every run, for a
	// spike threshold; nil takes Kind's. Of the other fields only Name and
	// LearningRate go with it. It may be called from several goroutines.
	Own  func(threshold float64) Online
	Name string // in tables and figures; default the kind and its window

	Kind   RuleKind // default MeansRule
	Window float64  // p around the threshold; 0: all blocks, the observed dependence
	// LinearCorrection is the published option of AlternatingRule.
	LinearCorrection bool
	EstimatorRate    float64 // η of the estimate; default 0.1
	LearningRate     float64 // default 2e5, for node perturbation 0.1
	Perturbation     float64 // σ_p of node perturbation; default 20
	NoBaseline       bool    // node perturbation without the mean cost (rate 0.01) taken off
	Trace            bool    // node perturbation with eligibility that lasts as long as the output filter
}

// PublishedRule is the learning rule of the paper with window p (0.1 there).
func PublishedRule(p float64) Rule { return Rule{Kind: AlternatingRule, Window: p} }

// PublishedNaiveRule is what the paper calls observed dependence: its rule with
// window 1.
func PublishedNaiveRule() Rule { return Rule{Kind: AlternatingRule, Window: 1} }

// SpikeDiscontinuityRule uses every block within p of the threshold.
func SpikeDiscontinuityRule(p float64) Rule { return Rule{Kind: MeansRule, Window: p} }

// ObservedDependenceRule uses every block: the fair naive rule.
func ObservedDependenceRule() Rule { return Rule{Kind: MeansRule} }

// TrueEffectOracle knows the effect: what is lost against it is lost in estimation.
func TrueEffectOracle() Rule { return Rule{Kind: TrueEffectRule} }

func (r Rule) String() string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Own != nil:
		return "own rule"
	}
	window := fmt.Sprintf("window %g", r.Window)
	if r.Window == 0 {
		window = "all blocks"
	}
	switch r.Kind {
	case TrueEffectRule:
		return "true effect"
	case ReinforceRule:
		return "node perturbation"
	case AlternatingRule:
		return "published rule, " + window
	case LinearMeansRule:
		return "discontinuity, linear, " + window
	}
	if r.Window == 0 {
		return "observed dependence"
	}
	return "discontinuity, " + window
}

func (r Rule) resolve() (Rule, error) {
	if r.Own != nil && (r.Kind != "" || r.Window != 0 || r.LinearCorrection || r.EstimatorRate != 0 || r.Perturbation != 0 || r.NoBaseline || r.Trace) {
		return r, invalid.New("Rule.Own", r.String(), "with Name and LearningRate only: the other fields are of built-in kinds")
	}
	if r.Kind == "" {
		r.Kind = MeansRule
	}
	for _, field := range []struct {
		value *float64
		usual float64
		name  string
	}{
		{&r.Window, all, "Rule.Window"}, {&r.EstimatorRate, 0.1, "Rule.EstimatorRate"},
		{&r.LearningRate, 2e5, "Rule.LearningRate"}, {&r.Perturbation, 20, "Rule.Perturbation"},
	} {
		if *field.value == 0 {
			*field.value = field.usual
			if field.name == "Rule.LearningRate" && r.Kind == ReinforceRule {
				*field.value = 0.1
			}
		}
		if !(*field.value > 0) {
			return r, invalid.New(field.name, *field.value, "positive, or 0 for the default")
		}
	}
	switch {
	case r.EstimatorRate > 1:
		return r, invalid.New("Rule.EstimatorRate", r.EstimatorRate, "at most 1")
	case math.IsInf(r.LearningRate, 1):
		return r, invalid.New("Rule.LearningRate", r.LearningRate, "finite")
	}
	switch r.Kind {
	case AlternatingRule, MeansRule, LinearMeansRule, ReinforceRule, TrueEffectRule:
		return r, nil
	}
	return r, invalid.Newf("Rule.Kind", string(r.Kind), "one of %q, %q, %q, %q, %q",
		AlternatingRule, MeansRule, LinearMeansRule, ReinforceRule, TrueEffectRule)
}

// estimator returns a neuron's own estimator, nil if the rule has none.
func (r Rule) estimator(threshold float64) Online {
	if r.Own != nil {
		return r.Own(threshold)
	}
	switch r.Kind {
	case AlternatingRule:
		return &Alternating{Threshold: threshold, Window: r.Window, Rate: r.EstimatorRate, LinearCorrection: r.LinearCorrection}
	case MeansRule:
		return &Means{Threshold: threshold, Window: r.Window, Rate: r.EstimatorRate}
	case LinearMeansRule:
		return &LinearMeans{Threshold: threshold, Window: r.Window, Rate: r.EstimatorRate}
	}
	return nil
}

// Learning is an experiment in which every neuron of a population changes its
// input weight by the same rule, told nothing but the common cost.
type Learning struct {
	Population  Population // Weights are those at the start
	Cost        BlockCost  // default Valley, of two neurons
	Rule        Rule
	Rates       RateCurve // μ(W) for the weight rule; default PublishedModelRates
	Seconds     float64   // default 500
	Least, Most float64   // bounds of the weights; default 2, 20
	SampleEvery float64   // s between samples of the trajectory, rounded down to whole blocks; default 5
	Seed        uint64
}

// Trajectory is how a Learning went, sampled at regular times.
type Trajectory struct {
	Time    []float64   // s, [sample]
	Weights [][]float64 // at that time, [sample][neuron]
	Effects [][]float64 // the estimates of β at that time; NaN for node perturbation, [sample][neuron]
	Cost    []float64   // mean over the blocks since the sample before, [sample]
	Rates   [][]float64 // firing rates since the sample before, Hz, [sample][neuron]
}

func (l Learning) resolve() (Learning, error) {
	var err error
	if l.Rule, err = l.Rule.resolve(); err != nil {
		return l, err
	}
	if l.Rule.Kind == ReinforceRule {
		l.Population.Perturbation = l.Rule.Perturbation
	}
	if l.Population, err = l.Population.resolve(); err != nil {
		return l, err
	}
	if l.Rule.Own != nil && l.Rule.Own(l.Population.Threshold) == nil {
		return l, invalid.New("Rule.Own", nil, "a function that returns an estimator")
	}
	if l.Cost == nil {
		l.Cost = Valley
	}
	if l.Rates.Weight == nil {
		l.Rates = PublishedModelRates()
	}
	if l.Seconds == 0 {
		l.Seconds = 500
	}
	if l.Least == 0 && l.Most == 0 {
		l.Least, l.Most = 2, 20
	}
	if l.SampleEvery == 0 {
		l.SampleEvery = 5
	}
	switch c := l.Rates; {
	case len(c.Weight) < 2 || len(c.Slope) != len(c.Weight):
		return l, invalid.New("Rates", len(c.Weight), "a curve with two weights or more, and as many slopes")
	case !(l.Least < l.Most):
		return l, invalid.Newf("Least", l.Least, "below Most, which is %v", l.Most)
	}
	if err = l.Population.checkCost(l.Cost); err != nil {
		return l, err
	}
	blocks, err := l.Population.blocksIn(l.SampleEvery)
	if err != nil {
		return l, invalid.New("SampleEvery", l.SampleEvery, "at least one block and at most 1e9 of them")
	}
	if whole := float64(blocks) * l.Population.blockSeconds(); l.SampleEvery-whole > 1e-9*whole {
		l.SampleEvery = whole
	}
	if !(l.Seconds >= l.SampleEvery) || math.IsInf(l.Seconds, 1) {
		return l, invalid.Newf("Seconds", l.Seconds, "finite and at least SampleEvery, which is %v", l.SampleEvery)
	}
	return l, nil
}

// Learn runs the experiment. The error is ctx's if it ends first, or names the rule,
// neuron and block if an estimator of one's own gives an effect that is no number.
func (l Learning) Learn(ctx context.Context) (*Trajectory, error) {
	l, err := l.resolve()
	if err != nil {
		return nil, err
	}
	p := l.Population
	every, _ := p.blocksIn(l.SampleEvery)
	samples := int(l.Seconds/l.SampleEvery + 1e-9)
	n := len(p.Weights)
	t := &Trajectory{Time: make([]float64, samples), Weights: table[float64](samples, n),
		Effects: table[float64](samples, n), Cost: make([]float64, samples), Rates: table[float64](samples, n)}
	sim := newSimulator(p, l.Seed)
	learner := newLearner(l, sim)
	for k := range samples {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for b := range every {
			sim.block()
			t.Cost[k] += learner.step() / float64(every)
			for i := range sim.neurons {
				t.Rates[k][i] += float64(len(sim.neurons[i].spikes)) / l.SampleEvery
				if e := learner.effect[i]; l.Rule.Own != nil && (math.IsNaN(e) || math.IsInf(e, 0)) {
					return nil, fmt.Errorf("credit: rule %q: the effect of neuron %d is %v after block %d", l.Rule, i, e, k*every+b)
				}
			}
		}
		t.Time[k] = float64(k+1) * l.SampleEvery
		copy(t.Weights[k], sim.weights)
		copy(t.Effects[k], learner.effect)
	}
	return t, nil
}

// learner changes a simulator's weights after every block.
type learner struct {
	Learning
	sim          *simulator
	estimators   []Online
	perturbation []Reinforce
	effect       []float64 // present estimates of β, [neuron]
	rise         float64   // Δ_s
}

func newLearner(l Learning, sim *simulator) *learner {
	learner := &learner{Learning: l, sim: sim, effect: make([]float64, len(sim.neurons)), rise: l.Population.rise().Mean}
	for i := range sim.neurons {
		switch l.Rule.Kind {
		case ReinforceRule:
			np := Reinforce{BaselineRate: 0.01}
			if l.Rule.NoBaseline {
				np.BaselineRate = 0
			}
			if l.Rule.Trace {
				np.Memory = sim.neurons[i].output.kernel.decay
			}
			learner.perturbation = append(learner.perturbation, np)
			learner.effect[i] = math.NaN()
		case TrueEffectRule:
		default:
			learner.estimators = append(learner.estimators, l.Rule.estimator(l.Population.Threshold))
		}
	}
	return learner
}

// step learns from the block just simulated and returns its cost.
func (l *learner) step() float64 {
	s := l.sim.filtered
	cost := l.Cost(s)
	for i := range l.sim.neurons {
		n := &l.sim.neurons[i]
		var change float64
		switch l.Rule.Kind {
		case ReinforceRule:
			change = l.Rule.LearningRate * l.perturbation[i].Observe(n.eligibility, cost)
		case TrueEffectRule:
			is := s[i]
			s[i] -= l.sim.own[i]
			without := l.Cost(s)
			s[i] += l.rise
			l.effect[i] = l.Cost(s) - without
			s[i] = is
		default:
			l.estimators[i].Observe(n.drive, cost)
			l.effect[i] = l.estimators[i].Effect()
		}
		w := l.sim.weights[i]
		if l.Rule.Kind != ReinforceRule {
			change = l.Rule.LearningRate / 2 * l.effect[i] * l.Rates.SlopeAt(w)
		}
		l.sim.weights[i] = min(max(w-change, l.Least), l.Most)
	}
	return cost
}

// Starts returns the published grid of starting weights of a pair: every pair of
// 2, 4, …, 20.
func Starts() [][]float64 {
	var starts [][]float64
	for w1 := 2.0; w1 <= 20; w1 += 2 {
		for w2 := 2.0; w2 <= 20; w2 += 2 {
			starts = append(starts, []float64{w1, w2})
		}
	}
	return starts
}

// LearnFrom runs the experiment from several starting weights, [start][neuron], on
// all cores; start k takes seed Seed+k. progress may be nil; it is called from
// several goroutines.
func (l Learning) LearnFrom(ctx context.Context, starts [][]float64, progress func(done, total int, text string)) ([]*Trajectory, error) {
	trajectories := make([]*Trajectory, len(starts))
	err := each(ctx, len(starts), l.Rule.String(), progress, func(k int) (err error) {
		one := l
		one.Population.Weights = starts[k]
		one.Seed += uint64(k)
		trajectories[k], err = one.Learn(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return trajectories, nil
}

// Follow returns one quantity of every trajectory at every sample, [run][sample],
// and the samples' times, ready to be drawn. The trajectories are of one length.
func Follow(trajectories []*Trajectory, quantity func(t *Trajectory, sample int) float64) (time []float64, runs [][]float64) {
	for _, t := range trajectories {
		run := make([]float64, len(t.Time))
		for sample := range run {
			run[sample] = quantity(t, sample)
		}
		runs = append(runs, run)
		time = t.Time
	}
	return time, runs
}

// each calls do(0), …, do(n-1) on all cores; see jobs.Run.
func each(ctx context.Context, n int, text string, progress func(done, total int, text string), do func(k int) error) error {
	return jobs.Run(ctx, n, progress, func(_ context.Context, k int, tell func(done, total int, text string)) error {
		err := do(k)
		if err == nil {
			tell(1, 1, text)
		}
		return err
	})
}

// LargerExample is the talk's population of ten neurons of equal weights, of which
// the reward wants one to fire at 20 Hz and the others at 8 Hz: C = Σ_i (s_i −
// target_i)².
func LargerExample(correlation float64, rule Rule) Learning {
	targets := []float64{0.020}
	for range 9 {
		targets = append(targets, 0.008)
	}
	return tenNeurons(correlation, rule, TargetRates(targets...))
}

// BrainComputerInterface is a decoder that reads one control neuron of ten: it is
// rewarded for 20 Hz, C = (s_1 − 0.020)². The other neurons have no effect on the
// cost by construction.
func BrainComputerInterface(correlation float64, rule Rule) Learning {
	return tenNeurons(correlation, rule, TargetRates(0.020))
}

func tenNeurons(correlation float64, rule Rule, cost BlockCost) Learning {
	l := LearnPair(correlation, rule)
	l.Population.Weights = nil
	for range 10 {
		l.Population.Weights = append(l.Population.Weights, 12)
	}
	l.Cost, l.Seconds = cost, 400
	return l
}

// LearnPair is the published learning experiment: the pair of LearningPair in
// separate blocks on the cost Valley, 500 s.
func LearnPair(correlation float64, rule Rule) Learning {
	p := LearningPair(correlation)
	p.SeparateBlocks = true
	return Learning{Population: p, Cost: Valley, Rule: rule}
}
