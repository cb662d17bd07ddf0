package chart

import "math"

// runs returns the indices of the points between gaps.
func (s Series) runs() [][]int {
	var runs [][]int
	open := false
	for i, y := range s.Y {
		if math.IsNaN(y) {
			open = false
			continue
		}
		if !open {
			runs, open = append(runs, nil), true
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], i)
	}
	return runs
}

// thin keeps of a long line only what can be seen: of each of that many equal
// stretches its first, lowest, highest and last point.
func thin(y []float64, run []int, stretches int) []int {
	if len(run) <= 4*stretches {
		return run
	}
	var kept []int
	for k := range stretches {
		part := run[k*len(run)/stretches : (k+1)*len(run)/stretches]
		low, high := part[0], part[0]
		for _, i := range part {
			if y[i] < y[low] {
				low = i
			}
			if y[i] > y[high] {
				high = i
			}
		}
		last := -1
		for _, i := range []int{part[0], min(low, high), max(low, high), part[len(part)-1]} {
			if i != last {
				kept = append(kept, i)
			}
			last = i
		}
	}
	return kept
}
