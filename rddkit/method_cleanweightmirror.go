package rddkit

import "github.com/weightalign/lab/rddkit/align"

// CleanWeightMirror is the weight mirror without the published program's quirks:
// centred responses, the mean over a batch, and decay (align.CleanWeightMirror).
const CleanWeightMirror Method = "weight-mirror-clean"

func init() {
	standard, err := align.NewWeightMirror(align.CleanWeightMirror(), 0)
	if err != nil {
		panic(err)
	}
	builtIn(Definition[align.WeightMirrorOptions]{
		Name: string(CleanWeightMirror), Label: "Weight mirror (clean)", Color: "#665500", rank: 120,
		Defaults: standard.Options(),
		New: func(o align.WeightMirrorOptions, e Experiment) (align.Learner, error) {
			return align.NewWeightMirror(o, e.Seed)
		},
	})
}
