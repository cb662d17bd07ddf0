package align

import (
	"math"
	"slices"
	"sync"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

const (
	// tileWidth neurons of the layer above are estimated together.
	tileWidth = 16
	// groupSize neurons share a byte of a spike.Raster.
	groupSize = 4
	// The four parameters of a synapse, in the published order.
	interceptSpike, interceptQuiet, slopeSpike, slopeQuiet = 0, 1, 2, 3
)

// synapses are the parameters of a lower neuron and the neurons of a tile.
type synapses [4][tileWidth]float64

// regressions are the online regressions from one layer to the layer above.
type regressions struct {
	in, out           int
	parameters        []synapses   // [tile][in], so that a tile is read in order; what is beyond out stays 0
	treatment         []Regression // [in]: of the neuron's spikes, for Wald only
	beta              []float64    // [in][out], as of the last updateFeedback
	feedbackDeviation float64
	changed           bool // since the last updateFeedback

	batches []batch // [block], of the present stretch
	scratch sync.Pool
}

// batch is what the windows of one stretch do to the regressions of a block of
// lower neurons. The terms of all its updates stand one after the other, in the
// order in which every tile reads them.
type batch struct {
	updates []update // with and without a spike, neuron by neuron
	terms   []term
}

// update is what the windows on one side of the threshold do to the regressions
// of one lower neuron and all neurons j above:
//
//	(intercept, slope)_j ← carry·(intercept, slope)_j + Σ (toIntercept, toSlope)·row_j
type update struct {
	carry   [4]float64 // the matrix, row by row
	windows int
	terms   int // how many of the batch's are this update's
}

type term struct {
	row                  int64 // row of the tile's table
	toIntercept, toSlope float64
}

func newRegressions(in, out int) *regressions {
	return &regressions{in: in, out: out, parameters: make([]synapses, tiles(out)*in), batches: make([]batch, (in+neuronBlock-1)/neuronBlock), treatment: make([]Regression, in)}
}

func tiles(neurons int) int { return (neurons + tileWidth - 1) / tileWidth }

// save returns what puts the parameters back as they are now.
func (l *regressions) save() (restore func()) {
	parameters := make([]synapses, len(l.parameters))
	copyBlocks(parameters, l.parameters)
	treatment := slices.Clone(l.treatment)
	return func() {
		copyBlocks(l.parameters, parameters)
		copy(l.treatment, treatment)
	}
}

// copyBlocks is copy on all cores.
func copyBlocks[T any](to, from []T) {
	const block = 4096
	parallel.For((len(from)+block-1)/block, func(b int) { copy(to[b*block:], from[b*block:min(len(from), (b+1)*block)]) })
}

// estimate moves the regressions by the windows that ended in a stretch, and
// returns how many multiply-adds that takes as the rule is written.
//
// The target of a window that ended in step t is a row that all lower neurons
// share, y[t] = (q[t-W+1] + … + q[t])/W - q[t-W], W being the window length,
// except for a window that opened when the neuron's last one ended. It keeps
// that one's baseline b and has the target (q[t-W+1] + … + q[t])/W - q[b].
func (l *regressions) estimate(s SpikeSource, stretch spike.Stretch, o RDDOptions) (operations uint64) {
	table := newTable(stretch, o.Spike)
	var late lateBaselines
	parallel.For(l.blocks(), func(block int) {
		b := &l.batches[block]
		b.updates, b.terms = b.updates[:0], b.terms[:0]
		for i := block * neuronBlock; i < min(l.in, (block+1)*neuronBlock); i++ {
			b.collect(s.Windows(stretch.Phase, i), true, o, &table, &late)
			b.collect(s.Windows(stretch.Phase, i), false, o, &table, &late)
			if o.Estimator == Wald {
				l.observeTreatment(i, s.Windows(stretch.Phase, i), o)
			}
		}
	})
	above := s.Spikes(stretch.Phase + 1)
	parallel.For(tiles(l.out), func(tile int) {
		work, _ := l.scratch.Get().(*tableWork)
		if work == nil {
			work = new(tableWork)
		}
		defer l.scratch.Put(work)
		rows := table.fill(work, above, tile, late.steps)
		next := l.parameters[tile*l.in:]
		for block := range l.batches {
			b := &l.batches[block]
			terms := b.terms
			for k := range b.updates {
				u, p := &b.updates[k], &next[k/2]
				if side := k % 2; u.terms > 0 {
					regressKernel(&p[interceptSpike+side], &p[slopeSpike+side], &u.carry, rows, terms[:u.terms])
					terms = terms[u.terms:]
				}
			}
			next = next[len(b.updates)/2:]
		}
	})
	l.changed = true
	windows, _ := l.total(func(block int) (windows, _ float64) {
		for _, u := range l.batches[block].updates {
			windows += float64(u.windows)
		}
		return windows, 0
	})
	return 3 * uint64(windows) * uint64(l.out)
}

// collect appends the update by a neuron's windows on one side.
//
// One window does p ← p - η(x·p - y)x to p = (intercept, slope), with
// x = (1, m). A series of them is p ← Φ₁p + Σ c_k y_k, where
// Φ_k = (I - ηx_n x_nᵀ)…(I - ηx_k x_kᵀ) and c_k = ηΦ_{k+1}x_k; so, from the
// last window to the first, c_k comes from Φ_{k+1}, and Φ_k = Φ_{k+1} - c_k x_kᵀ.
func (b *batch) collect(windows []spike.Window, firstSide bool, o RDDOptions, table *table, late *lateBaselines) {
	before, accepted := len(b.terms), 0
	phi := [4]float64{1, 0, 0, 1}
	for k := len(windows) - 1; k >= 0; k-- {
		w := &windows[k]
		if o.Estimator.firstSide(w, o.Spike.Threshold) != firstSide {
			continue
		}
		if distance := w.MaxDrive - o.Spike.Threshold; distance < -o.AcceptHalfWidth || distance > o.AcceptHalfWidth {
			continue
		}
		accepted++
		m := w.MaxDrive
		c0 := o.LearningRate * math.FMA(phi[1], m, phi[0])
		c1 := o.LearningRate * math.FMA(phi[3], m, phi[2])
		phi[0] -= c0
		phi[1] = math.FMA(-c0, m, phi[1])
		phi[2] -= c1
		phi[3] = math.FMA(-c1, m, phi[3])
		if w.Baseline == w.Start {
			b.terms = append(b.terms, term{table.target(w.End), c0, c1})
			continue
		}
		baseline, ok := table.trace(w.Baseline)
		if !ok {
			baseline = table.late(late.add(w.Baseline))
		}
		b.terms = append(b.terms, term{table.mean(w.End), c0, c1}, term{baseline, -c0, -c1})
	}
	b.updates = append(b.updates, update{carry: phi, windows: accepted, terms: len(b.terms) - before})
}

// lateBaselines collects baselines that are older than a table's traces: of
// windows that reopened many times. Few stretches have any.
type lateBaselines struct {
	mu    sync.Mutex
	steps []int
}

func (b *lateBaselines) add(step int) (index int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.steps {
		if s == step {
			return i
		}
	}
	b.steps = append(b.steps, step)
	return len(b.steps) - 1
}

// table says where the rows of a tile's table are: first the targets y, then
// the traces q, then the means of q over a window, all of the same steps, then
// the late baselines. The first steps only serve to build up the traces.
type table struct {
	first, rows int // the first step, the number of steps
	params      spike.Params
	constants   targetConstants
}

// tableWork is the memory that one goroutine needs for a tile.
type tableWork struct {
	rows   []float64
	spikes []byte
}

func newTable(stretch spike.Stretch, p spike.Params) table {
	warmUp := p.MemorySteps + p.WindowSteps
	return table{first: stretch.First - warmUp, rows: warmUp + stretch.Steps, params: p, constants: newTargetConstants(p)}
}

func (t *table) target(step int) int64 { return int64(step - t.first) }
func (t *table) mean(step int) int64   { return int64(2*t.rows + step - t.first) }
func (t *table) late(index int) int64  { return int64(3*t.rows + index) }

// trace returns the row of a step's traces, and whether they are built up.
func (t *table) trace(step int) (row int64, ok bool) {
	return int64(t.rows + step - t.first), step >= t.first+t.params.MemorySteps
}

// fill computes the table for one tile of the layer above, [row][tileWidth].
func (t *table) fill(work *tableWork, above *spike.Raster, tile int, late []int) []float64 {
	if size := (3*t.rows + len(late)) * tileWidth; cap(work.rows) < size {
		work.rows = make([]float64, size+size/8)
	}
	rows := work.rows[:(3*t.rows+len(late))*tileWidth]

	// Spikes before the first step count as none, in the steps that build up.
	const bytes = tileWidth / groupSize
	before := t.params.MemorySteps + 1
	if size := (before + t.rows) * bytes; cap(work.spikes) < size {
		work.spikes = make([]byte, size+size/8)
	}
	spikes := work.spikes[:(before+t.rows)*bytes]
	clear(spikes[:before*bytes])
	column := above.Bits[(t.first-above.First)*above.Stride+tile*bytes:]
	for step := range t.rows {
		*(*[bytes]byte)(spikes[(before+step)*bytes:]) = [bytes]byte(column[step*above.Stride:])
	}
	y, q, mean := rows, rows[t.rows*tileWidth:], rows[2*t.rows*tileWidth:]
	targetKernel(&t.constants, y, q, mean, t.rows, t.params.WindowSteps, t.params.MemorySteps, spikes)

	kernel := t.params.Kernel()
	for i, step := range late {
		row := rows[(3*t.rows+i)*tileWidth:][:tileWidth]
		clear(row)
		for age := 1; age <= len(kernel) && step-age >= 0; age++ {
			for lane, b := range above.Row(step - age)[tile*bytes:][:bytes] {
				for k := range groupSize {
					row[lane*groupSize+k] += float64(kernel[age-1] * float64(b>>k&1))
				}
			}
		}
	}
	return rows
}

// neuronBlock lower neurons are one piece of work.
const neuronBlock = 32

func (l *regressions) blocks() int { return (l.in + neuronBlock - 1) / neuronBlock }

// effects writes the causal effects of one block of lower neurons into beta,
// [in][out], and returns that part.
func (l *regressions) effects(beta []float64, block int, o RDDOptions) []float64 {
	first, end := block*neuronBlock, min((block+1)*neuronBlock, l.in)
	for tile := range tiles(l.out) {
		width := min(tileWidth, l.out-tile*tileWidth)
		for i := first; i < end; i++ {
			p := &l.parameters[tile*l.in+i]
			row := beta[i*l.out+tile*tileWidth:][:width]
			for j := range row {
				row[j] = o.Estimator.Beta(Regression{p[interceptSpike][j], p[interceptQuiet][j], p[slopeSpike][j], p[slopeQuiet][j]}, o.Spike.Threshold)
			}
		}
	}
	if o.Estimator == Wald {
		for i := first; i < end; i++ {
			l.perTreatment(beta[i*l.out:][:l.out], i, o)
		}
	}
	return beta[first*l.out : end*l.out]
}

// transfer copies all parameters to flat, [in][4][out], or back.
func (l *regressions) transfer(flat []float64, back bool) {
	for i := range l.in {
		for tile := range tiles(l.out) {
			for k := range 4 {
				row := flat[(i*4+k)*l.out:][:l.out][tile*tileWidth:]
				p := l.parameters[tile*l.in+i][k][:min(tileWidth, len(row))]
				if back {
					copy(p, row)
				} else {
					copy(row, p)
				}
			}
		}
	}
}

// updateFeedback scales the causal effects of layer number n to the standard
// deviation that the feedback weights had at first.
func updateFeedback[T spike.Float](l *regressions, n int, feedback []T, o RDDOptions) error {
	if !l.changed {
		return nil
	}
	l.changed = false
	if l.beta == nil {
		l.beta = make([]float64, l.in*l.out)
	}
	if !l.treated() || !scaleTo(feedback, l.in, l.out, l.beta, l.feedbackDeviation, func(block int) { l.effects(l.beta, block, o) }) {
		return l.diverged(n, o)
	}
	return nil
}

// diverged is the error about regressions that have left the range of numbers.
func (l *regressions) diverged(n int, o RDDOptions) error {
	return invalid.Newf("RDDOptions.LearningRate", o.LearningRate, "a smaller one (an experiment's RDDRate): the regressions of layers[%d] diverge", n)
}

// treated reports whether the neurons' own regressions are within bounds.
func (l *regressions) treated() bool {
	for _, r := range l.treatment {
		for _, p := range []float64{r.InterceptSpike, r.InterceptQuiet, r.SlopeSpike, r.SlopeQuiet} {
			if !(math.Abs(p) <= largestEstimate) {
				return false
			}
		}
	}
	return true
}

// sound reports whether all parameters are within bounds.
func (l *regressions) sound() bool {
	bad, _ := l.total(func(block int) (bad, _ float64) {
		for tile := range tiles(l.out) {
			for i := block * neuronBlock; i < min((block+1)*neuronBlock, l.in); i++ {
				for _, row := range l.parameters[tile*l.in+i] {
					for _, p := range row {
						if !(math.Abs(p) <= largestEstimate) {
							bad++
						}
					}
				}
			}
		}
		return bad, 0
	})
	return bad == 0 && l.treated()
}

// total adds up what visit returns for each block of lower neurons, in the order
// of the blocks.
func (l *regressions) total(visit func(block int) (a, b float64)) (a, b float64) {
	return totalOf(l.blocks(), visit)
}
