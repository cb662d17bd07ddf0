package credit

import (
	"context"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/invalid"
)

// ExperimenterTest is the talk's test for experimenters. One neuron, at rest at
// first, gets a stimulus in every trial, and a reward if it spikes in a window of
// the trial. A stimulus is described by its distance: how far the largest input
// drive it causes is from the threshold, on average over the noise. Learning by
// the spike discontinuity changes the synapse only if a trial comes near the
// threshold; learning by the rate goes by how often the neuron spikes. A pair of
// stimuli as far below the threshold as above makes the neuron spike in about half
// of all trials, whatever the distance: equal rates, unequal predictions.
//
// Weight change per trial, with H = 1 if the neuron spiked and R the reward:
//
//	discontinuity:   +R if θ ≤ U < θ+p,  −R if θ−p < U < θ
//	rate, average:   (R − R̄)·(H − H̄), means over all stimuli
//	rate:            R·H
//
// each to be multiplied by a learning rate of its own. The first one's expectation
// is β·p times the density of U at the threshold.
type ExperimenterTest struct {
	Distances  []float64 // of the stimuli above threshold, each paired with one as far below, ≥ 0; default 0, 0.1, …, 0.6
	Trials     int       // per stimulus; default 4000
	Window     float64   // p; default 0.1
	TrialSteps int       // default 50
	RewardFrom int       // step of the trial at which the reward window opens
	RewardTo   int       // step before which it closes; default TrialSteps
	NoiseSD    float64   // σ; default 1.5
	Weight     float64   // W; default 12
	Seed       uint64

	threshold float64
}

// StimulusPrediction is what one stimulus, or one pair of stimuli, leads to, per trial.
type StimulusPrediction struct {
	Distance      float64      // of the stimulus; negative: below the threshold
	Input         float64      // x; 0 for a pair
	Spiking       float64      // fraction of trials with a spike
	Reward        float64      // mean
	NearThreshold float64      // fraction of trials within Window of the threshold
	Discontinuity CausalEffect // weight change by each rule
	RateAverage   CausalEffect
	Rate          CausalEffect
}

// Predictions is the outcome of an ExperimenterTest.
type Predictions struct {
	Test    ExperimenterTest     // with its defaults written in
	Stimuli []StimulusPrediction // by distance, from far below to far above
	Pairs   []StimulusPrediction // [distance]
}

type trial struct {
	drive  float64
	spiked bool
	reward float64
}

