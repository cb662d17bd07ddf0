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

// SimulationOptions say how long the layers are simulated, and what drives
// them. Zero fields mean the published settings.
type SimulationOptions struct {
	Time     float64      `json:"time,omitempty"`     // simulated time of one run, s; 0 means 90. A multiple of the number of layers times Spike.Step
	Interval float64      `json:"interval,omitempty"` // simulated time between two updates of the feedback weights, s; 0 means 10. A multiple of Spike.Step
	Drive    spike.Drive  `json:"drive,omitempty"`    // Accumulating (as published), Fresh, or a registered rule
	Seed     uint64       `json:"seed,omitempty"`     // of the input spikes and the driven neurons
	Spike    spike.Params `json:"spike,omitzero"`     // the wholly zero value means spike.DefaultParams

	// ForgetDriven begins every run with none of the neurons that the rule
	// Accumulating has collected in the runs before.
	ForgetDriven bool `json:"forget-driven,omitempty"`

	// Input, if not nil, makes the input of run number epoch (0, 1, …) in place of
	// Poisson numbers; Drive then has no effect. An input without a seed gets
	// (Seed, epoch) for escape noise.
	Input func(epoch uint64, sizes []int, phaseSteps int) (spike.Input, error) `json:"-"`
}

// resolved fills in the defaults; name is the struct whose fields the user set.
func (o SimulationOptions) resolved(name string) (SimulationOptions, error) {
	if err := o.Spike.Validate(); err != nil {
		return o, err
	}
	o.Spike = o.Spike.OrDefault()
	if err := positive(name, []setting{{"Time", &o.Time, 90}, {"Interval", &o.Interval, 10}}); err != nil {
		return o, err
	}
	if _, err := steps(o.Spike, name+".Time", o.Time, 1); err != nil {
		return o, err
	}
	if _, err := steps(o.Spike, name+".Interval", o.Interval, 1); err != nil {
		return o, err
	}
	o.Drive = o.Drive.OrDefault()
	if err := invalid.In(name+".Drive", o.Drive.Validate()); err != nil {
		return o, err
	}
	return o, nil
}

// setting is a field of options whose 0 means the published setting.
type setting struct {
	name     string
	value    *float64
	standard float64
}

// positive fills in published settings, and checks that all are positive.
func positive(name string, settings []setting) error {
	for _, s := range settings {
		if *s.value == 0 {
			*s.value = s.standard
		}
		if v := *s.value; !(v > 0) || math.IsInf(v, 0) {
			return invalid.New(name+"."+s.name, v, "a positive number, or 0 for the published setting")
		}
	}
	return nil
}

// steps converts seconds, which must be a multiple of multiple steps.
func steps(p spike.Params, field string, seconds float64, multiple int) (int, error) {
	steps, ok := p.Steps(seconds)
	if !ok || steps%multiple != 0 {
		return 0, invalid.Newf(field, seconds, "a positive multiple of %g s, at most %g s", float64(multiple)*p.Step, (1<<30)*p.Step)
	}
	return steps, nil
}

// Simulator simulates layers as spiking neurons, run after run, for rules that
// learn from the spikes. In one run one layer after the other is driven, for the
// same time; potentials start anew in each.
type Simulator struct {
	options SimulationOptions
	name    string   // of the options, in errors
	epoch   uint64   // the next run's
	driven  [][]bool // carried over, but for the rule Fresh
	cost    Cost
}

// NewSimulator returns a simulator before its first run.
func NewSimulator(options SimulationOptions) (*Simulator, error) {
	return newSimulator("SimulationOptions", options)
}

func newSimulator(name string, options SimulationOptions) (*Simulator, error) {
	resolved, err := options.resolved(name)
	if err != nil {
		return nil, err
	}
	return &Simulator{options: resolved, name: name}, nil
}

// Options returns the options with every default filled in.
func (s *Simulator) Options() SimulationOptions { return s.options }

// Epochs returns how many runs have succeeded.
func (s *Simulator) Epochs() int { return int(s.epoch) }

// Cost returns the simulated time and the spikes of all layers in all runs.
func (s *Simulator) Cost() Cost { return s.cost }

// Reader is a rule with the layers whose feedback weights it writes.
type Reader struct {
	Rule   SpikeRule
	Layers []Layer
}

