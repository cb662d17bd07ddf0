package align

import (
	"math"
	"sync"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// STDWIOptions are the options of [STDWI]. Zero fields mean published settings:
// those of the stored example of the authors' program but for the rate, which is
// 0.0001 in their script and 0.0005 in that example. Their paper has 0.020 s for
// FastTime.
type STDWIOptions struct {
	FastTime   float64 `json:"fast-time,omitempty"`   // time constant of the fast trace, s; 0 means 0.010
	SlowTime   float64 `json:"slow-time,omitempty"`   // of the slow trace, s; 0 means 0.200. Above FastTime
	SlowHeight float64 `json:"slow-height,omitempty"` // of a spike in the slow trace, if 1 in the fast; 0 means FastTime/SlowTime, which gives both the same area
	Rate       float64 `json:"rate,omitempty"`        // η; 0 means 0.002
	Decay      float64 `json:"decay,omitempty"`       // of the estimate at each spike above, in units of η; 0 means 0.1, below 0 none
	Skip       float64 `json:"skip,omitempty"`        // spikes above do not count so long after a layer begins to be driven, s; 0 means 0.1, below 0 none
	Nearest    bool    `json:"nearest,omitempty"`     // a spike sets its traces and does not add to them

	Unscaled bool `json:"unscaled,omitempty"` // feedback weights are the estimates themselves, not scaled to the spread of the first feedback weights
	Forget   bool `json:"forget,omitempty"`   // each run starts from zero, not from what the runs before estimated
}

func (o STDWIOptions) resolved() (STDWIOptions, error) {
	if err := positive("STDWIOptions", []setting{{"FastTime", &o.FastTime, 0.010}, {"SlowTime", &o.SlowTime, 0.200}, {"Rate", &o.Rate, 0.002}}); err != nil {
		return o, err
	}
	if o.SlowTime <= o.FastTime {
		return o, invalid.Newf("STDWIOptions.SlowTime", o.SlowTime, "above FastTime, %g s", o.FastTime)
	}
	if err := positive("STDWIOptions", []setting{{"SlowHeight", &o.SlowHeight, o.FastTime / o.SlowTime}}); err != nil {
		return o, err
	}
	if err := orNone("STDWIOptions.Decay", &o.Decay, 0.1); err != nil {
		return o, err
	}
	if err := orNone("STDWIOptions.Skip", &o.Skip, 0.1); err != nil {
		return o, err
	}
	return o, decays("STDWIOptions", o.Rate, o.Decay)
}

// orNone fills in the published setting of a field that means none below 0.
func orNone(name string, value *float64, standard float64) error {
	if math.IsNaN(*value) || math.IsInf(*value, 0) {
		return invalid.New(name, *value, "a finite number, 0 for the published setting, or below 0 for none")
	}
	switch {
	case *value == 0:
		*value = standard
	case *value < 0:
		*value = -1
	}
	return nil
}

// decays checks that an estimate becomes smaller, and not less than nothing, by
// its decay.
func decays(name string, rate, decay float64) error {
	if rate*decay > 1 {
		return invalid.Newf(name+".Rate", rate, "at most %g, which is 1/Decay", 1/decay)
	}
	return nil
}

// STDWI learns feedback weights by spike-timing-dependent weight inference
// (Ahmad, Ambrogioni, van Gerven, arXiv:2003.03988, 2020). Each neuron i of the
// driven layer has a fast and a slow trace of its spikes, each decaying with its
// time constant; at each spike of a neuron j above, after the traces of that step,
//
//	g_ij ← g_ij + η·(fast_i - slow_i - decay·g_ij)
//
// so that g_ij tells how much more often than usual i fired just before j. A spike
// of i in the same step counts, although it cannot have caused j's. The estimates
// g start at 0 and last from run to run; traces start at 0 when a layer begins to
// be driven. Feedback weights are g, scaled as [RDD]'s effects are.
//
// It is a [SpikeRule]: a [SpikeLearner] learns by it.
type STDWI struct {
	inference
	options   STDWIOptions
	constants traceConstants
	fast      [][tileWidth]float64 // traces of the driven layer, [tile]
	slow      [][tileWidth]float64
	above     [][]int32 // [neuron above]: steps with a spike in the stretch
	rows      sync.Pool // of []float64
}

// NewSTDWI returns a rule that has seen nothing yet.
func NewSTDWI(options STDWIOptions) (*STDWI, error) {
	o, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return &STDWI{options: o, inference: inference{rule: "STDWI", rate: o.Rate, unscaled: o.Unscaled, forget: o.Forget}}, nil
}

// Options returns the options with every default filled in; -1 stands for none.
func (s *STDWI) Options() STDWIOptions { return s.options }

// Begin makes the estimates before the first run; see [SpikeRule].
func (s *STDWI) Begin(run SpikeRun) error {
	if err := s.begin(run); err != nil {
		return err
	}
	s.constants = newTraceConstants(s.options, run.Params.Step)
	return nil
}

// Stretch infers the weights of the driven layer; see [SpikeRule].
func (s *STDWI) Stretch(seen SpikeSource, stretch spike.Stretch) {
	e, start := s.layers[stretch.Phase], stretch.Phase*s.run.PhaseSteps
	if stretch.First == start {
		s.fast, s.slow = make([][tileWidth]float64, tiles(e.in)), make([][tileWidth]float64, tiles(e.in))
		s.above = make([][]int32, e.out)
	}
	skip := 0
	if s.options.Skip > 0 {
		skip = int(math.Round(s.options.Skip / s.run.Params.Step))
	}
	spikes := listSpikes(s.above, seen.Spikes(stretch.Phase+1), stretch, start+skip)
	s.operations += 2 * uint64(spikes) * uint64(e.in)
	keep := 1.0
	if s.options.Decay > 0 {
		keep -= s.options.Rate * s.options.Decay
	}
	below := seen.Spikes(stretch.Phase)
	parallel.For(tiles(e.in), func(tile int) {
		buffer, _ := s.rows.Get().(*[]float64)
		if buffer == nil || len(*buffer) < stretch.Steps*tileWidth {
			buffer = new(make([]float64, stretch.Steps*tileWidth))
		}
		defer s.rows.Put(buffer)
		rows := *buffer
		settle(&s.fast[tile])
		settle(&s.slow[tile])
		column := below.Bits[(stretch.First-below.First)*below.Stride+tile*tileWidth/groupSize:]
		traceKernel(&s.constants, &s.fast[tile], &s.slow[tile], rows[:stretch.Steps*tileWidth], column, below.Stride)
		guesses := e.tile(tile)
		for j, steps := range s.above {
			inferKernel(&guesses[j], keep, rows, steps)
		}
	})
	e.changed = true
}

// settle lets traces end that are far below anything that counts, before they
// are so small that processors take long over them.
func settle(traces *[tileWidth]float64) {
	for i, v := range traces {
		if v < 1e-100 {
			traces[i] = 0
		}
	}
}
