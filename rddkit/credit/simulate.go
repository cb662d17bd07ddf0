package credit

import (
	"context"
	"math"

	"github.com/weightalign/lab/rddkit/internal/invalid"
)

// neuron is one neuron's state from step to step. Its fields up to noise are the
// model's; neurons do not interact, so a block of one neuron is simulated at once.
type neuron struct {
	v          float64
	refractory int // steps

	noise, perturbation *normals
	private, perturbed  []float64 // standard normal draws of the block, [step]

	drive       float64 // U: the largest u of the block
	peak        int     // the step of the block at which u was largest
	spikes      []int   // the steps of the block at which the neuron spiked
	eligibility float64 // Σ over the block of (x + ε)·q

	output filter
}

// simulator steps a population block by block without allocating.
type simulator struct {
	p              Population // resolved
	weights        []float64  // current, [neuron]; a learner may change them between blocks
	common         *normals
	shared         []float64 // the shared part of ε in this block, [step]
	neurons        []neuron
	filtered       []float64 // s of each neuron when the block was read
	own            []float64 // the part of s that comes from spikes of this block
	leak           float64   // dt/τ
	hold           int       // refractory steps
	sharedSD       float64   // σ/√τ·√c
	privateSD      float64   // σ/√τ·√(1−c)
	perturbationSD float64   // σ_p/√τ
	trace          *Trace    // records every step if not nil
}

// newSimulator prepares a resolved population. Equal seeds give the same noise
// whatever the weights, the correlation and the block length are.
func newSimulator(p Population, seed uint64) *simulator {
	n := len(p.Weights)
	kernel := newBlockKernel(p)
	s := &simulator{
		p: p, weights: append([]float64(nil), p.Weights...),
		common: newNormals(seed, "credit shared noise"), shared: make([]float64, p.BlockSteps),
		neurons: make([]neuron, n), filtered: make([]float64, n), own: make([]float64, n),
		leak: p.Step / p.TimeConstant, hold: p.refractorySteps(),
		sharedSD:       p.NoiseSD / math.Sqrt(p.TimeConstant) * math.Sqrt(p.NoiseCorrelation),
		privateSD:      p.NoiseSD / math.Sqrt(p.TimeConstant) * math.Sqrt(1-p.NoiseCorrelation),
		perturbationSD: p.Perturbation / math.Sqrt(p.TimeConstant),
	}
	for i := range s.neurons {
		s.neurons[i] = neuron{
			noise: newNormals(seed, "credit private noise", uint64(i)), private: make([]float64, p.BlockSteps),
			spikes: make([]int, 0, p.BlockSteps), output: newFilter(kernel),
		}
		if p.Perturbation > 0 {
			s.neurons[i].perturbation = newNormals(seed, "credit perturbation", uint64(i))
			s.neurons[i].perturbed = make([]float64, p.BlockSteps)
		}
	}
	return s
}

// block simulates one block of every neuron.
func (s *simulator) block() {
	s.common.fill(s.shared)
	for t, z := range s.shared {
		s.shared[t] = s.sharedSD * z
	}
	for i := range s.neurons {
		n := &s.neurons[i]
		n.noise.fill(n.private)
		if n.perturbation != nil {
			n.perturbation.fill(n.perturbed)
		}
		s.advance(i)
	}
}

// advance simulates one block of neuron i from the noise in s.shared and its own.
func (s *simulator) advance(i int) {
	p, n, w := &s.p, &s.neurons[i], s.weights[i]
	if p.SeparateBlocks {
		n.refractory = 0
	}
	// From here on private holds what the input adds in a step: dt·(W·(x + ε) + q).
	current, shared := n.private, s.shared[:len(n.private)]
	input, sd, dt := p.Input, s.privateSD, p.Step
	if n.perturbed == nil {
		for t, z := range current {
			current[t] = dt * w * (input + shared[t] + float64(sd*z))
		}
	} else {
		n.eligibility = 0
		for t, z := range current {
			noisy := input + shared[t] + float64(sd*z)
			q := s.perturbationSD * n.perturbed[t]
			n.eligibility += float64(noisy * q)
			current[t] = dt * (float64(w*noisy) + q)
		}
	}
	var potential, counterfactual []float64
	if s.trace != nil {
		potential, counterfactual = s.trace.extend(i, len(current))
	}
	s.integrate(n, current, potential, counterfactual)
	s.filtered[i], s.own[i] = n.output.block(n.spikes)
}

