package credit

import (
	"context"
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/weightalign/lab/rddkit/invalid"
)

// neuron is what a neuron has beside its membrane and its input.
type neuron struct {
	perturbation *normals
	perturbed    []float64 // standard normal draws of the block to come, [step]

	drive       float64 // U: the largest u of the block
	spikes      []int   // the steps of the block at which the neuron spiked
	eligibility float64 // Σ over the block of (x + ε)·q

	output filter
}

// membranes are four neurons' states from step to step. Neurons do not interact
// within a block, so a vector unit steps four of them at once.
type membranes struct {
	v          [4]float64
	drive      [4]float64 // U: the largest u of the block
	peak       [4]int64   // the step of the block at which u was largest
	refractory [4]int64   // steps
}

// input is what the noisy input of one population is mixed from.
type input struct {
	mean                float64 // x
	sharedSD, privateSD float64 // σ/√τ·√c and σ/√τ·√(1−c)
}

// dynamics is what the membranes of one population share.
type dynamics struct {
	keep             float64 // 1 − dt/τ
	threshold, reset float64
	hold             int64 // refractory steps
}

// simulator steps a population block by block without allocating.
type simulator struct {
	p              Population // resolved
	weights        []float64  // current, [neuron]; a learner may change them between blocks
	common         *normals
	noise          []*normals  // of neurons 2h and 2h+1, [h]
	shared         []float64   // standard normal draws of the block to come, [step]
	private        [][]float64 // likewise, of neurons 2h and 2h+1 in turn, [h][2·step]
	input          input
	neurons        []neuron
	membranes      []membranes    // of neurons 4g to 4g+3, [g]; there may be idle ones at the end
	currents       [][][4]float64 // the input of neurons 4g to 4g+3 in this block, [g][step]
	spiked         [][]uint8      // bits of the neurons 4g+k that spiked, [g][step], and zeros up to a multiple of 8 steps
	dynamics       dynamics
	filtered       []float64      // s of each neuron when the block was read
	own            []float64      // the part of s that comes from spikes of this block
	perturbationSD float64        // σ_p/√τ
	trace          *MembraneTrace // records every step if not nil
}

// newSimulator prepares a resolved population. Equal seeds give the same noise
// whatever the weights, the correlation and the block length are.
func newSimulator(p Population, seed uint64) *simulator {
	n := len(p.Weights)
	kernel := newBlockKernel(p)
	s := &simulator{
		p: p, weights: append([]float64(nil), p.Weights...),
		common: newNormals(p.BlockSteps, seed, "credit shared noise"),
		noise:  make([]*normals, (n+1)/2), private: make([][]float64, (n+1)/2),
		input: input{
			mean:      p.Input,
			sharedSD:  p.NoiseSD / math.Sqrt(p.TimeConstant) * math.Sqrt(p.NoiseCorrelation),
			privateSD: p.NoiseSD / math.Sqrt(p.TimeConstant) * math.Sqrt(1-p.NoiseCorrelation),
		},
		neurons: make([]neuron, n), filtered: make([]float64, n), own: make([]float64, n),
		membranes: make([]membranes, (n+3)/4), currents: table[[4]float64]((n+3)/4, p.BlockSteps),
		spiked:         table[uint8]((n+3)/4, (p.BlockSteps+7)&^7),
		dynamics:       dynamics{1 - p.Step/p.TimeConstant, p.Threshold, p.Reset, p.refractorySteps()},
		perturbationSD: p.Perturbation / math.Sqrt(p.TimeConstant),
	}
	for h := range s.noise {
		s.noise[h] = newNormals(2*p.BlockSteps, seed, "credit private noise", uint64(h))
	}
	for i := range s.neurons {
		s.neurons[i] = neuron{spikes: make([]int, 0, p.BlockSteps), output: newFilter(kernel)}
		if p.Perturbation > 0 {
			s.neurons[i].perturbation = newNormals(p.BlockSteps, seed, "credit perturbation", uint64(i))
		}
	}
	s.draw()
	return s
}

// rest puts every membrane at a potential, out of its refractory period.
func (s *simulator) rest(v float64) {
	for g := range s.membranes {
		s.membranes[g] = membranes{v: [4]float64{v, v, v, v}}
	}
}

