package spike

import (
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
		want, got := make([]float64, steps*tileWidth), make([]float64, steps*tileWidth)
		sumGo(want, weights, neurons, starts)
		sumVector(got, weights, neurons, starts)
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
