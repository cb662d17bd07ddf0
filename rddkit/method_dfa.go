package rddkit

import "github.com/weightalign/lab/rddkit/align"

// DirectFeedbackAlignment sends the output's error to every hidden layer,
// convolutional ones too, through fixed random weights (Nøkland 2016). The
// feedback weights in the record are then of no use.
const DirectFeedbackAlignment Method = "dfa"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(DirectFeedbackAlignment), Label: "DFA", Color: "black", Route: Direct, rank: 70,
		New: func(struct{}, Experiment) (align.Learner, error) { return align.FeedbackAlignment{}, nil },
	})
}
