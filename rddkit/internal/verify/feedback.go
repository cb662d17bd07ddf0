package verify

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// The numbers on learning feedback weights are means over three to five seeds of
// runs whose noise is not recorded, each with its standard deviation. A number
// here is compared by Student's t, with the standard deviations of both sides
// pooled; a row's deviation is −log10 of the smallest probability among its
// numbers. Some 700 numbers are compared, so that were all independent, a build
// that is right would exceed feedbackP with a probability of 0.7 %. Seeds are
// fixed: a build that passes once always does.
//
// What was recorded on MNIST is compared where that data set is on the disk, up
// to the numbers of batches below; the recorded runs are longer.
const (
	feedbackP = 5

	smallRuns, smallBatches             = 8, 3000
	mnistRuns, mnistBatches             = 4, 1000
	classifierRuns, classifierBatches   = 6, 2000
	autoencoderRuns, autoencoderBatches = 4, 1000
)

// smallNetworks are the settings of the small networks by their names in the
// file.
func smallNetworks() map[string]feedback.Convergence {
	settings := map[string]feedback.Convergence{}
	for _, name := range []string{
		"linear_30-20-20-20_0.01", "linear_30-20-20-20_0.1", "linear_30-20-20-20_1", "sigmoid_30-20-20-20_0.01",
		"linear_30-20-20-10_0.01", "linear_30-20-20-10_0.1", "linear_30-20-20-10_1",
		"sigmoid_30-20-20-10_0.01", "sigmoid_30-20-20-10_0.1", "sigmoid_30-20-20-10_1",
		"linear_30-20-20-20_0.01_batchsum", "linear_10-8-6-8_0.01", "linear_10-8-6-8_1", "linear_10-8-6-8_0.01_reset1000",
		"linear_10-6-5-10_0.01", "linear_10-6-5-10_1", "linear_10-6-5-10_0.01_reset1000",
	} {
		parts := strings.Split(name, "_")
		c := convergence(parts[0], parts[2])
		for _, size := range strings.Split(parts[1], "-") {
			n, _ := strconv.Atoi(size) // a constant above
			c.Sizes = append(c.Sizes, n)
		}
		if len(parts) > 3 {
			c.BatchSummed = parts[3] == "batchsum"
			if parts[3] == "reset1000" {
				c.Learner.Restart = 1000
			}
		}
		settings[name] = c
	}
	return settings
}

func convergence(activation, noise string) feedback.Convergence {
	sigma, _ := strconv.ParseFloat(noise, 64) // a constant of the callers
	c := feedback.Convergence{Learner: align.PerturbationOptions{Noise: sigma}}
	if activation == "sigmoid" {
		c.Activation = nn.Sigmoid
	}
	return c
}

func replayFeedback(ctx context.Context, c *comparison, dir string) error {
	r, err := readRecorded(dir, "feedback_learning.json")
	if err != nil {
		return err
	}
	settings := smallNetworks()
	for _, name := range sorted(settings) {
		if err := r.smallNetwork(ctx, c, name, settings[name], smallRuns, smallBatches); err != nil {
			return err
		}
	}
	if missing, err := dataset.Missing("mnist", ""); err != nil || len(missing) > 0 {
		return err
	}
	for _, activation := range []string{"linear", "sigmoid"} {
		for _, noise := range []string{"0.001", "0.01", "0.1", "1"} {
			if err := r.fixedWeights(ctx, c, activation, noise); err != nil {
				return err
			}
		}
	}
	for _, method := range []string{"bp", "fa", "np_ls_0.01", "np_ls_0.1", "np_sgd_0.05", "np_direct_lr4e-4", "np_direct_lr4e-5"} {
		if err := r.classifier(ctx, c, method); err != nil {
			return err
		}
	}
	for _, method := range []string{"np_0.0001", "bp_0.0001", "fa_0.0001", "adam_0.000141"} {
		if err := r.autoencoder(ctx, c, method); err != nil {
			return err
		}
	}
	return nil
}

func sorted[T any](m map[string]T) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// improbable follows the smallest probability of a row's numbers.
type improbable struct{ logP float64 }

// against compares our runs with a recorded mean and standard deviation over
// runs. What either side lacks is as bad as can be.
func (w *improbable) against(ours []float64, mean, sd, runs float64) {
	m, s := stat.MeanStdDev(ours, nil)
	n := float64(len(ours))
	freedom := n + runs - 2
	pooled := math.Sqrt((float64((n-1)*s*s) + float64((runs-1)*sd*sd)) / freedom)
	t := math.Abs(m-mean) / (pooled * math.Sqrt(1/n+1/runs))
	logP := -math.Log10(2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.CDF(-t))
	if math.IsNaN(logP) {
		logP = math.Inf(1)
	}
	w.logP = max(w.logP, logP)
}

