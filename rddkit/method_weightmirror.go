package rddkit

import "github.com/weightalign/lab/rddkit/align"

// WeightMirror learns them before every epoch from noise sent through each layer,
// with the settings of the published program (Akrout et al. 2019).
const WeightMirror Method = "weight-mirror"

func init() {
	standard, err := align.NewWeightMirror(align.WeightMirrorOptions{}, 0)
	if err != nil {
		panic(err)
	}
	builtIn(Definition[align.WeightMirrorOptions]{
		Name: string(WeightMirror), Label: "Weight mirror", Color: "#117733", rank: 110,
		Defaults: standard.Options(),
		New: func(o align.WeightMirrorOptions, e Experiment) (align.Learner, error) {
			return align.NewWeightMirror(o, e.Seed)
		},
	})
}
