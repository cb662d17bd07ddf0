package gemm

import (
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		name    string
		tA, tB  blas.Transpose
		m, n, k int
	}{
		{"square512", blas.NoTrans, blas.NoTrans, 512, 512, 512},
		{"conv1 drive", blas.Trans, blas.NoTrans, 784, 64, 75},
		{"conv1 driveNC", blas.NoTrans, blas.NoTrans, 64, 784, 75},
		{"conv1 gradient", blas.NoTrans, blas.NoTrans, 75, 64, 784},
		{"conv2 drive", blas.NoTrans, blas.NoTrans, 100, 64, 1600},
		{"conv2 driveT", blas.NoTrans, blas.Trans, 100, 64, 1600},
		{"conv2 drive x2", blas.NoTrans, blas.NoTrans, 200, 64, 1600},
		{"conv2 drive x4", blas.NoTrans, blas.NoTrans, 400, 64, 1600},
		{"conv2 gradient", blas.Trans, blas.NoTrans, 1600, 64, 100},
		{"conv2 gradientT", blas.Trans, blas.NoTrans, 64, 1600, 100},
		{"conv2 gradient x2", blas.Trans, blas.NoTrans, 1600, 64, 200},
		{"conv2 gradientT x2", blas.Trans, blas.NoTrans, 64, 1600, 200},
		{"conv2 gradientT x4", blas.Trans, blas.NoTrans, 64, 1600, 400},
		{"conv2 delta", blas.NoTrans, blas.NoTrans, 100, 1600, 64},
		{"conv2 delta x2", blas.NoTrans, blas.NoTrans, 200, 1600, 64},
		{"conv2 deltaT", blas.NoTrans, blas.Trans, 100, 1600, 64},
		{"fc1 drive", blas.NoTrans, blas.Trans, 128, 64, 1600},
		{"fc1 gradient", blas.Trans, blas.NoTrans, 64, 1600, 128},
		{"fc1 delta", blas.NoTrans, blas.NoTrans, 128, 320, 384},
	} {
		b.Run(s.name, func(b *testing.B) {
			if err := Open(); err != nil {
				b.Fatal(err)
			}
			mk := func(r, c int, t blas.Transpose) blas32.General {
				if t == blas.Trans {
					r, c = c, r
				}
				g := blas32.General{Rows: r, Cols: c, Stride: c, Data: make([]float32, r*c)}
				for i := range g.Data {
					g.Data[i] = float32(i%13) - 6
				}
				return g
			}
			A, B, C := mk(s.m, s.k, s.tA), mk(s.k, s.n, s.tB), mk(s.m, s.n, blas.NoTrans)
			b.ReportAllocs()
			for b.Loop() {
				blas32.Gemm(s.tA, s.tB, 1, A, B, 0, C)
			}
			b.ReportMetric(2e-9*float64(s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
		})
	}
}
