package rddkit

import "github.com/weightalign/lab/rddkit/align"

// SignConcordant gives them the signs of the feedforward weights before every
// batch, and sizes that are uniform, random or fixed (Liao, Leibo and Poggio 2016): a
// control.
const SignConcordant Method = "sign-concordant"

func init() {
	builtIn(Definition[align.SignConcordantOptions]{
		Name: string(SignConcordant), Label: "Sign-concordant", Color: "#bbbbbb", rank: 170,
		Defaults: align.SignConcordantOptions{Magnitudes: align.UniformMagnitudes},
		New: func(o align.SignConcordantOptions, e Experiment) (align.Learner, error) {
			return align.NewSignConcordant(o, e.Seed)
		},
	})
}
