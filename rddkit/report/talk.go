package report

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/nn"
)

// correlated is the noise correlation at which the talk's biases are largest.
const correlated = 0.99

// OfNeurons judges the claims of the talk's first half, T1 to T7, by simulations
// of some seconds.
func OfNeurons(ctx context.Context) ([]Finding, error) {
	effects, err := effects(ctx)
	if err != nil {
		return nil, err
	}
	direction, err := direction(ctx)
	if err != nil {
		return nil, err
	}
	speed, err := speed(ctx)
	if err != nil {
		return nil, err
	}
	population, err := population(ctx)
	if err != nil {
		return nil, err
	}
	decoder, err := decoder(ctx)
	if err != nil {
		return nil, err
	}
	stimuli, err := stimuli(ctx)
	return append(effects, direction, speed, population, decoder, stimuli), err
}

func estimate(s credit.Summary) rddkit.Estimate {
	return rddkit.Estimate{Mean: s.Mean, StandardError: s.StdErr(), Seeds: s.N}
}

// effects are T1 and T2: neuron 2 at c = 0.99.
func effects(ctx context.Context) ([]Finding, error) {
	compared, err := credit.EstimatorComparison{
		Estimators: []credit.EffectEstimator{credit.ObservedDependence(), credit.SpikeDiscontinuity{Window: 0.1}, credit.LocalLinear{}}}.Run(ctx, nil)
	if err != nil {
		return nil, err
	}
	cell := compared.Cells[len(compared.Cells)-1][1]
	naive, means, lines := estimate(cell.Estimates[0]), estimate(cell.Estimates[1]), estimate(cell.Estimates[2])
	scale := fmt.Sprintf("two neurons, c = %g, 100 s, n = %d", cell.Correlation, naive.Seeds)
	biased := Near(naive, cell.AtCrossing.Mean, 0)
	if biased != NotTestable {
		biased = map[Verdict]Verdict{Agrees: DoesNot, DoesNot: Agrees}[biased]
	}
	return []Finding{
		{"T1", fmt.Sprintf("neuron 2: true effect %.2f, observed dependence %s", cell.True.Mean, naive), scale, biased},
		{"T2", fmt.Sprintf("true effect at the crossing %.2f; difference of means within 0.1 %s, local lines %s", cell.AtCrossing.Mean, means, lines), scale,
			Split("the estimator", Part{"local lines", Near(lines, cell.AtCrossing.Mean, 0)}, Part{"difference of means", Near(means, cell.AtCrossing.Mean, 0)})},
	}, nil
}

// direction is T3: the angle of the mean update to the gradient.
func direction(ctx context.Context) (Finding, error) {
	field, err := credit.UpdateField{Population: credit.LearnPair(correlated, credit.TrueEffectOracle()).Population,
		Weights: []float64{4, 6, 8, 10, 12, 14, 16, 18}, Repeats: 4}.Run(ctx, nil)
	if err != nil {
		return Finding{}, err
	}
	naive, jump := field.Updates[0].Angle, field.Updates[1].Angle
	return Finding{"T3", fmt.Sprintf("angle of the update to the gradient, median over a grid of weights: %.1f° by the discontinuity, %.1f° by the observed dependence", jump, naive),
		fmt.Sprintf("pair, c = %g, 64 points of 4 × 100 s", correlated), All("the rule", Below(rddkit.EstimateOf(jump-naive)), Below(rddkit.EstimateOf(jump-45)))}, nil
}

// paired is the mean of a less b, of the same seeds in the same order.
func paired(a, b []float64) rddkit.Estimate {
	differences := make([]float64, min(len(a), len(b)))
	for i := range differences {
		differences[i] = a[i] - b[i]
	}
	return rddkit.EstimateOf(differences...)
}