func (c *comparison) probability(quantity string, w improbable) {
	c.add(quantity, "-log10 of the smallest p", w.logP, feedbackP)
}

// column returns value(run) at the point of every run that was recorded after so
// many batches.
func column[T any](runs []T, batches func(T) []int, values func(T) []float64, after float64) []float64 {
	var list []float64
	for _, run := range runs {
		if at := slices.Index(batches(run), int(after)); at >= 0 {
			list = append(list, values(run)[at])
		}
	}
	return list
}

func convergences(ctx context.Context, c feedback.Convergence, runs, batches int) ([]*feedback.ConvergenceCurve, error) {
	c.Batches = batches
	return feedback.Sweep[*feedback.ConvergenceCurve](ctx, nil, feedback.Seeds(runs, func(seed uint64) feedback.Convergence {
		c.Seed = seed
		return c
	})...)
}

// smallNetwork compares weight errors and angles of both hidden layers. The
// file says "3-5 seeds"; 3 is the cautious reading.
func (r recorded) smallNetwork(ctx context.Context, c *comparison, name string, setting feedback.Convergence, runs, batches int) error {
	const recordedRuns = 3
	curves, err := convergences(ctx, setting, runs, batches)
	if err != nil {
		return err
	}
	at := "fixed_weights_small." + name
	for k, quantity := range []struct {
		name   string
		values func(*feedback.ConvergenceCurve) []float64
	}{
		{"weight error, top", func(c *feedback.ConvergenceCurve) []float64 { return c.WeightError(1) }},
		{"weight error, first", func(c *feedback.ConvergenceCurve) []float64 { return c.WeightError(0) }},
		{"angle, top", func(c *feedback.ConvergenceCurve) []float64 { return c.Angle(1) }},
		{"angle, first", func(c *feedback.ConvergenceCurve) []float64 { return c.Angle(0) }},
	} {
		var w improbable
		for i, after := range r.list("fixed_weights_small.rec") {
			if int(after) > batches {
				break
			}
			w.against(column(curves, batchesOfConvergence, quantity.values, after),
				r.at(fmt.Sprintf("%s.mean.%d.%d", at, i, k)), r.at(fmt.Sprintf("%s.sd.%d.%d", at, i, k)), recordedRuns)
		}
		c.probability(name+" "+quantity.name, w)
	}
	return nil
}

func batchesOfConvergence(c *feedback.ConvergenceCurve) []int { return c.Batches }

// fixedWeights compares the network 784-50-20-10 on MNIST.
func (r recorded) fixedWeights(ctx context.Context, c *comparison, activation, noise string) error {
	setting := convergence(activation, noise)
	setting.Sizes, setting.Dataset = []int{784, 50, 20, 10}, "mnist"
	curves, err := convergences(ctx, setting, mnistRuns, mnistBatches)
	if err != nil {
		return err
	}
	const recordedRuns = 3
	at := "fixed_weights_784_50_20_10." + activation + "_" + noise
	for _, quantity := range []struct {
		name   string
		values func(*feedback.ConvergenceCurve) []float64
	}{
		{"err2_nobias", func(c *feedback.ConvergenceCurve) []float64 { return c.WeightError(1) }},
		{"err1_nobias", func(c *feedback.ConvergenceCurve) []float64 { return c.WeightError(0) }},
		{"ang2", func(c *feedback.ConvergenceCurve) []float64 { return c.Angle(1) }},
		{"ang1_total", func(c *feedback.ConvergenceCurve) []float64 { return c.Angle(0) }},
	} {
		var w improbable
		for i, after := range r.list("fixed_weights_784_50_20_10.rec_batches") {
			if after > mnistBatches {
				break
			}
			w.against(column(curves, batchesOfConvergence, quantity.values, after),
				r.at(fmt.Sprintf("%s.%s.%d.0", at, quantity.name, i)), r.at(fmt.Sprintf("%s.%s.%d.1", at, quantity.name, i)), recordedRuns)
		}
		c.probability(fmt.Sprintf("784-50-20-10 %s %s %s", activation, noise, quantity.name), w)
	}
	return nil
}

