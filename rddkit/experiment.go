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

// None switches a number off whose zero means a default.
const None = -1

// Loss says how wrong the network's outputs are.
type Loss string

const (
	DoubleSoftmax Loss = "double-softmax" // as published: nn.DoubleSoftmax
	Softmax       Loss = "softmax"        // the usual cross-entropy: nn.Softmax
)

var losses = map[Loss]nn.Loss{DoubleSoftmax: nn.DoubleSoftmax, Softmax: nn.Softmax}

// Augmentation says what becomes of training images.
type Augmentation string

const (
	CropAndMirror Augmentation = "on"  // as published: see dataset.Augment
	PlainImages   Augmentation = "off" // as they are
)

// Carry is what RDD takes over from one epoch to the next.
type Carry string

const (
	CarryAll         Carry = "all" // as published
	CarryRegressions Carry = "regressions"
	CarryDriven      Carry = "driven" // the driven neurons
	CarryNothing     Carry = "nothing"
)

var carries = []string{"all", "regressions", "driven", "nothing"}

// Experiment says what to run. Its zero value is the report's setting on the
// embedded data set; each field names its default. Every field is also a flag
// of "rdd train".
type Experiment struct {
	// Dataset names the images; see dataset.Names. Default fashion-mnist-10k,
	// which is embedded.
	Dataset string `json:"dataset" usage:"data set (rdd data list shows them)"`
	// Method is where the feedback weights come from. Default RDD.
	Method Method `json:"method" usage:"method by which feedback weights come about (rdd train -methods lists them)"`
	// Epochs is the number of passes over the training images. Default 100.
	Epochs int `json:"epochs" usage:"passes over the training images"`
	// Seed is the one seed of all random streams.
	Seed uint64 `json:"seed" usage:"seed of all random streams"`
	// RDDTime is the time simulated before every epoch, in seconds, a third of
	// it for each fully connected layer: a multiple of 0.003. The feedback
	// weights follow the estimates after every 10 s. Default 90.
	RDDTime float64 `json:"rdd-time" usage:"seconds simulated before every epoch, a multiple of 0.003"`
	// Drive is the rule by which neurons are driven: spike.Accumulating (the
	// default, as the published code behaves), spike.Fresh (as the paper says), or
	// one that spike.RegisterDrive added.
	Drive spike.Drive `json:"drive" usage:"driven neurons: accumulating (as published) or fresh (as the paper says)"`
	// BatchSize is the number of images per step. Default 128.
	BatchSize int `json:"batch-size" usage:"images per step"`
	// LearningRate of stochastic gradient descent. Default 0.01.
	LearningRate float64 `json:"learning-rate" usage:"learning rate"`
	// Momentum of stochastic gradient descent. Default 0.9; None for none.
	Momentum float64 `json:"momentum" usage:"momentum (-1 for none)"`
	// WeightDecay is added to the gradient, per unit of weight; as published it
	// also shrinks the feedback weights in every step. Default 0.
	WeightDecay float64 `json:"weight-decay" usage:"weight decay"`
	// Loss is DoubleSoftmax (the default, as published: softmax before a loss that
	// applies it again) or Softmax.
	Loss Loss `json:"loss" usage:"double-softmax (as published) or softmax"`
	// Augment is CropAndMirror (the default, as published: crops of the image
	// padded by 4 pixels, mirrored half the time) or PlainImages.
	Augment Augmentation `json:"augment" usage:"crop and mirror training images: on (as published) or off"`
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
	// Carry is what RDD takes over from one epoch to the next: CarryAll (the
	// default, as published), CarryRegressions, CarryDriven (the set of driven
	// neurons that Drive accumulates) or CarryNothing.
	Carry Carry `json:"carry,omitempty" usage:"kept from epoch to epoch: all (as published), regressions, driven (neurons) or nothing"`
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

	// Network is the text of the hidden layers, see nn.ParseText: "c64k5-c64k5-384-192"
	// (the default, the report's), "500" for one layer of fully connected neurons.
	Network string `json:"network,omitempty" usage:"hidden layers: c64k5 for 64 kernels of 5×5 pixels, 500 for fully connected neurons, with dashes between"`
	// Options are the method's own: a struct of the type that its Definition has,
	// or what JSON makes of one; zero fields mean the method's defaults.
	Options any `json:"options,omitempty" usage:"the method's own options: name=value with colons between"`
	// Measures are the names of what is measured at every observation beside the
	// alignment of weights, with plus signs between: GradientAngle, or one that
	// RegisterMeasure added. Default: nothing.
	Measures string `json:"measures,omitempty" usage:"measured at every observation: gradient-angle"`
}

