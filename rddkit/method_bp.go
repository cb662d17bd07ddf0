package rddkit

import "github.com/weightalign/lab/rddkit/align"

// Backpropagation uses the feedforward weights themselves: the ideal.
const Backpropagation Method = "bp"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(Backpropagation), Label: "BP", Color: "green", Route: ThroughForward, rank: 1000,
		New: func(struct{}, Experiment) (align.Learner, error) { return align.Backprop{}, nil },
	})
}
