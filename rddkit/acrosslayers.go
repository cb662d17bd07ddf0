package rddkit

import (
	"math"

	"github.com/weightalign/lab/rddkit/align"
)

// MeasuredIn is what a measure found in fully connected layer 1, 2, …, before each
// epoch's training; NaN where there is no such number. See [Experiment].Measures.
func MeasuredIn(name string) func(layer int) Quantity {
	return func(layer int) Quantity {
		return func(r *Record) []float64 { return r.Measure(name, layer) }
	}
}

// AcrossLayers is the mean over a record's fully connected layers of a quantity of
// each, of those in which it is a number: [Signs], say.
func AcrossLayers(of func(layer int) Quantity) Quantity {
	return func(r *Record) []float64 {
		var mean []float64
		for epoch := range r.EpochsDone() {
			var values []float64
			for layer := 1; layer <= r.Layers(); layer++ {
				values = append(values, of(layer).At(epoch)(r))
			}
			mean = append(mean, EstimateOf(values...).Mean)
		}
		return mean
	}
}

// Used is something that a record's learner had used before each epoch's training,
// since it was made; NaN of a learner that does not count it.
func Used(of func(align.Cost) float64) Quantity {
	return func(r *Record) []float64 {
		used := make([]float64, r.EpochsDone())
		for epoch := range used {
			used[epoch] = math.NaN()
			if epoch < len(r.Costs) && len(r.Costs[epoch]) > 0 {
				used[epoch] = of(r.Costs[epoch][len(r.Costs[epoch])-1])
			}
		}
		return used
	}
}
