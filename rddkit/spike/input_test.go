package spike

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/invalid"
)

func poissonInput(t testing.TB, p Params, rule Drive, seed uint64, sizes []int, phaseSteps int, carried [][]bool) *PoissonInput {
	t.Helper()
	in, err := NewPoissonInput(p, rule, seed, 0, sizes, phaseSteps, carried)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// Counts of driven neurons follow the Poisson distribution: a chi-squared test
// at each of several means, and the correlation of neighbours in time and in
// the group.
func TestCountsAreIndependentPoissonNumbers(t *testing.T) {
	for _, rate := range []float64{20, 200, 1500, 20000} {
		p := DefaultParams()
		p.InputRate, p.DrivenFraction = rate, 1
		const neurons, steps = 20, 20000
		in := poissonInput(t, p, Accumulating, 11, []int{neurons, 1}, steps, nil)
		counts := drawn(in, 0, neurons, steps)
		mean := rate * p.Step
		law := distuv.Poisson{Lambda: mean}
		seen := map[uint8]float64{}
		var sum, lagged, beside float64
		for i, c := range counts {
			seen[c]++
			d := float64(c) - mean
			sum += d
			if i >= neurons {
				lagged += d * (float64(counts[i-neurons]) - mean)
			}
			if i%neurons > 0 {
				beside += d * (float64(counts[i-1]) - mean)
			}
		}
		n := float64(len(counts))
		var chi, rest, restSeen, bins float64
		for k := range 100 {
			expected := n * law.Prob(float64(k))
			if expected < 10 {
				rest, restSeen = rest+expected, restSeen+seen[uint8(k)]
				continue
			}
			chi += (seen[uint8(k)] - expected) * (seen[uint8(k)] - expected) / expected
			bins++
		}
		if rest > 1 {
			chi += (restSeen - rest) * (restSeen - rest) / rest
			bins++
		}
		if tail := (distuv.ChiSquared{K: bins - 1}).Survival(chi); tail < 1e-4 {
			t.Errorf("mean %g: chi-squared %g on %g bins, a chance of %g", mean, chi, bins, tail)
		}
		for what, z := range map[string]float64{"mean": sum / math.Sqrt(n*mean), "lagged": lagged / (mean * math.Sqrt(n)), "neighbours": beside / (mean * math.Sqrt(n))} {
			if math.Abs(z) > 4.5 {
				t.Errorf("mean %g: %s is %.1f standard errors off", mean, what, z)
			}
		}
	}
}

// drivenAt returns which neurons get counts in steps first … end-1, at a rate
// with which none is missed.
func drivenAt(counts []uint8, n, first, end int) []bool {
	driven := make([]bool, n)
	for t := first; t < end; t++ {
		for i, c := range counts[t*n : (t+1)*n] {
			driven[i] = driven[i] || c > 0
		}
	}
	return driven
}

func number(flags []bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

// The first set lasts 99 steps and the next ones 100. Fresh replaces it;
// Accumulating adds to it, in the layers that are not driven yet as well, and
// over runs.
func TestDrivenNeurons(t *testing.T) {
	p := DefaultParams()
	p.InputRate = 4000
	sizes := []int{103, 51, 7}
	const steps = 1000
	fresh := poissonInput(t, p, Fresh, 5, sizes, steps, nil)
	for layer, want := range []int{20, 10} {
		counts := drawn(fresh, layer, sizes[layer], steps)
		var before []bool
		for first := -1; first < steps; first += 100 {
			driven := drivenAt(counts, sizes[layer], max(first, 0), min(first+100, steps))
			if number(driven) != want {
				t.Fatalf("layer %d, from step %d: %d neurons driven, want %d", layer, first, number(driven), want)
			}
			if reflect.DeepEqual(driven, before) {
				t.Fatalf("layer %d, from step %d: the same neurons as before", layer, first)
			}
			before = driven
		}
	}

	in := poissonInput(t, p, Accumulating, 5, sizes, steps, nil)
	counts := drawn(in, 0, sizes[0], steps)
	if n := number(drivenAt(counts, sizes[0], 0, 99)); n != 20 {
		t.Errorf("%d neurons driven at first, want 20", n)
	}
	var before []bool
	for first := -1; first < steps; first += 100 {
		driven := drivenAt(counts, sizes[0], max(first, 0), min(first+100, steps))
		for i := range before {
			if before[i] && !driven[i] {
				t.Fatalf("neuron %d is not driven any more", i)
			}
		}
		before = driven
	}
	expected := 103 * (1 - math.Pow(0.8, 11))
	if n := float64(number(before)); math.Abs(n-expected) > 12 {
		t.Errorf("%g neurons driven after ten redraws, expected %.0f", n, expected)
	}
	if n := number(drivenAt(drawn(in, 1, sizes[1], steps), sizes[1], 0, 99)); n < 40 {
		t.Errorf("layer 1 begins its phase with %d driven neurons, although it has collected them for ten redraws", n)
	}
	end := in.Driven()
	next := poissonInput(t, p, Accumulating, 6, sizes, steps, end)
	again := drivenAt(drawn(next, 0, sizes[0], steps), sizes[0], 0, 99)
	for i := range end[0] {
		if end[0][i] && !again[i] {
			t.Errorf("neuron %d was not carried over", i)
		}
	}
}

// Counts do not depend on the lengths of the pieces in which they are drawn.
func TestCountsDoNotDependOnThePieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const steps = 500
		sizes := []int{9, 2}
		rule := rapid.SampledFrom([]Drive{Accumulating, Fresh}).Draw(t, "drive")
		whole, _ := NewPoissonInput(Params{}, rule, 1, 2, sizes, steps, nil)
		want := drawn(whole, 0, sizes[0], steps)
		parts, _ := NewPoissonInput(Params{}, rule, 1, 2, sizes, steps, nil)
		for first := 0; first < steps; {
			n := min(rapid.IntRange(1, 120).Draw(t, "steps"), steps-first)
			parts.Begin(0, first, n)
			for g := range groups(sizes[0]) {
				rows := make([]float64, n*groupSize)
				parts.Fill(rows, groupOf(0, g, sizes[0]), first)
				for i, c := range rows {
					neuron := g*groupSize + i%groupSize
					if neuron < sizes[0] && uint8(c) != want[(first+i/groupSize)*sizes[0]+neuron] {
						t.Fatalf("step %d, neuron %d: count %g, want %d", first+i/groupSize, neuron, c, want[(first+i/groupSize)*sizes[0]+neuron])
					}
				}
			}
			first += n
		}
	})
}

