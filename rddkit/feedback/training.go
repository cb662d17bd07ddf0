package feedback

import (
	"context"
	"fmt"
	"slices"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// Method says how hidden layers learn.
type Method string

const (
	// LeastSquares and Gradient learn feedback weights by node perturbation; see
	// align.Perturbation.
	LeastSquares Method = "np-least-squares"
	Gradient     Method = "np-gradient"
	// Reinforcement is node perturbation alone: no feedback weights at all.
	Reinforcement Method = "np-direct"
	// FeedbackAlignment keeps feedback weights as they are.
	FeedbackAlignment Method = "fa"
	// Backpropagation uses the feedforward weights; Adam does, and descends by
	// the optimiser of that name.
	Backpropagation Method = "bp"
	Adam            Method = "adam"
)

// Methods are all methods.
var Methods = []Method{Backpropagation, Adam, FeedbackAlignment, LeastSquares, Gradient, Reinforcement}

// String returns the method as figures name it.
func (m Method) String() string {
	return map[Method]string{
		LeastSquares: "NP, least squares", Gradient: "NP, gradient", Reinforcement: "NP alone",
		FeedbackAlignment: "FA", Backpropagation: "BP", Adam: "BP, Adam",
	}[m]
}

// None switches off a number whose zero means a default.
const None = -1

// Training says how a network is trained; its zero fields mean the settings of
// the reference runs, which differ between Classifier and Autoencoder.
type Training struct {
	// Dataset names the images, of which the first 10 000 are used. Default
	// fashion-mnist-10k, which is embedded; the paper's is mnist.
	Dataset string
	// Method is how hidden layers learn. Default Gradient.
	Method Method
	// Batches of 32 images. Defaults: 20 000 (Classifier), 30 000 (Autoencoder).
	Batches int
	// WarmUp is the number of batches, not counted in Batches, in which only
	// feedback weights learn. Default: 1000 for LeastSquares; None for none.
	WarmUp int
	// LearningRate of the weights, per image. Default: 4e-4 (Classifier), 1e-4
	// (Autoencoder), 1.41e-4 (Autoencoder by Adam).
	LearningRate float64
	// FeedbackRate is the learning rate of the feedback weights by Gradient, per
	// image. Default: 5e-4 (Classifier), 8e-6 (Autoencoder).
	FeedbackRate float64
	// Noise is the standard deviation of the perturbations. Default: 0.01, 0.05
	// for a Classifier by Gradient, 0.018942 (Autoencoder).
	Noise float64
	// TestImages are the first so many that are used for testing. Default: all
	// (Classifier), 2000 (Autoencoder).
	TestImages int
	// Records lists the batches after which the network is tested. Default: 300,
	// 1000, 2000, 3000, 5000, 7500, 10 000, 15 000, 20 000, 30 000, and the last.
	Records []int
	Seed    uint64
}

// TrainingCurve is what was found after so many batches.
type TrainingCurve struct {
	Method   Method
	Seed     uint64
	Batches  []int
	TestLoss []float64 // ½ squared error per test image
	// Accuracy is the percentage of test images that are classified correctly,
	// without noise; nil for an autoencoder.
	Accuracy []float64
	// Layers compares feedback with feedforward weights, [hidden layer][point];
	// nil for methods without feedback weights.
	Layers [][]Symmetry
}

// Classifier trains sigmoid layers and a linear output of one unit per class,
// with the squared error to one-hot targets, on images from 0 to 1.
type Classifier struct {
	// Hidden layers. Default 50-20.
	Hidden []int
	Training
}

// Run trains the network. The error is an *invalid.Error for a field that is
// not allowed, or that of a cancelled context.
func (c Classifier) Run(ctx context.Context, progress Progress) (*TrainingCurve, error) {
	if c.Hidden == nil {
		c.Hidden = []int{50, 20}
	}
	set(&c.Batches, 20000)
	set(&c.LearningRate, 4e-4)
	set(&c.FeedbackRate, 5e-4)
	if c.Method == Gradient || c.Method == "" {
		set(&c.Noise, 0.05)
	}
	set(&c.Noise, 0.01)
	run, err := c.begin(ctx, false)
	if err != nil {
		return nil, err
	}
	var specs []nn.Affine
	for _, units := range c.Hidden {
		specs = append(specs, nn.Affine{Units: units, Activation: nn.Sigmoid})
	}
	if err := run.build(append(specs, nn.Affine{Units: run.data.outputs()}), true); err != nil {
		return nil, err
	}
	return run.run(ctx, progress)
}

// Autoencoder trains a network to give back the images at its output through a
// bottleneck: hyperbolic-tangent layers around linear units in the middle, and
// a rectified output. Biases start at 0.1.
type Autoencoder struct {
	// Hidden are the layers up to the bottleneck, which are mirrored above it.
	// Default 200-2, that is 200-2-200.
	Hidden []int
	Training
}

// Run trains the network; see Classifier.Run.
func (a Autoencoder) Run(ctx context.Context, progress Progress) (*TrainingCurve, error) {
	if a.Hidden == nil {
		a.Hidden = []int{200, 2}
	}
	set(&a.Batches, 30000)
	if a.Method == Adam {
		set(&a.LearningRate, 1.41e-4)
	}
	set(&a.LearningRate, 1e-4)
	set(&a.FeedbackRate, 8e-6)
	set(&a.Noise, 0.018942)
	set(&a.TestImages, 2000)
	run, err := a.begin(ctx, true)
	if err != nil {
		return nil, err
	}
	var specs []nn.Affine
	for i, units := range a.Hidden {
		specs = append(specs, nn.Affine{Units: units, Activation: nn.Tanh})
		if i == len(a.Hidden)-1 {
			specs[i].Activation = nn.Linear
		}
	}
	for i := len(a.Hidden) - 2; i >= 0; i-- {
		specs = append(specs, specs[i])
	}
	if err := run.build(append(specs, nn.Affine{Units: run.data.outputs(), Activation: nn.ReLU}), false); err != nil {
		return nil, err
	}
	for _, l := range run.net.network.Layers {
		for i := range l.Bias {
			l.Bias[i] = 0.1
		}
	}
	return run.run(ctx, progress)
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// training is a Training at work.
type training struct {
	Training
	data *images
	net  *learning
}

func (t Training) begin(ctx context.Context, reconstruct bool) (*training, error) {
	set(&t.Dataset, dataset.Default)
	set(&t.Method, Gradient)
	if t.Method == LeastSquares {
		set(&t.WarmUp, 1000)
	}
	t.WarmUp = max(t.WarmUp, 0)
	if t.Records == nil {
		t.Records = []int{300, 1000, 2000, 3000, 5000, 7500, 10000, 15000, 20000, 30000}
	}
	switch {
	case !slices.Contains(Methods, t.Method):
		return nil, invalid.Newf("Method", string(t.Method), "one of %q", Methods)
	case t.Batches < 1:
		return nil, invalid.New("Batches", t.Batches, "at least 1")
	case t.WarmUp > 0 && !t.Method.learnsFeedback():
		return nil, invalid.New("WarmUp", t.WarmUp, "0 for a method that learns no feedback weights")
	}
	data, err := loadImages(ctx, t.Dataset, t.TestImages, reconstruct)
	return &training{Training: t, data: data}, err
}

func (m Method) learnsFeedback() bool { return m == LeastSquares || m == Gradient }

// build makes the network. constant also perturbs the unit of the biases.
func (t *training) build(specs []nn.Affine, constant bool) (err error) {
	if t.net, err = newLearning(t.data.inputs(), specs, t.Seed); err != nil {
		return err
	}
	switch t.Method {
	case Backpropagation, Adam:
		t.net.network.SetRoute(nn.ThroughWeight)
	case Reinforcement:
		t.net.perturb(nn.Perturbation{Noise: t.Noise, Constant: constant, Direct: true})
	case LeastSquares, Gradient:
		rule := align.LeastSquares
		if t.Method == Gradient {
			rule = align.Gradient
		}
		return t.net.learn(align.PerturbationOptions{Rule: rule, Noise: t.Noise, LearningRate: t.FeedbackRate}, nn.Perturbation{Constant: constant})
	}
	return nil
}

func (t *training) run(ctx context.Context, progress Progress) (*TrainingCurve, error) {
	var optimiser nn.Optimiser = nn.SGD{LearningRate: t.LearningRate}
	if t.Method == Adam {
		optimiser = &nn.Adam{LearningRate: t.LearningRate}
	}
	curve := &TrainingCurve{Method: t.Method, Seed: t.Seed}
	random, test := stream.New(t.Seed, "batches"), t.data.test()
	for b := 1 - t.WarmUp; b <= t.Batches; b++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now := optimiser
		if b <= 0 {
			now = nil
		}
		if _, err := t.net.step(t.data.batch(random), now); err != nil {
			return nil, err
		}
		if b%100 == 0 {
			progress.tell(b+t.WarmUp, t.Batches+t.WarmUp, fmt.Sprintf("%s, seed %d", t.Method, t.Seed))
		}
		if b == t.Batches || slices.Contains(t.Records, b) {
			if err := t.record(curve, b, test); err != nil {
				return nil, err
			}
		}
	}
	return curve, nil
}

// symmetrySamples is the number of test samples over which angles are averaged.
const symmetrySamples = 1000

func (t *training) record(curve *TrainingCurve, batch int, test nn.Batch) (err error) {
	network := t.net.network
	count := len(test.Images) / t.data.inputs()
	var sum float64
	var wrong int
	if test.Targets != nil {
		sum, err = network.EvaluateTargets(test.Images, test.Targets)
	} else {
		sum, wrong, err = network.Evaluate(test.Images, test.Labels)
		curve.Accuracy = append(curve.Accuracy, 100*(1-float64(wrong)/float64(count)))
	}
	if err != nil {
		return err
	}
	curve.Batches = append(curve.Batches, batch)
	curve.TestLoss = append(curve.TestLoss, sum/float64(count))
	if t.Method != FeedbackAlignment && !t.Method.learnsFeedback() {
		return nil
	}
	some := min(count, symmetrySamples)
	test.Images = test.Images[:some*t.data.inputs()]
	if test.Targets != nil {
		test.Targets = test.Targets[:some*t.data.outputs()]
	} else {
		test.Labels = test.Labels[:some]
	}
	symmetry, err := t.net.compare(test)
	if err != nil {
		return err
	}
	if curve.Layers == nil {
		curve.Layers = make([][]Symmetry, len(symmetry))
	}
	for l, s := range symmetry {
		curve.Layers[l] = append(curve.Layers[l], s)
	}
	return nil
}
