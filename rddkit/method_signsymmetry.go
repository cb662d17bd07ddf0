package rddkit

import "github.com/weightalign/lab/rddkit/align"

// SignSymmetry gives them the signs of the feedforward weights before every
// epoch (Liao, Leibo and Poggio 2016): a control.
const SignSymmetry Method = "sign-symmetry"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(SignSymmetry), Label: "Sign symmetry", Color: "grey", rank: 60,
		New: func(struct{}, Experiment) (align.Learner, error) { return align.SignSymmetry{}, nil },
	})
}