// Resolve returns the experiment with every default written out. It fails with
// an error that names the field if a value is not allowed.
func (e Experiment) Resolve() (Experiment, error) {
	e = e.filled()
	return e, e.validate()
}

// filled fills in every default.
func (e Experiment) filled() Experiment {
	fill(&e.Dataset, dataset.Default)
	fill(&e.Method, RDD)
	fill(&e.Epochs, 100)
	fill(&e.RDDTime, 90)
	fill(&e.Drive, spike.Accumulating)
	fill(&e.BatchSize, 128)
	fill(&e.LearningRate, 0.01)
	fill(&e.Momentum, 0.9)
	fill(&e.Loss, DoubleSoftmax)
	fill(&e.Augment, CropAndMirror)
	published := publishedAblation()
	fill(&e.Carry, published.Carry)
	fill(&e.RDDRate, published.RDDRate)
	fill(&e.Interval, published.Interval)
	fill(&e.RefractorySteps, published.RefractorySteps)
	fill(&e.Network, nn.ReportText)
	if r, err := e.Method.row(); err == nil {
		if r.usesField("noise") {
			fill(&e.Noise, defaultNoise)
		}
		if options, err := r.parse(e.Options); err == nil {
			e.Options = options
			if isEmpty(options) {
				e.Options = nil
			}
		}
	}
	return e
}

// defaultNoise is that of Experiment.Noise.
const defaultNoise = 0.01

// publishedAblation has the published values of the fields that are left out of
// a record's name while they have them.
func publishedAblation() Experiment {
	return Experiment{Carry: CarryAll, RDDRate: 0.001, Interval: 10, RefractorySteps: spike.DefaultParams().RefractorySteps, Network: nn.ReportText}
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Limits of counts: what is beyond is a slip of the pen, or more than any machine
// has.
const (
	mostEpochs = 1_000_000
	mostBatch  = 100_000

	// MostSeeds is how many copies [Seeds] makes.
	MostSeeds = 10_000
)

func (e Experiment) validate() error {
	info, err := dataset.Describe(e.Dataset)
	if err != nil {
		return invalid.In("Dataset", err)
	}
	method, err := e.Method.row()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		field   string
		value   any
		ok      bool
		allowed string
	}{
		{"Epochs", e.Epochs, e.Epochs >= 1 && e.Epochs <= mostEpochs, fmt.Sprintf("1 to %d", mostEpochs)},
		{"RDDTime", e.RDDTime, e.RDDTime > 0 && !math.IsInf(e.RDDTime, 0), "a positive number of seconds"},
		{"BatchSize", e.BatchSize, e.BatchSize >= 2 && e.BatchSize <= mostBatch, fmt.Sprintf("2, as batch normalisation needs, to %d", mostBatch)},
		{"LearningRate", e.LearningRate, e.LearningRate > 0 && e.LearningRate < 1e6, "above 0 and below 1e6"},
		{"Momentum", e.Momentum, e.Momentum == None || e.Momentum > 0 && e.Momentum < 1, "above 0 and below 1, or -1 for none"},
		{"WeightDecay", e.WeightDecay, e.WeightDecay >= 0 && e.WeightDecay < 1, "0 or more and below 1"},
		{"Augment", e.Augment, e.Augment == CropAndMirror || e.Augment == PlainImages, "on or off"},
		{"TrainLimit", e.TrainLimit, e.TrainLimit >= 0, "0 (for all) or more"},
		{"TestLimit", e.TestLimit, e.TestLimit >= 0, "0 (for all) or more"},
		{"TrainEpochs", e.TrainEpochs, e.TrainEpochs >= None, "0 (for all epochs) or more, or -1 for none"},
		{"RDDEpochs", e.RDDEpochs, e.RDDEpochs >= 0, "0 (for all epochs) or more"},
		{"RDDRate", e.RDDRate, e.RDDRate > 0 && !math.IsInf(e.RDDRate, 0), "a positive number"},
		{"Interval", e.Interval, e.Interval > 0 && !math.IsInf(e.Interval, 0), "a positive number of seconds"},
		{"Carry", e.Carry, slices.Contains(carries, string(e.Carry)), strings.Join(carries, ", ")},
		{"Noise", e.Noise, e.Noise >= 0 && e.Noise < 1e3, "0 (for the default) to below 1000"},
		{"EscapeWidth", e.EscapeWidth, e.EscapeWidth >= 0 && !math.IsInf(e.EscapeWidth, 0), "0 or more"},
		{"RefractorySteps", e.RefractorySteps, e.RefractorySteps >= 1 && e.RefractorySteps <= 1000, "1 to 1000"},
	} {
		if !c.ok {
			return invalid.New(c.field, c.value, c.allowed)
		}
	}
	if err := invalid.In("Drive", e.Drive.Validate()); err != nil {
		return err
	}
	if _, ok := losses[e.Loss]; !ok {
		return invalid.New("Loss", string(e.Loss), "double-softmax or softmax")
	}
	specs, err := nn.ParseText(e.Network, nn.Shape{Channels: info.Channels, Rows: info.Side, Columns: info.Side}, info.Classes)
	if err != nil {
		return err
	}
	if err := checkMeasures(e.Measures); err != nil {
		return err
	}
	if err := e.validateTimes(method, connectedLayers(specs)); err != nil {
		return err
	}
	options, err := method.parse(e.Options)
	if err != nil {
		return err
	}
	learner, err := method.learner(options, e)
	if err != nil {
		return err
	}
	if _, learns := learner.(align.BatchLearner); learns && e.TrainEpochs != 0 {
		return invalid.New("TrainEpochs", e.TrainEpochs, "0 for a method that learns feedback weights in training")
	}
	return nil
}