func trainings(ctx context.Context, train func(seed uint64) feedback.Runner[*feedback.TrainingCurve], runs int) ([]*feedback.TrainingCurve, error) {
	return feedback.Sweep[*feedback.TrainingCurve](ctx, nil, feedback.Seeds(runs, train)...)
}

// classifier compares accuracy, angles and weight errors. The losses in the file
// are not compared: it does not say over which images they are taken.
func (r recorded) classifier(ctx context.Context, c *comparison, name string) error {
	recordedRuns := 5.0
	training := feedback.Training{Dataset: "mnist", Batches: classifierBatches, Records: []int{312, 1000}}
	switch {
	case name == "np_ls_0.1":
		training.Method, training.Noise = feedback.LeastSquares, 0.1
	case name == "np_ls_0.01":
		training.Method = feedback.LeastSquares
	case name == "np_sgd_0.05":
		training.Method = feedback.Gradient
	case strings.HasPrefix(name, "np_direct"):
		recordedRuns = 3
		training.Method = feedback.Reinforcement
		if name == "np_direct_lr4e-5" {
			training.LearningRate = 4e-5
		}
	default:
		training.Method = feedback.Method(name)
	}
	curves, err := trainings(ctx, func(seed uint64) feedback.Runner[*feedback.TrainingCurve] {
		now := feedback.Classifier{Training: training}
		now.Seed = seed
		return now
	}, classifierRuns)
	if err != nil {
		return err
	}
	at := "classifier_784_50_20_10." + name + "."
	layer := func(l int, of func(feedback.Symmetry) float64) func(*feedback.TrainingCurve) []float64 {
		return func(c *feedback.TrainingCurve) (values []float64) {
			if c.Layers != nil {
				for _, s := range c.Layers[l] {
					values = append(values, of(s))
				}
			}
			return values
		}
	}
	angle := func(s feedback.Symmetry) float64 { return s.Angle }
	weightError := func(s feedback.Symmetry) float64 { return s.WeightError }
	var w improbable
	for _, quantity := range []struct {
		name   string
		scale  float64
		values func(*feedback.TrainingCurve) []float64
	}{
		{"acc", 100, func(c *feedback.TrainingCurve) []float64 { return c.Accuracy }},
		{"ang2", 1, layer(1, angle)}, {"ang1", 1, layer(0, angle)}, {"err2", 1, layer(1, weightError)}, {"err1", 1, layer(0, weightError)},
	} {
		for i, after := range r.list("classifier_784_50_20_10.rec_batches") {
			path := fmt.Sprintf("%s%s.%d.", at, quantity.name, i)
			if _, there := r[path+"0"]; after > classifierBatches || !there && quantity.name != "acc" {
				continue
			}
			w.against(column(curves, batchesOfTraining, quantity.values, after),
				quantity.scale*r.at(path+"0"), quantity.scale*r.at(path+"1"), recordedRuns)
		}
	}
	c.probability("classifier "+name, w)
	return nil
}

func batchesOfTraining(c *feedback.TrainingCurve) []int { return c.Batches }

// autoencoder compares test losses.
func (r recorded) autoencoder(ctx context.Context, c *comparison, name string) error {
	method, ok := map[string]feedback.Method{
		"np_0.0001": feedback.Gradient, "bp_0.0001": feedback.Backpropagation, "fa_0.0001": feedback.FeedbackAlignment, "adam_0.000141": feedback.Adam,
	}[name]
	at := "autoencoder_784_200_2_200_784." + name
	if _, there := r[at+".n"]; !ok || !there {
		return invalid.New("feedback_learning.json", at, "a recorded method")
	}
	curves, err := trainings(ctx, func(seed uint64) feedback.Runner[*feedback.TrainingCurve] {
		return feedback.Autoencoder{Training: feedback.Training{Dataset: "mnist", Method: method, Batches: autoencoderBatches, Seed: seed}}
	}, autoencoderRuns)
	if err != nil {
		return err
	}
	var w improbable
	for i, after := range r.list(at + ".it") {
		if after > autoencoderBatches {
			break
		}
		w.against(column(curves, batchesOfTraining, func(c *feedback.TrainingCurve) []float64 { return c.TestLoss }, after),
			r.at(fmt.Sprintf("%s.test_loss_mean.%d", at, i)), r.at(fmt.Sprintf("%s.test_loss_sd.%d", at, i)), r.at(at+".n"))
	}
	c.probability("autoencoder "+name, w)
	return nil
}