// speed is T4: the distance to the optimum on the way and at the end, of the two
// published rules and of two that use every block.
func speed(ctx context.Context) (Finding, error) {
	optimum, err := credit.UpdateField{Population: credit.LearnPair(correlated, credit.TrueEffectOracle()).Population,
		Weights: []float64{8, 9, 10, 11, 12, 13, 14, 15}, Repeats: 4}.Run(ctx, nil)
	if err != nil {
		return Finding{}, err
	}
	starts := credit.Starts()
	distances := func(rule credit.Rule) (early, late []float64, err error) {
		runs, err := credit.LearnPair(correlated, rule).LearnFrom(ctx, starts, nil)
		if err != nil {
			return nil, nil, err
		}
		last := len(runs[0].Time) - 1
		return credit.Distances(runs, optimum.Optimum[:], last/5), credit.Distances(runs, optimum.Optimum[:], last), nil
	}
	text, parts := fmt.Sprintf("distance to the optimum, discontinuity less naive, after a fifth of the time and at the end, c = %g:", correlated), []Verdict{}
	for _, pair := range []struct {
		name        string
		jump, naive credit.Rule
	}{{"published rules", credit.PublishedRule(0.1), credit.PublishedNaiveRule()}, {"rules that use every block", credit.SpikeDiscontinuityRule(0.1), credit.ObservedDependenceRule()}} {
		early, late, err := distances(pair.jump)
		if err != nil {
			return Finding{}, err
		}
		naiveEarly, naiveLate, err := distances(pair.naive)
		if err != nil {
			return Finding{}, err
		}
		first, end := paired(early, naiveEarly), paired(late, naiveLate)
		parts = append(parts, Below(first), Below(end))
		text += fmt.Sprintf(" %s %s, %s;", pair.name, first.Signed(), end.Signed())
	}
	return Finding{"T4", text[:len(text)-1], fmt.Sprintf("pair, 500 s, %d starts", len(starts)), All("the rule and the time looked at", parts...)}, nil
}

// runsOfTen is how often a population of ten learns.
const runsOfTen = 6

func learnTen(ctx context.Context, l credit.Learning, seconds float64) ([]*credit.Trajectory, error) {
	l.Seconds, l.SampleEvery = seconds, 10
	return l.LearnFrom(ctx, slices.Repeat([][]float64{l.Population.Weights}, runsOfTen), nil)
}

// population is T5: neuron 1's rate after 60 s.
func population(ctx context.Context) (Finding, error) {
	rate := map[float64]rddkit.Estimate{}
	for _, c := range []float64{0.01, correlated} {
		runs, err := learnTen(ctx, credit.LargerExample(c, credit.SpikeDiscontinuityRule(0.3)), 60)
		if err != nil {
			return Finding{}, err
		}
		rate[c] = estimate(credit.RateAt(runs, 0, 60))
	}
	runs, err := learnTen(ctx, credit.LargerExample(correlated, credit.ObservedDependenceRule()), 60)
	if err != nil {
		return Finding{}, err
	}
	naive := estimate(credit.RateAt(runs, 0, 60))
	apart := func(a, b rddkit.Estimate) rddkit.Estimate {
		return rddkit.Estimate{Mean: a.Mean - b.Mean, StandardError: math.Hypot(a.StandardError, b.StandardError), Seeds: min(a.Seeds, b.Seeds)}
	}
	text := fmt.Sprintf("special neuron after 60 s (its goal: 20 Hz): %s Hz at c = 0.01, %s at 0.99; naive rule at 0.99 %s", rate[0.01], rate[correlated], naive)
	return Finding{"T5", text, fmt.Sprintf("ten neurons, n = %d", runsOfTen),
		Split("the part", Part{"independent of c", Near(apart(rate[0.01], rate[correlated]), 0, 0)}, Part{"faster than the naive rule", Above(apart(rate[correlated], naive))})}, nil
}

