package credit_test

import (
	"context"
	"fmt"
	"log"

	"github.com/weightalign/lab/rddkit/credit"
)

// Two neurons share half of their noise. The first one's spikes raise the cost by 5.2
// each; the cost of blocks with and without a spike says 4.3, as the other neuron,
// whose spikes lower the cost, tends to spike with it.
func ExamplePopulation_Simulate() {
	run, err := credit.MainPair(0.5).Simulate(context.Background(), 1000, 1)
	if err != nil {
		log.Fatal(err)
	}
	costs := run.Costs(credit.CurvedQuadratic)
	fmt.Printf("rates %.0f and %.0f Hz\n", run.Rate(0), run.Rate(1))
	fmt.Printf("true effect %.1f\n", run.Intervene(credit.CurvedQuadratic, 0, credit.Intervention{}).Mean)
	fmt.Printf("observed dependence %.1f\n", credit.ObservedDependence().Estimate(run.Drive[0], costs, 1).Effect)
	// Output:
	// rates 10 and 6 Hz
	// true effect 5.2
	// observed dependence 4.3
}

func ExampleSpikeDiscontinuity_Estimate() {
	drive := []float64{0.20, 0.95, 0.99, 1.01, 1.20, 1.90}
	cost := []float64{1, 2, 4, 10, 20, 60}
	near := credit.SpikeDiscontinuity{Window: 0.1}.Estimate(drive, cost, 1)
	fmt.Printf("%.0f from %d blocks below and %d above\n", near.Effect, near.Below, near.Above)
	// Output: 7 from 2 blocks below and 1 above
}

// The naive estimate drifts with the noise correlation, the discontinuity does not.
func ExampleEstimatorComparison_Run() {
	result, err := credit.EstimatorComparison{
		Correlations: []float64{0.01, 0.99},
		Estimators:   []credit.EffectEstimator{credit.ObservedDependence(), credit.SpikeDiscontinuity{Window: 0.1}},
	}.Run(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range result.Cells {
		second := row[1]
		fmt.Printf("c = %.2f: at its crossing %.1f, naive %.0f, discontinuity %.1f\n",
			second.Correlation, second.AtCrossing.Mean, second.Estimates[0].Mean, second.Estimates[1].Mean)
	}
	// Output:
	// c = 0.01: at its crossing -3.5, naive -3, discontinuity -3.3
	// c = 0.99: at its crossing -3.8, naive 0, discontinuity -3.6
}

// Ten neurons, of which a decoder reads one. That one learns; nine should not.
func ExampleLearning_Learn() {
	l := credit.BrainComputerInterface(0.01, credit.SpikeDiscontinuityRule(0.3))
	l.Seconds = 100
	trajectory, err := l.Learn(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	last := trajectory.Weights[len(trajectory.Weights)-1]
	fmt.Printf("from 12 to %.0f (control), %.0f (another)\n", last[0], last[1])
	// Output: from 12 to 18 (control), 12 (another)
}

func ExampleExperimenterTest_Run() {
	r, err := credit.ExperimenterTest{Distances: []float64{0, 0.3}, Trials: 2000}.Run(context.Background(), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, pair := range r.Pairs {
		fmt.Printf("distance %.1f: spikes in %.1f of trials, change %.2f by discontinuity, %.2f by rate\n",
			pair.Distance, pair.Spiking, pair.Discontinuity.Mean, pair.RateAverage.Mean)
	}
	// Output:
	// distance 0.0: spikes in 0.5 of trials, change 0.27 by discontinuity, 0.25 by rate
	// distance 0.3: spikes in 0.5 of trials, change 0.03 by discontinuity, 0.25 by rate
}
