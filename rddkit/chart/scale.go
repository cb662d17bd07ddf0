package chart

import "math"

// scale places values along an axis: from 0 at its lower end to 1 at its upper
// one. It is plot.Normalizer for every finite value, which plot's own are not.
type scale struct{ log bool }

// farthest is how many axis lengths away a value is placed at most: what is that
// far is out of sight, and canvases cannot draw at any distance.
const farthest = 1000

func (s scale) Normalize(low, high, v float64) float64 {
	if s.log {
		low, high, v = math.Log(low), math.Log(high), math.Log(max(v, math.SmallestNonzeroFloat64))
	}
	length, from := high-low, v-low
	if math.IsInf(length, 0) || math.IsInf(from, 0) {
		length, from = high/4-low/4, v/4-low/4
	}
	return min(max(from/length, -farthest), farthest)
}
