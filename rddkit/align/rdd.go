package align

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// RDDOptions are the options of [RDD]. Zero fields mean the published settings.
type RDDOptions struct {
	Time            float64      // simulated time of one Learn, s; 0 means 90. A multiple of the number of layers times Spike.Step
	Interval        float64      // simulated time between two updates of the feedback weights, s; 0 means 10. A multiple of Spike.Step
	LearningRate    float64      // η of the online regressions; 0 means 0.001
	AcceptHalfWidth float64      // windows whose largest drive is farther from the threshold are left out; 0 means 10
	Estimator       Estimator    // Sharp, Fuzzy or Wald
	Drive           spike.Drive  // Accumulating (as published), Fresh, or a registered rule
	Seed            uint64       // of the input spikes and the driven neurons
	Spike           spike.Params // the wholly zero value means spike.DefaultParams

	// What a Learn takes over from the one before, as published, can be left
	// behind: the regressions, which then start from zero, and the driven neurons
	// that the rule Accumulating has collected.
	ForgetRegressions, ForgetDriven bool
}

func (o RDDOptions) resolved() (RDDOptions, error) {
	if err := o.Spike.Validate(); err != nil {
		return o, err
	}
	o.Spike = o.Spike.OrDefault()
	for _, field := range []struct {
		name     string
		value    *float64
		standard float64
	}{
		{"RDDOptions.Time", &o.Time, 90},
		{"RDDOptions.Interval", &o.Interval, 10},
		{"RDDOptions.LearningRate", &o.LearningRate, 0.001},
		{"RDDOptions.AcceptHalfWidth", &o.AcceptHalfWidth, acceptHalfWidth},
	} {
		if *field.value == 0 {
			*field.value = field.standard
		}
		if v := *field.value; !(v > 0) || math.IsInf(v, 0) {
			return o, invalid.New(field.name, v, "a positive number, or 0 for the published setting")
		}
	}
	if _, err := o.steps("RDDOptions.Time", o.Time, 1); err != nil {
		return o, err
	}
	if _, err := o.steps("RDDOptions.Interval", o.Interval, 1); err != nil {
		return o, err
	}
	if o.Estimator < Sharp || o.Estimator > Wald {
		return o, invalid.New("RDDOptions.Estimator", int(o.Estimator), "align.Sharp, align.Fuzzy or align.Wald")
	}
	o.Drive = o.Drive.OrDefault()
	if err := invalid.In("RDDOptions.Drive", o.Drive.Validate()); err != nil {
		return o, err
	}
	return o, nil
}

// steps converts seconds, which must be a multiple of multiple steps.
func (o RDDOptions) steps(field string, seconds float64, multiple int) (int, error) {
	steps, ok := o.Spike.Steps(seconds)
	if !ok || steps%multiple != 0 {
		return 0, invalid.Newf(field, seconds, "a positive multiple of %g s, at most %g s", float64(multiple)*o.Spike.Step, (1<<30)*o.Spike.Step)
	}
	return steps, nil
}

// RDD learns feedback weights by regression discontinuity at the spike
// threshold, as published: one Learn simulates Time seconds, in which one layer
// after the other is driven; each near-threshold window moves the regressions of
// its neuron; and after every Interval the feedback weights of all layers become
//
//	B = β · (standard deviation of the first B ever seen) / (that of β)
//
// over the pairs with β ≠ 0; other pairs keep theirs. The regressions and the
// first standard deviation persist from call to call, potentials do not.
type RDD struct {
	options    RDDOptions
	epoch      uint64 // the next Learn's
	layers     []*regressions
	driven     [][]bool          // carried over, but for the rule Fresh
	simulation *spike.Simulation // of the run in progress
}

// NewRDD returns a learner that has seen nothing yet.
func NewRDD(options RDDOptions) (*RDD, error) {
	resolved, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return &RDD{options: resolved}, nil
}

// Options returns the options with every default filled in.
func (r *RDD) Options() RDDOptions { return r.options }

// Epochs returns how many calls of Learn have succeeded.
func (r *RDD) Epochs() int { return int(r.epoch) }

