package rddkit

import "slices"

// Estimate is a mean over seeds with its standard error.
type Estimate struct {
	Mean          float64
	StandardError float64 // sample standard deviation / √seeds; NaN for one seed
	Seeds         int
}

// Only returns the records of one method, in their order.
func Only(records []*Record, method Method) []*Record {
	return slices.DeleteFunc(slices.Clone(records), func(r *Record) bool { return r.Experiment.Method != method })
}

// Last returns the last of values; it panics if there are none.
func Last(values []float64) float64 { return values[len(values)-1] }
