package feedback

import (
	"math"
	"math/rand/v2"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/nn"
	"github.com/weightalign/lab/rddkit/train"
)

// BatchSize is the number of samples in a batch of every experiment here.
const BatchSize = 32

// learning is a network with the way in which its feedback weights are learned.
type learning struct {
	network      *nn.Network
	view         *train.View      // all layers but the first, whose error goes nowhere
	stepper      *train.Stepper   // nil if feedback weights are not learned
	perturbation *nn.Perturbation // of a network without feedback weights; else nil
	random       *rand.Rand       // of perturbations
}

// newLearning returns a fully connected network of squared error. Weights,
// feedback weights and biases are normal with variance 2/inputs of the layer.
func newLearning(inputs int, specs []nn.Affine, seed uint64) (*learning, error) {
	list := make([]nn.Spec, len(specs))
	for i, s := range specs {
		list[i] = s
	}
	network, err := nn.New(nn.Shape{Channels: 1, Rows: 1, Columns: inputs}, nn.SquaredError, seed, list...)
	if err != nil {
		return nil, err
	}
	for i, layer := range network.Layers {
		random := stream.New(seed, "feedback weights and biases", uint64(i))
		sd := math.Sqrt(2 / float64(layer.Shape[1]))
		for _, tensor := range [][]float32{layer.Weight, layer.Bias, layer.Feedback} {
			for k := range tensor {
				tensor[k] = float32(sd * random.NormFloat64())
			}
		}
	}
	return &learning{network: network, view: train.NewView(network).Above(1), random: stream.New(seed, "perturbations")}, nil
}

// perturb trains hidden layers by perturbation alone.
func (l *learning) perturb(p nn.Perturbation) {
	p.Random = l.random
	l.perturbation = &p
}

// learn lets a learner see every batch a second time, with noise.
func (l *learning) learn(o align.PerturbationOptions, p nn.Perturbation) error {
	learner, err := align.NewPerturbation(o)
	if err != nil {
		return err
	}
	l.stepper = train.NewStepper(l.network, learner, p)
	l.view = l.stepper.View()
	return nil
}

// step runs one batch; without an optimiser only feedback weights change.
func (l *learning) step(b nn.Batch, o nn.Optimiser) (loss float64, err error) {
	if l.stepper != nil {
		loss, _, err = l.stepper.Step(b, o, l.random)
	} else {
		loss, _, err = l.network.TrainObserved(b, o, l.perturbation, nil)
	}
	return loss, err
}

// compare measures feedback against feedforward weights: every row of the
// result is for one hidden layer, from the lowest up.
func (l *learning) compare(b nn.Batch) (s []Symmetry, err error) {
	came, err := l.network.HiddenErrors(b)
	if err != nil {
		return nil, err
	}
	gradient, err := l.network.HiddenGradients(b)
	if err != nil {
		return nil, err
	}
	for i, layer := range l.network.Layers[1:] {
		var difference, size float64
		agree := 0
		for k, w := range layer.Weight {
			w, b := float64(w), float64(layer.Feedback[k])
			difference += float64((b - w) * (b - w))
			size += float64(w * w)
			if (w >= 0) == (b >= 0) {
				agree++
			}
		}
		s = append(s, Symmetry{
			WeightError:   math.Sqrt(difference / size),
			SignAgreement: 100 * float64(agree) / float64(len(layer.Weight)),
			Angle:         align.MeanAngle(came[i], gradient[i], layer.Shape[1]),
		})
	}
	return s, nil
}

// Symmetry says how well a layer's feedback weights B mirror its feedforward
// weights W.
type Symmetry struct {
	WeightError   float64 // |B − W| / |W| (Frobenius)
	SignAgreement float64 // percentage of the weights whose signs agree
	// Angle is the mean over samples of the angle, in degrees, between the
	// error that arrives at the layer's inputs through all feedback weights on
	// its way and the true gradient there.
	Angle float64
}
