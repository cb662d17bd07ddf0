package credit

import (
	"context"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

func simulate(t testing.TB, p Population, seconds float64, seed uint64) *SimulatedBlocks {
	t.Helper()
	run, err := p.Simulate(context.Background(), seconds, seed)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// For C = (a·s₁ + rest)² the effect of a spike at a uniform time has a closed form:
// β = 2·a·Δ_s·E(a·carry + rest) + a²·E(δ²).
func TestInterveneIsTheClosedForm(t *testing.T) {
	run := simulate(t, MainPair(0.5), 20, 1)
	rise := run.Population.rise()
	const a = -30
	var rest float64
	for b := range run.Blocks {
		rest += (a*(run.Filtered[0][b]-run.Own[0][b]) + 20*run.Filtered[1][b] - 4) / float64(run.Blocks)
	}
	want := 2*a*rise.Mean*rest + a*a*rise.MeanSquare
	if got := run.Intervene(Quadratic, 0, Intervention{}); math.Abs(got.Mean-want) > 1e-9 || got.Blocks != run.Blocks {
		t.Errorf("effect %v over %d blocks, the closed form gives %v", got.Mean, got.Blocks, want)
	}
}

// A cost that is linear in a neuron's train, and does not know the others.
func TestInterveneOnALinearCost(t *testing.T) {
	run := simulate(t, MainPair(0.9), 20, 1)
	rise := run.Population.rise()
	linear := func(s []float64) float64 { return 7 * s[0] }
	if got := run.Intervene(linear, 0, Intervention{}); math.Abs(got.Mean-7*rise.Mean) > 1e-12 {
		t.Errorf("effect %v, want 7·Δ_s = %v", got.Mean, 7*rise.Mean)
	}
	if got := run.Intervene(linear, 1, Intervention{}); got.Mean != 0 {
		t.Errorf("a neuron that the cost does not read has effect %v", got.Mean)
	}
	near := run.Intervene(linear, 0, NearThreshold)
	if !(near.Blocks > 0 && near.Blocks < run.Blocks/2 && near.Mean > 0 && near.Mean <= 7*rise.Peak) {
		t.Errorf("near the threshold: %+v", near)
	}
}

// Randomising all blocks is an experiment on the truth. z beyond 4 has a chance of
// 6e-5; the seed is fixed.
func TestRandomisedFindsTheEffect(t *testing.T) {
	run := simulate(t, MainPair(0.99), 200, 2)
	linear := func(s []float64) float64 { return s[0] - 3*s[1] }
	for i, size := range []float64{1, -3} {
		effect, excess, err := run.Randomised(linear, i, 0.2, stream.New(1, "test", uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		if want := size * run.Population.rise().Mean; math.Abs(effect.Mean-want) > 4*effect.StdErr {
			t.Errorf("neuron %d: effect %v ± %v, want %v", i, effect.Mean, effect.StdErr, want)
		}
		if effect.Blocks < run.Blocks/10 || effect.Blocks > run.Blocks*3/10 || excess == 0 {
			t.Errorf("neuron %d: %d of %d blocks randomised, mean cost changed by %v", i, effect.Blocks, run.Blocks, excess)
		}
	}
	for _, fraction := range []float64{0, 1.1, math.NaN()} {
		_, _, err := run.Randomised(linear, 0, fraction, stream.New(1, "test"))
		requireInvalid(t, "fraction", err)
	}
	_, _, err := run.Randomised(linear, 2, 0.1, stream.New(1, "test"))
	requireInvalid(t, "neuron", err)
}

func TestInterventionsLeaveTheRunAlone(t *testing.T) {
	run, same := simulate(t, MainPair(0.5), 5, 1), simulate(t, MainPair(0.5), 5, 1)
	run.Intervene(Quadratic, 0, NearThreshold)
	run.PublishedRandomised(Quadratic, true, stream.New(1, "test"))
	if _, _, err := run.Randomised(Quadratic, 1, 0.5, stream.New(1, "test")); err != nil {
		t.Fatal(err)
	}
	for i := range same.Filtered {
		for b := range same.Filtered[i] {
			if run.Filtered[i][b] != same.Filtered[i][b] || run.Own[i][b] != same.Own[i][b] {
				t.Fatal("an intervention changed the recorded run")
			}
		}
	}
}

// Node perturbation against the finite difference, for a cost without memory of
// other blocks: kernel and membrane are short against the block.
func TestGradientByPerturbationIsTheFiniteDifference(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates an hour")
	}
	p := Population{Weights: []float64{12}, BlockSteps: 40, Perturbation: 60, Kernel: SpikeKernel{TimeConstant: 0.005, Steps: 60}}
	cost := func(s []float64) float64 { return 100 * s[0] }
	at := func(w float64) (mean Summary) {
		p := p
		p.Weights = []float64{w}
		var means []float64
		for seed := range uint64(8) {
			means = append(means, Summarise(simulate(t, p, 400, seed).Costs(cost)).Mean)
		}
		return Summarise(means)
	}
	slope := (at(13).Mean - at(11).Mean) / 2
	g, err := simulate(t, p, 2000, 9).GradientByPerturbation(cost, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	// The membrane remembers earlier blocks' perturbations, the estimate does
	// not: some of the gradient is lost (the reference finds 60 %).
	if !(g.Mean > 0.4*slope && g.Mean < 1.05*slope) {
		t.Errorf("gradient %v ± %v, the finite difference is %v", g.Mean, g.StdErr, slope)
	}
	_, err = simulate(t, MainPair(0), 5, 1).GradientByPerturbation(cost, 0, false)
	requireInvalid(t, "Perturbation", err)
}

func TestCosts(t *testing.T) {
	s := []float64{0.02, 0.01}
	for name, c := range map[string]struct{ got, want float64 }{
		"quadratic": {Quadratic(s), 4.4 * 4.4},
		"curved":    {CurvedQuadratic(s), 4.398 * 4.398},
		"valley":    {Valley(s), 0.0001 + 0.0072*0.0072},
		"targets":   {TargetRates(0.01, 0.03)(s), 0.0005},
		"reward":    {FromReward(Quadratic)(s), -4.4 * 4.4},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}
