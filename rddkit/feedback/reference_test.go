package feedback_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/internal/reference"
	"github.com/weightalign/lab/rddkit/nn"
)

// The recorded numbers are means over three to five seeds of runs whose noise is
// not recorded, each with its standard deviation. A number is compared by
// Student's t, with the standard deviations of both sides pooled; a row's
// deviation is −log10 of the smallest probability among its numbers. Some 700
// numbers are compared, so that were all independent, a build that is right
// would exceed pTolerance with a probability of 0.7 %. Seeds are fixed: a build
// that passes once always does.
const pTolerance = 5

// Learning feedback weights by node perturbation. What was recorded on MNIST is
// compared where that data set is on the disk. The recorded runs are longer than
// those here.
func TestReferenceFeedbackLearning(t *testing.T) {
	reference.Replay(t, "feedback_learning", func(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
		r := open(f, rows, sizes{
			small: 8, smallBatches: 3000, mnist: 4, mnistBatches: 1000,
			classifier: 6, classifierBatches: 2000, autoencoder: 4, autoencoderBatches: 1000,
		})
		if reference.Whole() {
			r.all(t)
			return
		}
		t.Log("some of the small networks are replayed over 300 batches; -run Reference replays all")
		r.size = sizes{small: 6, smallBatches: 300}
		for k, name := range r.Names("fixed_weights_small", ".mean.0.0") {
			if k%5 == 0 {
				r.small(t, name, settingOf(t, name))
			}
		}
	})
}

// What another noise, one loss change for a whole batch, or a file that lacks a
// number would give must be noticed.
func TestReferenceFeedbackLearningNotices(t *testing.T) {
	const name = "linear_10-8-6-8_0.01"
	var rows reference.Rows
	r := open(reference.Open(t, "testdata/feedback_learning/feedback_learning.json"), &rows, sizes{small: 6, smallBatches: 300})
	r.small(t, name, settingOf(t, "linear_30-20-20-20_0.01_batchsum"))
	if !slices.ContainsFunc(rows.Beyond(), func(r reference.Row) bool { return r.Quantity == name+" angle2_deg" }) {
		t.Error("another network passes")
	}
	rows = reference.Rows{}
	against(&rows, "a missing number", []float64{1, 2, 3}, math.NaN(), 1, 3)
	against(&rows, "a missing run", nil, 1, 1, 3)
	if len(rows.Beyond()) != 2 {
		t.Errorf("only these are noticed: %v", rows.Beyond())
	}
}

// recorded is a fixture, and how much of it is replayed.
type recorded struct {
	*reference.Numbers
	columns []string // of fixed_weights_small
	rows    *reference.Rows
	size    sizes
}

func open(f *reference.Fixture, rows *reference.Rows, size sizes) *recorded {
	var file struct {
		Small struct{ Cols []string } `json:"fixed_weights_small"`
	}
	f.JSON(&file)
	return &recorded{f.Numbers(), file.Small.Cols, rows, size}
}

// sizes are the numbers of our runs, and of the batches up to which they go.
type sizes struct {
	small, smallBatches, mnist, mnistBatches                       int
	classifier, classifierBatches, autoencoder, autoencoderBatches int
}

// all compares everything.
func (r *recorded) all(t *testing.T) {
	for _, name := range r.Names("fixed_weights_small", ".mean.0.0") {
		r.small(t, name, settingOf(t, name))
	}
	if missing, err := dataset.Missing("mnist", ""); err != nil || len(missing) > 0 {
		t.Logf("what was recorded on MNIST is not replayed: it is not here (rdd data fetch mnist); %v", err)
		return
	}
	var but []string
	for _, section := range r.Names("", ".rec_batches.0") {
		kind, layers, _ := strings.Cut(section, "_784_")
		switch kind {
		case "fixed_weights":
			for _, name := range r.Names(section, ".ang2.0.0") {
				r.fixedWeights(t, section, name, layerSizes(t, "784_"+layers, "_"))
			}
		case "classifier":
			sizes := layerSizes(t, layers, "_")
			if sizes[0] > 100 { // its rates and warm-up are not in the file
				t.Logf("%s is not replayed: the file lacks its settings", section)
				but = append(but, regexp.QuoteMeta(section)+`\..*`)
				continue
			}
			for _, name := range r.Names(section, ".acc.0.0") {
				r.classifier(t, section, name, sizes)
			}
		default:
			t.Errorf("%s is of no known kind", section)
		}
	}
	for _, path := range r.Names("", ".test_loss_mean.0") {
		r.autoencoder(t, path)
	}
	r.MustBeRead(t, append(but, `published\..*`, `noisy_vs_clean_.*`, `autoencoder_reference_losses\..*`, // facts about the runs
		`autoencoder_.*\.(long\..*|angles_.*|.*_single_seed\..*)`, `classifier_.*\.(loss|ang1_local)`, // not all is said of them
		`fixed_weights_.*\.(err1|err2|ang1_local|sgn1|sgn2|batch)`)...) // with the bias, which is not learned here
}