func connectedLayers(specs []nn.Spec) (n int) {
	for _, s := range specs {
		if _, ok := s.(nn.Affine); ok {
			n++
		}
	}
	return n
}

// validateTimes checks the simulated times, which must be whole steps, and for
// each of the network's fully connected layers as many.
func (e Experiment) validateTimes(method *row, layers int) error {
	if !method.usesField("rdd-time") {
		return nil
	}
	p := spike.DefaultParams()
	steps, whole := p.Steps(e.RDDTime)
	if !whole || steps%layers != 0 {
		unit := float64(layers) * p.Step
		below := math.Floor(e.RDDTime/unit) * unit
		allowed := fmt.Sprintf("a multiple of %g s, since an equal part of it is for each of the %d layers", unit, layers)
		if below+unit <= float64(1<<30)*p.Step {
			allowed += fmt.Sprintf(": %.6g or %.6g", max(below, unit), below+unit)
		} else {
			allowed += fmt.Sprintf(", at most %g s", float64(1<<30)*p.Step)
		}
		return invalid.New("RDDTime", e.RDDTime, allowed)
	}
	if _, whole := p.Steps(e.Interval); !whole {
		return invalid.Newf("Interval", e.Interval, "a multiple of %g s, at most %g s", p.Step, float64(1<<30)*p.Step)
	}
	if e.RDDTime/e.Interval >= mostObservations {
		return invalid.Newf("Interval", e.Interval, "at least %.3g s, so that %g s of RDDTime have less than %d observations", e.RDDTime/mostObservations, e.RDDTime, mostObservations)
	}
	return nil
}

// specs returns the layers of the resolved experiment's network, for images as
// described.
func (e Experiment) specs(channels, side, classes int) ([]nn.Spec, error) {
	return nn.ParseText(e.Network, nn.Shape{Channels: channels, Rows: side, Columns: side}, classes)
}

// learner returns a learner of feedback weights for a run of the resolved
// experiment.
func (e Experiment) learner() (align.Learner, error) {
	method, err := e.Method.row()
	if err != nil {
		return nil, err
	}
	options, err := method.parse(e.Options)
	if err != nil {
		return nil, err
	}
	return method.learner(options, e)
}

// Name returns the name of the experiment's record: method, data set, a digest
// of every resolved field but Epochs, and the epochs. Fields that the method
// does not use do not count. It fails as Resolve does.
func (e Experiment) Name() (string, error) {
	e, err := e.Resolve()
	if err != nil {
		return "", err
	}
	stem, err := e.stem()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s-%d", stem, e.Epochs), nil
}

