package align

import (
	"context"
	"slices"
)

// Reach is how well a new learner with these options estimates one layer in so many
// calls of Learn, from the layer's feedback weights, which stay as they are. A
// measure that needs a probe (see [Measure]) has one of zeros.
func Reach(ctx context.Context, l Layer, options RDDOptions, phases int) (Metrics, error) {
	learner, err := NewRDD(options)
	if err != nil {
		return Metrics{}, err
	}
	l.Feedback = slices.Clone(l.Feedback)
	for range phases {
		if err := learner.Learn(ctx, []Layer{l}, nil); err != nil {
			return Metrics{}, err
		}
	}
	return Measure(l.Forward, l.Feedback, l.In, l.Out, make([]float64, l.In)), nil
}

// AddMeans returns layer to with the mean incoming weight of each neuron above in
// layer from, times a factor, added to all of that neuron's weights: the balance
// of excitation and inhibition is shifted, and nothing else. With to itself as from
// and the factor -1 every neuron's incoming weights have the mean 0. The layers
// must be of the same sizes.
func AddMeans(to, from Layer, factor float32) Layer {
	to.Forward = slices.Clone(to.Forward)
	for j := range to.Out {
		sum := float32(0)
		for _, w := range from.Forward[j*to.In : (j+1)*to.In] {
			sum += w
		}
		for i := range to.In {
			to.Forward[j*to.In+i] += factor * sum / float32(to.In)
		}
	}
	return to
}
