package credit

import "runtime"

// BlockCost is what a block costs, given the filtered spike train of every neuron at
// the block's end, s, in spikes per step, [neuron]. Lower is better: the reward is
// −C. It must not keep or change s, and may be called from several goroutines.
type BlockCost func(s []float64) float64

// check returns what the cost fails with if it reads more neurons than these.
func (c BlockCost) check(neurons int) (err error) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case runtime.Error:
			err = failure
		default:
			panic(failure)
		}
	}()
	c(make([]float64, neurons))
	return nil
}

// FromReward turns a reward into a cost.
func FromReward(reward func(s []float64) float64) BlockCost {
	return func(s []float64) float64 { return -reward(s) }
}

// Quadratic is the cost (−30·s₁ + 20·s₂ − 4)²: the effects of the two neurons
// have opposite signs.
func Quadratic(s []float64) float64 {
	e := float64(-30*s[0]) + float64(20*s[1]) - 4
	return e * e
}

// CurvedQuadratic is the cost (−30·s₁ + 20·s₂ + 20·s₂² − 4)² of the published
// main figure.
func CurvedQuadratic(s []float64) float64 {
	e := float64(-30*s[0]) + float64(20*s[1]) + float64(20*s[1]*s[1]) - 4
	return e * e
}

// Valley is the cost (s₁ − 0.01)² + (2·s₂ − 2·(s₁ − 0.1)²)² of the published
// learning experiment: a curved ("banana") valley, shallow along s₂.
func Valley(s []float64) float64 {
	a := s[0] - 0.01
	b := 2*s[1] - float64(2*(s[0]-0.1)*(s[0]-0.1))
	return float64(a*a) + float64(b*b)
}

// TargetRates is the cost Σ_i (s_i − target_i)² over the first len(target) neurons, of
// which there must be so many;
// targets are in spikes per step (0.020 is 20 Hz at steps of 1 ms). With one
// target it is a decoder that reads the first neuron alone.
func TargetRates(target ...float64) BlockCost {
	target = append([]float64(nil), target...)
	return func(s []float64) float64 {
		var sum float64
		for i, t := range target {
			sum += float64((s[i] - t) * (s[i] - t))
		}
		return sum
	}
}
