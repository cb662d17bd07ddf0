package rddkit

import "github.com/weightalign/lab/rddkit/align"

// NodePerturbation learns them in training, from what noise in the inputs of
// these layers does to the loss (Lansdell, Prakash and Kording 2020).
const NodePerturbation Method = "node-perturbation"

// solveInterval is the number of batches between two solutions of the
// least-squares problem of node perturbation: with 384 neurons in a layer one
// takes as long as some batches.
const solveInterval = 20

func init() {
	builtIn(Definition[struct{}]{
		Name: string(NodePerturbation), Label: "Node perturbation", Color: "sky", Uses: []string{"noise"}, rank: 50,
		Version: 2, // 1 regressed without a prior
		// There are many more weights than images in an epoch: the prior keeps noise
		// out of them.
		New: func(_ struct{}, e Experiment) (align.Learner, error) {
			return align.NewPerturbation(align.PerturbationOptions{Noise: e.Noise, Interval: solveInterval, Prior: true})
		},
	})
}
