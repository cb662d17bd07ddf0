package rddkit

import "github.com/weightalign/lab/rddkit/align"

// KolenPollack gives them the changes of the feedforward weights (Kolen and Pollack
// 1994). They come to mirror those with a WeightDecay above 0; without, only as far
// as these outgrow where they began.
const KolenPollack Method = "kolen-pollack"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(KolenPollack), Label: "Kolen–Pollack", Color: "#332288", rank: 150,
		New: func(struct{}, Experiment) (align.Learner, error) { return new(align.KolenPollack), nil },
	})
}
