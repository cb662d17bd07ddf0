package rddkit

import "github.com/weightalign/lab/rddkit/align"

// FuzzyRDD is the report's variant: the slopes are added to the jump.
const FuzzyRDD Method = "fuzzy-rdd"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(FuzzyRDD), Label: "Fuzzy RDD", Color: "purple", Uses: rddFields, rank: 30,
		New: func(_ struct{}, e Experiment) (align.Learner, error) { return e.rddLearner(align.Fuzzy) },
	})
}
