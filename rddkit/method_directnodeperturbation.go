package rddkit

import "github.com/weightalign/lab/rddkit/align"

// DirectNodePerturbation learns the weights of DirectFeedbackAlignment by node
// perturbation: the column NP of the talk's table.
const DirectNodePerturbation Method = "dfa-node-perturbation"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(DirectNodePerturbation), Label: "DFA, node perturbation", Color: "#882255", Route: Direct, Uses: []string{"noise"}, rank: 80,
		// Direct feedback weights carry the few errors of the output only, so that
		// samples suffice, and their random beginning, whose scale has nothing to do
		// with the gradient's, is no good guess: with the prior, accuracy after 32
		// batches of the embedded images was 32 %, without it 38 %.
		New: func(_ struct{}, e Experiment) (align.Learner, error) {
			return align.NewPerturbation(align.PerturbationOptions{Noise: e.Noise, Interval: solveInterval, KeepScale: true})
		},
	})
}
