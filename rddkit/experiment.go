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
	"github.com/weightalign/lab/rddkit/internal/invalid"
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
	// FeedbackAlignment keeps them fixed and random (Lillicrap et al. 2016).
	FeedbackAlignment Method = "fa"
	// Backpropagation uses the feedforward weights themselves: the ideal.
	Backpropagation Method = "bp"
)

// Methods lists every method, in the order in which figures show them.
var Methods = []Method{FeedbackAlignment, RDD, FuzzyRDD, Backpropagation}

// String returns the method as figures name it.
func (m Method) String() string {
	switch m {
	case RDD:
		return "RDD"
	case FuzzyRDD:
		return "Fuzzy RDD"
	case FeedbackAlignment:
		return "FA"
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
	Method Method `json:"method" usage:"rdd, fuzzy-rdd, fa or bp"`
	// Epochs is the number of passes over the training images. Default 100.
	Epochs int `json:"epochs" usage:"passes over the training images"`
	// Seed is the one seed of all random streams.
	Seed uint64 `json:"seed" usage:"seed of all random streams"`
	// RDDTime is the time simulated before every epoch, in seconds, a third of
	// it for each fully connected layer. The feedback weights follow the
	// estimates after every 10 s. Default 90.
	RDDTime float64 `json:"rdd-time" usage:"seconds simulated before every epoch"`
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
}

// Resolve returns the experiment with every default written out. It fails with
// an error that names the field if a value is not allowed.
func (e Experiment) Resolve() (Experiment, error) {
	fill(&e.Dataset, dataset.Default)
	fill(&e.Method, RDD)
	fill(&e.Epochs, 100)
	fill(&e.RDDTime, 90)
	fill(&e.Drive, spike.Accumulating.String())
	fill(&e.BatchSize, 128)
	fill(&e.LearningRate, 0.01)
	fill(&e.Momentum, 0.9)
	fill(&e.Loss, "double-softmax")
	fill(&e.Augment, "on")
	return e, e.validate()
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
		{"LearningRate", e.LearningRate, e.LearningRate > 0 && !math.IsInf(e.LearningRate, 0), "a positive number"},
		{"Momentum", e.Momentum, e.Momentum == None || e.Momentum > 0 && e.Momentum < 1, "above 0 and below 1, or -1 for none"},
		{"WeightDecay", e.WeightDecay, e.WeightDecay >= 0 && e.WeightDecay < 1, "0 or more and below 1"},
		{"Augment", e.Augment, e.Augment == "on" || e.Augment == "off", "on or off"},
		{"TrainLimit", e.TrainLimit, e.TrainLimit >= 0, "0 (for all) or more"},
		{"TestLimit", e.TestLimit, e.TestLimit >= 0, "0 (for all) or more"},
	} {
		if !c.ok {
			return invalid.New(c.field, c.value, c.allowed)
		}
	}
	if _, err := spike.ParseDrive(e.Drive); err != nil {
		return err
	}
	if _, ok := losses[e.Loss]; !ok {
		return invalid.New("Loss", e.Loss, "double-softmax or softmax")
	}
	if e.usesRDD() {
		_, err := e.learner()
		return err
	}
	return nil
}

var losses = map[string]nn.Loss{"double-softmax": nn.DoubleSoftmax, "softmax": nn.Softmax}

func joinMethods() string {
	names := make([]string, len(Methods))
	for i, m := range Methods {
		names[i] = string(m)
	}
	return strings.Join(names, ", ")
}

func (e Experiment) usesRDD() bool { return e.Method == RDD || e.Method == FuzzyRDD }

// learner returns the learner of feedback weights that the method names.
func (e Experiment) learner() (align.Learner, error) {
	switch e.Method {
	case FeedbackAlignment:
		return align.FeedbackAlignment{}, nil
	case Backpropagation:
		return align.Backprop{}, nil
	}
	drive, err := spike.ParseDrive(e.Drive)
	if err != nil {
		return nil, err
	}
	options := align.RDDOptions{Time: e.RDDTime, Drive: drive, Seed: e.Seed}
	if e.Method == FuzzyRDD {
		options.Estimator = align.Fuzzy
	}
	return align.NewRDD(options)
}

// resultsVersion is part of every record's name. Raise it when a change of
// the code changes results, so that no stale record is read.
const resultsVersion = 1

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
	if !e.usesRDD() {
		e.RDDTime, e.Drive = 0, ""
	}
	text, err := json.Marshal(struct {
		Version int
		Experiment
	}{resultsVersion, e})
	if err != nil {
		panic("rddkit: an experiment that JSON cannot hold") // NaN and Inf are refused by validate
	}
	digest := sha256.Sum256(text)
	return fmt.Sprintf("%s-%s-%s", string(e.Method), e.Dataset, hex.EncodeToString(digest[:6]))
}

// Seeds returns n copies of e with the seeds e.Seed, e.Seed+1, ….
func Seeds(n int, e Experiment) []Experiment {
	copies := make([]Experiment, n)
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
		name, usage := field.Tag.Get("json"), field.Tag.Get("usage")
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
