package rddkit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
	"github.com/weightalign/lab/rddkit/spike"
)

// Method says where the feedback weights of the fully connected layers come
// from.
type Method string

const (
	// RDD learns them before every epoch by the regression discontinuity
	// design of Guerguiev, Kording and Richards (2020), as published.
	RDD Method = "rdd"
	// FuzzyRDD is the report's variant: the slopes are added to the jump.
	FuzzyRDD Method = "fuzzy-rdd"
	// FuzzyWald is fuzzy as econometrics has it: the jump of the outcome over
	// the jump of the probability of a spike (align.Wald).
	FuzzyWald Method = "fuzzy-wald"
	// FeedbackAlignment keeps them fixed and random (Lillicrap et al. 2016).
	FeedbackAlignment Method = "fa"
	// NodePerturbation learns them in training, from what noise in the inputs of
	// these layers does to the loss (Lansdell, Prakash and Kording 2020).
	NodePerturbation Method = "node-perturbation"
	// SignSymmetry gives them the signs of the feedforward weights before every
	// epoch (Liao, Leibo and Poggio 2016): a control.
	SignSymmetry Method = "sign-symmetry"
	// DirectFeedbackAlignment sends the output's error to every hidden layer,
	// convolutional ones too, through fixed random weights (Nøkland 2016). The
	// feedback weights in the record are then of no use.
	DirectFeedbackAlignment Method = "dfa"
	// DirectNodePerturbation learns those direct weights by node perturbation:
	// the column NP of the talk's table.
	DirectNodePerturbation Method = "dfa-node-perturbation"
	// Backpropagation uses the feedforward weights themselves: the ideal.
	Backpropagation Method = "bp"
)

// Methods lists every method, in the order in which figures show them.
var Methods = []Method{FeedbackAlignment, RDD, FuzzyRDD, FuzzyWald, NodePerturbation, SignSymmetry,
	DirectFeedbackAlignment, DirectNodePerturbation, Backpropagation}

// String returns the method as figures name it.
func (m Method) String() string {
	switch m {
	case RDD:
		return "RDD"
	case FuzzyRDD:
		return "Fuzzy RDD"
	case FuzzyWald:
		return "Fuzzy RDD (Wald)"
	case FeedbackAlignment:
		return "FA"
	case NodePerturbation:
		return "Node perturbation"
	case SignSymmetry:
		return "Sign symmetry"
	case DirectFeedbackAlignment:
		return "DFA"
	case DirectNodePerturbation:
		return "DFA, node perturbation"
	case Backpropagation:
		return "BP"
	}
	return string(m)
}

// None switches a number off whose zero means a default.
const None = -1

