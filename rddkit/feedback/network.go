package feedback

import (
	"math"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/nn"
)

// BatchSize is the number of samples in a batch of every experiment here.
const BatchSize = 32

// learning is a network with the way in which its feedback weights are learned.
type learning struct {
	network      *nn.Network
	layers       []align.Layer       // all but the first, whose error goes nowhere
	learner      *align.Perturbation // nil if feedback weights are not learned
	perturbation *nn.Perturbation    // nil without a perturbed pass
	observe      func([]nn.Response) error
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
	l := &learning{network: network}
	for i, layer := range network.Layers {
		random := stream.New(seed, "feedback weights and biases", uint64(i))
		sd := math.Sqrt(2 / float64(layer.Shape[1]))
		for _, tensor := range [][]float32{layer.Weight, layer.Bias, layer.Feedback} {
			for k := range tensor {
				tensor[k] = float32(sd * random.NormFloat64())
			}
		}
		if i == 0 {
			continue
		}
		above := align.Layer{In: layer.Shape[1], Out: layer.Shape[0], Forward: layer.Weight, Feedback: make([]float32, len(layer.Feedback))}
		transpose(above.Feedback, layer.Feedback, above.Out, above.In)
		l.layers = append(l.layers, above)
	}
	return l, nil
}

// perturb makes every batch run a second time with noise.
func (l *learning) perturb(p nn.Perturbation, seed uint64) {
	p.Random = stream.New(seed, "perturbations")
	l.perturbation = &p
}

// learn lets the learner see every perturbed batch.
func (l *learning) learn(o align.PerturbationOptions) (err error) {
	l.learner, err = align.NewPerturbation(o)
	if err != nil {
		return err
	}
	batch := make([]align.Batch, len(l.layers))
	l.observe = func(responses []nn.Response) error {
		for i, r := range responses {
			batch[i] = align.Batch{Noise: r.Noise, Error: r.Error, Change: r.Change}
		}
		changed, err := l.learner.LearnBatch(l.layers, batch)
		if changed {
			l.send()
		}
		return err
	}
	return nil
}

// send gives the network the learner's feedback weights.
func (l *learning) send() {
	for i, layer := range l.layers {
		transpose(l.network.Layers[i+1].Feedback, layer.Feedback, layer.In, layer.Out)
	}
}

// step runs one batch; without an optimiser only feedback weights change.
func (l *learning) step(b nn.Batch, o nn.Optimiser) (loss float64, err error) {
	if l.learner != nil {
		l.perturbation.Noise = l.learner.Noise()
	}
	loss, _, err = l.network.TrainObserved(b, o, l.perturbation, l.observe)
	return loss, err
}

// compare measures feedback against feedforward weights: every row of the
// result is for one hidden layer, from the lowest up.
func (l *learning) compare(b nn.Batch) (s []Symmetry, err error) {
	came, err := l.network.HiddenErrors(b)
	if err != nil {
		return nil, err
	}
	l.network.SetRoute(nn.ThroughWeight)
	gradient, err := l.network.HiddenErrors(b)
	l.network.SetRoute(nn.ThroughFeedback)
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
			Angle:         meanAngle(came[i], gradient[i], layer.Shape[1]),
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

// meanAngle returns the mean angle between the rows of two matrices; rows of
// zeros are left out. It is NaN if nothing is left.
func meanAngle(a, b []float32, columns int) float64 {
	sum, n := 0.0, 0
	for from := 0; from < len(a); from += columns {
		var ab, aa, bb float64
		for k := from; k < from+columns; k++ {
			x, y := float64(a[k]), float64(b[k])
			ab += float64(x * y)
			aa += float64(x * x)
			bb += float64(y * y)
		}
		if aa > 0 && bb > 0 {
			sum += math.Acos(max(-1, min(1, ab/math.Sqrt(aa*bb)))) * 180 / math.Pi
			n++
		}
	}
	return sum / float64(n)
}

// transpose writes the matrix from, [rows][columns], into to, [columns][rows].
func transpose(to, from []float32, rows, columns int) {
	for i := range rows {
		for j := range columns {
			to[j*rows+i] = from[i*columns+j]
		}
	}
}