// Run simulates one run for all readers. Their layers have the same feedforward
// weights, and feedback weights of their own: what then differs is the rules'
// doing alone. observe, if not nil, is called with 0 and after each update with
// the simulated time in seconds since the start. If ctx ends, Run returns its
// error soon. When Run fails, feedback weights, rules and simulator are as they
// were before.
func (s *Simulator) Run(ctx context.Context, readers []Reader, observe func(simulatedSeconds float64)) error {
	if err := checkReaders(readers); err != nil {
		return err
	}
	layers := readers[0].Layers
	sizes := sizesOf(layers)
	total, err := steps(s.options.Spike, s.name+".Time", s.options.Time, len(layers))
	if err != nil {
		return err
	}
	interval, err := steps(s.options.Spike, s.name+".Interval", s.options.Interval, 1)
	if err != nil {
		return err
	}
	if err := s.fits(sizes); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	weights, err := scaleLayers(s.options.Spike, layers)
	if err != nil {
		return err
	}
	phaseSteps := total / len(layers)
	input, driven, err := s.input(sizes, phaseSteps)
	if err != nil {
		return err
	}
	cost := s.cost
	undo := save(readers)
	run := run{params: s.options.Spike, sizes: sizes, phaseSteps: phaseSteps, weights: weights, input: input,
		next: func(now int) (int, bool) { return now - now%interval + interval, true },
		begin: func() error {
			for _, r := range readers {
				if err := r.Rule.Begin(describe(s.options.Spike, sizes, phaseSteps, r.Layers)); err != nil {
					return err
				}
			}
			return nil
		},
		stretch: func(seen *spike.Simulation, stretch spike.Stretch) {
			s.cost.Spikes += spikesIn(seen, sizes, stretch)
			s.cost.Seconds = cost.Seconds + float64(stretch.First+stretch.Steps)*s.options.Spike.Step
			for _, r := range readers {
				r.Rule.Stretch(seen, stretch)
			}
		},
		update: func() error { return updateAll(readers) },
		observe: func(step int) {
			if observe != nil {
				observe(float64(step) * s.options.Spike.Step)
			}
		},
	}
	err = run.simulate(ctx)
	for i := 0; err == nil && i < len(readers); i++ {
		err = readers[i].Rule.End()
	}
	if err != nil {
		undo()
		s.cost = cost
		return err
	}
	s.epoch++
	if driven != nil {
		s.driven = driven()
	}
	return nil
}

// fits reports whether sizes are those of the runs before, as far as driven
// neurons are carried over.
func (s *Simulator) fits(sizes []int) error {
	if s.driven == nil {
		return nil
	}
	var before []int
	for _, flags := range s.driven {
		before = append(before, len(flags))
	}
	if !slices.Equal(before, sizes[:len(sizes)-1]) {
		return invalid.Newf("layers", fmt.Sprint(sizes), "the sizes of the runs before, %v below the last", before)
	}
	return nil
}

// input makes the input of the next run, and, if the run after it is to take
// over the driven neurons, what returns them.
func (s *Simulator) input(sizes []int, phaseSteps int) (input spike.Input, driven func() [][]bool, err error) {
	if s.options.Input != nil {
		input, err := s.options.Input(s.epoch, sizes, phaseSteps)
		if err != nil {
			return nil, nil, err
		}
		if input == nil {
			return nil, nil, invalid.New(s.name+".Input", "nil", "a function that returns an input")
		}
		if _, ok := input.(spike.Seeded); !ok {
			input = spike.WithSeed(input, s.options.Seed, s.epoch)
		}
		return input, nil, nil
	}
	poisson, err := spike.NewPoissonInput(s.options.Spike, s.options.Drive, s.options.Seed, s.epoch, sizes, phaseSteps, s.driven)
	if err != nil {
		return nil, nil, err
	}
	if s.options.Drive == spike.Fresh || s.options.ForgetDriven {
		return poisson, nil, nil
	}
	return poisson, poisson.Driven, nil
}

// checkReaders checks that all layers are right and have the same weights.
func checkReaders(readers []Reader) error {
	if len(readers) == 0 {
		return invalid.New("readers", 0, "at least one")
	}
	for n, r := range readers {
		if r.Rule == nil {
			return invalid.New(fmt.Sprintf("readers[%d].Rule", n), "nil", "a rule")
		}
		if err := checkLayers(r.Layers); err != nil {
			return err
		}
		first := readers[0].Layers
		if n > 0 && !slices.Equal(sizesOf(r.Layers), sizesOf(first)) {
			return invalid.Newf(fmt.Sprintf("readers[%d].Layers", n), fmt.Sprint(sizesOf(r.Layers)), "layers of the same sizes as the first reader's, %v", sizesOf(first))
		}
		for l := range r.Layers {
			if !slices.Equal(r.Layers[l].Forward, first[l].Forward) {
				return invalid.New(fmt.Sprintf("readers[%d].Layers[%d].Forward", n, l), "of other weights", "the first reader's feedforward weights")
			}
			for _, other := range readers[:n] {
				if &other.Layers[l].Feedback[0] == &r.Layers[l].Feedback[0] {
					return invalid.New(fmt.Sprintf("readers[%d].Layers[%d].Feedback", n, l), "another reader's", "feedback weights of its own")
				}
			}
		}
	}
	return nil
}

