package align

import (
	"github.com/weightalign/lab/rddkit/spike"
)

// SpikeRule learns feedback weights from the spikes of a simulated run, stretch
// by stretch. [RDD], [STDWI] and [SpikeCount] are such rules; a [SpikeLearner]
// runs the simulation for one of them, a [Simulator] for any number at once, with
// the same spikes for all. A rule that only reads can embed [Reads].
//
// What a rule keeps is its state, as that of a learner: see [MarshalState]. When a
// run fails, the state of the rule is put back.
type SpikeRule interface {
	// Begin is called before each run; the first call tells the sizes for all.
	Begin(run SpikeRun) error
	// Stretch is called after each stretch of a run, in the order of time: layer
	// stretch.Phase was driven, and with the layer above it shows what its
	// feedback weights should be.
	Stretch(seen SpikeSource, stretch spike.Stretch)
	// Update writes the feedback weights of a layer, [neuron of the
	// layer][neuron above], from what was seen so far. It is called for every
	// layer after each interval of the run. An error ends the run.
	Update(layer int, feedback []float32) error
	// End is called after the last stretch and update. An error undoes the run.
	End() error
}

// SpikeRun says what a run will be.
type SpikeRun struct {
	Params     spike.Params // none of them left to a default
	Sizes      []int        // neurons of each layer, lowest first
	PhaseSteps int          // steps in which each layer but the last is driven, one layer after the other
	Feedback   [][]float32  // feedback weights before the run, [layer][neuron of the layer · neurons above + neuron above]
}

// SpikeSource is what a rule sees of a stretch: of a [spike.Simulation], or of
// recordings.
type SpikeSource interface {
	// Spikes returns the spikes of a layer in the stretch; see
	// [spike.Simulation.Spikes] on how much before it.
	Spikes(layer int) *spike.Raster
	// Windows returns the near-threshold windows of a neuron that ended in the
	// stretch.
	Windows(layer, neuron int) []spike.Window
}

// Counting is a SpikeRule that counts the multiply-adds of its rule, as it is
// written in the documentation, since it was made: see [Cost].
type Counting interface {
	SpikeRule
	Operations() uint64
}

// Reads is the rule that changes no feedback weights: one that records or measures
// embeds it and adds Stretch.
type Reads struct{}

// Begin does nothing.
func (Reads) Begin(SpikeRun) error { return nil }

// Update leaves the feedback weights as they are.
func (Reads) Update(int, []float32) error { return nil }

// End does nothing.
func (Reads) End() error { return nil }

// saveRule returns what puts the state of a rule back as it is now. A rule
// without state that [MarshalState] knows is left as it is.
func saveRule(rule SpikeRule) (restore func()) {
	if own, ok := rule.(interface{ save() func() }); ok {
		return own.save()
	}
	state, err := marshalState(rule)
	return func() {
		if err == nil {
			_ = unmarshalState(rule, state) // written a moment ago
		}
	}
}
