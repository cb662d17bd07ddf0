package rddkit

import "github.com/weightalign/lab/rddkit/align"

// FrozenHiddenLayers trains the last layer alone: what is learned without any error
// in the layers below is no merit of a method.
const FrozenHiddenLayers Method = "frozen"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(FrozenHiddenLayers), Label: "Frozen hidden layers", Color: "#cc6677", Route: Nowhere, rank: 180,
		New: func(struct{}, Experiment) (align.Learner, error) { return align.FeedbackAlignment{}, nil },
	})
}
