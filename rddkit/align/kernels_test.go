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

// eachWidth runs over the widths of vectors that this processor has.
func eachWidth(yield func(width string) bool) {
	defer func(before bool) { useWideVectors = before }(useWideVectors)
	useWideVectors = false
	if yield("AVX2") && haveWideVectors {
		useWideVectors = true
		yield("AVX-512")
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
			kernel(&c, rows[0], rows[1], rows[2], steps, p.WindowSteps, p.MemorySteps, spikes)
			return rows
		}
		want := run(targetGo)
		for width := range eachWidth {
			if got := run(targetVector); !reflect.DeepEqual(want, got) {
				t.Fatalf("in Go %v, with %s vectors %v", want, width, got)
			}
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
		start := want
		regressGo(&want[0], &want[1], &carry, table, terms)
		for width := range eachWidth {
			got := start
			regressVector(&got[0], &got[1], &carry, table, terms)
			if !reflect.DeepEqual(want, got) {
				t.Fatalf("in Go %v, with %s vectors %v", want, width, got)
			}
		}
	})
}

func TestInferenceKernelsAgree(t *testing.T) {
	needVectors(t)
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		o, err := STDWIOptions{Nearest: rapid.Bool().Draw(t, "nearest")}.resolved()
		if err != nil {
			t.Fatal(err)
		}
		c := newTraceConstants(o, 0.001)
		steps, stride := rapid.IntRange(1, 100).Draw(t, "steps"), 8*rapid.IntRange(1, 3).Draw(t, "stride")
		spikes := make([]byte, (steps-1)*stride+tileWidth/groupSize)
		for i := range spikes {
			if random.IntN(5) == 0 {
				spikes[i] = byte(random.IntN(16))
			}
		}
		numbers := func() (x [tileWidth]float64) {
			for i := range x {
				x[i] = random.NormFloat64()
			}
			return x
		}
		fast, slow, guesses := numbers(), numbers(), numbers()
		var above []int32
		for range rapid.IntRange(1, 50).Draw(t, "spikes above") {
			above = append(above, int32(random.IntN(steps)))
		}
		keep := random.Float64()
		type state struct {
			fast, slow, guesses [tileWidth]float64
			rows                []float64
		}
		want := state{fast, slow, guesses, make([]float64, steps*tileWidth)}
		traceGo(&c, &want.fast, &want.slow, want.rows, spikes, stride)
		inferGo(&want.guesses, keep, want.rows, above)
		got := state{fast, slow, guesses, make([]float64, steps*tileWidth)}
		traceVector(&c, &got.fast, &got.slow, got.rows, spikes, stride)
		inferVector(&got.guesses, keep, got.rows, above)
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("in Go %v, with vectors %v", want, got)
		}
	})
}