func layerSizes(t *testing.T, text, separator string) (sizes []int) {
	t.Helper()
	for _, digits := range strings.Split(text, separator) {
		n, err := strconv.Atoi(digits)
		if err != nil {
			t.Fatalf("sizes %s: %v", text, err)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// settingOf returns the setting that the file calls e.g.
// "linear_10-8-6-8_0.01_reset1000".
func settingOf(t *testing.T, name string) feedback.Convergence {
	t.Helper()
	parts := strings.Split(name, "_")
	if len(parts) < 3 {
		t.Fatalf("setting %s: want activation, sizes, noise", name)
	}
	c := activated(t, parts[0], parts[2])
	c.Sizes = layerSizes(t, parts[1], "-")
	for _, option := range parts[3:] {
		_, err := fmt.Sscanf(option, "reset%d", &c.Learner.Restart)
		c.BatchSummed = option == "batchsum"
		if err != nil && !c.BatchSummed {
			t.Fatalf("setting %s: option %s is not known", name, option)
		}
	}
	return c
}

func activated(t *testing.T, activation, noise string) feedback.Convergence {
	t.Helper()
	sigma, err := strconv.ParseFloat(noise, 64)
	if err != nil {
		t.Fatal(err)
	}
	c := feedback.Convergence{Learner: align.PerturbationOptions{Noise: sigma}}
	switch activation {
	case "linear":
	case "sigmoid":
		c.Activation = nn.Sigmoid
	default:
		t.Fatalf("activation %s is not known", activation)
	}
	return c
}

// against adds −log10 of the probability that our runs' mean is as far from a
// recorded mean with its standard deviation over runs. What either side lacks
// is NaN, which no tolerance allows.
func against(rows *reference.Rows, quantity string, ours []float64, mean, sd, runs float64) {
	m, s := stat.MeanStdDev(ours, nil)
	n := float64(len(ours))
	freedom := n + runs - 2
	pooled := math.Sqrt((float64((n-1)*s*s) + float64((runs-1)*sd*sd)) / freedom)
	at := math.Abs(m-mean) / (pooled * math.Sqrt(1/n+1/runs))
	p := 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.CDF(-at)
	rows.Add(quantity, "-log10 of the smallest p", -math.Log10(p), pTolerance)
}

// curve is what was found of one run after so many batches.
type curve struct {
	batches        []int
	layers         [][]feedback.Symmetry // [hidden layer, from the lowest][point]
	accuracy, loss []float64
}

// of returns what the file calls e.g. "err_B2", "err2_nobias", "angle1_total_deg"
// or "ang2" (the digit is the hidden layer), "acc" or "test_loss_mean".
func (c curve) of(name string) (values []float64) {
	switch {
	case name == "acc":
		for _, percent := range c.accuracy {
			values = append(values, percent/100)
		}
		return values
	case name == "test_loss_mean":
		return c.loss
	}
	layer := int(name[strings.IndexAny(name, "123456789")]-'0') - 1
	for _, s := range c.layers[layer] {
		if strings.HasPrefix(name, "err") {
			values = append(values, s.WeightError)
		} else {
			values = append(values, s.Angle)
		}
	}
	return values
}

// after returns a quantity of every run after so many batches.
func after(curves []curve, name string, batches float64) (values []float64) {
	for _, c := range curves {
		if at := slices.Index(c.batches, int(batches)); at >= 0 {
			values = append(values, c.of(name)[at])
		}
	}
	return values
}

func sweep[T any](t *testing.T, runs int, as func(T) curve, with func(seed uint64) feedback.Runnable[T]) (curves []curve) {
	t.Helper()
	found, err := feedback.RunAll[T](t.Context(), nil, feedback.WithSeeds(runs, with)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range found {
		curves = append(curves, as(c))
	}
	return curves
}

func trainings(t *testing.T, runs int, with func(seed uint64) feedback.Runnable[*feedback.TrainingCurve]) []curve {
	t.Helper()
	return sweep(t, runs, func(c *feedback.TrainingCurve) curve { return curve{c.Batches, c.Layers, c.Accuracy, c.TestLoss} }, with)
}

func convergences(t *testing.T, c feedback.Convergence, runs, batches int) []curve {
	t.Helper()
	c.Batches = batches
	return sweep(t, runs, func(c *feedback.ConvergenceCurve) curve { return curve{c.Batches, c.Layers, nil, nil} },
		func(seed uint64) feedback.Runnable[*feedback.ConvergenceCurve] {
			c.Seed = seed
			return c
		})
}

// recordedRuns is how many runs are behind a number where the file does not say
// it for each: "3 seeds", or "3-5 seeds", of which 3 is the cautious reading.
const recordedRuns = 3

// small compares weight errors and angles of a small network.
func (r *recorded) small(t *testing.T, name string, setting feedback.Convergence) {
	curves := convergences(t, setting, r.size.small, r.size.smallBatches)
	for k, quantity := range r.columns {
		for i, batches := range r.upTo("fixed_weights_small.rec", r.size.smallBatches) {
			at := "fixed_weights_small." + name
			against(r.rows, name+" "+quantity, after(curves, quantity, batches), r.At("%s.mean.%d.%d", at, i, k), r.At("%s.sd.%d.%d", at, i, k), recordedRuns)
		}
	}
}

// upTo returns the numbers of batches in a list that are not above a limit.
func (r *recorded) upTo(path string, limit int) []float64 {
	return slices.DeleteFunc(r.List(path), func(batches float64) bool { return batches > float64(limit) })
}

// fixedWeights compares a network on MNIST, a setting called e.g.
// "sigmoid_0.01".
func (r *recorded) fixedWeights(t *testing.T, section, name string, layers []int) {
	activation, noise, _ := strings.Cut(name, "_")
	setting := activated(t, activation, noise)
	setting.Sizes, setting.Dataset = layers, "mnist"
	r.compare(section, name, convergences(t, setting, r.size.mnist, r.size.mnistBatches), r.size.mnistBatches, recordedRuns,
		"err2_nobias", "err1_nobias", "ang2", "ang1_total")
}

// compare compares those quantities of a section that are there, each with its
// standard deviation.
func (r *recorded) compare(section, name string, curves []curve, limit int, behind float64, quantities ...string) {
	for _, quantity := range quantities {
		for i, batches := range r.upTo(section+".rec_batches", limit) {
			if at := fmt.Sprintf("%s.%s.%s.%d", section, name, quantity, i); r.Has(at + ".0") {
				against(r.rows, fmt.Sprintf("%s %s %s", section, name, quantity), after(curves, quantity, batches), r.At(at+".0"), r.At(at+".1"), behind)
			}
		}
	}
}

// classifier compares accuracy, angles and weight errors of a method called
// e.g. "np_sgd_0.05". The losses in the file are not compared: it does not say
// over which images they are taken.
func (r *recorded) classifier(t *testing.T, section, name string, layers []int) {
	runs, batches, behind := r.size.classifier, r.size.classifierBatches, 5.0
	training := feedback.Training{Dataset: "mnist", Algorithm: feedback.Algorithm(name)}
	method, noise, _ := strings.Cut(strings.TrimPrefix(name, "np_"), "_")
	if strings.HasPrefix(name, "np_") {
		known := false
		training.Algorithm, known = map[string]feedback.Algorithm{"ls": feedback.NPLeastSquares, "sgd": feedback.NPGradient, "direct": feedback.Reinforcement}[method]
		if rate, is := strings.CutPrefix(noise, "lr"); is {
			noise, training.LearningRate = "", number(t, rate)
		}
		if noise != "" {
			training.Noise = number(t, noise)
		}
		if !known {
			t.Fatalf("%s.%s: no method is called %s", section, name, method)
		}
	}
	if training.Algorithm == feedback.Reinforcement {
		behind = 3
	}
	training.Batches = batches
	for _, b := range r.upTo(section+".rec_batches", batches) {
		training.Records = append(training.Records, int(b))
	}
	curves := trainings(t, runs, func(seed uint64) feedback.Runnable[*feedback.TrainingCurve] {
		c := feedback.Classifier{Hidden: layers[:len(layers)-1], Training: training}
		c.Seed = seed
		return c
	})
	r.compare(section, name, curves, batches, behind, "acc", "ang2", "ang1", "err2", "err1")
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// autoencoder compares test losses of a method called e.g.
// "autoencoder_784_200_2_200_784.np_0.0001".
func (r *recorded) autoencoder(t *testing.T, path string) {
	section, name, _ := strings.Cut(path, ".")
	method, rate, _ := strings.Cut(name, "_")
	layers := layerSizes(t, strings.TrimPrefix(section, "autoencoder_"), "_")
	training := feedback.Training{Dataset: "mnist", Batches: r.size.autoencoderBatches, LearningRate: number(t, rate)}
	known := false
	training.Algorithm, known = map[string]feedback.Algorithm{"np": feedback.NPGradient, "bp": feedback.BP, "fa": feedback.FA, "adam": feedback.BPAdam}[method]
	if !known {
		t.Fatalf("%s: no method is called %s", path, method)
	}
	curves := trainings(t, r.size.autoencoder, func(seed uint64) feedback.Runnable[*feedback.TrainingCurve] {
		a := feedback.Autoencoder{Hidden: layers[1 : len(layers)/2+1], Training: training}
		a.Seed = seed
		return a
	})
	for i, batches := range r.upTo(path+".it", r.size.autoencoderBatches) {
		against(r.rows, path, after(curves, "test_loss_mean", batches), r.At("%s.test_loss_mean.%d", path, i), r.At("%s.test_loss_sd.%d", path, i), r.At(path+".n"))
	}
}