// decoder is T6: how far the control neuron's rate is from the others' after 60 s.
func decoder(ctx context.Context) (Finding, error) {
	var found [2][]float64
	for k, rule := range []credit.Rule{credit.SpikeDiscontinuityRule(0.1), credit.ObservedDependenceRule()} {
		runs, err := learnTen(ctx, credit.BrainComputerInterface(correlated, rule), 60)
		if err != nil {
			return Finding{}, err
		}
		for _, t := range runs {
			rates, others := t.Rates[len(t.Rates)-1], 0.0
			for _, r := range rates[1:] {
				others += r / float64(len(rates)-1)
			}
			found[k] = append(found[k], rates[0]-others)
		}
	}
	jump, naive := rddkit.EstimateOf(found[0]...), rddkit.EstimateOf(found[1]...)
	return Finding{"T6", fmt.Sprintf("control neuron less the others after 60 s: %s Hz by the discontinuity, %s by the naive rule", jump, naive),
		fmt.Sprintf("ten neurons, c = %g, n = %d", correlated, runsOfTen), All("the measure", Above(jump), Above(paired(found[0], found[1])))}, nil
}

// stimuli is T7.
func stimuli(ctx context.Context) (Finding, error) {
	p, err := credit.ExperimenterTest{}.Run(ctx, nil)
	if err != nil {
		return Finding{}, err
	}
	near, far := p.Pairs[0], p.Pairs[len(p.Pairs)-1]
	difference := rddkit.Estimate{Mean: near.Discontinuity.Mean - far.Discontinuity.Mean,
		StandardError: math.Hypot(near.Discontinuity.StdErr, far.Discontinuity.StdErr), Seeds: 1}
	return Finding{"T7", fmt.Sprintf("weight change per trial %.3f for the nearest pair of stimuli, %.3f for the farthest, at %.2f and %.2f spikes", near.Discontinuity.Mean, far.Discontinuity.Mean, near.Spiking, far.Spiking),
		"one simulated neuron, 4,000 trials a stimulus; no animal", Above(difference)}, nil
}

// OfFeedback judges the claims of the talk's second half, T8 to T14: by the stored
// runs, and theorems by short runs.
func OfFeedback(ctx context.Context) ([]Finding, error) {
	var lists [2][]feedback.TrainingRun
	for i, task := range []string{"classifier", "autoencoder"} {
		runs, err := trainingRuns(task)
		if err != nil {
			return nil, err
		}
		lists[i] = runs
	}
	var s stored
	findings := []Finding{reinforce(lists[0]), s.alignmentAlone(lists[1])}
	for _, theorem := range []struct {
		id          string
		c           feedback.Convergence
		layer, from int
	}{{"T10", feedback.Convergence{Activation: nn.Sigmoid, Batches: 1000}, 1, 30}, {"T11", feedback.Convergence{Sizes: []int{10, 6, 5, 10}, Batches: 30_000, Learner: align.PerturbationOptions{Restart: 1000}}, 0, 1000}} {
		f, err := converges(ctx, theorem.id, theorem.c, theorem.layer, theorem.from)
		if err != nil {
			return nil, err
		}
		findings = append(findings, f)
	}
	findings = append(findings, angles(lists[0]), bottleneck(lists[1]), s.direct())
	return findings, s.err
}

// trainingRuns reads those that travel with the checkout.
func trainingRuns(task string) ([]feedback.TrainingRun, error) {
	root, ok := place.Checkout()
	if !ok {
		return nil, fmt.Errorf("report: the stored runs are in a checkout only")
	}
	return feedback.ReadRuns(filepath.Join(root, "data", "results", "feedback-learning"), task, "mnist")
}

// ofRuns takes a number of each seed of an algorithm and network, by seed.
func ofRuns(runs []feedback.TrainingRun, hidden []int, a feedback.Algorithm, of func(feedback.TrainingRun) float64) (values []float64) {
	for _, r := range runs {
		if r.Algorithm == a && slices.Equal(r.Hidden, hidden) {
			values = append(values, of(r))
		}
	}
	return values
}

