package rd

import (
	"math"
	"slices"
)

// sortByDistance sorts z ascending, and index with it, in place; equal z are
// ordered by index. It is a radix sort by bytes from the highest (McIlroy, Bostic &
// McIlroy 1993, Engineering radix sort).
func sortByDistance(z []float64, index []int32) { sortBytes(z, index, 56) }

func sortBytes(z []float64, index []int32, shift int) {
	if len(z) <= 32 {
		for i := 1; i < len(z); i++ {
			v, k := z[i], index[i]
			j := i
			for ; j > 0 && (z[j-1] > v || z[j-1] == v && index[j-1] > k); j-- {
				z[j], index[j] = z[j-1], index[j-1]
			}
			z[j], index[j] = v, k
		}
		return
	}
	if shift < 0 { // all equal
		slices.Sort(index)
		return
	}
	digit := func(v float64) int {
		bits := math.Float64bits(v + 0) // −0 is 0
		if bits>>63 == 1 {
			bits = ^bits
		} else {
			bits |= 1 << 63
		}
		return int(bits >> shift & 255)
	}
	var end [256]int
	for _, v := range z {
		end[digit(v)]++
	}
	var next [256]int
	sum := 0
	for b, n := range end {
		next[b] = sum
		sum += n
		end[b] = sum
	}
	for b := range end { // each goes to its bucket, the one that lay there to its own
		for next[b] < end[b] {
			v, k := z[next[b]], index[next[b]]
			for d := digit(v); d != b; d = digit(v) {
				to := next[d]
				next[d]++
				v, z[to] = z[to], v
				k, index[to] = index[to], k
			}
			z[next[b]], index[next[b]] = v, k
			next[b]++
		}
	}
	first := 0
	for _, last := range end {
		if last > first {
			sortBytes(z[first:last], index[first:last], shift-8)
		}
		first = last
	}
}