func sizesOf[T spike.Float](layers []LayerOf[T]) []int {
	sizes := []int{layers[0].In}
	for _, l := range layers {
		sizes = append(sizes, l.Out)
	}
	return sizes
}

// scaleLayers returns the weights with which the LIF layers receive.
func scaleLayers[T spike.Float](p spike.Params, layers []LayerOf[T]) ([][]float64, error) {
	weights := make([][]float64, len(layers))
	failures := make([]error, len(weights))
	parallel.For(len(weights), func(l int) {
		weights[l], failures[l] = spike.ScaleWeights(p, fmt.Sprintf("layers[%d].Forward", l), layers[l].Forward, layers[l].In)
	})
	for _, err := range failures {
		if err != nil {
			return nil, err
		}
	}
	return weights, nil
}

func describe(p spike.Params, sizes []int, phaseSteps int, layers []Layer) SpikeRun {
	run := SpikeRun{Params: p, Sizes: sizes, PhaseSteps: phaseSteps}
	for _, l := range layers {
		run.Feedback = append(run.Feedback, l.Feedback)
	}
	return run
}

// updateAll lets every rule write its feedback weights. None may become a number
// that is not finite.
func updateAll(readers []Reader) error {
	for _, r := range readers {
		for l, layer := range r.Layers {
			if err := r.Rule.Update(l, layer.Feedback); err != nil {
				return err
			}
			for i, b := range layer.Feedback {
				if b-b != 0 {
					return invalid.Newf(fmt.Sprintf("layers[%d].Feedback[%d]", l, i), b, "a finite number, from %T", r.Rule)
				}
			}
		}
	}
	return nil
}

// save returns what puts rules and feedback weights back as they are now.
func save(readers []Reader) (undo func()) {
	var undos []func()
	for _, r := range readers {
		undos = append(undos, saveRule(r.Rule), saveFeedback(r.Layers))
	}
	return func() {
		for _, undo := range undos {
			undo()
		}
	}
}

func saveFeedback[T spike.Float](layers []LayerOf[T]) (restore func()) {
	feedback := make([][]T, len(layers))
	for l := range layers {
		feedback[l] = make([]T, len(layers[l].Feedback))
		copyBlocks(feedback[l], layers[l].Feedback)
	}
	return func() {
		for l := range layers {
			copy(layers[l].Feedback, feedback[l])
		}
	}
}

// spikesIn counts the spikes of all layers in a stretch.
func spikesIn(seen SpikeSource, sizes []int, stretch spike.Stretch) (spikes uint64) {
	for l := range sizes {
		spikes += uint64(seen.Spikes(l).Count(stretch.First, stretch.First+stretch.Steps))
	}
	return spikes
}

// run is one run of a simulation: what is simulated, after which step it next
// stops, be it to update feedback weights or only to be observed, and what is
// done when.
type run struct {
	params     spike.Params
	sizes      []int
	phaseSteps int
	weights    [][]float64
	input      spike.Input
	next       func(now int) (step int, update bool)

	begin   func() error
	stretch func(*spike.Simulation, spike.Stretch)
	update  func() error
	observe func(step int)
}

func (r run) simulate(ctx context.Context) error {
	simulation, err := spike.NewSimulation(r.params, r.sizes, r.phaseSteps)
	if err != nil {
		return err
	}
	if err := simulation.Start(r.weights, r.input); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	r.observe(0)
	stop, update := r.next(0)
	for {
		stretch := simulation.Advance(stop)
		if stretch.Steps == 0 {
			return simulation.Err()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r.stretch(simulation, stretch)
		now := stretch.First + stretch.Steps
		if now < stop {
			continue
		}
		if update {
			if err := r.update(); err != nil {
				return err
			}
		}
		r.observe(now)
		stop, update = r.next(now)
	}
}