// Experiment says what to run. Its zero value is the report's setting on the
// embedded data set; each field names its default. Every field is also a flag
// of "rdd train".
type Experiment struct {
	// Dataset names the images; see dataset.Names. Default fashion-mnist-10k,
	// which is embedded.
	Dataset string `json:"dataset" usage:"data set (rdd data list shows them)"`
	// Method is where the feedback weights come from. Default RDD.
	Method Method `json:"method" usage:"rdd, fuzzy-rdd, fuzzy-wald, node-perturbation, sign-symmetry, fa, dfa, dfa-node-perturbation or bp"`
	// Epochs is the number of passes over the training images. Default 100.
	Epochs int `json:"epochs" usage:"passes over the training images"`
	// Seed is the one seed of all random streams.
	Seed uint64 `json:"seed" usage:"seed of all random streams"`
	// RDDTime is the time simulated before every epoch, in seconds, a third of
	// it for each fully connected layer: a multiple of 0.003. The feedback
	// weights follow the estimates after every 10 s. Default 90.
	RDDTime float64 `json:"rdd-time" usage:"seconds simulated before every epoch, a multiple of 0.003"`
	// Drive is the rule by which neurons are driven: "accumulating" (the
	// default, as the published code behaves) or "fresh" (as the paper says).
	Drive string `json:"drive" usage:"driven neurons: accumulating (as published) or fresh (as the paper says)"`
	// BatchSize is the number of images per step. Default 128.
	BatchSize int `json:"batch-size" usage:"images per step"`
	// LearningRate of stochastic gradient descent. Default 0.01.
	LearningRate float64 `json:"learning-rate" usage:"learning rate"`
	// Momentum of stochastic gradient descent. Default 0.9; None for none.
	Momentum float64 `json:"momentum" usage:"momentum (-1 for none)"`
	// WeightDecay is added to the gradient, per unit of weight; as published it
	// also shrinks the feedback weights in every step. Default 0.
	WeightDecay float64 `json:"weight-decay" usage:"weight decay"`
	// Loss is "double-softmax" (the default, as published: softmax before a
	// loss that applies it again) or "softmax".
	Loss string `json:"loss" usage:"double-softmax (as published) or softmax"`
	// Augment is "on" (the default, as published: crops of the image padded by
	// 4 pixels, mirrored half the time) or "off".
	Augment string `json:"augment" usage:"crop and mirror training images: on (as published) or off"`
	// TrainLimit and TestLimit use only the first so many images. Default: all.
	TrainLimit int `json:"train-limit" usage:"use only the first so many training images (0 for all)"`
	TestLimit  int `json:"test-limit" usage:"use only the first so many test images (0 for all)"`

	// What follows takes the published method apart, a cause at a time. Fields
	// at their defaults are no part of a record's name.

	// TrainEpochs is after how many epochs the feedforward weights stop moving;
	// feedback weights go on being learned. Default: never; None trains not at all.
	TrainEpochs int `json:"train-epochs,omitempty" usage:"epochs after which training stops (0 for never, -1 for no training)"`
	// RDDEpochs is after how many epochs feedback weights stop being learned.
	// Default: never.
	RDDEpochs int `json:"rdd-epochs,omitempty" usage:"epochs after which feedback weights stay (0 for never)"`
	// Carry is what RDD takes over from one epoch to the next: "all" (the
	// default, as published), "regressions", "driven" (the set of driven neurons
	// that Drive accumulates) or "nothing".
	Carry string `json:"carry,omitempty" usage:"kept from epoch to epoch: all (as published), regressions, driven (neurons) or nothing"`
	// RDDRate is the learning rate η of the online regressions. Default 0.001.
	RDDRate float64 `json:"rdd-rate,omitempty" usage:"learning rate of the online regressions"`
	// Interval is the simulated time between two updates of the feedback
	// weights, in seconds. Default 10.
	Interval float64 `json:"interval,omitempty" usage:"seconds simulated between two updates of the feedback weights"`
	// EscapeWidth softens the spike threshold (spike.Params.EscapeWidth), in
	// units of the potential. Default 0: not at all.
	EscapeWidth float64 `json:"escape-width,omitempty" usage:"escape noise: width of the spike threshold"`
	// RefractorySteps is the shortest interval between two spikes of a neuron, in
	// steps of 1 ms. Default 3. A neuron that is refractory for longer than the
	// method's windows reckon with passes its threshold without a spike.
	RefractorySteps int `json:"refractory-steps,omitempty" usage:"shortest interval between two spikes, ms"`
	// Noise is the standard deviation of the perturbations of both methods of
	// node perturbation. Default 0.01.
	Noise float64 `json:"noise,omitempty" usage:"standard deviation of node perturbations"`
}

// Resolve returns the experiment with every default written out. It fails with
// an error that names the field if a value is not allowed.
func (e Experiment) Resolve() (Experiment, error) {
	e = e.defaults()
	return e, e.validate()
}

// defaults fills in every default.
func (e Experiment) defaults() Experiment {
	fill(&e.Dataset, dataset.Default)
	fill(&e.Method, RDD)
	fill(&e.Epochs, 100)
	fill(&e.RDDTime, 90)
	fill(&e.Drive, string(spike.Accumulating))
	fill(&e.BatchSize, 128)
	fill(&e.LearningRate, 0.01)
	fill(&e.Momentum, 0.9)
	fill(&e.Loss, "double-softmax")
	fill(&e.Augment, "on")
	published := publishedAblation()
	fill(&e.Carry, published.Carry)
	fill(&e.RDDRate, published.RDDRate)
	fill(&e.Interval, published.Interval)
	fill(&e.RefractorySteps, published.RefractorySteps)
	if e.learnsFromBatches() {
		fill(&e.Noise, 0.01)
	}
	return e
}

