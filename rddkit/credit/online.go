package credit

import "math"

// Online is an estimator that a neuron could run: it sees its own drive and the
// broadcast cost of one block after the other, and keeps a few numbers.
type Online interface {
	Observe(drive, cost float64)
	// Effect is the present estimate of β; 0 while there is none.
	Effect() float64
}

// MeanEffect lets a rule observe a neuron's blocks one after the other, and returns
// its mean estimate after the first settle of them, NaN if there are no more. costs
// is [block].
func (r *SimulatedBlocks) MeanEffect(rule Online, neuron int, costs []float64, settle int) float64 {
	var sum float64
	for b, cost := range costs {
		rule.Observe(r.Drive[neuron][b], cost)
		if b >= settle {
			sum += rule.Effect()
		}
	}
	return sum / float64(max(len(costs)-settle, 0))
}

// Alternating is the published rule. Per block, with V the neuron's parameters, D an
// accumulator and a = (1, 0, 0):
//
//	θ−p < U < θ, nothing stored:   D += (V·a + C)·a, store
//	θ ≤ U < θ+p, something stored: D += (V·a − C)·a, V −= η·D, D = 0, store nothing
//
// V₀ converges to half the difference of what is stored and what comes next;
// Effect is 2·V₀. Even so it is short of β: what is stored is the first block
// below after one above, while the neuron's filtered train is still high, and the
// block above comes after a silent stretch. At p = 0.1 some 55–75 % of the effect
// is left, at p = 1 10–20 %.
//
// Source: Lansdell and Kording 2023, learning rule and its code.
type Alternating struct {
	Threshold float64
	Window    float64 // p; +Inf: all blocks
	Rate      float64 // η
	// LinearCorrection is the published option a = (1, 0, θ−U) below and
	// (1, U−θ, 0) above. Both sides share V₀ without a baseline, so the slopes
	// must take up the mean cost: it is unstable.
	LinearCorrection bool

	v, d   [3]float64
	stored bool
}

// Observe implements Online.
func (r *Alternating) Observe(drive, cost float64) {
	x := drive - r.Threshold
	switch {
	case x < 0 && x > -r.Window && !r.stored:
		r.accumulate(2, -x, cost)
		r.stored = true
	case x >= 0 && x < r.Window && r.stored:
		r.accumulate(1, x, -cost)
		for k := range r.v {
			r.v[k] -= float64(r.Rate * r.d[k])
		}
		r.d = [3]float64{}
		r.stored = false
	}
}

// accumulate adds (V·a + cost)·a to D.
func (r *Alternating) accumulate(slope int, distance, cost float64) {
	if !r.LinearCorrection {
		r.d[0] += r.v[0] + cost
		return
	}
	e := r.v[0] + float64(r.v[slope]*distance) + cost
	r.d[0] += e
	r.d[slope] += float64(e * distance)
}

// Effect implements Online.
func (r *Alternating) Effect() float64 { return 2 * r.v[0] }

// Means is the rule that uses every block: an exponential mean of the cost on each
// side of the threshold within the window. Effect is their difference.
type Means struct {
	Threshold float64
	Window    float64 // p; +Inf: the observed dependence
	Rate      float64 // the least weight of a new block; the first ones weigh 1/count

	mean  [2]float64
	count [2]int
}

// Observe implements Online.
func (r *Means) Observe(drive, cost float64) {
	x := drive - r.Threshold
	if !(x > -r.Window && x < r.Window) {
		return
	}
	side := 0
	if x >= 0 {
		side = 1
	}
	r.count[side]++
	r.mean[side] += float64(max(r.Rate, 1/float64(r.count[side])) * (cost - r.mean[side]))
}

// Effect implements Online.
func (r *Means) Effect() float64 {
	if r.count[0] == 0 || r.count[1] == 0 {
		return 0
	}
	return r.mean[1] - r.mean[0]
}

// LinearMeans is Means with a line instead of a mean on each side: running
// least squares with exponential forgetting. Effect is the difference of the
// lines at the threshold.
type LinearMeans struct {
	Threshold float64
	Window    float64 // p; +Inf: all blocks
	Rate      float64 // weight of a new block; the first ones weigh 1/count

	sides [2]recentLine
}

