package align

import (
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// largestEstimate bounds what any rule can come to that does not diverge: traces
// and counts are far below 1e6, and so are the numbers of windows and spikes in
// which they add up, times rates.
const largestEstimate = 1e20

// scaleTo scales estimates of what a neuron does to one above, [in][out], to the
// standard deviation that the feedback weights had at first:
//
//	B = estimate · deviation / (standard deviation of the estimates)
//
// over the pairs whose estimate is not 0; other pairs keep their weight. It does
// nothing where the estimates have no spread (none, or a single one). fill writes
// a block of neuronBlock rows of estimates. scaleTo reports whether they are
// numbers within bounds; otherwise feedback is as it was.
func scaleTo[T spike.Float](feedback []T, in, out int, estimates []float64, deviation float64, fill func(block int)) (ok bool) {
	blocks := (in + neuronBlock - 1) / neuronBlock
	part := func(block int) (first int, rows []float64) {
		first = block * neuronBlock * out
		return first, estimates[first:min(first+neuronBlock*out, len(estimates))]
	}
	sum, count := totalOf(blocks, func(block int) (sum, count float64) {
		fill(block)
		_, rows := part(block)
		for _, b := range rows {
			sum += b
			if b != 0 {
				count++
			}
		}
		return sum, count
	})
	if count == 0 {
		return true
	}
	mean := sum / count
	squares, _ := totalOf(blocks, func(block int) (sum, _ float64) {
		_, rows := part(block)
		for _, b := range rows {
			if b != 0 {
				sum += float64((b - mean) * (b - mean))
			}
		}
		return sum, 0
	})
	spread := math.Sqrt(squares / count)
	if !(spread <= largestEstimate) {
		return false // NaN, too
	}
	if spread == 0 {
		return true
	}
	parallel.For(blocks, func(block int) {
		first, rows := part(block)
		for k, b := range rows {
			if b != 0 {
				feedback[first+k] = T(b * deviation / spread)
			}
		}
	})
	return true
}

// totalOf adds up what visit returns for each of the blocks, in their order.
func totalOf(blocks int, visit func(block int) (a, b float64)) (a, b float64) {
	parts := make([][2]float64, blocks)
	parallel.For(len(parts), func(block int) { parts[block][0], parts[block][1] = visit(block) })
	for _, p := range parts {
		a += p[0]
		b += p[1]
	}
	return a, b
}

// firstDeviation returns the standard deviation of a layer's feedback weights,
// to which estimates are scaled: of more than one weight it must not be 0, or all
// that is learned would be.
func firstDeviation[T spike.Float](layer int, feedback []T) (float64, error) {
	deviation := float64(spike.StandardDeviation(feedback))
	if deviation-deviation != 0 || deviation == 0 && len(feedback) > 1 {
		return 0, invalid.New(fmt.Sprintf("layers[%d].Feedback's standard deviation", layer), deviation, "positive and finite, as estimates are scaled to it")
	}
	return deviation, nil
}
