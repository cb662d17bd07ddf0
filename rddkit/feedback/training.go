package feedback

import (
	"context"
	"fmt"
	"slices"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// Algorithm says how hidden layers learn.
type Algorithm string

const (
	// NPLeastSquares and NPGradient learn feedback weights by node perturbation; see
	// align.Perturbation.
	NPLeastSquares Algorithm = "np-least-squares"
	NPGradient     Algorithm = "np-gradient"
	// Reinforcement is node perturbation alone: no feedback weights at all.
	Reinforcement Algorithm = "np-direct"
	// FA keeps feedback weights as they are.
	FA Algorithm = "fa"
	// BP uses the feedforward weights; BPAdam does, and descends by
	// the optimiser of that name.
	BP     Algorithm = "bp"
	BPAdam Algorithm = "adam"
)

// Algorithms are all of them, in the order of legends.
var Algorithms = []Algorithm{BP, BPAdam, FA, NPLeastSquares, NPGradient, Reinforcement}

// String returns the algorithm as figures name it.
func (m Algorithm) String() string {
	return map[Algorithm]string{
		NPLeastSquares: "NP, least squares", NPGradient: "NP, gradient", Reinforcement: "NP alone",
		FA: "FA", BP: "BP", BPAdam: "BP, Adam",
	}[m]
}

// NoWarmUp is Training.WarmUp for none.
const NoWarmUp = -1

// Training says how a network is trained; its zero fields mean the settings of
// the reference runs, which differ between Classifier and Autoencoder.
type Training struct {
	// Dataset names the images, of which the first 10 000 are used. Default
	// fashion-mnist-10k, which is embedded; the paper's is mnist.
	Dataset string
	// Algorithm is how hidden layers learn. Default NPGradient.
	Algorithm Algorithm
	// Batches of 32 images. Defaults: 20 000 (Classifier), 30 000 (Autoencoder).
	Batches int
	// WarmUp is the number of batches, not counted in Batches, in which only
	// feedback weights learn. Default: 1000 for NPLeastSquares; NoWarmUp for none.
	WarmUp int
	// LearningRate of the weights, per image. Default: 4e-4 (Classifier), 1e-4
	// (Autoencoder), 1.41e-4 (Autoencoder by Adam).
	LearningRate float64
	// FeedbackRate is the learning rate of the feedback weights by NPGradient, per
	// image. Default: 5e-4 (Classifier), 8e-6 (Autoencoder).
	FeedbackRate float64
	// Noise is the standard deviation of the perturbations. Default: 0.01, 0.05
	// for a Classifier by NPGradient, 0.018942 (Autoencoder).
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
	Algorithm Algorithm `json:"Method"`
	Seed      uint64
	WarmUp    int `json:",omitempty"` // batches in which only feedback weights learned, not counted in Batches
	Batches   []int
	TestLoss  []float64 // ½ squared error per test image
	// Accuracy is the percentage of test images that are classified correctly,
	// without noise; nil for an autoencoder.
	Accuracy []float64
	// Layers compares feedback with feedforward weights, [hidden layer][point];
	// nil for methods without feedback weights.
	Layers [][]Symmetry
}

// Seen returns how many batches the network had seen at each of Batches, those of
// the warm-up included.
func (c *TrainingCurve) Seen() []float64 {
	seen := make([]float64, len(c.Batches))
	for i, b := range c.Batches {
		seen[i] = float64(c.WarmUp + b)
	}
	return seen
}

// Angles returns the mean angle in degrees between the error that arrives at a
// hidden layer (0 is the lowest) and the true gradient there, one for each of
// Batches; nil for methods without feedback weights.
func (c *TrainingCurve) Angles(layer int) []float64 {
	if c.Layers == nil {
		return nil
	}
	angles := make([]float64, len(c.Layers[layer]))
	for i, s := range c.Layers[layer] {
		angles[i] = s.Angle
	}
	return angles
}

// Classifier trains sigmoid layers and a linear output of one unit per class,
// with the squared error to one-hot targets, on images from 0 to 1.
type Classifier struct {
	// Hidden layers. Default 50-20.
	Hidden []int
	Training
}

// Run trains the network. The error is an *invalid.Error for a field that is
// not allowed, or that of a cancelled context. progress is told how many batches of
// how many are done; it may be nil.
func (c Classifier) Run(ctx context.Context, progress func(done, total int, text string)) (*TrainingCurve, error) {
	if c.Hidden == nil {
		c.Hidden = []int{50, 20}
	}
	set(&c.Batches, 20000)
	set(&c.LearningRate, 4e-4)
	set(&c.FeedbackRate, 5e-4)
	if c.Algorithm == NPGradient || c.Algorithm == "" {
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
func (a Autoencoder) Run(ctx context.Context, progress func(done, total int, text string)) (*TrainingCurve, error) {
	if a.Hidden == nil {
		a.Hidden = []int{200, 2}
	}
	set(&a.Batches, 30000)
	if a.Algorithm == BPAdam {
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
	set(&t.Algorithm, NPGradient)
	if t.Algorithm == NPLeastSquares {
		set(&t.WarmUp, 1000)
	}
	t.WarmUp = max(t.WarmUp, 0)
	if t.Records == nil {
		t.Records = []int{300, 1000, 2000, 3000, 5000, 7500, 10000, 15000, 20000, 30000}
	}
	switch {
	case !slices.Contains(Algorithms, t.Algorithm):
		return nil, invalid.Newf("Algorithm", string(t.Algorithm), "one of %q", Algorithms)
	case t.Batches < 1:
		return nil, invalid.New("Batches", t.Batches, "at least 1")
	case t.WarmUp > 0 && !t.Algorithm.learnsFeedback():
		return nil, invalid.New("WarmUp", t.WarmUp, "0 for a method that learns no feedback weights")
	}
	data, err := loadImages(ctx, t.Dataset, t.TestImages, reconstruct)
	return &training{Training: t, data: data}, err
}

func (m Algorithm) learnsFeedback() bool { return m == NPLeastSquares || m == NPGradient }

// build makes the network. constant also perturbs the unit of the biases.
func (t *training) build(specs []nn.Affine, constant bool) (err error) {
	if t.net, err = newLearning(t.data.inputs(), specs, t.Seed); err != nil {
		return err
	}
	switch t.Algorithm {
	case BP, BPAdam:
		t.net.network.SetRoute(nn.ThroughWeight)
	case Reinforcement:
		t.net.perturb(nn.Perturbation{Noise: t.Noise, Constant: constant, Direct: true})
	case NPLeastSquares, NPGradient:
		rule := align.LeastSquares
		if t.Algorithm == NPGradient {
			rule = align.Gradient
		}
		return t.net.learn(align.PerturbationOptions{Rule: rule, Noise: t.Noise, LearningRate: t.FeedbackRate}, nn.Perturbation{Constant: constant})
	}
	return nil
}

func (t *training) run(ctx context.Context, progress func(done, total int, text string)) (*TrainingCurve, error) {
	var optimiser nn.Optimiser = nn.SGD{LearningRate: t.LearningRate}
	if t.Algorithm == BPAdam {
		optimiser = &nn.Adam{LearningRate: t.LearningRate}
	}
	curve := &TrainingCurve{Algorithm: t.Algorithm, Seed: t.Seed, WarmUp: t.WarmUp}
	random, test := stream.New(t.Seed, "batches"), t.data.test()
	tell := jobs.Heard(progress)
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
			tell(b+t.WarmUp, t.Batches+t.WarmUp, fmt.Sprintf("%s, seed %d", t.Algorithm, t.Seed))
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
	if t.Algorithm != FA && !t.Algorithm.learnsFeedback() {
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
