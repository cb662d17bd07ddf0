package rddkit

import "github.com/weightalign/lab/rddkit/align"

// OnlineMirror learns them in training, from what noise in a layer does to the layer
// above (after Max et al. 2024, phaseless alignment learning).
const OnlineMirror Method = "online-mirror"

func init() {
	builtIn(Definition[align.OnlineMirrorOptions]{
		Name: string(OnlineMirror), Label: "Online mirror", Color: "#aa88ff", rank: 140,
		New: func(o align.OnlineMirrorOptions, _ Experiment) (align.Learner, error) {
			return align.NewOnlineMirror(o)
		},
	})
}
