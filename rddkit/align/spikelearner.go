package align

import (
	"context"

	"github.com/weightalign/lab/rddkit/invalid"
)

// SpikeLearner is a [Learner] that runs a simulation and learns from its spikes
// by one rule.
type SpikeLearner struct {
	rule      SpikeRule
	simulator *Simulator
}

// NewSpikeLearner returns a learner that has seen nothing yet.
func NewSpikeLearner(options SimulationOptions, rule SpikeRule) (*SpikeLearner, error) {
	if rule == nil {
		return nil, invalid.New("rule", "nil", "a rule")
	}
	simulator, err := NewSimulator(options)
	if err != nil {
		return nil, err
	}
	return &SpikeLearner{rule: rule, simulator: simulator}, nil
}

// Rule returns the rule that it learns by.
func (s *SpikeLearner) Rule() SpikeRule { return s.rule }

// Options returns those of the simulation, with every default filled in.
func (s *SpikeLearner) Options() SimulationOptions { return s.simulator.Options() }

// Epochs returns how many calls of Learn have succeeded.
func (s *SpikeLearner) Epochs() int { return s.simulator.Epochs() }

// Cost returns what all calls of Learn have used, with the multiply-adds of a rule
// that counts them; see [Counting].
func (s *SpikeLearner) Cost() Cost {
	cost := s.simulator.Cost()
	if rule, ok := s.rule.(Counting); ok {
		cost.Operations = rule.Operations()
	}
	return cost
}

// Learn runs one simulation and learns from it; see [Learner].
func (s *SpikeLearner) Learn(ctx context.Context, layers []Layer, observe func(simulatedSeconds float64)) error {
	return s.simulator.Run(ctx, []Reader{{s.rule, layers}}, observe)
}

// MarshalBinary returns the state of the simulator, then that of the rule.
func (s *SpikeLearner) MarshalBinary() ([]byte, error) {
	state, err := s.simulator.MarshalBinary()
	if err != nil {
		return nil, err
	}
	rule, err := marshalState(s.rule)
	return append(state, rule...), err
}

// UnmarshalBinary restores what MarshalBinary returned. State that is damaged
// or of another rule is an *invalid.Error, and nothing is changed.
func (s *SpikeLearner) UnmarshalBinary(state []byte) error {
	restored := *s.simulator
	rest, err := restored.unmarshal(state)
	if err != nil {
		return err
	}
	if err := unmarshalState(s.rule, rest); err != nil {
		return err
	}
	*s.simulator = restored
	return nil
}