// Learn runs one phase of regression discontinuity estimates; see [Learner].
func (r *RDD) Learn(ctx context.Context, layers []Layer, observe func(simulatedSeconds float64)) error {
	steps, err := r.options.steps("RDDOptions.Time", r.options.Time, max(len(layers), 1))
	if err != nil {
		return err
	}
	interval, err := r.options.steps("RDDOptions.Interval", r.options.Interval, 1)
	if err != nil {
		return err
	}
	if err := checkLayers(layers); err != nil {
		return err
	}
	if err := r.fits(sizesOf(layers)); err != nil {
		return err
	}
	phaseSteps := steps / len(layers)
	input, err := spike.NewPoissonInput(r.options.Spike, r.options.Drive, r.options.Seed, r.epoch, sizesOf(layers), phaseSteps, r.driven)
	if err != nil {
		return err
	}
	tell := func(step int) {
		if observe != nil {
			observe(float64(step) * r.options.Spike.Step)
		}
	}
	plan := plan{phaseSteps: phaseSteps, input: input, next: func(now int) (int, bool) { return now - now%interval + interval, true }}
	if err := run(ctx, r, layers, plan, tell); err != nil {
		return err
	}
	if r.options.Drive != spike.Fresh && !r.options.ForgetDriven {
		r.driven = input.Driven()
	}
	return nil
}

// Recorded is an input for [Replay].
type Recorded struct {
	Counts [][]uint8 // input counts of each layer but the last, [layer][step of its phase · neurons + neuron]
	Steps  int       // of the run, a multiple of the number of layers
	Update []int     // the feedback weights are updated after these numbers of steps, ascending
	Pause  []int     // observe is also called after these, ascending
}

// Replay is [RDD.Learn] with recorded input counts, and in either precision of
// weights: how this build is compared with recordings of the published program.
// observe is called with 0, and with each number of steps in Update and Pause.
func Replay[T spike.Float](ctx context.Context, r *RDD, layers []LayerOf[T], recorded Recorded, observe func(steps int)) error {
	if err := checkLayers(layers); err != nil {
		return err
	}
	if recorded.Steps < 1 || recorded.Steps%len(layers) != 0 {
		return invalid.Newf("Recorded.Steps", recorded.Steps, "a positive multiple of %d", len(layers))
	}
	next := func(now int) (step int, update bool) {
		step = recorded.Steps + 1
		for _, s := range recorded.Pause {
			if s > now {
				step = min(step, s)
			}
		}
		for _, s := range recorded.Update {
			if s > now && s <= step {
				step, update = s, true
			}
		}
		return step, update
	}
	return run(ctx, r, layers, plan{phaseSteps: recorded.Steps / len(layers), input: spike.NewRecordedInput(recorded.Counts), next: next}, observe)
}

func sizesOf[T spike.Float](layers []LayerOf[T]) []int {
	sizes := []int{layers[0].In}
	for _, l := range layers {
		sizes = append(sizes, l.Out)
	}
	return sizes
}

// plan says what a run simulates, and after which step it next stops, be it to
// update the feedback weights or only to be observed.
type plan struct {
	phaseSteps int
	input      spike.Input
	next       func(now int) (step int, update bool)
}

func run[T spike.Float](ctx context.Context, r *RDD, layers []LayerOf[T], plan plan, observe func(step int)) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if observe == nil {
		observe = func(int) {}
	}
	weights, err := r.prepare(sizesOf(layers), plan.phaseSteps, func(l int) ([]float64, error) {
		return spike.ScaleWeights(r.options.Spike, fmt.Sprintf("layers[%d].Forward", l), layers[l].Forward, layers[l].In)
	}, func(l int) float64 {
		return float64(spike.StandardDeviation(layers[l].Feedback))
	})
	if err != nil {
		return err
	}
	undo := save(r, layers)
	defer func() {
		if err != nil {
			undo()
		}
		r.release()
	}()
	if err := r.simulation.Start(weights, plan.input); err != nil {
		return err
	}
	if r.options.ForgetRegressions {
		for _, l := range r.layers {
			l.forget()
		}
	}

	observe(0)
	for _, l := range r.layers {
		l.changed = true // the caller may have changed the feedback weights
	}
	stop, update := plan.next(0)
	for {
		stretch := r.simulation.Advance(stop)
		if stretch.Steps == 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r.layers[stretch.Phase].estimate(r.simulation, stretch, r.options)
		now := stretch.First + stretch.Steps
		if now < stop {
			continue
		}
		if update {
			for l, layer := range layers {
				updateFeedback(r.layers[l], layer.Feedback, r.options)
			}
		}
		observe(now)
		stop, update = plan.next(now)
	}
	r.epoch++
	return nil
}