// recentLine holds exponential means about the running mean of x.
type recentLine struct {
	count        int
	x, c, xx, xc float64
}

// Observe implements Online.
func (r *LinearMeans) Observe(drive, cost float64) {
	x := drive - r.Threshold
	if !(x > -r.Window && x < r.Window) {
		return
	}
	s := &r.sides[0]
	if x >= 0 {
		s = &r.sides[1]
	}
	s.count++
	weight := max(r.Rate, 1/float64(s.count))
	dx, dc := x-s.x, cost-s.c
	s.x += float64(weight * dx)
	s.c += float64(weight * dc)
	s.xx = float64((1 - weight) * (s.xx + float64(weight*dx*dx)))
	s.xc = float64((1 - weight) * (s.xc + float64(weight*dx*dc)))
}

// Effect implements Online.
func (r *LinearMeans) Effect() float64 {
	var limit [2]float64
	for k := range r.sides {
		s := &r.sides[k]
		if s.count < 3 || !(s.xx > 0) {
			return 0
		}
		limit[k] = s.c - float64(s.xc/s.xx*s.x)
	}
	return limit[1] - limit[0]
}

// Reinforce is REINFORCE by perturbed input: it estimates dE(C)/dW, up to
// the factor σ_p²/τ, by (C − baseline)·e from the eligibility e of every block.
type Reinforce struct {
	BaselineRate float64 // of the exponential mean of the cost that is taken off; 0: none is
	Memory       float64 // of eligibility from block to block: e ← Memory·e + e_block

	eligibility, baseline float64
	seen                  bool
}

// Observe takes the eligibility and the cost of one block and returns the
// direction in which the weight is to go down.
func (r *Reinforce) Observe(eligibility, cost float64) float64 {
	if !r.seen && r.BaselineRate > 0 {
		r.baseline, r.seen = cost, true
	}
	r.eligibility = float64(r.Memory*r.eligibility) + eligibility
	direction := (cost - r.baseline) * r.eligibility
	r.baseline += float64(r.BaselineRate * (cost - r.baseline))
	return direction
}

// RateCurve is how a neuron's firing depends on its input weight.
type RateCurve struct {
	Weight []float64 // increasing
	Rate   []float64 // mean spikes per step
	Slope  []float64 // μ(W), its derivative: mean spikes per step and unit of weight

	RateErr, SlopeErr []float64 // standard errors; nil if unknown
}

// PublishedModelRates is the rate curve at the published noise and membrane, from
// 40 × 500 s at each weight, slopes by central differences (standard error 1–2 %).
// It depends neither on the noise correlation nor on the other neurons.
// Population.RateCurve measures it anew.
func PublishedModelRates() RateCurve {
	c := RateCurve{
		Rate: []float64{0.0001275, 0.0005435, 0.001157, 0.001924, 0.002833, 0.003858, 0.005006, 0.006246, 0.007623,
			0.009054, 0.01056, 0.01215, 0.01381, 0.01553, 0.01731, 0.0191, 0.02096, 0.02287, 0.02479},
		Slope: []float64{0.0002852, 0.0005202, 0.000692, 0.0008463, 0.000956, 0.001097, 0.001197, 0.001316, 0.001386,
			0.001489, 0.001568, 0.001612, 0.001677, 0.001749, 0.001758, 0.001882, 0.001892, 0.001856, 0.001943},
	}
	for w := range c.Rate {
		c.Weight = append(c.Weight, float64(w+2))
	}
	return c
}

// SlopeAt returns μ at weight w, linear between the curve's points and constant
// beyond its ends.
func (c RateCurve) SlopeAt(w float64) float64 {
	last := len(c.Weight) - 1
	if !(w > c.Weight[0]) {
		return c.Slope[0]
	}
	if w >= c.Weight[last] {
		return c.Slope[last]
	}
	k := 1
	for w > c.Weight[k] {
		k++
	}
	part := (w - c.Weight[k-1]) / (c.Weight[k] - c.Weight[k-1])
	return c.Slope[k-1] + float64(part*(c.Slope[k]-c.Slope[k-1]))
}

// all is a window that leaves no block out.
var all = math.Inf(1)