// Run simulates the test. progress may be nil.
func (e ExperimenterTest) Run(ctx context.Context, progress func(done, total int, text string)) (*Predictions, error) {
	e, p, err := e.resolve()
	if err != nil {
		return nil, err
	}
	var distances []float64
	for _, d := range e.Distances {
		distances = append(distances, d)
		if d > 0 {
			distances = append(distances, -d)
		}
	}
	slices.Sort(distances)
	inputs := make([]float64, len(distances))
	trials := make([][]trial, len(distances))
	err = each(ctx, len(distances), "stimuli", progress, func(k int) error {
		inputs[k] = e.inputAt(p, distances[k])
		trials[k] = e.trials(p, inputs[k], e.Trials, e.Seed+uint64(k))
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	var reward, spiking float64
	for _, t := range slices.Concat(trials...) {
		reward += t.reward / float64(e.Trials*len(trials))
		spiking += of(t.spiked) / float64(e.Trials*len(trials))
	}
	result := &Predictions{Test: e}
	for k, d := range distances {
		s := e.predict(trials[k], reward, spiking)
		s.Distance, s.Input = d, inputs[k]
		result.Stimuli = append(result.Stimuli, s)
	}
	for _, d := range e.Distances {
		below, _ := slices.BinarySearch(distances, -d)
		above, _ := slices.BinarySearch(distances, d)
		s := e.predict(slices.Concat(trials[below], trials[above]), reward, spiking)
		s.Distance = d
		result.Pairs = append(result.Pairs, s)
	}
	return result, nil
}

func (e ExperimenterTest) resolve() (ExperimenterTest, Population, error) {
	if e.Distances == nil {
		e.Distances = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6}
	}
	if e.Trials == 0 {
		e.Trials = 4000
	}
	if e.Window == 0 {
		e.Window = 0.1
	}
	if e.TrialSteps == 0 {
		e.TrialSteps = 50
	}
	if e.RewardTo == 0 {
		e.RewardTo = e.TrialSteps
	}
	if e.NoiseSD == 0 {
		e.NoiseSD = 1.5
	}
	if e.Weight == 0 {
		e.Weight = 12
	}
	p, err := Population{Weights: []float64{e.Weight}, NoiseSD: e.NoiseSD, BlockSteps: e.TrialSteps}.resolve()
	if err != nil {
		return e, p, err
	}
	e.threshold = p.Threshold
	for _, d := range e.Distances {
		if !(d >= 0 && d < p.Threshold-p.Reset) {
			return e, p, invalid.Newf("Distances", e.Distances, "from 0 to below %v, the way from reset to threshold", p.Threshold-p.Reset)
		}
	}
	switch {
	case e.Trials < 2:
		return e, p, invalid.New("Trials", e.Trials, "at least 2")
	case !(e.Window > 0):
		return e, p, invalid.New("Window", e.Window, "positive")
	case !(e.Weight > 0):
		return e, p, invalid.New("Weight", e.Weight, "positive")
	case e.RewardFrom < 0 || e.RewardTo > e.TrialSteps || e.RewardFrom >= e.RewardTo:
		return e, p, invalid.Newf("RewardFrom", e.RewardFrom, "from 0 to below RewardTo, which is %d, within the trial's %d steps", e.RewardTo, e.TrialSteps)
	}
	return e, p, nil
}

// trials simulates n trials, each from rest.
func (e ExperimenterTest) trials(p Population, input float64, n int, seed uint64) []trial {
	p.Input = input
	sim := newSimulator(p, seed)
	trials := make([]trial, n)
	for k := range trials {
		sim.rest(p.Reset)
		sim.block()
		neuron := &sim.neurons[0]
		trials[k] = trial{drive: neuron.drive, spiked: len(neuron.spikes) > 0}
		for _, step := range neuron.spikes {
			if step >= e.RewardFrom && step < e.RewardTo {
				trials[k].reward = 1
			}
		}
	}
	return trials
}

// inputAt finds the input whose largest drive is, on average, distance from the
// threshold.
func (e ExperimenterTest) inputAt(p Population, distance float64) float64 {
	off := func(input float64) float64 {
		var sum float64
		const n = 1000
		for _, t := range e.trials(p, input, n, e.Seed) {
			sum += t.drive / n
		}
		return sum - p.Threshold - distance
	}
	// Without noise the drive is W·x·T·dt, less the leak; noise adds to it.
	unit := e.Weight * float64(e.TrialSteps) * p.Step
	low, high := -4/unit, 4*(p.Threshold+distance)/unit
	for range 30 {
		middle := (low + high) / 2
		if off(middle) > 0 {
			high = middle
		} else {
			low = middle
		}
	}
	return (low + high) / 2
}

// predict averages the rules' weight changes.
func (e ExperimenterTest) predict(trials []trial, meanReward, meanSpiking float64) StimulusPrediction {
	n := len(trials)
	var s StimulusPrediction
	var sum, squares [3]float64
	for _, t := range trials {
		x := t.drive - e.threshold
		near := math.Abs(x) < e.Window
		s.Spiking += of(t.spiked) / float64(n)
		s.Reward += t.reward / float64(n)
		s.NearThreshold += of(near) / float64(n)
		changes := [3]float64{1: (t.reward - meanReward) * (of(t.spiked) - meanSpiking), 2: t.reward * of(t.spiked)}
		if near {
			changes[0] = math.Copysign(t.reward, x)
		}
		for r, c := range changes {
			sum[r] += c
			squares[r] += c * c
		}
	}
	s.Discontinuity = meanOf(sum[0], squares[0], n)
	s.RateAverage = meanOf(sum[1], squares[1], n)
	s.Rate = meanOf(sum[2], squares[2], n)
	return s
}

func of(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
