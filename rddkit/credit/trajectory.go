package credit

import "math"

// Distances returns how far each trajectory's weights are from a place at a
// sample, −1 for the last, [run].
func Distances(trajectories []*Trajectory, from []float64, sample int) []float64 {
	distances := make([]float64, len(trajectories))
	for k, t := range trajectories {
		at := sample
		if at < 0 {
			at += len(t.Weights)
		}
		distances[k] = t.DistanceTo(from, at)
	}
	return distances
}

// DistanceTo returns how far the weights are from a place at a sample, in units of
// weight.
func (t *Trajectory) DistanceTo(from []float64, sample int) float64 {
	var squares float64
	for i, w := range t.Weights[sample] {
		squares += float64((w - from[i]) * (w - from[i]))
	}
	return math.Sqrt(squares)
}

// PairedDifference summarises the differences a − b of what two rules did from the same
// starts with the same noise.
func PairedDifference(a, b []float64) Summary {
	differences := make([]float64, len(a))
	for i := range a {
		differences[i] = a[i] - b[i]
	}
	return Summarise(differences)
}

// RateAt summarises a neuron's firing rate in Hz at a time, in s, over runs of one
// length: that of the sample that ends there.
func RateAt(trajectories []*Trajectory, neuron int, seconds float64) Summary {
	var rates []float64
	for _, t := range trajectories {
		for k, end := range t.Time {
			if math.Abs(end-seconds) < 1e-9*seconds {
				rates = append(rates, t.Rates[k][neuron])
			}
		}
	}
	return Summarise(rates)
}

// TimeToRate returns when the mean rate of a neuron over runs of one length first
// reaches a rate in Hz; +Inf if it never does.
func TimeToRate(trajectories []*Trajectory, neuron int, rate float64) float64 {
	for _, end := range trajectories[0].Time {
		if RateAt(trajectories, neuron, end).Mean >= rate {
			return end
		}
	}
	return math.Inf(1)
}