// block simulates one block of every neuron. It draws the next one's noise before
// it looks at the spikes, which lets the processor begin to draw while it waits for
// the potentials, each of which waits for the one before.
func (s *simulator) block() {
	s.advance()
	s.draw()
	s.read()
}

// draw draws the noise of a block.
func (s *simulator) draw() {
	s.shared = s.common.next()
	for h, noise := range s.noise {
		s.private[h] = noise.next()
	}
	for i := range s.neurons {
		if n := &s.neurons[i]; n.perturbation != nil {
			n.perturbed = n.perturbation.next()
		}
	}
}

// advance steps the membranes through the block whose noise has been drawn.
func (s *simulator) advance() {
	for g := range s.membranes {
		if s.p.SeparateBlocks {
			s.membranes[g].refractory = [4]int64{}
		}
		gain := s.drive(g)
		s.integrate(g, &gain)
	}
}

// read lists the block's spikes and filters them.
func (s *simulator) read() {
	for g := range s.membranes {
		neurons := s.four(g)
		for k := range neurons {
			neurons[k].drive = s.membranes[g].drive[k]
			neurons[k].spikes = neurons[k].spikes[:0]
		}
		for from := 0; from < len(s.spiked[g]); from += 8 {
			set := binary.LittleEndian.Uint64(s.spiked[g][from:])
			for ; set != 0; set &= set - 1 {
				at := bits.TrailingZeros64(set)
				if k := at % 8; k < len(neurons) { // an idle one's spikes mean nothing
					neurons[k].spikes = append(neurons[k].spikes, from+at/8)
				}
			}
		}
		for k := range neurons {
			s.filtered[4*g+k], s.own[4*g+k] = neurons[k].output.block(neurons[k].spikes)
		}
	}
}

// four returns neurons 4g to 4g+3, or as many of them as there are.
func (s *simulator) four(g int) []neuron { return s.neurons[4*g : min(4*g+4, len(s.neurons))] }

// drive writes the input of neurons 4g to 4g+3, and returns what to multiply it by
// for what it adds to the potential in a step.
func (s *simulator) drive(g int) (gain [4]float64) {
	current := s.currents[g]
	even := s.private[2*g]
	odd := s.private[min(2*g+1, len(s.private)-1)] // idle neurons hear any noise
	if vectors {
		mixAVX2(&s.input, &current[0], &s.shared[0], &even[0], &odd[0], len(current))
	} else {
		s.input.mix(current, s.shared, even, odd)
	}
	for k := range s.four(g) {
		w, n := s.weights[4*g+k], &s.neurons[4*g+k]
		if n.perturbed == nil {
			gain[k] = s.p.Step * w
			continue
		}
		gain[k], n.eligibility = s.p.Step, 0
		for t, z := range n.perturbed[:len(current)] {
			q := s.perturbationSD * z
			n.eligibility += float64(current[t][k] * q)
			current[t][k] = float64(w*current[t][k]) + q
		}
	}
	return gain
}

// mix writes x + ε of four neurons: x + σ/√τ·(√c·z + √(1−c)·z_i).
func (in *input) mix(current [][4]float64, shared, even, odd []float64) {
	for t := range current {
		common := in.mean + float64(in.sharedSD*shared[t])
		current[t] = [4]float64{
			common + float64(in.privateSD*even[2*t]), common + float64(in.privateSD*even[2*t+1]),
			common + float64(in.privateSD*odd[2*t]), common + float64(in.privateSD*odd[2*t+1]),
		}
	}
}

// integrate steps the membranes g through a block.
func (s *simulator) integrate(g int, gain *[4]float64) {
	m, current, spiked := &s.membranes[g], s.currents[g], s.spiked[g]
	if vectors && s.trace == nil {
		integrateAVX2(m, &s.dynamics, gain, &current[0], &spiked[0], len(current))
		return
	}
	clear(spiked)
	for k := range s.four(g) {
		var potential, counterfactual []float64
		if s.trace != nil {
			potential, counterfactual = s.trace.extend(4*g+k, len(current))
		}
		m.integrate(k, &s.dynamics, gain[k], current, spiked, potential, counterfactual)
	}
}

