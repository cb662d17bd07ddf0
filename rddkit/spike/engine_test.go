package spike

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// smallNetwork draws a network with weights like those of a network before
// training.
func smallNetwork(t *rapid.T) *Network {
	p := DefaultParams()
	if rapid.Bool().Draw(t, "other parameters") {
		p.RefractorySteps = rapid.IntRange(1, 6).Draw(t, "refractory steps")
		p.MemorySteps = rapid.IntRange(1, 40).Draw(t, "memory steps")
		p.WindowSteps = rapid.IntRange(1, 40).Draw(t, "window steps")
		p.WindowHalfWidth = rapid.SampledFrom([]float64{0, 0.05, 0.3, 1.9}).Draw(t, "half width")
		p.RedrawSteps = rapid.IntRange(1, 150).Draw(t, "redraw steps")
		p.InputRate = rapid.SampledFrom([]float64{100, 400, 2000}).Draw(t, "rate")
		p.EscapeWidth = rapid.SampledFrom([]float64{0, 0.05, 0.5}).Draw(t, "escape width")
		p.LeakConductance = rapid.SampledFrom([]float64{20, 100, 300}).Draw(t, "leak")
	}
	sizes := rapid.SliceOfN(rapid.IntRange(1, 40), 2, 5).Draw(t, "sizes")
	net := &Network{Params: p, Sizes: sizes}
	random := stream.New(rapid.Uint64().Draw(t, "weight seed"), "weights")
	for l := range sizes[1:] {
		w := make([]float64, sizes[l+1]*sizes[l])
		for i := range w {
			w[i] = random.NormFloat64()
		}
		if len(w) > 1 {
			scaled, err := ScaleWeights(p, "weights", w, sizes[l])
			if err != nil {
				t.Fatal(err)
			}
			w = scaled
		}
		net.Weights = append(net.Weights, w)
	}
	return net
}

// The two simulators share nothing but the drawn counts; spikes and windows
// must be equal, the largest drives up to rounding.
func TestSimulationEqualsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		net := smallNetwork(t)
		phaseSteps := rapid.IntRange(1, 700).Draw(t, "steps per phase")
		seed := rapid.Uint64().Draw(t, "seed")
		rule := rapid.SampledFrom([]Drive{Accumulating, Fresh}).Draw(t, "drive")
		limit := rapid.IntRange(0, 1000).Draw(t, "limit")
		input := func() Input {
			in, err := NewPoissonInput(net.Params, rule, seed, 3, net.Sizes, phaseSteps, nil)
			if err != nil {
				t.Fatal(err)
			}
			return in
		}
		want, err := Record(context.Background(), net, phaseSteps, input())
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSimulation(net.Params, net.Sizes, phaseSteps)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second run reuses the first one's buffers
			compareWithRecording(t, s, net, input(), want, limit)
		}
	})
}

func compareWithRecording(t *rapid.T, s *Simulation, net *Network, input Input, want *Recording, limit int) {
	if err := s.Start(net.Weights, input); err != nil {
		t.Fatal(err)
	}
	got := make([][]Window, net.Phases())
	for stretch := s.Advance(limit); stretch.Steps > 0; stretch = s.Advance(limit) {
		for l, n := range net.Sizes {
			for step := stretch.First; step < stretch.First+stretch.Steps; step++ {
				for i := range n {
					if s.Spikes(l).Fired(step, i) != (want.Spikes[l][step*n+i] == 1) {
						t.Fatalf("step %d, layer %d, neuron %d: fired %v", step, l, i, s.Spikes(l).Fired(step, i))
					}
				}
			}
		}
		for i := range net.Sizes[stretch.Phase] {
			got[stretch.Phase] = append(got[stretch.Phase], s.Windows(stretch.Phase, i)...)
		}
	}
	for l := range got {
		byPlace := map[[2]int]Window{}
		for _, w := range got[l] {
			byPlace[[2]int{w.End, w.Neuron}] = w
		}
		if len(got[l]) != len(want.Windows[l]) || len(byPlace) != len(got[l]) {
			t.Fatalf("layer %d: %d windows, want %d", l, len(got[l]), len(want.Windows[l]))
		}
		for _, w := range want.Windows[l] {
			g := byPlace[[2]int{w.End, w.Neuron}]
			if math.Abs(g.MaxDrive-w.MaxDrive) > 1e-9*max(1, w.MaxDrive) {
				t.Fatalf("layer %d: window %+v, want %+v", l, g, w)
			}
			g.MaxDrive = w.MaxDrive
			if g != w {
				t.Fatalf("layer %d: window %+v, want %+v", l, g, w)
			}
		}
	}
}

// A step allocates nothing: stretches of 2000 steps take as many allocations (a
// few for the calls themselves) as stretches of 20.
func TestStepsDoNotAllocate(t *testing.T) {
	p, sizes := DefaultParams(), []int{64, 32, 8}
	random := stream.New(1, "weights")
	var weights [][]float64
	for l := range sizes[1:] {
		w := make([]float64, sizes[l+1]*sizes[l])
		for i := range w {
			w[i] = random.NormFloat64()
		}
		scaled, err := ScaleWeights(p, "weights", w, sizes[l])
		if err != nil {
			t.Fatal(err)
		}
		weights = append(weights, scaled)
	}
	s, err := NewSimulation(p, sizes, 200_000)
	if err != nil {
		t.Fatal(err)
	}
	input, err := NewPoissonInput(p, Accumulating, 1, 0, sizes, 200_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(weights, input); err != nil {
		t.Fatal(err)
	}
	now := 0
	advance := func(steps int) func() {
		return func() {
			now += steps
			s.Advance(now)
		}
	}
	// Windows, lists and rasters reach their sizes first: half of the phase.
	for now < 100_000 {
		advance(2000)()
	}
	short, long := testing.AllocsPerRun(20, advance(20)), testing.AllocsPerRun(20, advance(2000))
	// A list of spikes or windows may still grow now and then, and under the race
	// detector a sync.Pool loses some of what it is given; one allocation in 100 of
	// the 1980 further steps is far above both.
	if long > short+20 {
		t.Errorf("a stretch of 2000 steps allocates %v times, one of 20 steps %v times", long, short)
	}
	t.Logf("%v and %v allocations", short, long)
}