// integrate steps a neuron through a block. It makes no calls, which keeps the
// state in registers, and takes v + dt·(−v/τ + …) as v·(1 − dt/τ) + dt·(…), which
// shortens the chain from step to step. potential and counterfactual take v and u
// of every step unless they are nil.
func (s *simulator) integrate(n *neuron, current, potential, counterfactual []float64) {
	leak, keep, threshold, reset := s.leak, 1-s.leak, s.p.Threshold, s.p.Reset
	v, refractory := n.v, n.refractory
	spikes, fired := n.spikes[:cap(n.spikes)], 0
	largest, peak := int64(math.MinInt64), 0

	// Until the block's first spike u is v.
	t := 0
	for refractory == 0 && t < len(current) {
		v = float64(v*keep) + current[t]
		// A new maximum cannot be predicted; integers compare without a branch.
		key := ordered(v)
		if key > largest {
			peak = t
		}
		if key > largest {
			largest = key
		}
		if potential != nil {
			potential[t], counterfactual[t] = v, v
		}
		if v > threshold {
			break
		}
		if v < reset {
			v = reset
		}
		t++
	}
	u := v
	if v > threshold && t < len(current) { // the step at which the loop ended
		spikes[fired] = t
		fired++
		v, refractory = reset, s.hold-1
		t++
	}
	for ; t < len(current); t++ {
		dv := current[t] - float64(v*leak)
		v += dv
		u += dv
		if key := ordered(u); key > largest {
			largest, peak = key, t
		}
		if potential != nil {
			potential[t], counterfactual[t] = v, u
		}
		if v > threshold {
			spikes[fired] = t
			fired++
			refractory = s.hold
		}
		if refractory > 0 {
			v = reset
			refractory--
		}
		if v < reset {
			v = reset
		}
		if u < reset {
			u = reset
		}
	}
	n.v, n.refractory, n.spikes = v, refractory, spikes[:fired]
	n.drive, n.peak = number(largest), peak
}

// ordered maps numbers to integers of the same order.
func ordered(x float64) int64 {
	b := int64(math.Float64bits(x))
	return b ^ int64(uint64(b>>63)>>1)
}

// number is the inverse of ordered.
func number(key int64) float64 {
	return math.Float64frombits(uint64(key ^ int64(uint64(key>>63)>>1)))
}

// filter convolves a spike train with the truncated kernel, a block at a time,
// and holds the convolution when the block is read.
type filter struct {
	kernel *blockKernel
	value  float64 // when the last block was read
	recent []int   // ring: the steps of the spikes that the kernel still spans
	first  int     // index of the oldest of them
	count  int
	now    int // step at which the last block was read
}

// blockKernel is what filters of one population share.
type blockKernel struct {
	taps   []float64 // k_m, continued for a block beyond the kernel's end
	length int       // of the kernel, steps
	decay  float64   // a^T for blocks of T steps
	ages   []int     // of a spike at each step of a block when the block is read
	rises  []float64 // what that spike adds then
}

func newBlockKernel(p Population) *blockKernel {
	taps := p.taps()
	k := &blockKernel{length: len(taps), rises: p.blockRises(taps), ages: make([]int, p.BlockSteps)}
	a := math.Exp(-p.Step / p.Kernel.TimeConstant)
	for range p.BlockSteps {
		taps = append(taps, taps[len(taps)-1]*a)
	}
	k.taps, k.decay = taps, math.Exp(-p.Step/p.Kernel.TimeConstant*float64(p.BlockSteps))
	for step := range k.ages {
		k.ages[step] = p.BlockSteps - 1 - step + p.readDelay()
	}
	return k
}

func newFilter(k *blockKernel) filter {
	return filter{kernel: k, recent: make([]int, k.length+len(k.ages))}
}

// block advances the train by one block that has spikes at the given steps. It
// returns the filtered train as read and the part that comes from these spikes.
func (f *filter) block(spikes []int) (filtered, own float64) {
	k := f.kernel
	f.value *= k.decay
	f.now += len(k.ages)
	for f.count > 0 {
		age := f.now - f.recent[f.first]
		if age < k.length {
			break
		}
		f.value -= k.taps[age]
		f.count--
		if f.first++; f.first == len(f.recent) {
			f.first = 0
		}
	}
	for _, step := range spikes {
		own += k.rises[step]
		f.recent[(f.first+f.count)%len(f.recent)] = f.now - k.ages[step]
		f.count++
	}
	f.value += own
	return f.value, own
}

// Run holds the blocks of one simulation: what a neuron can know of itself, and
// what an experimenter can know of all.
type Run struct {
	Population Population  // with its defaults written in
	Blocks     int         // number of blocks
	Drive      [][]float64 // U: the largest input drive in the block, own spikes taken back, [neuron][block]
	Peak       [][]int     // step of the block at which the drive was largest, [neuron][block]
	Spikes     [][]int     // steps since the start at which the neuron spiked, in order, [neuron][spike]
	Filtered   [][]float64 // s: filtered spikes when the block's cost is read, spikes per step, [neuron][block]
	Own        [][]float64 // part of Filtered that comes from spikes in this block, [neuron][block]

	// Eligibility is Σ (x + ε)·q over the block, [neuron][block]; nil without
	// perturbation.
	Eligibility [][]float64
}

