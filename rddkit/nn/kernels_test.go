package nn

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawNumbers returns n numbers among which ties, zeros of both signs and
// numbers that are not finite are common.
func drawNumbers(t *rapid.T, label string, n int) []float32 {
	seed := rapid.Uint64().Draw(t, label)
	x := make([]float32, n)
	for i := range x {
		seed = seed*6364136223846793005 + 1442695040888963407
		switch k := seed >> 33 % 100; k {
		case 0:
			x[i] = float32(math.NaN())
		case 1:
			x[i] = float32(math.Inf(1))
		case 2, 3, 4, 5:
			x[i] = float32(math.Copysign(0, -1))
		case 6, 7, 8, 9, 10, 11:
			x[i] = 0
		default:
			x[i] = float32(int64(seed>>40%2001)-1000) / float32(k)
		}
	}
	return x
}

// The vector kernels return the bits of the plain ones.
func TestVectorKernelsReturnTheSameBits(t *testing.T) {
	if !vectors {
		t.Skip("this processor has no vector kernels")
	}
	defer func(v bool) { setVectors(v) }(vectors)
	rapid.Check(t, func(t *rapid.T) {
		channels := 8 * rapid.IntRange(1, 4).Draw(t, "channels/8")
		windows := rapid.IntRange(1, 5).Draw(t, "windows")
		spare := rapid.IntRange(0, 9).Draw(t, "spare")
		n := windows * channels
		g, x, y := drawNumbers(t, "g", n), drawNumbers(t, "x", n), drawNumbers(t, "y", n+spare)
		z, u := drawNumbers(t, "z", n+spare), drawNumbers(t, "u", n+spare)
		top, bottom := drawNumbers(t, "top", 2*n), drawNumbers(t, "bottom", 2*n)
		a, b, c, d := drawNumbers(t, "a", channels), drawNumbers(t, "b", channels), drawNumbers(t, "c", channels), drawNumbers(t, "d", channels)
		winner := make([]uint8, n)
		for i := range winner {
			winner[i] = uint8(math.Float32bits(g[i]) >> 3 % 4)
		}
		run, kernel := rapid.IntRange(8, 20).Draw(t, "run"), rapid.IntRange(1, 4).Draw(t, "kernel")
		step, stride := rapid.IntRange(1, 3).Draw(t, "step"), run+5
		image := drawNumbers(t, "image", (windows-1)*step+(kernel-1)*stride+run)

		results := func() (all [][]float32, wide [][]float64, first []uint8) {
			keep := func(do func(x []float32), x []float32) {
				x = slices.Clone(x)
				do(x)
				all = append(all, x)
			}
			keep(rectify, y)
			keep(func(y []float32) { add(y, z) }, y)
			keep(func(y []float32) { throughReLU(y, z) }, y)
			keep(func(y []float32) { shrink(y, 0.1) }, y)
			keep(func(g []float32) { throughNormal(g, x, a, b, c, d) }, g)
			keep(func(y []float32) {
				keep(func(z []float32) { descend(y, u, z, 0.01, 0.9, 0.001) }, z)
			}, y)
			first = make([]uint8, n)
			keep(func(y []float32) { pool(y, first, top, bottom, a, b) }, make([]float32, n))
			keep(func(top []float32) {
				keep(func(bottom []float32) { unpool(top, bottom, g, winner, channels) }, bottom)
			}, top)
			keep(func(patches []float32) { gatherRow(patches, image, windows, step, kernel, run, stride) }, make([]float32, windows*kernel*run))
			for _, do := range []func(sum, product []float64){
				func(sum, square []float64) { moments(sum, square, x) },
				func(sum, product []float64) { pooledProducts(sum, product, g, winner, top, bottom) },
			} {
				p, q := make([]float64, channels), make([]float64, channels)
				do(p, q)
				wide = append(wide, p, q)
			}
			return all, wide, first
		}
		setVectors(true)
		fast, fastWide, fastWinner := results()
		setVectors(false)
		plain, plainWide, plainWinner := results()
		for i := range plain {
			if !slices.EqualFunc(fast[i], plain[i], func(a, b float32) bool {
				return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
			}) {
				t.Fatalf("kernel %d: %v, plain %v", i, fast[i], plain[i])
			}
		}
		for i := range plainWide {
			if !slices.EqualFunc(fastWide[i], plainWide[i], func(a, b float64) bool {
				return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
			}) {
				t.Fatalf("sums %d: %v, plain %v", i, fastWide[i], plainWide[i])
			}
		}
		if !slices.Equal(fastWinner, plainWinner) {
			t.Fatalf("winners %v, plain %v", fastWinner, plainWinner)
		}
	})
}
