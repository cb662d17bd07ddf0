package report

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/spike"
)

// size is that of the simulations.
type size struct {
	seeds          int         // of networks that train
	starts         [][]float64 // of two neurons
	grid           []float64   // of weights, where the optimum is looked for
	learn, ten     float64     // s that two and ten neurons learn
	batches        int         // of the classifier
	rddTime        float64     // s before each epoch of networks that train
	images, epochs int         // of the network whose means are moved
	phases         int         // of RDD on its weights
	few, many      int         // images
}

// full is the notebooks' size, and that of the reader's intervention.
var full = size{seeds: 3, starts: gridOfStarts(6), grid: []float64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20}, learn: 500, ten: 200, batches: 3000, rddTime: 90, images: 1280, epochs: 8, phases: 6, few: 250, many: 2000}

// gridOfStarts are n × n weights of two neurons, from 3 to 18.
func gridOfStarts(n int) (starts [][]float64) {
	for k := range n * n {
		starts = append(starts, []float64{3 + 15*float64(k/n)/float64(n-1), 3 + 15*float64(k%n)/float64(n-1)})
	}
	return starts
}

var correlations = []float64{0.01, 0.5, correlated}

// special is item 3: when the special neuron of ten is found, by noise correlation.
func (r *recomputation) special(ctx context.Context) error {
	found := map[float64][2]string{0.01: {"18.7 ± 0.4", "80"}, correlated: {"11.9 ± 0.2", "120"}}
	for _, c := range []float64{0.01, correlated} {
		runs, err := learnTen(ctx, credit.LargerExample(c, credit.SpikeDiscontinuityRule(0.3)), r.ten)
		if err != nil {
			return err
		}
		r.add(3, fmt.Sprintf("special neuron after 60 s at c = %g, Hz", c), found[c][0], estimate(credit.RateAt(runs, 0, 60)))
		if first := credit.TimeToRate(runs, 0, 20); !math.IsInf(first, 1) {
			r.value(3, fmt.Sprintf("special neuron's mean rate is 20 Hz at c = %g after, s", c), found[c][1], first)
		}
	}
	return nil
}

// early is the simulated part of item 5: a classifier's accuracies after as many
// batches seen, the warm-up of least squares included.
func (r *recomputation) early(ctx context.Context) error {
	var experiments []feedback.Classifier
	for _, a := range []feedback.Algorithm{feedback.BP, feedback.NPLeastSquares, feedback.NPGradient, feedback.FA} {
		t := feedback.Training{Algorithm: a, Batches: r.batches}
		if a == feedback.NPLeastSquares {
			t.Batches = max(t.Batches-1000, 1) // its warm-up is the default
		}
		experiments = append(experiments, feedback.WithSeeds(3, func(seed uint64) feedback.Classifier {
			t.Seed = seed
			return feedback.Classifier{Training: t}
		})...)
	}
	curves, err := feedback.RunAll[*feedback.TrainingCurve](ctx, nil, experiments...)
	if err != nil {
		return err
	}
	of := func(a feedback.Algorithm) (accuracies []float64) {
		for _, c := range curves {
			if c.Algorithm == a {
				accuracies = append(accuracies, rddkit.Last(c.Accuracy))
			}
		}
		return accuracies
	}
	r.value(5, "batches of warm-up of least squares", "1,000", float64(curves[3].WarmUp))
	seen := fmt.Sprintf(", test accuracy after %d batches seen, fashion-mnist-10k, ", r.batches)
	r.add(5, "BP"+seen+"%", "", rddkit.EstimateOf(of(feedback.BP)...))
	r.add(5, "least squares, its warm-up counted"+seen+"%", "", rddkit.EstimateOf(of(feedback.NPLeastSquares)...))
	for _, a := range []struct {
		name      string
		algorithm feedback.Algorithm
		found     [2]string
	}{{"the talk's gradient rule", feedback.NPGradient, [2]string{"55", "62"}}, {"FA", feedback.FA, [2]string{"52", "59"}}} {
		r.value(5, a.name+seen+"lowest of three seeds, %", a.found[0], slices.Min(of(a.algorithm)))
		r.value(5, a.name+seen+"highest of three seeds, %", a.found[1], slices.Max(of(a.algorithm)))
	}
	return nil
}

// means is item 8: RDD on the weights of FC1 before and after training, on the latter
// without each neuron's mean incoming weight, and on the first with it.
func (r *recomputation) means(ctx context.Context) error {
	values := make([][]float64, 4)
	for seed := range uint64(r.seeds) {
		start, trained, err := r.beforeAndAfter(ctx, seed)
		if err != nil {
			return err
		}
		for i, l := range []align.Layer{start, trained, align.AddMeans(trained, trained, -1), align.AddMeans(start, trained, 1)} {
			random, err := align.Random(seed, l.In, l.Out)
			if err != nil {
				return err
			}
			l.Feedback = random[0].Feedback
			reached, err := align.Reach(ctx, l, align.RDDOptions{Time: 30, Seed: seed}, r.phases)
			if err != nil {
				return err
			}
			values[i] = append(values[i], reached.SignAlignment)
		}
	}
	for i, what := range []struct{ name, found string }{{"at the start", "69.95"}, {"after training", "65.1"}, {"after training, means removed", "70.2"}, {"at the start, trained means added", "63.7"}} {
		r.add(8, "sign alignment of FC1, weights "+what.name+", %", what.found, rddkit.EstimateOf(values[i]...))
	}
	return nil
}