// at is the value after so many batches, NaN if there is none.
func at(r feedback.TrainingRun, batches int, values []float64) float64 {
	if k := slices.Index(r.Batches, batches); k >= 0 && k < len(values) {
		return values[k]
	}
	return math.NaN()
}

// reinforce is T8: how far learning by perturbation alone is behind backpropagation,
// in networks of two sizes.
func reinforce(runs []feedback.TrainingRun) Finding {
	behind := func(hidden []int, batches int) rddkit.Estimate {
		of := func(r feedback.TrainingRun) float64 { return at(r, batches, r.Accuracy) }
		return paired(ofRuns(runs, hidden, feedback.BP, of), ofRuns(runs, hidden, feedback.Reinforcement, of))
	}
	small, wide := behind([]int{50, 20}, 3120), behind([]int{512, 200}, 4000)
	grows := rddkit.Estimate{Mean: wide.Mean - small.Mean, StandardError: math.Hypot(wide.StandardError, small.StandardError), Seeds: wide.Seeds}
	return Finding{"T8", fmt.Sprintf("accuracy of BP less that of perturbation alone: %s points with 50-20 neurons (3,120 batches), %s with 512-200 (4,000)", small, wide),
		fmt.Sprintf("MNIST, n = %d and %d", small.Seeds, wide.Seeds), Above(grows)}
}

// alignmentAlone is T9.
func (s *stored) alignmentAlone(runs []feedback.TrainingRun) Finding {
	fa, bp := s.of(CIFAR(rddkit.FeedbackAlignment)), s.of(CIFAR(rddkit.Backpropagation))
	epoch := Common(fa, bp)
	cnn := rddkit.Paired(fa, bp, rddkit.TestErrors.At(epoch))
	loss := func(a feedback.Algorithm) rddkit.Estimate {
		return rddkit.EstimateOf(ofRuns(runs, []int{200, 2}, a, func(r feedback.TrainingRun) float64 { return at(r, 3000, r.TestLoss) })...)
	}
	bottle := loss(feedback.FA).Mean - loss(feedback.BP).Mean
	return Finding{"T9", fmt.Sprintf("FA less BP: CNN's test error %s points after %d epochs; autoencoder's loss %+.1f after 3,000 batches", cnn.Signed(), epoch, bottle),
		fmt.Sprintf("CIFAR-10, n = %d; MNIST, n = %d", cnn.Seeds, loss(feedback.FA).Seeds), Split("the network", Part{"worse than BP in the CNN", Above(cnn)}, Part{"worse in the bottleneck", Above(rddkit.EstimateOf(bottle))})}
}

// converges is T10 and T11: the slope of a layer's weight error over the batches, from
// so many on.
func converges(ctx context.Context, id string, c feedback.Convergence, layer, from int) (Finding, error) {
	curves, err := feedback.RunAll[*feedback.ConvergenceCurve](ctx, nil, feedback.WithSeeds(3, func(seed uint64) feedback.Convergence {
		c.Seed = seed
		return c
	})...)
	if err != nil {
		return Finding{}, err
	}
	var slopes, ends []float64
	for _, curve := range curves {
		errors := curve.WeightError(layer)
		slopes, ends = append(slopes, feedback.Slope(curve.Batches, errors, from)), append(ends, rddkit.Last(errors))
	}
	slope := rddkit.EstimateOf(slopes...)
	return Finding{id, fmt.Sprintf("relative weight error %s after %d batches; slope over batches %s, to be −0.5", rddkit.EstimateOf(ends...), c.Batches, slope.Signed()),
		fmt.Sprintf("random inputs, n = %d", len(curves)), Near(slope, -0.5, 0.1)}, nil
}

