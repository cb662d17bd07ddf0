package gemm

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
)

// The checks multiply whole numbers, small enough for float32 to hold all sums
// exactly: a right product is equal to its definition in whatever order it is
// summed. Of every row of a product AB only the sum with weights x is compared,
// with A(Bx): that costs next to nothing, shows any single wrong element, and
// can miss several only if their errors cancel under the weights. Those of A
// have 12 bits, so that products of less than single precision show.

// check compares products of l: small ones in all four ways, then those of
// training in sizes that libraries compute in several blocks with a rest, of
// columns or of terms.
func check(l blas.Float32) error {
	const no, yes = blas.NoTrans, blas.Trans
	for _, c := range []struct {
		m, n, k     int
		alpha, beta float32
		ways        [][2]blas.Transpose
	}{
		{5, 7, 3, 0.5, 2, [][2]blas.Transpose{{no, no}, {no, yes}, {yes, no}, {yes, yes}}},
		{70, 821, 29, 1, 0, [][2]blas.Transpose{{no, no}, {no, yes}, {yes, no}}},
		{70, 37, 500, 1, 1, [][2]blas.Transpose{{no, no}, {no, yes}, {yes, no}}},
	} {
		if err := checkProducts(l, c.m, c.n, c.k, c.alpha, c.beta, c.ways); err != nil {
			return err
		}
	}
	return nil
}

func checkProducts(l blas.Float32, m, n, k int, alpha, beta float32, ways [][2]blas.Transpose) error {
	a, b, x := whole(m*k, 4095), whole(k*n, 8), weights(n)
	for _, way := range ways {
		tA, tB := way[0], way[1]
		c := whole(m*n, 99)
		before := times(c, blas.NoTrans, m, n, x)
		lda, ldb := k, n
		if tA == blas.Trans {
			lda = m
		}
		if tB == blas.Trans {
			ldb = k
		}
		l.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, n)
		want := times(a, tA, m, k, times(b, tB, k, n, x))
		for i, sum := range times(c, blas.NoTrans, m, n, x) {
			if sum != float64(alpha)*want[i]+float64(beta)*before[i] {
				return fmt.Errorf("a product of %d×%d and %d×%d matrices (%c, %c) comes out wrong", m, k, k, n, tA, tB)
			}
		}
	}
	return nil
}

// multiply is what checkTiles checks; tests replace it.
var multiply = Strided.Multiply

// checkTiles compares Strided products of the report's second convolution, with
// the kernels that wideTiles selects, of so many rows that each has its turn.
func checkTiles() error {
	const channels, features = 64, TileColumns
	a, x := whole(14*14*channels, 4095), weights(features)
	for _, s := range []Strided{
		{RowA: channels, TermA: 1, SegmentA: 14 * channels, Terms: 5 * channels, Segments: 5},        // drives
		{RowA: 1, TermA: channels, SegmentA: 14 * channels, Terms: 10, Segments: 10, Add: true},      // weight gradients
		{RowA: channels, TermA: 1, SegmentA: 10 * channels, Terms: channels, Segments: 1, Add: true}, // errors below
	} {
		s.TermB, s.RowC = features, features
		terms := s.Segments * s.Terms
		b := whole(terms*features, 2)
		right := times(b, blas.NoTrans, terms, features, x)
		for _, rows := range []int{10, 8, 3} {
			c := whole(rows*features, 99)
			want := make([]float64, rows)
			if s.Add {
				want = times(c, blas.NoTrans, rows, features, x)
			}
			for i := range want {
				for k, v := range right {
					want[i] += float64(a[i*s.RowA+k/s.Terms*s.SegmentA+k%s.Terms*s.TermA]) * v
				}
			}
			multiply(s, c, a, b, rows, features)
			for i, sum := range times(c, blas.NoTrans, rows, features, x) {
				if sum != want[i] {
					return fmt.Errorf("a product of %d rows and %d terms comes out wrong", rows, terms)
				}
			}
		}
	}
	return nil
}

// whole returns n whole numbers from -limit to limit.
func whole(n, limit int) []float32 {
	numbers := make([]float32, n)
	for i := range numbers {
		turn := uint32(i+1) * 2654435769 // of the golden ratio
		numbers[i] = float32(int32(uint64(turn)*uint64(2*limit+1)>>32) - int32(limit))
	}
	return numbers
}

// weights returns n odd numbers up to 65535.
func weights(n int) []float64 {
	numbers := make([]float64, n)
	state := uint32(1)
	for i := range numbers {
		state = state*1664525 + 1013904223
		numbers[i] = float64(state>>16 | 1)
	}
	return numbers
}

// times returns op(m) x for a matrix without gaps whose op is rows×columns.
func times(m []float32, t blas.Transpose, rows, columns int, x []float64) []float64 {
	y := make([]float64, rows)
	if t == blas.NoTrans {
		for i := range y {
			sum := 0.0
			for j, v := range m[i*columns : (i+1)*columns] {
				sum += float64(v) * x[j]
			}
			y[i] = sum
		}
		return y
	}
	for j := range columns {
		for i, v := range m[j*rows : (j+1)*rows] {
			y[i] += float64(v) * x[j]
		}
	}
	return y
}
