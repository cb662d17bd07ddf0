package spike

import (
	"math/bits"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"
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

func TestIntegrateKernelsAgree(t *testing.T) {
	needVectors(t)
	rapid.Check(t, func(t *rapid.T) {
		p := DefaultParams()
		p.MemorySteps = rapid.IntRange(1, 35).Draw(t, "memory")
		p.WindowSteps = rapid.IntRange(1, 35).Draw(t, "window")
		p.RefractorySteps = rapid.IntRange(1, 5).Draw(t, "refractory")
		p.WindowHalfWidth = rapid.SampledFrom([]float64{0.1, 1, 1.9}).Draw(t, "half width")
		c := newLayerConstants(p, rapid.SampledFrom([]float64{1, 4}).Draw(t, "gain"))
		steps := rapid.IntRange(1, 300).Draw(t, "steps")
		stride := rapid.IntRange(groupSize, 20).Draw(t, "stride")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		inputs := make([]float64, (p.MemorySteps+steps)*stride)
		for i := range inputs {
			inputs[i] = 0.2 + 2*random.NormFloat64()
		}
		type result struct {
			s      state
			raster []byte
			byLane [groupSize][]event
		}
		run := func(integrate func(*state, *layerConstants, []float64, int, int, int, []byte, int, int, []event) int) (r result) {
			r.s, r.raster = newState(p), make([]byte, 3*steps)
			r.s.restoreTraces(c, inputs, stride, p.MemorySteps)
			events := make([]event, groupSize*(steps/p.WindowSteps+2))
			for _, e := range events[:integrate(&r.s, c, inputs, stride, steps, p.MemorySteps, r.raster, 3, 1000, events)] {
				for lane := range groupSize {
					if e.Ended>>lane&1 == 1 {
						r.byLane[lane] = append(r.byLane[lane], event{Step: e.Step, Spiked: e.Spiked >> lane & 1, Max: lanes{e.Max[lane]}})
					}
				}
			}
			return r
		}
		if want, got := run(integrateGo), run(integrateVector); !reflect.DeepEqual(want, got) {
			t.Fatalf("in Go %+v, with vectors %+v", want, got)
		}
	})
}

func TestThePairKernelAgreesWithTwoSingleOnes(t *testing.T) {
	if !haveWideVectors {
		t.Skip("this processor has no AVX-512: a pair of groups is integrated one by one")
	}
	rapid.Check(t, func(t *rapid.T) {
		p := DefaultParams()
		p.MemorySteps = rapid.IntRange(1, 35).Draw(t, "memory")
		p.WindowSteps = rapid.IntRange(1, 35).Draw(t, "window")
		p.RefractorySteps = rapid.IntRange(1, 5).Draw(t, "refractory")
		p.WindowHalfWidth = rapid.SampledFrom([]float64{0.1, 1, 1.9}).Draw(t, "half width")
		c := newLayerConstants(p, rapid.SampledFrom([]float64{1, 4}).Draw(t, "gain"))
		steps := rapid.IntRange(1, 300).Draw(t, "steps")
		stride, other := tileWidth, groupSize // as in a fed layer
		if rapid.Bool().Draw(t, "driven") {
			stride, other = groupSize, groupSize*(p.MemorySteps+steps)
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		inputs := make([]float64, (p.MemorySteps+steps)*tileWidth+groupSize)
		for i := range inputs {
			inputs[i] = 0.2 + 2*random.NormFloat64()
		}
		type result struct {
			s      [2]state
			raster []byte
			events [2][]event
		}
		run := func(vectors bool) (r result) {
			defer func(before bool) { useWideVectors = before }(useWideVectors)
			useWideVectors = vectors
			for i := range r.s {
				r.s[i] = newState(p)
				r.s[i].restoreTraces(c, inputs[i*other:], stride, p.MemorySteps)
				r.events[i] = make([]event, groupSize*(steps/p.WindowSteps+2))
			}
			r.raster = make([]byte, 5*steps)
			half := steps / 2 // a state is taken up where it was left
			n, m := integratePairKernel(&r.s, c, inputs, other, stride, half, p.MemorySteps, r.raster, 5, 1000, r.events[0], r.events[1])
			k, l := integratePairKernel(&r.s, c, inputs[half*stride:], other, stride, steps-half, p.MemorySteps, r.raster[half*5:], 5, 1000+half, r.events[0][n:], r.events[1][m:])
			r.events[0], r.events[1] = r.events[0][:n+k], r.events[1][:m+l]
			return r
		}
		if want, got := run(false), run(true); !reflect.DeepEqual(want, got) {
			t.Fatalf("one by one %+v, as a pair %+v", want, got)
		}
	})
}

func TestSumKernelsAgree(t *testing.T) {
	needVectors(t)
	rapid.Check(t, func(t *rapid.T) {
		n, steps := rapid.IntRange(1, 50).Draw(t, "neurons"), rapid.IntRange(1, 20).Draw(t, "steps")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		weights := make([]float64, n*tileWidth)
		for i := range weights {
			weights[i] = random.NormFloat64()
		}
		starts, neurons := []int32{0}, []int32{}
		for range steps {
			for k := range n {
				if random.IntN(3) == 0 {
					neurons = append(neurons, int32(k))
				}
			}
			starts = append(starts, int32(len(neurons)))
		}
		want := make([]float64, steps*tileWidth)
		sumGo(want, weights, neurons, starts)
		for width := range eachWidth {
			got := make([]float64, steps*tileWidth)
			sumVector(got, weights, neurons, starts)
			if !reflect.DeepEqual(want, got) {
				t.Fatalf("in Go %v, with %s vectors %v", want, width, got)
			}
		}
	})
}

func TestListKernelsAgree(t *testing.T) {
	if !haveWideVectors {
		t.Skip("this processor has no AVX-512: only the kernel in Go is there")
	}
	rapid.Check(t, func(t *rapid.T) {
		row := make([]byte, 8*rapid.IntRange(1, 60).Draw(t, "words"))
		for i, b := range rapid.SliceOfN(rapid.ByteRange(0, 15), len(row), len(row)).Draw(t, "row") {
			row[i] = b
		}
		spikes := 0
		for _, b := range row {
			spikes += bits.OnesCount8(b)
		}
		if spikes == 0 {
			return
		}
		// One more, which neither may touch.
		want, got := make([]int32, spikes+1), make([]int32, spikes+1)
		want[spikes], got[spikes] = -1, -1
		listGo(want[:spikes], row)
		listVector(got[:spikes], row)
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("in Go %v, with vectors %v", want, got)
		}
	})
}

func TestPoissonKernelsAgree(t *testing.T) {
	needVectors(t)
	rapid.Check(t, func(t *rapid.T) {
		thresholds := poissonThresholds(rapid.Float64Range(1e-6, maxCountPerStep).Draw(t, "mean"))
		pairs := rapid.IntRange(1, 20).Draw(t, "pairs")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var a [4][4]uint64
		for i := range a {
			for k := range a[i] {
				a[i][k] = random.Uint64()
			}
		}
		b := a
		want, got := make([]float64, 8*pairs), make([]float64, 8*pairs)
		poissonGo(want, pairs, &a, thresholds)
		poissonVector(got, pairs, &b, thresholds)
		if !reflect.DeepEqual(want, got) || a != b {
			t.Fatalf("in Go %v, with vectors %v", want, got)
		}
	})
}
