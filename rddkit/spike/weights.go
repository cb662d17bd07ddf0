package spike

import (
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Float is the precision of a network's weights.
type Float interface{ float32 | float64 }

// ScaleWeights returns the weights with which a LIF layer receives from the
// layer below:
//
//	WeightScale · in · weights / std(weights)
//
// weights is [out][in]. The arithmetic is done in T, each operation rounded, as
// the published program does with float32 weights; the result is then widened.
// Weights that are not finite, or all alike, are an *invalid.Error about field.
func ScaleWeights[T Float](p Params, field string, weights []T, in int) ([]float64, error) {
	if in < 1 || len(weights) == 0 || len(weights)%in != 0 {
		return nil, invalid.Newf(field, fmt.Sprintf("%d weights", len(weights)), "a positive multiple of the fan-in, %d", in)
	}
	if i, ok := firstNotFinite(weights); ok {
		return nil, invalid.New(fmt.Sprintf("%s[%d]", field, i), weights[i], "a finite number")
	}
	deviation := StandardDeviation(weights)
	if deviation == 0 || math.IsInf(float64(deviation), 0) {
		return nil, invalid.New(field+"'s standard deviation", deviation, "positive and finite")
	}
	factor := T(p.OrDefault().WeightScale * float64(in))
	scaled := make([]float64, len(weights))
	parallel.For(buffers(len(weights)), func(b int) {
		for i := b * buffer; i < min((b+1)*buffer, len(weights)); i++ {
			scaled[i] = float64(T(factor*weights[i]) / deviation)
		}
	})
	return scaled, nil
}

func firstNotFinite[T Float](values []T) (int, bool) {
	for i, v := range values {
		if v-v != 0 {
			return i, true
		}
	}
	return 0, false
}

// StandardDeviation returns the population standard deviation of values, 0 for
// none. Sums are made in T and in the order of NumPy's std, so that a float32
// result equals the published program's to the bit.
func StandardDeviation[T Float](values []T) T {
	if len(values) == 0 {
		return 0
	}
	n := T(len(values))
	mean := sum(values, func(v T) T { return v }) / n
	return T(math.Sqrt(float64(sum(values, func(v T) T { return T((v - mean) * (v - mean)) }) / n)))
}

// buffer is how many values NumPy adds pairwise before it goes on.
const buffer = 8192

func buffers(n int) int { return (n + buffer - 1) / buffer }

// sum adds term(x[i]) over all i as NumPy does: buffer by buffer, each pairwise.
func sum[T Float](x []T, term func(T) T) T {
	parts := make([]T, buffers(len(x)))
	parallel.For(len(parts), func(b int) {
		var terms [buffer]T
		part := x[b*buffer : min((b+1)*buffer, len(x))]
		for i, v := range part {
			terms[i] = term(v)
		}
		parts[b] = pairwiseSum(terms[:len(part)])
	})
	var total T
	for _, p := range parts {
		total += p
	}
	return total
}

// pairwiseSum adds up to 128 values by eight interleaved sums, and more by
// halves.
func pairwiseSum[T Float](x []T) T {
	const block = 128
	switch n := len(x); {
	case n < 8:
		var sum T
		for _, v := range x {
			sum += v
		}
		return sum
	case n <= block:
		r := [8]T(x[:8])
		i := 8
		for ; i+8 <= n; i += 8 {
			for k := range r {
				r[k] += x[i+k]
			}
		}
		sum := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
		for ; i < n; i++ {
			sum += x[i]
		}
		return sum
	default:
		half := n / 2
		half -= half % 8
		return pairwiseSum(x[:half]) + pairwiseSum(x[half:])
	}
}
