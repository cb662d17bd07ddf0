package rddkit

import "github.com/weightalign/lab/rddkit/align"

// STDWI learns them before every epoch from the order in which neurons of two
// layers fire (Ahmad, Ambrogioni, van Gerven 2020), on the spikes of RDD's
// simulation.
const STDWI Method = "stdwi"

func init() {
	standard, err := align.NewSTDWI(align.STDWIOptions{})
	if err != nil {
		panic(err)
	}
	defaults := standard.Options()
	defaults.SlowHeight = 0 // which follows from the time constants
	builtIn(Definition[align.STDWIOptions]{
		Name: string(STDWI), Label: "STDWI", Color: "#ddcc77", Uses: SpikeFields, rank: 90,
		Defaults: defaults,
		Check: func(o align.STDWIOptions) error {
			if err := checkForget(o.Forget); err != nil {
				return err
			}
			_, err := align.NewSTDWI(o)
			return err
		},
		New: func(o align.STDWIOptions, e Experiment) (align.Learner, error) {
			o.Forget = e.forgetsEstimates()
			rule, err := align.NewSTDWI(o)
			if err != nil {
				return nil, err
			}
			return align.NewSpikeLearner(e.simulation(), rule)
		},
	})
}
