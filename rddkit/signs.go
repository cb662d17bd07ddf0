package rddkit

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/internal/invalid"
)

// SignsBySize sorts the weights of [Record.Pairs] by the size of the feedforward
// weight into groups of equal number (the last may be smaller), from the smallest
// up, and returns for each the mean size, in units of the root mean square of all
// feedforward weights, and the percentage of pairs of equal sign. The error is an
// *invalid.Error unless there are as many of both as groups, or more, and
// groups is at least 1.
func SignsBySize(forward, feedback []float64, groups int) (size, right []float64, err error) {
	if groups < 1 {
		return nil, nil, invalid.New("groups", groups, "at least 1")
	}
	if len(forward) != len(feedback) || len(forward) < groups {
		return nil, nil, invalid.Newf("forward, feedback", fmt.Sprintf("%d and %d weights", len(forward), len(feedback)), "equally many, at least %d", groups)
	}
	order := make([]int, len(forward))
	squares := 0.0
	for i, w := range forward {
		order[i] = i
		squares += w * w
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(math.Abs(forward[a]), math.Abs(forward[b])) })
	scale := math.Sqrt(squares / float64(len(forward)))
	for group := range slices.Chunk(order, (len(order)+groups-1)/groups) {
		sum, equal := 0.0, 0
		for _, i := range group {
			sum += math.Abs(forward[i])
			if forward[i]*feedback[i] > 0 {
				equal++
			}
		}
		size = append(size, sum/scale/float64(len(group)))
		right = append(right, 100*float64(equal)/float64(len(group)))
	}
	return size, right, nil
}
