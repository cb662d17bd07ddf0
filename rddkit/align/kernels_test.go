package align

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/spike"
)

// needVectors skips where there are no vector kernels to compare.
func needVectors(t *testing.T) {
	if !haveVectors {
		t.Skip("this processor has no AVX2 and FMA: only the kernels in Go are there")
	}
}

func TestTargetKernelsAgree(t *testing.T) {
	needVectors(t)
	rapid.Check(t, func(t *rapid.T) {
		p := spike.DefaultParams()
		p.MemorySteps = rapid.IntRange(1, 35).Draw(t, "memory")
		p.WindowSteps = rapid.IntRange(1, 35).Draw(t, "window")
		c := newTargetConstants(p)
		steps := rapid.IntRange(1, 200).Draw(t, "steps")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		rare := rapid.IntRange(1, 100).Draw(t, "rarity")
		spikes := make([]byte, (p.MemorySteps+1+steps)*tileWidth/groupSize)
		for i := range spikes {
			if random.IntN(rare) == 0 {
				spikes[i] = byte(random.IntN(16))
			}
		}
		run := func(kernel func(*targetConstants, []float64, []float64, []float64, int, int, int, []byte)) (rows [3][]float64) {
			for i := range rows {
				rows[i] = make([]float64, steps*tileWidth)
			}
			for g := range tileWidth / groupSize {
				kernel(&c, rows[0][g*groupSize:], rows[1][g*groupSize:], rows[2][g*groupSize:], steps, p.WindowSteps, p.MemorySteps, spikes[g:])
			}
			return rows
		}
		if want, got := run(targetGo), run(targetVector); !reflect.DeepEqual(want, got) {
			t.Fatalf("in Go %v, with vectors %v", want, got)
		}
	})
}

func TestRegressKernelsAgree(t *testing.T) {
	needVectors(t)
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		numbers := func(n int) []float64 {
			x := make([]float64, n)
			for i := range x {
				x[i] = random.NormFloat64()
			}
			return x
		}
		const rows = 10
		table := numbers(rows * tileWidth)
		terms := make([]term, rapid.IntRange(1, 20).Draw(t, "terms"))
		for i := range terms {
			terms[i] = term{int64(random.IntN(rows)), random.NormFloat64(), random.NormFloat64()}
		}
		carry := [4]float64(numbers(4))
		want := [2][tileWidth]float64{[tileWidth]float64(numbers(tileWidth)), [tileWidth]float64(numbers(tileWidth))}
		got := want
		regressGo(&want[0], &want[1], &carry, table, terms)
		regressVector(&got[0], &got[1], &carry, table, terms)
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("in Go %v, with vectors %v", want, got)
		}
	})
}
