package spike

import (
	"context"
	"math"
	"runtime"
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
			count := 0
			for step := stretch.First; step < stretch.First+stretch.Steps; step++ {
				for i := range s.Spikes(l).Spikes(step) {
					count += int(want.Spikes[l][step*n+i])
				}
				for i := range n {
					if s.Spikes(l).Fired(step, i) != (want.Spikes[l][step*n+i] == 1) {
						t.Fatalf("step %d, layer %d, neuron %d: fired %v", step, l, i, s.Spikes(l).Fired(step, i))
					}
				}
			}
			if all := s.Spikes(l).Count(stretch.First, stretch.First+stretch.Steps); count != all {
				t.Fatalf("from step %d on, layer %d: %d spikes are listed, %d counted", stretch.First, l, count, all)
			}
		}
		above, n := s.Spikes(stretch.Phase+1), net.Sizes[stretch.Phase+1]
		for i := range net.Sizes[stretch.Phase] {
			got[stretch.Phase] = append(got[stretch.Phase], s.Windows(stretch.Phase, i)...)
			// The spikes that the trace at a baseline needs are there, however old.
			for _, w := range s.Windows(stretch.Phase, i) {
				for step := max(0, w.Baseline-net.Params.MemorySteps); step < w.Baseline; step++ {
					for j := range n {
						if above.Fired(step, j) != (want.Spikes[stretch.Phase+1][step*n+j] == 1) {
							t.Fatalf("step %d before the baseline of %+v: neuron %d fired %v", step, w, j, above.Fired(step, j))
						}
					}
				}
			}
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

// Memory does not grow with the length of a run: ten times as many steps take as
// much, with either drive, and where windows reopen for as long as they like.
func TestMemoryDoesNotGrowWithTheRun(t *testing.T) {
	for _, rule := range []Drive{Accumulating, Fresh} {
		for _, halfWidth := range []float64{0.1, 1.9} {
			p, sizes := DefaultParams(), []int{400, 200, 20}
			p.WindowHalfWidth = halfWidth
			peak := func(phaseSteps int) (bytes uint64) {
				input, err := NewPoissonInput(p, rule, 1, 0, sizes, phaseSteps, nil)
				if err != nil {
					t.Fatal(err)
				}
				s, err := NewSimulation(p, sizes, phaseSteps)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Start(randomWeights(t, p, sizes), input); err != nil {
					t.Fatal(err)
				}
				stretches := 0
				for s.Advance(0).Steps > 0 {
					if stretches++; stretches%4 == 0 {
						runtime.GC()
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						bytes = max(bytes, m.HeapAlloc)
					}
				}
				runtime.KeepAlive(s)
				return bytes
			}
			short := peak(10_000)
			long := peak(100_000)
			// 16 MB more, were the spikes of all layers above kept.
			if long > short+1<<20 {
				t.Errorf("%s, half width %g: %.1f MB for 20 s, %.1f MB for 200 s", rule, halfWidth, float64(short)/1e6, float64(long)/1e6)
			}
			t.Logf("%s, half width %g: %.2f MB for 20 s, %.2f MB for 200 s", rule, halfWidth, float64(short)/1e6, float64(long)/1e6)
		}
	}
}

func randomWeights(t testing.TB, p Params, sizes []int) (weights [][]float64) {
	random := stream.New(1, "weights")
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
	return weights
}

// A step allocates nothing: stretches of 2000 steps take as many allocations (a
// few for the calls themselves) as stretches of 20.
func TestStepsDoNotAllocate(t *testing.T) {
	p, sizes := DefaultParams(), []int{64, 32, 8}
	weights := randomWeights(t, p, sizes)
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