// prepare scales the feedforward weights, and in the first run makes the
// regressions and keeps the standard deviations of the feedback weights.
// Nothing is changed before all is known to be right.
func (r *RDD) prepare(sizes []int, phaseSteps int, scale func(layer int) ([]float64, error), deviation func(layer int) float64) ([][]float64, error) {
	if err := r.fits(sizes); err != nil {
		return nil, err
	}
	weights := make([][]float64, len(sizes)-1)
	failures := make([]error, len(weights))
	parallel.For(len(weights), func(l int) { weights[l], failures[l] = scale(l) })
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	simulation, err := spike.NewSimulation(r.options.Spike, sizes, phaseSteps)
	if err != nil {
		return nil, err
	}
	r.simulation = simulation
	if r.layers == nil {
		for l := range weights {
			layer := newRegressions(sizes[l], sizes[l+1])
			layer.feedbackDeviation = deviation(l)
			r.layers = append(r.layers, layer)
		}
	}
	return weights, nil
}

// fits reports whether sizes are those of the calls before.
func (r *RDD) fits(sizes []int) error {
	if r.layers != nil && !slices.Equal(r.sizes(), sizes) {
		return invalid.Newf("layers", fmt.Sprint(sizes), "the sizes of the calls before, %v", r.sizes())
	}
	return nil
}

func (r *RDD) sizes() []int {
	sizes := []int{r.layers[0].in}
	for _, l := range r.layers {
		sizes = append(sizes, l.out)
	}
	return sizes
}

// save returns what puts the regressions and the feedback weights back as they
// are now.
func save[T spike.Float](r *RDD, layers []LayerOf[T]) (undo func()) {
	fresh := r.epoch == 0
	feedback := make([][]T, len(layers))
	for l := range layers {
		feedback[l] = make([]T, len(layers[l].Feedback))
		copyBlocks(feedback[l], layers[l].Feedback)
		if !fresh {
			r.layers[l].save()
		}
	}
	return func() {
		for l := range layers {
			copy(layers[l].Feedback, feedback[l])
			if !fresh {
				r.layers[l].restore()
			}
		}
		if fresh {
			r.layers = nil
		}
	}
}

// release gives up what only a run needs, which is more than the estimates take.
func (r *RDD) release() {
	r.simulation = nil
	for _, l := range r.layers {
		l.backup = nil
	}
}

// Layers returns the number of layers with estimates, 0 before the first Learn.
func (r *RDD) Layers() int { return len(r.layers) }

// estimates returns the regressions of one layer, nil before the first Learn.
func (r *RDD) estimates(layer int) *regressions {
	switch {
	case len(r.layers) == 0:
		return nil
	case layer < 0 || layer >= len(r.layers):
		panic(fmt.Sprintf("align: layer is %d: want 0 to %d", layer, len(r.layers)-1))
	}
	return r.layers[layer]
}

// Beta returns the causal effects estimated for one layer,
// [neuron of the layer][neuron above]: 0 where nothing was estimated yet, nil
// before the first Learn. From then on Beta, Parameters, FeedbackDeviation and
// FirstStage panic unless layer is 0 to Layers()-1.
func (r *RDD) Beta(layer int) []float64 {
	l := r.estimates(layer)
	if l == nil {
		return nil
	}
	beta := make([]float64, l.in*l.out)
	parallel.For(l.blocks(), func(block int) { l.effects(beta, block, r.options) })
	return beta
}

// Parameters returns the regression parameters of one layer,
// [neuron of the layer][4][neuron above]: the intercepts with and without a
// spike, then the slopes with and without. They are nil before the first Learn.
func (r *RDD) Parameters(layer int) []float64 {
	l := r.estimates(layer)
	if l == nil {
		return nil
	}
	parameters := make([]float64, l.in*4*l.out)
	l.transfer(parameters, false)
	return parameters
}

// FeedbackDeviation returns the standard deviation of the feedback weights of
// one layer as they were at the first Learn, to which they are scaled; 0 before.
func (r *RDD) FeedbackDeviation(layer int) float64 {
	l := r.estimates(layer)
	if l == nil {
		return 0
	}
	return l.feedbackDeviation
}
