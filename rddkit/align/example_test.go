package align_test

import (
	"context"
	"fmt"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/spike"
)

// exampleLayer makes 40 neurons below 10, with feedback weights that know
// nothing of the feedforward weights.
func exampleLayer() align.Layer {
	l := align.Layer{In: 40, Out: 10, Forward: make([]float32, 400), Feedback: make([]float32, 400)}
	for i := range 400 {
		l.Forward[i] = float32(i*i%17) - 8
		l.Feedback[i] = float32(i*i%13) - 6
	}
	return l
}

// A minute of simulated time brings the feedback weights into line.
func ExampleRDD() {
	layer := exampleLayer()
	learner, err := align.NewRDD(align.RDDOptions{Time: 60, Interval: 20, Seed: 1})
	if err != nil {
		panic(err)
	}
	probe := make([]float64, layer.In)
	err = learner.Learn(context.Background(), []align.Layer{layer}, func(seconds float64) {
		m := align.Measure(layer.Forward, layer.Feedback, layer.In, layer.Out, probe)
		fmt.Printf("after %2.0f s: sign alignment %.0f %%\n", seconds, m.SignAlignment)
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// after  0 s: sign alignment 43 %
	// after 20 s: sign alignment 82 %
	// after 40 s: sign alignment 83 %
	// after 60 s: sign alignment 84 %
}

// Feedforward weights that the feedback weights mirror up to a factor.
func ExampleMeasure() {
	forward := []float64{1, -2, 0.5, 3, 0, -1} // 3 neurons above, 2 below
	feedback := []float64{2, 1, 0, -4, 6, -2}  // 2 below, 3 above
	m := align.Measure(forward, feedback, 2, 3, []float64{1, 0.5})
	fmt.Printf("sign alignment %.0f %%, R_self %.1f, |W - Bᵀ|² %.2f\n", m.SignAlignment, m.Self, m.Symm)
	// Output:
	// sign alignment 100 %, R_self -30.5, |W - Bᵀ|² 15.25
}

// One synapse: the estimate of what a spike of the lower neuron causes,
// window by window.
func ExampleRegression() {
	p := spike.DefaultParams()
	p.DrivenFraction = 1
	net := &spike.Network{Params: p, Sizes: []int{1, 1}, Weights: [][]float64{{40}}}
	input, err := spike.NewPoissonInput(p, spike.Accumulating, 1, 0, net.Sizes, 60000, nil)
	if err != nil {
		panic(err)
	}
	recording, err := spike.Record(context.Background(), net, 60000, input)
	if err != nil {
		panic(err)
	}
	var r align.Regression
	targets := align.Targets(recording, 0)
	for i, w := range recording.Windows[0] {
		r.Observe(w.MaxDrive, w.Spiked, targets[i][0], 0.001)
	}
	fmt.Printf("%d windows: a spike causes %.4f\n", len(targets), align.Sharp.Beta(r, p.Threshold))
	// Output:
	// 804 windows: a spike causes 0.0939
}
