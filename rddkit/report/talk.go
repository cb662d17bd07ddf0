package report

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/feedback"
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
		first, end := rddkit.PairedValues(early, naiveEarly), rddkit.PairedValues(late, naiveLate)
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
		fmt.Sprintf("ten neurons, c = %g, n = %d", correlated, runsOfTen), All("the measure", Above(jump), Above(rddkit.PairedValues(found[0], found[1])))}, nil
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
	small, smallErr := feedback.Stored("classifier", 50, 20)
	wide, wideErr := feedback.Stored("classifier", 512, 200)
	bottle, bottleErr := feedback.Stored("autoencoder", 200, 2)
	if err := errors.Join(smallErr, wideErr, bottleErr); err != nil {
		return nil, err
	}
	var s stored
	findings := []Finding{reinforce(small, wide), s.alignmentAlone(bottle)}
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
	findings = append(findings, angles(small), bottleneck(bottle), s.direct())
	return findings, s.err
}

// reinforce is T8: how far learning by perturbation alone is behind backpropagation,
// in networks of two sizes.
func reinforce(small, wide []*feedback.TrainingCurve) Finding {
	behind := func(runs []*feedback.TrainingCurve, batches int) rddkit.Estimate {
		return feedback.Paired(runs, feedback.BP, feedback.Reinforcement, feedback.Accuracy.At(batches))
	}
	few, many := behind(small, 3120), behind(wide, 4000)
	grows := rddkit.Estimate{Mean: many.Mean - few.Mean, StandardError: math.Hypot(many.StandardError, few.StandardError), Seeds: many.Seeds}
	return Finding{"T8", fmt.Sprintf("accuracy of BP less that of perturbation alone: %s points with 50-20 neurons (3,120 batches), %s with 512-200 (4,000)", few, many),
		fmt.Sprintf("MNIST, n = %d and %d", few.Seeds, many.Seeds), Above(grows)}
}

// alignmentAlone is T9.
func (s *stored) alignmentAlone(runs []*feedback.TrainingCurve) Finding {
	fa, bp := s.of(CIFAR(rddkit.FeedbackAlignment)), s.of(CIFAR(rddkit.Backpropagation))
	epoch, batches := Common(fa, bp), feedback.Common(runs, feedback.FA, feedback.BP)
	cnn := rddkit.Paired(fa, bp, rddkit.TestErrors.At(epoch))
	bottle := feedback.Paired(runs, feedback.FA, feedback.BP, feedback.TestLoss.At(batches))
	return Finding{"T9", fmt.Sprintf("FA less BP: CNN's test error %s points after %d epochs; autoencoder's loss %s after %d batches", cnn.Signed(), epoch, bottle.Signed(), batches),
		fmt.Sprintf("CIFAR-10, n = %d; MNIST, n = %d", cnn.Seeds, bottle.Seeds), Split("the network", Part{"worse than BP in the CNN", Above(cnn)}, Part{"worse in the bottleneck", Above(bottle)})}
}

// converges is T10 and T11: the slope of a layer's weight error over the batches, from
// so many on.
func converges(ctx context.Context, id string, c feedback.Convergence, layer, from int) (Finding, error) {
	curves, err := c.RunSeeds(ctx, 3)
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
func angles(runs []*feedback.TrainingCurve) Finding {
	batches := feedback.Common(runs)
	end := feedback.Arriving(0).At(batches)
	squares, gradient := feedback.Paired(runs, feedback.NPLeastSquares, feedback.FA, end), feedback.Paired(runs, feedback.NPGradient, feedback.FA, end)
	return Finding{"T12", fmt.Sprintf("angle to the gradient in the lowest layer, less FA's %s°: least squares %s, the talk's gradient rule %s", feedback.Over(runs, feedback.FA, end), squares.Signed(), gradient.Signed()),
		fmt.Sprintf("MNIST, 784-50-20-10, %d batches, n = %d", batches, squares.Seeds), All("the rule", Below(squares), Below(gradient))}
}

// bottleneck is T13: the least losses per image, as the authors give them, of as many
// batches as all runs have, each difference over the seeds.
func bottleneck(runs []*feedback.TrainingCurve) Finding {
	batches := feedback.Common(runs)
	loss := feedback.LeastLoss.At(batches)
	text := fmt.Sprintf("least loss per image in %d batches (in brackets the authors', per batch of 32, divided by 32):", batches)
	for _, a := range []feedback.Algorithm{feedback.FA, feedback.NPGradient, feedback.BP, feedback.BPAdam} {
		text += fmt.Sprintf(" %s %s (%.1f),", a, feedback.Over(runs, a, loss), feedback.AuthorsAutoencoder()[a].Mean/feedback.BatchSize)
	}
	adam := feedback.Over(runs, feedback.BPAdam, loss).Mean
	behind := feedback.Paired(runs, feedback.NPGradient, feedback.BPAdam, loss)
	return Finding{"T13", strings.TrimSuffix(text, ","), fmt.Sprintf("MNIST, the first 10,000 images, %d batches, n = %d", batches, behind.Seeds), Split("the part",
		Part{"FA behind BP", Above(feedback.Paired(runs, feedback.FA, feedback.BP, loss))},
		Part{"NP ahead of BP", Below(feedback.Paired(runs, feedback.NPGradient, feedback.BP, loss))},
		Part{"NP within 5 % of Adam", Near(behind, 0, 0.05*adam)})}
}

// DirectFeedback is the experiment of T14 at our scale.
func DirectFeedback(method rddkit.Method) rddkit.Experiment {
	e := CIFAR(method)
	e.TrainLimit, e.TestLimit = 10_000, 2000
	return e
}

// direct is T14: differences over the seeds, after as many epochs as all have.
func (s *stored) direct() Finding {
	bp, np, dfa := s.of(DirectFeedback(rddkit.Backpropagation)), s.of(DirectFeedback(rddkit.DirectNodePerturbation)), s.of(DirectFeedback(rddkit.DirectFeedbackAlignment))
	epochs := Common(bp, np, dfa)
	after := rddkit.TestErrors.At(epochs)
	top, low := rddkit.Paired(np, bp, after), rddkit.Paired(dfa, np, after)
	return Finding{"T14", fmt.Sprintf("CIFAR-10, test error: BP %s, NP %s, DFA %s %%; NP − BP %s, DFA − NP %s; CIFAR-100 is not run", rddkit.Mean(bp, after), rddkit.Mean(np, after), rddkit.Mean(dfa, after), top.Signed(), low.Signed()),
		fmt.Sprintf("10,000 images, %d epochs, 2,000 test images, n = %d", epochs, low.Seeds), Split("the pair", Part{"BP above NP", Above(top)}, Part{"NP above DFA", Above(low)})}
}
