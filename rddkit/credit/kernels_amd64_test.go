package credit

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestVectorKernelsReturnTheBitsOfGo(t *testing.T) {
	if !vectors {
		t.Skip("this processor has no AVX2")
	}
	rapid.Check(t, func(t *rapid.T) {
		n := newNormals(1, rapid.Uint64().Draw(t, "seed"), "test")
		const rows = 32
		type result struct {
			lanes    lanes
			drawn    [8 * rows]float64
			random   [8 * rows]uint64
			rejected [rows]uint8
		}
		a, b := result{lanes: n.lanes}, result{lanes: n.lanes}
		a.lanes.propose(a.drawn[:], a.random[:], a.rejected[:])
		proposeAVX2(&b.lanes, &b.drawn[0], &b.random[0], &b.rejected[0], &ziggurat[0], rows)
		if a != b {
			t.Fatal("proposals differ")
		}

		in := input{0.1, rapid.Float64Range(0, 1).Draw(t, "shared"), rapid.Float64Range(0, 1).Draw(t, "private")}
		steps := rapid.IntRange(1, 50).Draw(t, "steps")
		current, vectorCurrent := make([][4]float64, steps), make([][4]float64, steps)
		in.mix(current, a.drawn[:steps], a.drawn[steps:], b.drawn[3*steps:])
		mixAVX2(&in, &vectorCurrent[0], &a.drawn[0], &a.drawn[steps], &b.drawn[3*steps], steps)
		if !slices.Equal(current, vectorCurrent) {
			t.Fatal("mixed inputs differ")
		}

		// Weights that hardly ever spike, and such that do at every chance.
		var gain [4]float64
		d := dynamics{
			keep:      rapid.Float64Range(-1, 1).Draw(t, "keep"),
			threshold: rapid.Float64Range(0.1, 1).Draw(t, "threshold"),
			reset:     rapid.Float64Range(-1, 0.1).Draw(t, "reset"),
			hold:      rapid.Int64Range(1, 10).Draw(t, "hold"),
		}
		var m membranes
		for k := range m.v {
			gain[k] = rapid.Float64Range(-1, 3).Draw(t, "gain")
			m.v[k] = rapid.Float64Range(-1, 1).Draw(t, "v")
			m.refractory[k] = rapid.Int64Range(0, d.hold).Draw(t, "refractory")
		}
		spiked, vectorSpiked, vector := make([]uint8, len(current)), make([]uint8, len(current)), m
		for k := range m.v {
			m.integrate(k, &d, gain[k], current, spiked, nil, nil)
		}
		integrateAVX2(&vector, &d, &gain, &current[0], &vectorSpiked[0], len(current))
		if m != vector || !slices.Equal(spiked, vectorSpiked) {
			t.Fatalf("membranes %+v, spikes %v; with vectors %+v, %v", m, spiked, vector, vectorSpiked)
		}
	})
}

// Populations that fill groups of four neurons and such that do not, with and
// without perturbation.
func TestRunsDoNotDependOnVectors(t *testing.T) {
	if !vectors {
		t.Skip("this processor has no AVX2")
	}
	defer func() { vectors = true }()
	rapid.Check(t, func(t *rapid.T) {
		p := Population{
			Weights:          rapid.SliceOfN(rapid.Float64Range(-5, 30), 1, 9).Draw(t, "weights"),
			NoiseCorrelation: rapid.Float64Range(0, 1).Draw(t, "c"),
			BlockSteps:       rapid.IntRange(1, 60).Draw(t, "block"),
			Reset:            rapid.Float64Range(-1, 0.9).Draw(t, "reset"),
			Perturbation:     rapid.SampledFrom([]float64{0, 1}).Draw(t, "perturbation"),
			SeparateBlocks:   rapid.Bool().Draw(t, "separate"),
		}
		seed := rapid.Uint64().Draw(t, "seed")
		var runs [2]*SimulatedBlocks
		for k := range runs {
			vectors = k == 0
			run, err := p.Simulate(context.Background(), 2, seed)
			if err != nil {
				t.Fatal(err)
			}
			runs[k] = run
		}
		if !reflect.DeepEqual(runs[0], runs[1]) {
			t.Fatal("runs differ")
		}
	})
}
