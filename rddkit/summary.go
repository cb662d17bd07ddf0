package rddkit

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// Estimate is a mean over seeds with its standard error.
type Estimate struct {
	Mean          float64
	StandardError float64 // sample standard deviation / √seeds; NaN for one seed
	Seeds         int
}

// Over returns the mean and standard error over the records of one method of
// a quantity of each, for example its last test error; NaN if there are none.
func Over(records []*Record, method Method, quantity func(*Record) float64) Estimate {
	var values []float64
	for _, r := range records {
		if r.Experiment.Method == method {
			values = append(values, quantity(r))
		}
	}
	if len(values) == 0 {
		return Estimate{math.NaN(), math.NaN(), 0}
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	return Estimate{mean, deviation / math.Sqrt(float64(len(values))), len(values)}
}

// Last returns the last of values; it panics if there are none.
func Last(values []float64) float64 { return values[len(values)-1] }
