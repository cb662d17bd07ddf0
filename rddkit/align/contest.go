package align

import (
	"context"
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Contest lets rules of spikes learn from the same spikes, on feedforward weights
// that stand still: what differs between them is the rules' own doing.
type Contest struct {
	Sizes      []int             // neurons of each layer, lowest first; see Random, which draws the weights
	Runs       int               // of the simulation, one after the other; at least 1
	Simulation SimulationOptions // of each run; Seed is that of the weights, too. Interval 0 means the whole of a run
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

// Course is what a Contest's rules had reached after each run.
type Course struct {
	Seconds []float64     // simulated so far, [run]
	Spikes  []float64     // of all layers so far, [run]
	Reached [][][]Metrics // of a probe of zeros, [rule][layer][run]
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
	course := &Course{Reached: make([][][]Metrics, len(c.Rules))}
	readers := make([]Reader, len(c.Rules))
	for i, options := range c.Rules {
		if readers[i].Rule, err = options.NewRule(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i, err)
		}
		if readers[i].Layers, err = Random(c.Simulation.Seed, c.Sizes...); err != nil {
			return nil, err
		}
		course.Reached[i] = make([][]Metrics, len(c.Sizes)-1)
	}
	for range c.Runs {
		if err := simulator.Run(ctx, readers, nil); err != nil {
			return nil, err
		}
		used := simulator.Cost()
		course.Seconds, course.Spikes = append(course.Seconds, used.Seconds), append(course.Spikes, float64(used.Spikes))
		for i, r := range readers {
			for k, l := range r.Layers {
				course.Reached[i][k] = append(course.Reached[i][k], Measure(l.Forward, l.Feedback, l.In, l.Out, make([]float64, l.In)))
			}
		}
	}
	return course, nil
}
