package rddkit

import "github.com/weightalign/lab/rddkit/align"

// DirectKolenPollack learns the weights of DirectFeedbackAlignment as Kolen and
// Pollack learn those from layer to layer (Webster, Choi and Ahn 2021).
const DirectKolenPollack Method = "direct-kolen-pollack"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(DirectKolenPollack), Label: "Direct Kolen–Pollack", Color: "#661100", Route: Direct, rank: 160,
		New: func(struct{}, Experiment) (align.Learner, error) { return new(align.KolenPollack), nil },
	})
}