// stem is Name without the epochs, of a resolved experiment: experiments that
// share it differ in length only, so that the longer goes on where the shorter
// stopped.
func (e Experiment) stem() (string, error) {
	method, err := e.Method.row()
	if err != nil {
		return "", err
	}
	identity := e.named(method)
	drive, err := e.Drive.Probe()
	if err != nil {
		return "", err
	}
	images, err := dataset.Identity(e.Dataset)
	if err != nil {
		return "", err
	}
	if images != "" { // where they lie does not matter
		identity.Dataset = dataset.Label(e.Dataset)
	}
	if drive != "" && method.usesField("drive") {
		identity.Drive += spike.Drive("@" + drive)
	}
	text, err := json.Marshal(struct {
		Version int
		Experiment
		Probe  string `json:",omitempty"` // of a registered method
		Images string `json:",omitempty"` // of images of the user's own
	}{method.version, identity, method.probe(e), images})
	if err != nil {
		panic("rddkit: an experiment that JSON cannot hold") // NaN and Inf are refused by validate
	}
	digest := sha256.Sum256(text)
	return fmt.Sprintf("%s-%s-%s", string(e.Method), dataset.Label(e.Dataset), hex.EncodeToString(digest[:6])), nil
}

// named is the experiment as a record's name has it: without epochs, and without
// what the method does not use. Fields that came later than the first records are
// left out while they have their published values.
func (e Experiment) named(method *row) Experiment {
	e.Epochs = 0
	published := publishedAblation()
	unless(&e.Carry, published.Carry)
	unless(&e.RDDRate, published.RDDRate)
	unless(&e.Interval, published.Interval)
	unless(&e.RefractorySteps, published.RefractorySteps)
	unless(&e.Network, published.Network)
	e.Options = differing(e.Options, method.defaults)
	value := reflect.ValueOf(&e).Elem()
	for i := range value.NumField() {
		if name := jsonName(value.Type().Field(i)); slices.Contains(particular(), name) && !method.usesField(name) {
			value.Field(i).SetZero()
		}
	}
	return e
}

// Normal returns the experiment as far as it says something: every field that the
// method does not use, or that has its default, is zero. Two experiments that do
// the same are equal then. A method that is not in the table is taken to use
// every field.
func (e Experiment) Normal() Experiment {
	e = e.filled()
	if method, err := e.Method.row(); err == nil {
		epochs := e.Epochs
		e = e.named(method)
		e.Epochs = epochs
	}
	value, standard := reflect.ValueOf(&e).Elem(), reflect.ValueOf(Experiment{Method: e.Method}.filled())
	for i := range value.NumField() {
		if f := value.Type().Field(i); f.Type.Comparable() && f.Type.Kind() != reflect.Interface && value.Field(i).Equal(standard.Field(i)) && f.Name != "Method" {
			value.Field(i).SetZero()
		}
	}
	return e
}

// particular are the names of the fields that only some methods use.
func particular() []string { return append(slices.Clone(SpikeFields), "rdd-rate", "noise") }

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// unless puts a field that has its published value back to zero, which is left
// out of the name.
func unless[T comparable](field *T, published T) {
	var zero T
	if *field == published {
		*field = zero
	}
}

// AtRest returns the experiment with feedforward weights that stay as the network
// starts with them: its epochs only learn feedback weights. It takes few images, as
// there is nothing to train.
func (e Experiment) AtRest() Experiment {
	e.TrainEpochs, e.TrainLimit, e.TestLimit = None, 16, 2
	return e
}

// Seeds returns n copies of each experiment, one after the other, with its Seed,
// Seed+1, …; none if n is not positive. It panics if n is above [MostSeeds].
func Seeds(n int, experiments ...Experiment) (copies []Experiment) {
	if n > MostSeeds {
		panic(invalid.Newf("number of seeds", n, "at most %d", MostSeeds))
	}
	for _, e := range experiments {
		for range n {
			copies = append(copies, e)
			e.Seed++
		}
	}
	return copies
}

// With returns the experiment with each of some methods, in their order.
func (e Experiment) With(methods ...Method) []Experiment {
	all := make([]Experiment, len(methods))
	for i, m := range methods {
		all[i] = e
		all[i].Method = m
	}
	return all
}

// Flags defines a flag in set for every field of e, named as in run.json; the
// defaults are e's own values.
func (e *Experiment) Flags(set *flag.FlagSet) {
	value := reflect.ValueOf(e).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name, usage := jsonName(field), field.Tag.Get("usage")
		switch p := value.Field(i).Addr().Interface().(type) {
		case *int:
			set.IntVar(p, name, *p, usage)
		case *uint64:
			set.Uint64Var(p, name, *p, usage)
		case *float64:
			set.Float64Var(p, name, *p, usage)
		case *any:
			set.Var(optionsFlag{p}, name, usage)
		default: // a name: the conversion panics for anything else
			p = value.Field(i).Addr().Convert(reflect.TypeFor[*string]()).Interface()
			set.StringVar(p.(*string), name, *p.(*string), usage)
		}
	}
}
