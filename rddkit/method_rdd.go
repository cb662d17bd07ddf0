package rddkit

import (
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/spike"
)

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
	options := align.RDDOptions{
		Time: e.RDDTime, Interval: e.Interval, LearningRate: e.RDDRate, Drive: e.Drive, Seed: e.Seed, Spike: spike.DefaultParams(), Estimator: estimator,
		ForgetRegressions: e.Carry == CarryDriven || e.Carry == CarryNothing,
		ForgetDriven:      e.Carry == CarryRegressions || e.Carry == CarryNothing,
	}
	options.Spike.EscapeWidth, options.Spike.RefractorySteps = e.EscapeWidth, e.RefractorySteps
	return align.NewRDD(options)
}
