package rddkit

import "github.com/weightalign/lab/rddkit/align"

// FuzzyWald is fuzzy as econometrics has it: the jump of the outcome over the
// jump of the probability of a spike (align.Wald).
const FuzzyWald Method = "fuzzy-wald"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(FuzzyWald), Label: "Fuzzy RDD (Wald)", Color: "ochre", Uses: rddFields, rank: 40,
		New: func(_ struct{}, e Experiment) (align.Learner, error) { return e.rddLearner(align.Wald) },
	})
}
