package feedback

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// Convergence learns the feedback weights of a network whose feedforward
// weights do not change: Theorem 1 (the last hidden layer, for any network with
// a linear output) and Theorem 2 (every layer, for a linear network) as an
// experiment. Both predict a weight error that falls with the number of samples
// to the power −½, whatever the noise, as long as it is small.
//
// Theorem 2 needs errors of full rank: in a linear network no layer but the
// last may have more neurons above it than the network has outputs. 10-6-5-10
// shows it cleanly; in 10-8-6-8 some seeds' weights nearly lose a dimension, and
// the error is slow. In 784-50-20-10 the errors at the 20 neurons lie in 10
// dimensions, so that the lower weight error stalls while the angle of the error
// that it passes still falls to zero.
type Convergence struct {
	// Sizes of the layers, from the inputs to the outputs. Default 10-8-6-8.
	Sizes []int
	// Activation of the hidden layers. Default Linear; the paper's is Sigmoid.
	Activation nn.Activation
	// Dataset names the images that are the inputs, with labels as targets; the
	// first and last size must fit. Default: normal inputs x, targets x T with T
	// uniform on 0 to 1.
	Dataset string
	// Noise, Rule, Restart and the like; defaults as there.
	Learner     align.PerturbationOptions
	BatchSummed bool // see nn.Perturbation
	Batches     int  // of 32 samples; default 10 000
	Seed        uint64
}

// ConvergenceCurve is how far the feedback weights are after so many batches.
type ConvergenceCurve struct {
	Batches []int        // 10, 30, 100, …, and the last
	Layers  [][]Symmetry // [hidden layer, from the lowest][point]
}

// Run carries the experiment out. The error is an *invalid.Error for a field
// that is not allowed, or that of a cancelled context. progress is told how many
// batches of how many are done; it may be nil.
func (c Convergence) Run(ctx context.Context, progress func(done, total int, text string)) (*ConvergenceCurve, error) {
	if c.Sizes == nil {
		c.Sizes = []int{10, 8, 6, 8}
	}
	if c.Batches == 0 {
		c.Batches = 10000
	}
	switch {
	case len(c.Sizes) < 3:
		return nil, invalid.New("Sizes", c.Sizes, "inputs, at least one hidden layer, outputs")
	case c.Batches < 1:
		return nil, invalid.New("Batches", c.Batches, "at least 1, or 0 for 10 000")
	}
	var specs []nn.Affine
	for _, units := range c.Sizes[1:] {
		specs = append(specs, nn.Affine{Units: units, Activation: c.Activation})
	}
	specs[len(specs)-1].Activation = nn.Linear
	net, err := newLearning(c.Sizes[0], specs, c.Seed)
	if err != nil {
		return nil, err
	}
	if err := net.learn(c.Learner, nn.Perturbation{Constant: true, BatchSummed: c.BatchSummed}); err != nil {
		return nil, err
	}
	var data source = newGaussian(c.Sizes[0], c.Sizes[len(c.Sizes)-1], c.Seed)
	if c.Dataset != "" {
		if data, err = loadImages(ctx, c.Dataset, testSamples, false); err != nil {
			return nil, err
		}
		if want := []int{data.inputs(), data.outputs()}; want[0] != c.Sizes[0] || want[1] != c.Sizes[len(c.Sizes)-1] {
			return nil, invalid.Newf("Sizes", c.Sizes, "%d inputs and %d outputs for %s", want[0], want[1], c.Dataset)
		}
	}
	curve := &ConvergenceCurve{Layers: make([][]Symmetry, len(net.view.Layers))}
	random, test := stream.New(c.Seed, "batches"), data.test()
	tell := jobs.Heard(progress)
	for b := 1; b <= c.Batches; b++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := net.step(data.batch(random), nil); err != nil {
			return nil, err
		}
		if !milestone(b) && b != c.Batches {
			continue
		}
		symmetry, err := net.compare(test)
		if err != nil {
			return nil, err
		}
		curve.Batches = append(curve.Batches, b)
		for l, s := range symmetry {
			curve.Layers[l] = append(curve.Layers[l], s)
		}
		tell(b, c.Batches, fmt.Sprintf("seed %d", c.Seed))
	}
	return curve, nil
}

// milestone reports whether b is 10, 30, 100, 300, ….
func milestone(b int) bool {
	if b < 10 {
		return false
	}
	for b%10 == 0 {
		b /= 10
	}
	return b == 1 || b == 3
}

// WeightError returns |B − W|/|W| of a hidden layer (0 is the lowest), one for
// each of Batches.
func (c *ConvergenceCurve) WeightError(layer int) []float64 {
	return c.pick(layer, func(s Symmetry) float64 { return s.WeightError })
}

// Angle returns the mean angle in degrees between the error that arrives at a
// hidden layer and the true gradient there, one for each of Batches.
func (c *ConvergenceCurve) Angle(layer int) []float64 {
	return c.pick(layer, func(s Symmetry) float64 { return s.Angle })
}

func (c *ConvergenceCurve) pick(layer int, of func(Symmetry) float64) []float64 {
	values := make([]float64, len(c.Layers[layer]))
	for i, s := range c.Layers[layer] {
		values[i] = of(s)
	}
	return values
}

// Slope fits log error = slope · log batches + constant to the points from so
// many batches on. The theorems predict −½. It is NaN for less than two points.
func Slope(batches []int, errors []float64, from int) float64 {
	var x, y []float64
	for i, b := range batches {
		if b >= from {
			x, y = append(x, math.Log(float64(b))), append(y, math.Log(errors[i]))
		}
	}
	if len(x) < 2 {
		return math.NaN()
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	return slope
}
