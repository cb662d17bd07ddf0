package credit

import (
	"math"
	"math/rand/v2"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Intervention says when, in which blocks, a spike is put in or left out.
type Intervention struct {
	// Marginal keeps only the blocks whose drive is nearer to the threshold than
	// this; 0 means all blocks.
	Marginal float64
	// AtCrossing puts the spike where the drive peaks, instead of averaging over
	// every step of the block.
	AtCrossing bool
}

// NearThreshold is the intervention whose effect the spike discontinuity estimates
// as its window shrinks: a spike at its own crossing time, in the blocks in which
// the neuron might as well not have spiked.
var NearThreshold = Intervention{Marginal: 0.05, AtCrossing: true}

// CausalEffect is a mean over blocks of what a spike does to the cost.
type CausalEffect struct {
	Mean   float64 // E(C | H←1) − E(C | H←0)
	StdErr float64 // of Mean, as if blocks were independent
	Blocks int     // averaged over
}

// Intervene returns the true causal effect of a neuron's spike: in every block its
// own spikes of that block are taken out, and the cost with one spike put in is
// compared with the cost without, everything else as it was. The zero
// Intervention puts the spike at a uniformly random step and averages exactly
// over it: E(C | H←1) − E(C | H←0) for all blocks.
func (r *SimulatedBlocks) Intervene(cost BlockCost, neuron int, how Intervention) CausalEffect {
	p := r.Population
	rises := p.blockRises(p.taps())
	s := make([]float64, len(r.Filtered))
	var sum, squares float64
	n := 0
	for b := range r.Blocks {
		if how.Marginal > 0 && !(math.Abs(r.Drive[neuron][b]-p.Threshold) < how.Marginal) {
			continue
		}
		for i := range s {
			s[i] = r.Filtered[i][b]
		}
		without := s[neuron] - r.Own[neuron][b]
		s[neuron] = without
		base := cost(s)
		at := rises
		if how.AtCrossing {
			at = rises[r.Peak[neuron][b]:][:1]
		}
		var effect float64
		for _, rise := range at {
			s[neuron] = without + rise
			effect += (cost(s) - base) / float64(len(at))
		}
		sum += effect
		squares += float64(effect * effect)
		n++
	}
	return meanOf(sum, squares, n)
}

func meanOf(sum, squares float64, n int) CausalEffect {
	mean := sum / float64(n) // NaN without blocks
	variance := (squares - float64(mean*sum)) / float64(n-1)
	return CausalEffect{Mean: mean, StdErr: math.Sqrt(max(variance, 0) / float64(n)), Blocks: n}
}

// Randomised returns the effect that an experiment on a neuron's spikes shows: in a
// random fraction of the blocks the neuron's spikes are replaced by a fair coin
// (one spike at a uniformly random step, or none), and the mean cost after tails
// is taken from that after heads. It also returns how much the mean cost of all
// blocks rises by it. Unbiased at any noise correlation; the price is variance
// and disturbance.
func (r *SimulatedBlocks) Randomised(cost BlockCost, neuron int, fraction float64, random *rand.Rand) (effect CausalEffect, excess float64, err error) {
	if err := r.check(neuron); err != nil {
		return CausalEffect{}, 0, err
	}
	if !(fraction > 0 && fraction <= 1) {
		return CausalEffect{}, 0, invalid.New("fraction", fraction, "above 0 and at most 1")
	}
	steps := r.Population.BlockSteps
	train, rest := []int(nil), r.Spikes[neuron]
	coin := make([]int8, r.Blocks) // +1 heads, −1 tails, 0 left alone
	for b := range coin {
		end := 0
		for end < len(rest) && rest[end] < (b+1)*steps {
			end++
		}
		switch {
		case random.Float64() >= fraction:
			train = append(train, rest[:end]...)
		case random.Uint64()&1 == 0:
			coin[b] = -1
		default:
			coin[b] = 1
			train = append(train, b*steps+random.IntN(steps))
		}
		rest = rest[end:]
	}
	costs := r.withTrain(neuron, train).Costs(cost)
	var natural, changed float64
	for b, c := range r.Costs(cost) {
		natural += c
		changed += costs[b]
	}
	return difference(costs, coin), (changed - natural) / float64(r.Blocks), nil
}

// PublishedRandomised returns, for every neuron, the effect by the published
// routine: the neuron's whole train is replaced by one that in every block, with
// probability ½, has one spike at a uniformly random step. This moves the
// neuron's rate and with it what is being measured, which matters unless the cost
// is quadratic. The published routine also forgets to put a neuron's own train
// back before it goes on to the next; overwrite repeats that.
func (r *SimulatedBlocks) PublishedRandomised(cost BlockCost, overwrite bool, random *rand.Rand) []CausalEffect {
	effects := make([]CausalEffect, len(r.Filtered))
	run := r
	for i := range effects {
		coin := make([]int8, r.Blocks)
		var train []int
		for b := range coin {
			coin[b] = -1
			if random.Uint64()&1 == 1 {
				coin[b] = 1
				train = append(train, b*r.Population.BlockSteps+random.IntN(r.Population.BlockSteps))
			}
		}
		changed := run.withTrain(i, train)
		effects[i] = difference(changed.Costs(cost), coin)
		if overwrite {
			run = changed
		}
	}
	return effects
}

func (r *SimulatedBlocks) check(neuron int) error {
	if neuron < 0 || neuron >= len(r.Filtered) {
		return invalid.Newf("neuron", neuron, "from 0 to %d", len(r.Filtered)-1)
	}
	return nil
}

// withTrain returns the run with one neuron's spikes replaced; what the neuron's
// potential did stays as it was.
func (r *SimulatedBlocks) withTrain(neuron int, train []int) *SimulatedBlocks {
	changed := *r
	changed.Spikes = append([][]int(nil), r.Spikes...)
	changed.Filtered = append([][]float64(nil), r.Filtered...)
	changed.Own = append([][]float64(nil), r.Own...)
	changed.Spikes[neuron] = train
	filtered, own := make([]float64, r.Blocks), make([]float64, r.Blocks)
	f := newFilter(newBlockKernel(r.Population))
	var inBlock []int
	for b := range filtered {
		start := b * r.Population.BlockSteps
		inBlock = inBlock[:0]
		for len(train) > 0 && train[0] < start+r.Population.BlockSteps {
			inBlock = append(inBlock, train[0]-start)
			train = train[1:]
		}
		filtered[b], own[b] = f.block(inBlock)
	}
	changed.Filtered[neuron], changed.Own[neuron] = filtered, own
	return &changed
}

// difference is the mean cost after heads less that after tails.
func difference(costs []float64, coin []int8) CausalEffect {
	var sum, squares [2]float64
	var n [2]int
	for b, c := range costs {
		if coin[b] == 0 {
			continue
		}
		side := 0
		if coin[b] > 0 {
			side = 1
		}
		sum[side] += c
		squares[side] += float64(c * c)
		n[side]++
	}
	tails, heads := meanOf(sum[0], squares[0], n[0]), meanOf(sum[1], squares[1], n[1])
	return CausalEffect{Mean: heads.Mean - tails.Mean, StdErr: math.Hypot(heads.StdErr, tails.StdErr), Blocks: n[0] + n[1]}
}

// GradientByPerturbation returns the node-perturbation (REINFORCE) estimate of
// dE(C)/dW of a neuron's input weight from a run with Perturbation σ_p:
//
//	mean over blocks of (C − mean C)·e·τ/σ_p²,   e = Σ over the block of (x + ε)·q
//
// With trace, what earlier blocks did is remembered as the output filter does,
// e ← a^T·e + e_block. It estimates the gradient in the weight, not β.
func (r *SimulatedBlocks) GradientByPerturbation(cost BlockCost, neuron int, trace bool) (CausalEffect, error) {
	if err := r.check(neuron); err != nil {
		return CausalEffect{}, err
	}
	p := r.Population
	if r.Eligibility == nil {
		return CausalEffect{}, invalid.New("Perturbation", p.Perturbation, "above 0")
	}
	costs := r.Costs(cost)
	var baseline float64
	for _, c := range costs {
		baseline += c / float64(len(costs))
	}
	memory := 0.0
	if trace {
		memory = newBlockKernel(p).decay
	}
	scale := p.TimeConstant / (p.Perturbation * p.Perturbation)
	var e, sum, squares float64
	for b, c := range costs {
		e = float64(memory*e) + r.Eligibility[neuron][b]
		g := (c - baseline) * e * scale
		sum += g
		squares += float64(g * g)
	}
	return meanOf(sum, squares, len(costs)), nil
}