// publishedAblation has the published values of the fields that are left out of
// a record's name while they have them.
func publishedAblation() Experiment {
	return Experiment{Carry: "all", RDDRate: 0.001, Interval: 10, RefractorySteps: spike.DefaultParams().RefractorySteps}
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (e Experiment) validate() error {
	if !slices.Contains(dataset.Names(), e.Dataset) {
		return invalid.Newf("Dataset", e.Dataset, "one of %s", strings.Join(dataset.Names(), ", "))
	}
	if !slices.Contains(Methods, e.Method) {
		return invalid.Newf("Method", string(e.Method), "one of %s", joinMethods())
	}
	for _, c := range []struct {
		field   string
		value   any
		ok      bool
		allowed string
	}{
		{"Epochs", e.Epochs, e.Epochs >= 1, "at least 1"},
		{"RDDTime", e.RDDTime, e.RDDTime > 0 && !math.IsInf(e.RDDTime, 0), "a positive number of seconds"},
		{"BatchSize", e.BatchSize, e.BatchSize >= 2, "at least 2, as batch normalisation needs"},
		{"LearningRate", e.LearningRate, e.LearningRate > 0 && e.LearningRate < 1e6, "above 0 and below 1e6"},
		{"Momentum", e.Momentum, e.Momentum == None || e.Momentum > 0 && e.Momentum < 1, "above 0 and below 1, or -1 for none"},
		{"WeightDecay", e.WeightDecay, e.WeightDecay >= 0 && e.WeightDecay < 1, "0 or more and below 1"},
		{"Augment", e.Augment, e.Augment == "on" || e.Augment == "off", "on or off"},
		{"TrainLimit", e.TrainLimit, e.TrainLimit >= 0, "0 (for all) or more"},
		{"TestLimit", e.TestLimit, e.TestLimit >= 0, "0 (for all) or more"},
		{"TrainEpochs", e.TrainEpochs, e.TrainEpochs >= None, "0 (for all epochs) or more, or -1 for none"},
		{"RDDEpochs", e.RDDEpochs, e.RDDEpochs >= 0, "0 (for all epochs) or more"},
		{"RDDRate", e.RDDRate, e.RDDRate > 0 && !math.IsInf(e.RDDRate, 0), "a positive number"},
		{"Interval", e.Interval, e.Interval > 0 && !math.IsInf(e.Interval, 0), "a positive number of seconds"},
		{"Carry", e.Carry, slices.Contains(carries, e.Carry), strings.Join(carries, ", ")},
		{"Noise", e.Noise, e.Noise >= 0 && e.Noise < 1e3, "0 (for the default) to below 1000"},
		{"EscapeWidth", e.EscapeWidth, e.EscapeWidth >= 0 && !math.IsInf(e.EscapeWidth, 0), "0 or more"},
		{"RefractorySteps", e.RefractorySteps, e.RefractorySteps >= 1 && e.RefractorySteps <= 1000, "1 to 1000"},
	} {
		if !c.ok {
			return invalid.New(c.field, c.value, c.allowed)
		}
	}
	if err := spike.Drive(e.Drive).Validate(); err != nil {
		return err
	}
	if _, ok := losses[e.Loss]; !ok {
		return invalid.New("Loss", e.Loss, "double-softmax or softmax")
	}
	if e.learnsFromBatches() && e.TrainEpochs != 0 {
		return invalid.New("TrainEpochs", e.TrainEpochs, "0 for a method that learns feedback weights in training")
	}
	p := spike.DefaultParams()
	steps, whole := p.Steps(e.RDDTime)
	_, wholeInterval := p.Steps(e.Interval)
	switch {
	case !e.usesRDD():
	case !whole || steps%Layers != 0:
		return invalid.Newf("RDDTime", e.RDDTime, "a multiple of %g s, since a third of it is for each layer", Layers*p.Step)
	case !wholeInterval:
		return invalid.Newf("Interval", e.Interval, "a multiple of %g s", p.Step)
	}
	_, err := e.learner()
	return err
}

var losses = map[string]nn.Loss{"double-softmax": nn.DoubleSoftmax, "softmax": nn.Softmax}

func joinMethods() string {
	names := make([]string, len(Methods))
	for i, m := range Methods {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}

var carries = []string{"all", "regressions", "driven", "nothing"}

func (e Experiment) usesRDD() bool {
	return e.Method == RDD || e.Method == FuzzyRDD || e.Method == FuzzyWald
}

// learner returns the learner of feedback weights that the method names.
func (e Experiment) learner() (align.Learner, error) {
	switch e.Method {
	case FeedbackAlignment:
		return align.FeedbackAlignment{}, nil
	case Backpropagation:
		return align.Backprop{}, nil
	case SignSymmetry:
		return align.SignSymmetry{}, nil
	case DirectFeedbackAlignment:
		return align.FeedbackAlignment{}, nil
	case NodePerturbation, DirectNodePerturbation:
		return e.newPerturbation()
	}
	options := align.RDDOptions{
		Time: e.RDDTime, Interval: e.Interval, LearningRate: e.RDDRate, Drive: spike.Drive(e.Drive), Seed: e.Seed, Spike: spike.DefaultParams(),
		ForgetRegressions: e.Carry == "driven" || e.Carry == "nothing",
		ForgetDriven:      e.Carry == "regressions" || e.Carry == "nothing",
	}
	options.Spike.EscapeWidth, options.Spike.RefractorySteps = e.EscapeWidth, e.RefractorySteps
	switch e.Method {
	case FuzzyRDD:
		options.Estimator = align.Fuzzy
	case FuzzyWald:
		options.Estimator = align.Wald
	}
	return align.NewRDD(options)
}

// resultsVersion is part of every record's name. Raise it when a change of
// the code changes results, so that no stale record is read.
func (e Experiment) resultsVersion() int {
	if e.Method == NodePerturbation {
		return 2 // 1 regressed without a prior
	}
	return 1
}

// Name returns the name of the experiment's record: method, data set, a digest
// of every resolved field but Epochs, and the epochs. Fields that the method
// does not use do not count. It fails as Resolve does.
func (e Experiment) Name() (string, error) {
	e, err := e.Resolve()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s-%d", e.stem(), e.Epochs), nil
}

// stem is Name without the epochs: experiments that share it differ in length
// only, so that the longer goes on where the shorter stopped.
func (e Experiment) stem() string {
	e.Epochs = 0
	published := publishedAblation()
	unless(&e.Carry, published.Carry)
	unless(&e.RDDRate, published.RDDRate)
	unless(&e.Interval, published.Interval)
	unless(&e.RefractorySteps, published.RefractorySteps)
	if !e.learnsFromBatches() {
		e.Noise = 0
	}
	if !e.usesRDD() {
		e.RDDTime, e.Drive = 0, ""
		e.RDDEpochs, e.Carry, e.RDDRate, e.Interval, e.EscapeWidth, e.RefractorySteps = 0, "", 0, 0, 0, 0
	}
	text, err := json.Marshal(struct {
		Version int
		Experiment
	}{e.resultsVersion(), e})
	if err != nil {
		panic("rddkit: an experiment that JSON cannot hold") // NaN and Inf are refused by validate
	}
	digest := sha256.Sum256(text)
	return fmt.Sprintf("%s-%s-%s", string(e.Method), e.Dataset, hex.EncodeToString(digest[:6]))
}

// unless puts a field that has its published value back to zero, which is left
// out of the name.
func unless[T comparable](field *T, published T) {
	var zero T
	if *field == published {
		*field = zero
	}
}

// Seeds returns n copies of e with the seeds e.Seed, e.Seed+1, …; none if n is
// not positive.
func Seeds(n int, e Experiment) []Experiment {
	copies := make([]Experiment, max(n, 0))
	for i := range copies {
		copies[i] = e
		copies[i].Seed += uint64(i)
	}
	return copies
}

// Flags defines a flag in set for every field of e, named as in run.json; the
// defaults are e's own values.
func (e *Experiment) Flags(set *flag.FlagSet) {
	value := reflect.ValueOf(e).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		usage := field.Tag.Get("usage")
		switch p := value.Field(i).Addr().Interface().(type) {
		case *string:
			set.StringVar(p, name, *p, usage)
		case *Method:
			set.StringVar((*string)(p), name, string(*p), usage)
		case *int:
			set.IntVar(p, name, *p, usage)
		case *uint64:
			set.Uint64Var(p, name, *p, usage)
		case *float64:
			set.Float64Var(p, name, *p, usage)
		default:
			panic("rddkit: a field of Experiment without a kind of flag: " + field.Name)
		}
	}
}
