package rddkit

import (
	"cmp"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/invalid"
)

// SignsByBalance sorts the neurons of the layer above by their balance, the mean
// of their incoming feedforward weights in units of the root mean square of all,
// into groups of equal number (the last may be smaller). It returns for each
// group, the most negative first, the mean balance, and the percentage of pairs
// whose feedback weight has the sign of the feedforward weight. An unbalanced
// neuron is one that input from all neurons below together silences or saturates.
// The error is an *invalid.Error unless groups is at least 1 and at most the
// number of neurons above.
func SignsByBalance(w Weights, groups int) (balance, right []float64, err error) {
	if groups < 1 || groups > w.Out {
		return nil, nil, invalid.Newf("groups", groups, "1 to %d", w.Out)
	}
	squares := 0.0
	for _, v := range w.Forward {
		squares += float64(v) * float64(v)
	}
	scale := math.Sqrt(squares / float64(len(w.Forward)))
	type neuron struct {
		balance float64
		equal   int
	}
	above := make([]neuron, w.Out)
	for j := range above {
		for i, v := range w.Forward[j*w.In : (j+1)*w.In] {
			above[j].balance += float64(v) / scale / float64(w.In)
			if v*w.Feedback[i*w.Out+j] > 0 {
				above[j].equal++
			}
		}
	}
	slices.SortFunc(above, func(a, b neuron) int { return cmp.Compare(a.balance, b.balance) })
	for group := range slices.Chunk(above, (w.Out+groups-1)/groups) {
		sum, equal := 0.0, 0
		for _, n := range group {
			sum += n.balance
			equal += n.equal
		}
		balance = append(balance, sum/float64(len(group)))
		right = append(right, 100*float64(equal)/float64(len(group)*w.In))
	}
	return balance, right, nil
}