// An input of one's own that gives what a built-in one gives makes the same
// spikes and windows, escape noise included: asked by the function for each
// count, or group by group.
func TestInputsOfOnesOwn(t *testing.T) {
	p := DefaultParams()
	p.EscapeWidth, p.RefractorySteps = 0.1, 5
	sizes := []int{13, 7, 3}
	const steps = 700
	weights := randomWeights(t, p, sizes)
	run := func(input Input) (windows []Window, spikes []int) {
		s, err := NewSimulation(p, sizes, steps)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(weights, input); err != nil {
			t.Fatal(err)
		}
		for stretch := s.Advance(0); stretch.Steps > 0; stretch = s.Advance(stretch.First + stretch.Steps + 90) {
			for l, n := range sizes {
				for i := range n {
					windows = append(windows, s.Windows(l, i)...)
				}
				spikes = append(spikes, s.Spikes(l).Count(stretch.First, stretch.First+stretch.Steps))
			}
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		return windows, spikes
	}
	drawnInput := func() *PoissonInput { return poissonInput(t, p, Fresh, 3, sizes, steps, nil) }
	wantWindows, wantSpikes := run(drawnInput())
	recorded := make([][]uint8, 2)
	source := drawnInput()
	for l := range recorded {
		recorded[l] = drawn(source, l, sizes[l], steps)
	}
	for name, input := range map[string]Input{
		"function": InputFunc(func(layer, neuron, step int) float64 { return float64(recorded[layer][step*sizes[layer]+neuron]) }),
		"recorded": NewRecordedInput(recorded),
		"wrapped":  struct{ Input }{drawnInput()},
	} {
		windows, spikes := run(WithSeed(input, 3, 0))
		if !reflect.DeepEqual(windows, wantWindows) || !reflect.DeepEqual(spikes, wantSpikes) {
			t.Errorf("%s: other spikes or windows", name)
		}
	}
	// The step-by-step simulator takes it, too, fractions and negative counts included.
	input := WithSeed(InputFunc(func(layer, neuron, step int) float64 { return math.Sin(float64(layer+3*neuron+step*step)) + 0.3 }), 3, 0)
	windows, spikes := run(input)
	r, err := Record(context.Background(), &Network{Params: p, Sizes: sizes, Weights: weights}, steps, input)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, layer := range r.Spikes {
		for _, s := range layer {
			total += int(s)
		}
	}
	for _, n := range spikes {
		total -= n
	}
	if total != 0 || len(windows) == 0 {
		t.Errorf("%d spikes more in the step-by-step simulator; %d windows", total, len(windows))
	}
}

// A count that is no number ends the run with an error that names it.
func TestBadCountsEndTheRun(t *testing.T) {
	p, sizes := DefaultParams(), []int{6, 2}
	input := InputFunc(func(_, neuron, step int) float64 {
		if neuron == 5 && step == 333 {
			return math.NaN()
		}
		return 0.2
	})
	s, err := NewSimulation(p, sizes, 700)
	if err != nil {
		t.Fatal(err)
	}
	weights := randomWeights(t, p, sizes)
	if err := s.Start(weights, input); err != nil {
		t.Fatal(err)
	}
	steps := 0
	for stretch := s.Advance(100); stretch.Steps > 0; stretch = s.Advance(steps + 100) {
		steps += stretch.Steps
	}
	var bad *invalid.Error
	if err := s.Err(); steps != 300 || !errors.As(err, &bad) || bad.Field != "input of layer 0, neuron 5, step 333" {
		t.Errorf("after %d steps: %v", steps, err)
	}
	if _, err := Record(context.Background(), &Network{Sizes: sizes, Weights: weights}, 700, input); !errors.As(err, &bad) {
		t.Errorf("step by step: %v", err)
	}
	if err := s.Start(weights, InputFunc(func(int, int, int) float64 { return 0.2 })); err != nil || s.Advance(0).Steps == 0 {
		t.Errorf("the next run does not begin: %v, %v", err, s.Err())
	}
}

// drawn returns a layer's counts in its whole phase, [step][neuron].
func drawn(in *PoissonInput, layer, n, phaseSteps int) []uint8 {
	counts, err := drawAll(in, layer, n, phaseSteps)
	if err != nil {
		panic(err)
	}
	small := make([]uint8, len(counts))
	for i, c := range counts {
		small[i] = uint8(c)
	}
	return small
}

// simulate runs a network with drawn input and returns all spikes and windows.
func simulate(t *testing.T, seed uint64) (rasters [][]byte, windows []Window) {
	t.Helper()
	sizes := []int{70, 45, 20, 6}
	net := &Network{Sizes: sizes}
	for l := range 3 {
		w := make([]float64, sizes[l]*sizes[l+1])
		for i := range w {
			w[i] = math.Sin(float64(i*i + l))
		}
		scaled, err := ScaleWeights(Params{}, "w", w, sizes[l])
		if err != nil {
			t.Fatal(err)
		}
		net.Weights = append(net.Weights, scaled)
	}
	s, err := NewSimulation(Params{}, sizes, 3000)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(net.Weights, poissonInput(t, Params{}, Accumulating, seed, sizes, 3000, nil)); err != nil {
		t.Fatal(err)
	}
	for stretch := s.Advance(0); stretch.Steps > 0; stretch = s.Advance(0) {
		for l := range sizes {
			for step := stretch.First; step < stretch.First+stretch.Steps; step++ {
				rasters = append(rasters, append([]byte{}, s.Spikes(l).Row(step)...))
			}
		}
		for i := range sizes[stretch.Phase] {
			windows = append(windows, s.Windows(stretch.Phase, i)...)
		}
	}
	return rasters, windows
}

func TestSimulationGivesTheSameBits(t *testing.T) {
	wantRasters, wantWindows := simulate(t, 1)
	same := func(how string) {
		if rasters, windows := simulate(t, 1); !reflect.DeepEqual(rasters, wantRasters) || !reflect.DeepEqual(windows, wantWindows) {
			t.Errorf("other results %s", how)
		}
	}
	for _, cores := range []int{1, 2, 4} {
		before := runtime.GOMAXPROCS(cores)
		same("on another number of cores")
		runtime.GOMAXPROCS(before)
	}
	before := useVectors
	useVectors = false
	same("without vector kernels")
	useVectors = before
	if rasters, _ := simulate(t, 2); reflect.DeepEqual(rasters, wantRasters) {
		t.Error("the seed changes nothing")
	}
}

func TestBadInputIsNamed(t *testing.T) {
	badField := func(want string, err error) {
		t.Helper()
		var bad *invalid.Error
		if !errors.As(err, &bad) || bad.Field != want {
			t.Errorf("error %v, want one about %s", err, want)
		}
	}
	for want, change := range map[string]func(*Params){
		"Params.Step":                func(p *Params) { p.Step = 0 },
		"Params.LeakConductance":     func(p *Params) { p.LeakConductance = math.NaN() },
		"Params.DendriteConductance": func(p *Params) { p.DendriteConductance = 0 },
		"Params.Step×(LeakConductance+DendriteConductance)": func(p *Params) { p.Step = 0.01 },
		"Params.Reset":           func(p *Params) { p.Reset = 0.95 },
		"Params.RefractorySteps": func(p *Params) { p.RefractorySteps = 0 },
		"Params.MembraneTime":    func(p *Params) { p.MembraneTime = p.SynapseTime },
		"Params.MemorySteps":     func(p *Params) { p.MemorySteps = -1 },
		"Params.InputRate":       func(p *Params) { p.InputRate = 1e6 },
		"Params.DrivenFraction":  func(p *Params) { p.DrivenFraction = 1.1 },
		"Params.RedrawSteps":     func(p *Params) { p.RedrawSteps = 0 },
		"Params.WindowSteps":     func(p *Params) { p.WindowSteps = 0 },
		"Params.WindowHalfWidth": func(p *Params) { p.WindowHalfWidth = -1 },
	} {
		p := DefaultParams()
		change(&p)
		badField(want, p.Validate())
		_, err := NewSimulation(p, []int{2, 2}, 10)
		badField(want, err)
	}
	_, err := NewSimulation(Params{}, []int{2}, 10)
	badField("Network.Sizes", err)
	_, err = NewSimulation(Params{}, []int{2, 0}, 10)
	badField("Network.Sizes[1]", err)
	s, err := NewSimulation(Params{}, []int{2, 2}, 10)
	if err != nil {
		t.Fatal(err)
	}
	input := NewRecordedInput([][]uint8{make([]uint8, 20)})
	badField("Network.Weights", s.Start(nil, input))
	badField("Network.Weights[0]", s.Start([][]float64{{1}}, input))
	badField("Network.Weights[0][2]", s.Start([][]float64{{1, 2, math.Inf(1), 4}}, input))
	badField("recorded counts of layer 0", s.Start([][]float64{{1, 2, 3, 4}}, NewRecordedInput([][]uint8{make([]uint8, 19)})))
	badField("input", s.Start([][]float64{{1, 2, 3, 4}}, poissonInput(t, Params{}, Fresh, 1, []int{3, 2}, 10, nil)))
	_, err = ScaleWeights(Params{}, "W", []float32{1, float32(math.NaN())}, 2)
	badField("W[1]", err)
	_, err = ScaleWeights(Params{}, "W", []float32{1, 1}, 2)
	badField("W's standard deviation", err)
	badField("drive", Drive("often").Validate())
}

// A rule of one's own is drawn from like the built-in ones, and its probe tells
// what it does, not how it is called.
func TestRegisterDrive(t *testing.T) {
	turns := func(k int) func(Redraw) {
		return func(r Redraw) {
			for i := range r.Driven {
				r.Driven[i] = i%k == r.Number%k
			}
		}
	}
	probe := func(d Drive) string {
		p, err := d.Probe()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	fifths, again := RegisterDrive("turns", turns(5)), RegisterDrive("turns-too", turns(5))
	first := probe(fifths)
	if first == "" || first != probe(again) || probe(Fresh) != "" || probe("") != "" {
		t.Errorf("probes %q, %q of one rule, %q of a built-in one", first, probe(again), probe(Fresh))
	}
	p := DefaultParams()
	in := poissonInput(t, p, fifths, 3, []int{10, 10, 2}, 1000, nil)
	for l, driven := range in.Driven() {
		number := (2*1000 - 1 + 1) / p.RedrawSteps
		for i, d := range driven {
			if d != (i%5 == number%5) {
				t.Errorf("layer %d, neuron %d: driven %v at the end, which is redraw %d", l, i, d, number)
			}
		}
	}
	if RegisterDrive("turns", turns(4)); probe(fifths) == first {
		t.Error("another rule under the same name has the same probe")
	}
	for _, name := range []string{"fresh", "", "a,b"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a rule named %q was taken", name)
				}
			}()
			RegisterDrive(name, turns(2))
		}()
	}
}

// v without input decays by dt·(g_L+g_D) a step, and a constant current brings
// it to g_D/(g_L+g_D) of that: the closed form of the Euler step.
func TestEulerStepFollowsItsClosedForm(t *testing.T) {
	p := DefaultParams()
	v, current := -1.0, 0.9
	limit := p.DendriteConductance * current / (p.LeakConductance + p.DendriteConductance)
	for n := 1; n <= 20; n++ {
		v = euler(p, v, current)
		want := limit + (-1-limit)*math.Pow(1-p.Step*(p.LeakConductance+p.DendriteConductance), float64(n))
		if math.Abs(v-want) > 1e-14 {
			t.Errorf("after %d steps v = %g, want %g", n, v, want)
		}
	}
}

func TestKernelSum(t *testing.T) {
	sum := 0.0
	for _, k := range DefaultParams().Kernel() {
		sum += k
	}
	if math.Abs(sum-0.92961832251763) > 1e-14 {
		t.Errorf("the kernel's sum is %.14f, published 0.92961832251763", sum)
	}
}
