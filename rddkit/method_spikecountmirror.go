package rddkit

import "github.com/weightalign/lab/rddkit/align"

// SpikeCountMirror learns them before every epoch as a weight mirror of centred
// spike counts, on the spikes of RDD's simulation.
const SpikeCountMirror Method = "spike-count-mirror"

func init() {
	standard, err := align.NewSpikeCount(align.SpikeCountOptions{})
	if err != nil {
		panic(err)
	}
	builtIn(Definition[align.SpikeCountOptions]{
		Name: string(SpikeCountMirror), Label: "Spike-count mirror", Color: "#005555", Uses: SpikeFields, rank: 100,
		Defaults: standard.Options(),
		Check: func(o align.SpikeCountOptions) error {
			if err := checkForget(o.Forget); err != nil {
				return err
			}
			_, err := align.NewSpikeCount(o)
			return err
		},
		New: func(o align.SpikeCountOptions, e Experiment) (align.Learner, error) {
			o.Forget = e.forgetsEstimates()
			rule, err := align.NewSpikeCount(o)
			if err != nil {
				return nil, err
			}
			return align.NewSpikeLearner(e.simulation(), rule)
		},
	})
}
