package rddkit

import "github.com/weightalign/lab/rddkit/align"

// FeedbackAlignment keeps them fixed and random (Lillicrap et al. 2016).
const FeedbackAlignment Method = "fa"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(FeedbackAlignment), Label: "FA", Color: "vermillion", rank: 10,
		New: func(struct{}, Experiment) (align.Learner, error) { return align.FeedbackAlignment{}, nil },
	})
}