// integrate steps membrane k through a block and sets its bits of spiked. It takes
// v + dt·(−v/τ + …) as v·(1 − dt/τ) + dt·(…), which shortens the chain from step to
// step. Once a reset has set v back, u leads it, and both take the same input, so
// the lead lasts until the next reset. potential and counterfactual take v and u of
// every step unless they are nil.
func (m *membranes) integrate(k int, d *dynamics, gain float64, current [][4]float64, spiked []uint8, potential, counterfactual []float64) {
	v, lead, refractory := m.v[k], 0.0, m.refractory[k]
	drive, peak := ordered(math.Inf(-1)), 0
	spiked = spiked[:len(current)]
	for t := range current {
		v = float64(v*d.keep) + float64(gain*current[t][k])
		u := v + lead
		// A new maximum cannot be predicted; integers compare without a branch.
		key := ordered(u)
		if key > drive {
			peak = t
		}
		drive = max(drive, key)
		if potential != nil {
			potential[t], counterfactual[t] = v, u
		}
		if v > d.threshold {
			spiked[t] |= 1 << k
			refractory = d.hold
		}
		if refractory > 0 {
			v = d.reset
			refractory--
		}
		if v < d.reset {
			v = d.reset
		}
		if u < d.reset {
			u = d.reset
		}
		lead = u - v
	}
	m.v[k], m.refractory[k], m.drive[k], m.peak[k] = v, refractory, number(drive), int64(peak)
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

// SimulatedBlocks holds the blocks of one simulation: what a neuron can know of itself, and
// what an experimenter can know of all.
type SimulatedBlocks struct {
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
func (p Population) Simulate(ctx context.Context, seconds float64, seed uint64) (*SimulatedBlocks, error) {
	p, err := p.resolve()
	if err != nil {
		return nil, err
	}
	blocks, err := p.blocksIn(seconds)
	if err != nil {
		return nil, err
	}
	n := len(p.Weights)
	run := &SimulatedBlocks{
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
			run.Drive[i][b], run.Peak[i][b] = neuron.drive, int(sim.membranes[i/4].peak[i%4])
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
	blocks := seconds/p.blockSeconds() + 1e-9
	if !(blocks >= 1) || blocks > 1e9 {
		return 0, invalid.Newf("seconds", seconds, "at least one block of %v s and at most 1e9 of them", p.blockSeconds())
	}
	return int(blocks), nil
}

// blockSeconds is how long a block takes.
func (p Population) blockSeconds() float64 { return p.Step * float64(p.BlockSteps) }

// Costs returns what every block cost, [block].
func (r *SimulatedBlocks) Costs(cost BlockCost) []float64 {
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
func (r *SimulatedBlocks) Rate(neuron int) float64 {
	p := r.Population
	return float64(len(r.Spikes[neuron])) / (float64(r.Blocks*p.BlockSteps) * p.Step)
}

// SpikesPerBlock returns how often a neuron spiked in every block, [block].
func (r *SimulatedBlocks) SpikesPerBlock(neuron int) []int {
	counts := make([]int, r.Blocks)
	for _, step := range r.Spikes[neuron] {
		counts[step/r.Population.BlockSteps]++
	}
	return counts
}

// MembraneTrace holds every step of a short simulation, for looking at.
type MembraneTrace struct {
	Population Population
	Time       []float64   // s, [step]
	Potential  [][]float64 // v before a reset, [neuron][step]
	Drive      [][]float64 // u: the potential had no spike of this block reset it, [neuron][step]
	Spikes     [][]int     // steps at which the neuron spiked, [neuron][spike]
}

// Trace simulates as Simulate does with the same seed, and keeps every step.
func (p Population) Trace(seconds float64, seed uint64) (*MembraneTrace, error) {
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
	sim.trace = &MembraneTrace{Population: p, Potential: make([][]float64, n), Drive: make([][]float64, n), Spikes: make([][]int, n)}
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
func (t *MembraneTrace) extend(neuron, steps int) (potential, drive []float64) {
	from := len(t.Potential[neuron])
	t.Potential[neuron] = append(t.Potential[neuron], make([]float64, steps)...)
	t.Drive[neuron] = append(t.Drive[neuron], make([]float64, steps)...)
	return t.Potential[neuron][from:], t.Drive[neuron][from:]
}
