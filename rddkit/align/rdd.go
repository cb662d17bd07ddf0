package align

import (
	"context"
	"fmt"
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
	simulation, err := o.simulation().resolved("RDDOptions")
	if err != nil {
		return o, err
	}
	o.Time, o.Interval, o.Drive, o.Spike = simulation.Time, simulation.Interval, simulation.Drive, simulation.Spike
	if err := positive("RDDOptions", []setting{{"LearningRate", &o.LearningRate, 0.001}, {"AcceptHalfWidth", &o.AcceptHalfWidth, acceptHalfWidth}}); err != nil {
		return o, err
	}
	if o.Estimator < Sharp || o.Estimator > Wald {
		return o, invalid.New("RDDOptions.Estimator", int(o.Estimator), "align.Sharp, align.Fuzzy or align.Wald")
	}
	return o, nil
}

// simulation returns those of the options that are not about the estimates.
func (o RDDOptions) simulation() SimulationOptions {
	return SimulationOptions{Time: o.Time, Interval: o.Interval, Drive: o.Drive, Seed: o.Seed, Spike: o.Spike, ForgetDriven: o.ForgetDriven}
}

// RDD learns feedback weights by regression discontinuity at the spike
// threshold, as published: one Learn simulates Time seconds, in which one layer
// after the other is driven; each near-threshold window moves the regressions of
// its neuron; and after every Interval the feedback weights of all layers become
//
//	B = β · (standard deviation of the first B ever seen) / (that of β)
//
// over the pairs with β ≠ 0; other pairs keep theirs. The regressions and the
// first standard deviation persist from call to call, potentials do not. If the
// regressions diverge, Learn fails.
//
// It is a [Learner], and a [SpikeRule] for a [Simulator], whose options then take
// the place of its own for time, drive, seed and neurons.
type RDD struct {
	options    RDDOptions
	simulator  *Simulator // of Learn
	layers     []*regressions
	operations uint64
}

// NewRDD returns a learner that has seen nothing yet.
func NewRDD(options RDDOptions) (*RDD, error) {
	resolved, err := options.resolved()
	if err != nil {
		return nil, err
	}
	simulator, err := newSimulator("RDDOptions", resolved.simulation())
	if err != nil {
		return nil, err
	}
	return &RDD{options: resolved, simulator: simulator}, nil
}

// Options returns the options with every default filled in.
func (r *RDD) Options() RDDOptions { return r.options }

// Epochs returns how many calls of Learn have succeeded.
func (r *RDD) Epochs() int { return r.simulator.Epochs() }

// Cost returns what all calls of Learn have used. A window is three multiply-adds
// for each neuron above.
func (r *RDD) Cost() Cost {
	cost := r.simulator.Cost()
	cost.Operations = r.operations
	return cost
}

// Operations returns the multiply-adds of the rule; see [Counting].
func (r *RDD) Operations() uint64 { return r.operations }

// Learn runs one simulation and learns from it; see [Learner].
func (r *RDD) Learn(ctx context.Context, layers []Layer, observe func(simulatedSeconds float64)) error {
	return r.simulator.Run(ctx, []Reader{{r, layers}}, observe)
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
	if err := ctx.Err(); err != nil {
		return err
	}
	if observe == nil {
		observe = func(int) {}
	}
	weights, err := scaleLayers(r.options.Spike, layers)
	if err != nil {
		return err
	}
	sizes := sizesOf(layers)
	replay := run{params: r.options.Spike, sizes: sizes, phaseSteps: recorded.Steps / len(layers), weights: weights,
		input: spike.NewRecordedInput(recorded.Counts),
		next: func(now int) (step int, update bool) {
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
		},
		begin:   func() error { return begin(r, sizes, layers) },
		stretch: func(seen *spike.Simulation, stretch spike.Stretch) { r.Stretch(seen, stretch) },
		update: func() error {
			for l, layer := range layers {
				if err := updateFeedback(r.layers[l], l, layer.Feedback, r.options); err != nil {
					return err
				}
			}
			return nil
		},
		observe: observe,
	}
	undo, restore := r.save(), saveFeedback(layers)
	err = replay.simulate(ctx)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		undo()
		restore()
		return err
	}
	r.simulator.epoch++
	return nil
}

// Begin makes the regressions before the first run, and keeps the standard
// deviations of the feedback weights; see [SpikeRule].
func (r *RDD) Begin(run SpikeRun) error {
	layers := make([]Layer, len(run.Feedback))
	for l := range layers {
		layers[l] = Layer{In: run.Sizes[l], Out: run.Sizes[l+1], Feedback: run.Feedback[l]}
	}
	r.options.Spike = run.Params
	return begin(r, run.Sizes, layers)
}

func begin[T spike.Float](r *RDD, sizes []int, layers []LayerOf[T]) error {
	if r.layers != nil && !slices.Equal(r.sizes(), sizes) {
		return invalid.Newf("layers", fmt.Sprint(sizes), "the sizes of the calls before, %v", r.sizes())
	}
	if r.layers == nil {
		made := make([]*regressions, len(layers))
		for l := range layers {
			deviation, err := firstDeviation(l, layers[l].Feedback)
			if err != nil {
				return err
			}
			made[l] = newRegressions(sizes[l], sizes[l+1])
			made[l].feedbackDeviation = deviation
		}
		r.layers = made
	}
	for _, l := range r.layers {
		if r.options.ForgetRegressions {
			l.forget()
		}
		l.changed = true // the caller may have changed the feedback weights
	}
	return nil
}

// Stretch moves the regressions of the driven layer; see [SpikeRule].
func (r *RDD) Stretch(seen SpikeSource, stretch spike.Stretch) {
	r.operations += r.layers[stretch.Phase].estimate(seen, stretch, r.options)
}

// Update scales the effects of a layer; see [SpikeRule].
func (r *RDD) Update(layer int, feedback []float32) error {
	return updateFeedback(r.layers[layer], layer, feedback, r.options)
}

// End gives up what only a run needs, and fails if regressions have diverged
// since the last update; see [SpikeRule].
func (r *RDD) End() error {
	for n, l := range r.layers {
		if l.changed && !l.sound() {
			return l.diverged(n, r.options)
		}
		l.beta = nil
	}
	return nil
}

// save returns what puts the regressions back as they are now.
func (r *RDD) save() (restore func()) {
	layers, operations := r.layers, r.operations
	var restores []func()
	for _, l := range layers {
		restores = append(restores, l.save())
	}
	return func() {
		r.layers, r.operations = layers, operations
		for _, restore := range restores {
			restore()
		}
	}
}

func (r *RDD) sizes() []int {
	sizes := []int{r.layers[0].in}
	for _, l := range r.layers {
		sizes = append(sizes, l.out)
	}
	return sizes
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
