package rd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func jumpData(n int) (x, d, y []float64) {
	random := rand.New(rand.NewPCG(1, 1))
	for range n {
		z := 2*random.Float64() - 1
		t, chance := 0.0, 0.2
		if z >= 0 {
			chance = 0.8
		}
		if random.Float64() < chance {
			t = 1
		}
		x, d = append(x, z), append(d, t)
		y = append(y, z+z*z+1.5*t+0.3*random.NormFloat64())
	}
	return x, d, y
}

func BenchmarkSharp(b *testing.B) {
	for _, n := range []int{500, 2000, 8000, 1_000_000} {
		x, _, y := jumpData(n)
		for _, o := range []struct {
			name string
			Options
		}{{"selected", Options{}}, {"fixed", Options{H: Both(0.3)}}} {
			b.Run(fmt.Sprintf("%s/%d", o.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Sharp(x, y, o.Options); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkFuzzy(b *testing.B) {
	x, d, y := jumpData(2000)
	for b.Loop() {
		if _, err := Fuzzy(x, d, y, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDensityTest(b *testing.B) {
	x, _, _ := jumpData(2000)
	for b.Loop() {
		if _, err := DensityTest(x, DensityOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOnlineLeastSquares(b *testing.B) {
	x, _, y := jumpData(1024)
	l := OnlineLeastSquares{Window: 0.5}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.Add(x[i%1024], y[i%1024])
	}
}

func BenchmarkOnlineDescent(b *testing.B) {
	x, _, y := jumpData(1024)
	l := OnlineDescent{Window: 0.5}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.Add(x[i%1024], y[i%1024])
	}
}
