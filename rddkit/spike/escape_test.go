package spike

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Thresholds must be drawn such that a potential v fires with the documented
// probability: within 4 standard errors, at several potentials.
func TestEscapeNoiseFollowsItsLaw(t *testing.T) {
	p := DefaultParams()
	p.EscapeWidth = 0.3
	sizes := []int{4, 4}
	input, err := NewPoissonInput(p, Fresh, 7, 0, sizes, 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	noise, err := newEscapeNoise(p, sizes, input)
	if err != nil {
		t.Fatal(err)
	}
	const steps = 50000
	thresholds := make([]float64, steps*groupSize)
	noise.fill(thresholds, 1, 0)
	for _, v := range []float64{-1, 0, 0.5, 0.9, 1, 1.2, 2} {
		fired := 0
		for _, threshold := range thresholds {
			if v >= threshold {
				fired++
			}
		}
		n := float64(len(thresholds))
		want := 1 / (1 + math.Exp(-(v-p.Threshold)/p.EscapeWidth))
		if got := float64(fired) / n; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/n) {
			t.Errorf("at v = %g a fraction %g fired, want %g", v, got, want)
		}
	}
}

// A neuron without any input, whose potential is known in closed form
// (v_t = (1 - dt(g_L+g_D))^t · Reset between spikes), fires at the rate that the
// law gives at rest: 1000/s / (1 + exp(1/width)), less its refractory steps.
func TestANeuronAtRestFiresAtTheRateOfTheLaw(t *testing.T) {
	p := DefaultParams()
	p.EscapeWidth, p.InputRate = 0.4, 0
	sizes := []int{40, 1}
	const steps = 5000
	input, err := NewPoissonInput(p, Accumulating, 3, 0, sizes, steps, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Record(context.Background(), &Network{Params: p, Sizes: sizes, Weights: [][]float64{make([]float64, 40)}}, steps, input)
	if err != nil {
		t.Fatal(err)
	}
	spikes := 0.0
	for _, s := range r.Spikes[0] {
		spikes += float64(s)
	}
	// A renewal process: after a spike v = -1·0.3^k in step k, blocked for k < 3.
	interval, survive := 0.0, 1.0
	for k := 1; k < 2000; k++ {
		interval += survive
		if k >= p.RefractorySteps {
			survive *= 1 - 1/(1+math.Exp((1+math.Pow(0.3, float64(k)))/p.EscapeWidth))
		}
	}
	got, want := steps*40/spikes, interval
	if math.Abs(got/want-1) > 4/math.Sqrt(spikes) {
		t.Errorf("mean interval %g steps, want %g", got, want)
	}
}

func TestEscapeNoiseNeedsASeed(t *testing.T) {
	p := DefaultParams()
	p.EscapeWidth = 0.1
	s, err := NewSimulation(p, []int{1, 1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	var bad *invalid.Error
	if err := s.Start([][]float64{{1}}, NewRecordedInput([][]uint8{{0, 0}})); !errors.As(err, &bad) {
		t.Errorf("started with a recorded input: %v", err)
	}
	if err := s.Start([][]float64{{1}}, WithSeed(NewRecordedInput([][]uint8{{0, 0}}), 1, 0)); err != nil {
		t.Errorf("with a recorded input and a seed: %v", err)
	}
	p.EscapeWidth = -1
	if err := p.Validate(); !errors.As(err, &bad) || bad.Field != "Params.EscapeWidth" {
		t.Errorf("a negative width: %v", err)
	}
}
