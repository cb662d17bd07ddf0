package rddkit

import "github.com/weightalign/lab/rddkit/align"

// RDD learns them before every epoch by the regression discontinuity design of
// Guerguiev, Kording and Richards (2020), as published.
const RDD Method = "rdd"

func init() {
	builtIn(Definition[struct{}]{
		Name: string(RDD), Label: "RDD", Color: "blue", Uses: rddFields, rank: 20,
		New: func(_ struct{}, e Experiment) (align.Learner, error) { return e.rddLearner(align.Sharp) },
	})
}

// rddFields are the fields of Experiment that the regression discontinuity
// methods use.
var rddFields = append([]string{"rdd-rate"}, SpikeFields...)

// rddLearner returns the learner of those methods.
func (e Experiment) rddLearner(estimator align.Estimator) (align.Learner, error) {
	s := e.simulation()
	return align.NewRDD(align.RDDOptions{
		Time: s.Time, Interval: s.Interval, Drive: s.Drive, Seed: s.Seed, Spike: s.Spike, ForgetDriven: s.ForgetDriven,
		LearningRate: e.RDDRate, Estimator: estimator, ForgetRegressions: e.forgetsEstimates(),
	})
}