// Simulate runs the population for the given time, rounded down to whole blocks.
// Every neuron starts at potential 0 with no spikes behind it. Equal seeds give
// equal runs on every machine of one kind and on any number of cores. The error
// is ctx's if it ends first.
func (p Population) Simulate(ctx context.Context, seconds float64, seed uint64) (*Run, error) {
	p, err := p.resolve()
	if err != nil {
		return nil, err
	}
	blocks, err := p.blocksIn(seconds)
	if err != nil {
		return nil, err
	}
	n := len(p.Weights)
	run := &Run{
		Population: p, Blocks: blocks, Drive: table[float64](n, blocks), Peak: table[int](n, blocks),
		Spikes: make([][]int, n), Filtered: table[float64](n, blocks), Own: table[float64](n, blocks),
	}
	if p.Perturbation > 0 {
		run.Eligibility = table[float64](n, blocks)
	}
	sim := newSimulator(p, seed)
	for b := range blocks {
		if b%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		sim.block()
		for i := range sim.neurons {
			neuron := &sim.neurons[i]
			run.Drive[i][b], run.Peak[i][b] = neuron.drive, neuron.peak
			run.Filtered[i][b], run.Own[i][b] = sim.filtered[i], sim.own[i]
			for _, step := range neuron.spikes {
				run.Spikes[i] = append(run.Spikes[i], b*p.BlockSteps+step)
			}
			if run.Eligibility != nil {
				run.Eligibility[i][b] = neuron.eligibility
			}
		}
	}
	return run, nil
}

// table returns rows slices of columns zeros in one allocation.
func table[T any](rows, columns int) [][]T {
	all := make([]T, rows*columns)
	t := make([][]T, rows)
	for i := range t {
		t[i] = all[i*columns : (i+1)*columns : (i+1)*columns]
	}
	return t
}

// blocksIn returns how many whole blocks there are in a time.
func (p Population) blocksIn(seconds float64) (int, error) {
	blocks := seconds/(p.Step*float64(p.BlockSteps)) + 1e-9
	if !(blocks >= 1) || blocks > 1e9 {
		return 0, invalid.Newf("seconds", seconds, "at least one block of %v s and at most 1e9 of them", p.Step*float64(p.BlockSteps))
	}
	return int(blocks), nil
}

// Costs returns what every block cost, [block].
func (r *Run) Costs(cost Cost) []float64 {
	costs, s := make([]float64, r.Blocks), make([]float64, len(r.Filtered))
	for b := range costs {
		for i := range s {
			s[i] = r.Filtered[i][b]
		}
		costs[b] = cost(s)
	}
	return costs
}

// Rate returns a neuron's firing rate in Hz.
func (r *Run) Rate(neuron int) float64 {
	p := r.Population
	return float64(len(r.Spikes[neuron])) / (float64(r.Blocks*p.BlockSteps) * p.Step)
}

// SpikesPerBlock returns how often a neuron spiked in every block, [block].
func (r *Run) SpikesPerBlock(neuron int) []int {
	counts := make([]int, r.Blocks)
	for _, step := range r.Spikes[neuron] {
		counts[step/r.Population.BlockSteps]++
	}
	return counts
}

// Trace holds every step of a short simulation, for looking at.
type Trace struct {
	Population Population
	Time       []float64   // s, [step]
	Potential  [][]float64 // v before a reset, [neuron][step]
	Drive      [][]float64 // u: the potential had no spike of this block reset it, [neuron][step]
	Spikes     [][]int     // steps at which the neuron spiked, [neuron][spike]
}

// Trace simulates as Simulate does with the same seed, and keeps every step.
func (p Population) Trace(seconds float64, seed uint64) (*Trace, error) {
	p, err := p.resolve()
	if err != nil {
		return nil, err
	}
	blocks, err := p.blocksIn(seconds)
	if err != nil {
		return nil, err
	}
	n := len(p.Weights)
	sim := newSimulator(p, seed)
	sim.trace = &Trace{Population: p, Potential: make([][]float64, n), Drive: make([][]float64, n), Spikes: make([][]int, n)}
	for b := range blocks {
		sim.block()
		for i := range sim.neurons {
			for _, step := range sim.neurons[i].spikes {
				sim.trace.Spikes[i] = append(sim.trace.Spikes[i], b*p.BlockSteps+step)
			}
		}
	}
	for t := range blocks * p.BlockSteps {
		sim.trace.Time = append(sim.trace.Time, float64(t)*p.Step)
	}
	return sim.trace, nil
}

// extend makes room for a block of a neuron and returns it.
func (t *Trace) extend(neuron, steps int) (potential, drive []float64) {
	from := len(t.Potential[neuron])
	t.Potential[neuron] = append(t.Potential[neuron], make([]float64, steps)...)
	t.Drive[neuron] = append(t.Drive[neuron], make([]float64, steps)...)
	return t.Potential[neuron][from:], t.Drive[neuron][from:]
}
