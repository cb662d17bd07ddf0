package align

import (
	"context"
	"fmt"
	"slices"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// Contest lets rules of spikes learn from the same spikes, on feedforward weights
// that stand still: what differs between them is the rules' own doing.
type Contest struct {
	Sizes      []int             // neurons of each layer, lowest first
	Layers     []Layer           // with the weights to begin with, which stay as they are; nil means Random(Simulation.Seed, Sizes...)
	Runs       int               // of the simulation, one after the other; at least 1
	Simulation SimulationOptions // of each run. Interval 0 means the whole of a run
	Rules      []RuleOptions
}

// RuleOptions make a rule that has seen nothing yet: [RDDOptions],
// [STDWIOptions] and [SpikeCountOptions] do, and options of one's own may.
type RuleOptions interface{ NewRule() (SpikeRule, error) }

// NewRule is NewRDD; what the options say of the simulation does not count.
func (o RDDOptions) NewRule() (SpikeRule, error) { return NewRDD(o) }

// NewRule is NewSTDWI.
func (o STDWIOptions) NewRule() (SpikeRule, error) { return NewSTDWI(o) }

// NewRule is NewSpikeCount.
func (o SpikeCountOptions) NewRule() (SpikeRule, error) { return NewSpikeCount(o) }

// Course is what a Contest's rules had reached after each run, or the learner that
// Follow follows at each change.
type Course struct {
	Seconds []float64     // simulated so far, [run]
	Spikes  []float64     // of all layers so far, [run]; nil from Follow
	Reached [][][]Metrics // of a probe of zeros, [rule][layer][run]
	Layers  [][]Layer     // with the feedback weights in the end, [rule][layer]
	Seen    [][]Traffic   // what there was to learn from so far, [layer][run]
}

// Last is what a rule had reached in a layer after the last run.
func (c *Course) Last(rule, layer int) Metrics {
	reached := c.Reached[rule][layer]
	return reached[len(reached)-1]
}

// Known is how many signs of a layer a rule knew after each run: of one that knows
// a share k of the signs and guesses the rest, (1+k)/2 are right.
func (c *Course) Known(rule, layer int) (known []float64) {
	for _, m := range c.Reached[rule][layer] {
		known = append(known, float64(len(c.Layers[rule][layer].Forward))*(2*m.SignAlignment/100-1))
	}
	return known
}

// Traffic is what a layer showed while it was driven.
type Traffic struct {
	Seconds         float64   // in which it was driven
	Spikes          float64   // of the layer
	Above           []float64 // spikes of each neuron above
	Crossed, Missed float64   // near-threshold windows in which the layer's neuron fired, and did not
}

// Stuck is the share of the neurons above that are silent, below 1 Hz, or fire at
// nine tenths or more of the rate that their refractory period allows.
func (t Traffic) Stuck(p spike.Params) float64 {
	p = p.OrDefault()
	stuck := 0
	for _, spikes := range t.Above {
		if rate := spikes / t.Seconds; rate < 1 || rate > 0.9/(float64(p.RefractorySteps)*p.Step) {
			stuck++
		}
	}
	return float64(stuck) / float64(len(t.Above))
}

// Follow lets a learner learn once, and returns its course: the first entry is what
// was before, then comes one for each change of feedback weights. The error is the
// learner's.
func Follow(ctx context.Context, learner Learner, layers []Layer) (*Course, error) {
	course := &Course{Reached: [][][]Metrics{make([][]Metrics, len(layers))}}
	err := learner.Learn(ctx, layers, func(seconds float64) {
		course.Seconds = append(course.Seconds, seconds)
		course.add(0, layers)
	})
	return course, err
}

func (c *Course) add(rule int, layers []Layer) {
	for i, l := range layers {
		c.Reached[rule][i] = append(c.Reached[rule][i], Measure(l.Forward, l.Feedback, l.In, l.Out, make([]float64, l.In)))
	}
}

// Run carries the contest out. The error is an *invalid.Error for values that
// are not allowed, a rule's, or ctx's.
func (c Contest) Run(ctx context.Context) (*Course, error) {
	switch {
	case c.Runs < 1:
		return nil, invalid.New("Contest.Runs", c.Runs, "at least 1")
	case len(c.Rules) == 0:
		return nil, invalid.New("Contest.Rules", 0, "at least 1")
	}
	if c.Simulation.Interval == 0 {
		c.Simulation.Interval = c.Simulation.Time
	}
	simulator, err := NewSimulator(c.Simulation)
	if err != nil {
		return nil, err
	}
	if c.Layers == nil {
		if c.Layers, err = Random(c.Simulation.Seed, c.Sizes...); err != nil {
			return nil, err
		}
	}
	course := &Course{Reached: make([][][]Metrics, len(c.Rules)), Seen: make([][]Traffic, len(c.Layers))}
	readers := make([]Reader, len(c.Rules))
	for i, options := range c.Rules {
		if readers[i].Rule, err = options.NewRule(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i, err)
		}
		readers[i].Layers = copyFeedback(c.Layers)
		course.Layers = append(course.Layers, readers[i].Layers)
		course.Reached[i] = make([][]Metrics, len(c.Layers))
	}
	seen := &census{layers: make([]Traffic, len(c.Layers))}
	for l, layer := range c.Layers {
		seen.layers[l].Above = make([]float64, layer.Out)
	}
	readers = append(readers, Reader{seen, c.Layers})
	for range c.Runs {
		if err := simulator.Run(ctx, readers, nil); err != nil {
			return nil, err
		}
		used := simulator.Cost()
		course.Seconds, course.Spikes = append(course.Seconds, used.Seconds), append(course.Spikes, float64(used.Spikes))
		for l, t := range seen.layers {
			t.Above = slices.Clone(t.Above)
			course.Seen[l] = append(course.Seen[l], t)
		}
		for i, layers := range course.Layers {
			course.add(i, layers)
		}
	}
	return course, nil
}

// copyFeedback returns the layers with feedback weights of their own.
func copyFeedback(layers []Layer) []Layer {
	layers = slices.Clone(layers)
	for l := range layers {
		layers[l].Feedback = slices.Clone(layers[l].Feedback)
	}
	return layers
}

// census is the rule that counts what the driven layers show.
type census struct {
	Reads
	run    SpikeRun
	layers []Traffic
}

func (c *census) Begin(run SpikeRun) error {
	c.run = run
	return nil
}

func (c *census) Stretch(seen SpikeSource, stretch spike.Stretch) {
	t, below, above := &c.layers[stretch.Phase], seen.Spikes(stretch.Phase), seen.Spikes(stretch.Phase+1)
	end := stretch.First + stretch.Steps
	t.Seconds += float64(stretch.Steps) * c.run.Params.Step
	t.Spikes += float64(below.Count(stretch.First, end))
	for step := stretch.First; step < end; step++ {
		for j := range above.Spikes(step) {
			t.Above[j]++
		}
	}
	for i := range c.run.Sizes[stretch.Phase] {
		for _, w := range seen.Windows(stretch.Phase, i) {
			if w.Spiked {
				t.Crossed++
			} else {
				t.Missed++
			}
		}
	}
}