// angles is T12: of the lowest hidden layer, to the gradient.
func angles(runs []feedback.TrainingRun) Finding {
	end := func(a feedback.Algorithm) []float64 {
		return ofRuns(runs, []int{50, 20}, a, func(r feedback.TrainingRun) float64 { return rddkit.Last(r.Angles(0)) })
	}
	fa := end(feedback.FA)
	squares, gradient := paired(end(feedback.NPLeastSquares), fa), paired(end(feedback.NPGradient), fa)
	return Finding{"T12", fmt.Sprintf("angle to the gradient in the lowest layer, less FA's %s°: least squares %s, the talk's gradient rule %s", rddkit.EstimateOf(fa...), squares.Signed(), gradient.Signed()),
		fmt.Sprintf("MNIST, 784-50-20-10, 20,000 batches, n = %d", squares.Seeds), All("the rule", Below(squares), Below(gradient))}
}

// bottleneck is T13: losses after as many batches as all have.
func bottleneck(runs []feedback.TrainingRun) Finding {
	const batches = 3000
	loss := func(a feedback.Algorithm) float64 {
		return rddkit.EstimateOf(ofRuns(runs, []int{200, 2}, a, func(r feedback.TrainingRun) float64 { return at(r, batches, r.TestLoss) })...).Mean
	}
	fa, np, bp, adam := loss(feedback.FA), loss(feedback.NPGradient), loss(feedback.BP), loss(feedback.BPAdam)
	authors := feedback.AuthorsAutoencoder()
	text := fmt.Sprintf("loss after %d batches: FA %.1f, node perturbation %.1f, BP %.1f, Adam %.1f (the authors' stored ones, per batch of 32 after 30,000: %.0f, %.0f, %.0f, %.0f)",
		batches, fa, np, bp, adam, authors[feedback.FA].Mean, authors[feedback.NPGradient].Mean, authors[feedback.BP].Mean, authors[feedback.BPAdam].Mean)
	one := func(d float64) rddkit.Estimate { return rddkit.EstimateOf(d) }
	return Finding{"T13", text, "MNIST, a tenth of the batches, n = 1",
		Split("the part", Part{"FA behind BP", Above(one(fa - bp))}, Part{"NP ahead of BP", Below(one(np - bp))}, Part{"NP within 5 % of Adam", Near(one(np), adam, 0.05*adam)})}
}

// directly are the test accuracies of BP, node perturbation and DFA with direct
// feedback on a part of CIFAR-10, and the difference of two of them with the standard
// error of the test images.
func (s *stored) directly() (right []float64, less func(i, k int) rddkit.Estimate) {
	e := CIFAR(rddkit.Backpropagation)
	e.Epochs, e.TrainLimit, e.TestLimit = 3, 10_000, 2000
	for _, method := range []rddkit.Method{rddkit.Backpropagation, rddkit.DirectNodePerturbation, rddkit.DirectFeedbackAlignment} {
		e.Method = method
		right = append(right, 100-rddkit.Mean(s.of(e), rddkit.TestErrors.At(3)).Mean)
	}
	return right, func(i, k int) rddkit.Estimate {
		binomial := func(p float64) float64 { return p * (100 - p) / float64(e.TestLimit) }
		return rddkit.Estimate{Mean: right[i] - right[k], StandardError: math.Sqrt(binomial(right[i]) + binomial(right[k])), Seeds: 1}
	}
}

// direct is T14.
func (s *stored) direct() Finding {
	right, less := s.directly()
	top, low := less(0, 1), less(1, 2)
	return Finding{"T14", fmt.Sprintf("CIFAR-10: BP %.1f, NP %.1f, DFA %.1f %%; BP − NP %s, NP − DFA %s (± by the number of test images alone); CIFAR-100 is not run", right[0], right[1], right[2], top.Signed(), low.Signed()),
		"10,000 images, 3 epochs, 2,000 test images, n = 1", Split("the pair", Part{"BP above NP", Above(top)}, Part{"NP above DFA", Above(low)})}
}