// beforeAndAfter are the weights of FC1 that a seed starts with, and those after training.
func (r *recomputation) beforeAndAfter(ctx context.Context, seed uint64) (start, trained align.Layer, err error) {
	e := rddkit.Experiment{BatchSize: 8, TrainLimit: r.images, TestLimit: 100, Epochs: r.epochs, RDDTime: r.rddTime, Seed: seed}
	still := e
	still.Epochs, still.TrainEpochs, still.TrainLimit, still.TestLimit, still.RDDTime = 1, rddkit.None, 16, 1, 0.003
	layers := make([]align.Layer, 2)
	for i, e := range []rddkit.Experiment{still, e} {
		record, err := (&rddkit.Runner{}).Run(ctx, e)
		if err != nil {
			return start, trained, err
		}
		w, err := record.Weights(1)
		if err != nil {
			return start, trained, err
		}
		layers[i] = align.Layer{In: w.In, Out: w.Out, Forward: w.Forward, Feedback: w.Feedback}
	}
	return layers[0], layers[1], nil
}

// optimum is where the two neurons' mean cost is least.
func (r *recomputation) optimum(ctx context.Context, c float64) ([]float64, error) {
	field, err := credit.UpdateField{Population: credit.LearnPair(c, credit.TrueEffectOracle()).Population, Weights: r.grid, Repeats: 4}.Run(ctx, nil)
	if err != nil {
		return nil, err
	}
	return field.Optimum[:], nil
}

// distances is item 9: how far from the optimum two neurons end, by pairs of rules from
// the same starts.
func (r *recomputation) distances(ctx context.Context) error {
	talk := map[float64][2]string{0.01: {"0.85", "1.65"}, 0.5: {"1.18", "2.13"}, correlated: {"1.55", "2.45"}}
	for _, c := range correlations {
		optimum, err := r.optimum(ctx, c)
		if err != nil {
			return err
		}
		ends := func(rule credit.Rule) []float64 {
			l := credit.LearnPair(c, rule)
			l.Seconds = r.learn
			var runs []*credit.Trajectory
			if err == nil {
				runs, err = l.LearnFrom(ctx, r.starts, nil)
			}
			return credit.Distances(runs, optimum, -1)
		}
		narrow, wide := ends(credit.PublishedRule(0.1)), ends(credit.PublishedNaiveRule())
		at := fmt.Sprintf("c = %g, distance to the optimum at the end, ", c)
		r.add(9, at+"published rule, window 0.1", talk[c][0], rddkit.EstimateOf(narrow...))
		r.add(9, at+"published rule, window 1", talk[c][1], rddkit.EstimateOf(wide...))
		r.add(9, at+"window 0.1 less window 1, paired over starts", "", rddkit.PairedValues(narrow, wide))
		if c == correlated {
			lines, naive := ends(credit.Rule{Kind: credit.LinearMeansRule, Window: 0.3}), ends(credit.ObservedDependenceRule())
			r.add(9, at+"discontinuity by lines, window 0.3", "1.5", rddkit.EstimateOf(lines...))
			r.add(9, at+"observed dependence", "2.1", rddkit.EstimateOf(naive...))
			r.add(9, at+"lines less observed dependence, paired over starts", "−0.63 ± 0.48", rddkit.PairedValues(lines, naive))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// optima is of item 11: where the optimum is.
func (r *recomputation) optima(ctx context.Context) error {
	for _, c := range correlations {
		optimum, err := r.optimum(ctx, c)
		if err != nil {
			return err
		}
		r.value(11, fmt.Sprintf("c = %g, first weight of the optimum", c), "11.7 to 11.9", optimum[0])
		r.value(11, fmt.Sprintf("c = %g, second weight of the optimum", c), "10 to 10.2", optimum[1])
	}
	return nil
}

// control is of item 11: where a control neuron ends, and what windows do.
func (r *recomputation) control(ctx context.Context) error {
	learn := func(c, window float64) ([]*credit.Trajectory, error) {
		return learnTen(ctx, credit.BrainComputerInterface(c, credit.SpikeDiscontinuityRule(window)), r.ten)
	}
	for _, c := range correlations {
		runs, err := learn(c, 0.1)
		if err != nil {
			return err
		}
		r.add(11, fmt.Sprintf("control neuron in the end at c = %g, Hz", c), "20.2 to 20.4", estimate(credit.RateAt(runs, 0, r.ten)))
	}
	for _, window := range []float64{0.02, 0.05, 0.1, 0.3} {
		runs, err := learn(correlated, window)
		if err != nil {
			return err
		}
		r.add(11, fmt.Sprintf("a neuron without effect after 60 s at c = %g, window %g, Hz", correlated, window), "", estimate(credit.RateAt(runs, 1, 60)))
	}
	return nil
}

// numberOfImages is of item 11: sign alignment as the number of images varies.
func (r *recomputation) numberOfImages(ctx context.Context) error {
	for _, method := range []rddkit.Method{rddkit.RDD, rddkit.FeedbackAlignment} {
		var of [2][]*rddkit.Record
		for i, images := range []int{r.few, r.many} {
			e := rddkit.Experiment{Method: method, Drive: spike.Fresh, RDDTime: r.rddTime, Epochs: 3, BatchSize: 32, TrainLimit: images, TestLimit: 1000}
			records, err := (&rddkit.Runner{}).Sweep(ctx, rddkit.Seeds(2, e)...)
			if err != nil {
				return err
			}
			of[i] = records
		}
		for _, layer := range []int{1, 3} {
			r.add(11, fmt.Sprintf("sign alignment of %s with %s, %d images less %d, points", layerName(layer), method, r.many, r.few), "", rddkit.Paired(of[1], of[0], rddkit.Signs(layer).At(-1)))
		}
	}
	return nil
}
