package nn

import (
	"math"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// Activation is a neuron's output as a function of its input drive.
type Activation int

const (
	Linear  Activation = iota // the drive itself
	ReLU                      // max(0, drive); its derivative at 0 is 0
	Sigmoid                   // 1/(1 + e^−drive); fully connected layers only, as is
	Tanh                      // the hyperbolic tangent of the drive
)

// Route is the way on which a layer sends the error to the layer below.
type Route int

const (
	// ThroughFeedback multiplies by the layer's Feedback: feedback alignment,
	// and any method that learns feedback weights.
	ThroughFeedback Route = iota
	// ThroughWeight multiplies by the layer's Weight: backpropagation.
	ThroughWeight
)

// Layer is the part that all layers share: the tensors that outlive a batch.
// Their elements may be read and overwritten between batches; the slices
// themselves must stay.
type Layer struct {
	Name string // "conv1", "conv2", …, "fc1", "fc2", …

	// Shape of Weight and Feedback: [out][in], or, convolutional,
	// [out][in][row][column].
	Shape    []int
	Weight   []float32 // feedforward weight
	Feedback []float32 // feedback weight, of the same shape
	Bias     []float32 // [out]; nil in convolutional layers

	// Direct, if set, brings the error from the network's output to this layer's
	// inputs, [class][input]; see UseDirectFeedback. The inputs of a
	// convolutional layer are in the order [row][column][channel].
	Direct []float32

	Route Route

	// KeepFeedback leaves Feedback to whoever learns it: an optimiser's weight
	// decay does not shrink it.
	KeepFeedback bool

	// Frozen keeps what the layer has to train (weight, bias, gamma, beta) as it
	// is: no optimiser changes it, nor does weight decay. Running statistics of
	// batch normalisation go on.
	Frozen bool

	weight, bias parameter // hold Weight and Bias
	activation   Activation
	number       int // of the activation function, counted from the input; 0 if linear
	normal       *batchNorm
	output       string // the name of the drive in a Trace: Name, or "logits" for the last
}

// parameter is a tensor that training changes.
type parameter struct {
	name     string
	shape    []int
	value    []float32
	gradient []float32
	momentum []float32
}

func newParameter(name string, shape ...int) parameter {
	n := size(shape)
	return parameter{name: name, shape: shape, value: make([]float32, n), gradient: make([]float32, n), momentum: make([]float32, n)}
}

func size(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// newLayer draws the initial tensors: weight, feedback weight and bias are
// independent and uniform in ±1/√(inputs of a neuron), PyTorch's default.
func newLayer(seed uint64, name string, bias bool, activation Activation, shape ...int) Layer {
	l := Layer{Name: name, Shape: shape, activation: activation, output: name}
	bound := 1 / math.Sqrt(float64(size(shape[1:])))
	draw := func(tensor string, x []float32) {
		random := stream.New(seed, "nn "+name+"."+tensor)
		for i := range x {
			x[i] = float32((2*random.Float64() - 1) * bound)
		}
	}
	l.weight = newParameter(name+".weight", shape...)
	l.Weight = l.weight.value
	draw("weight", l.Weight)
	l.Feedback = make([]float32, len(l.Weight))
	draw("fb_weight", l.Feedback)
	if bias {
		l.bias = newParameter(name+".bias", shape[0])
		l.Bias = l.bias.value
		draw("bias", l.Bias)
	}
	return l
}

// back returns the weight that carries the error to the layer below.
func (l *Layer) back() []float32 {
	if l.Route == ThroughWeight {
		return l.Weight
	}
	return l.Feedback
}

// Gamma returns the factors of the layer's batch normalisation, Beta its
// shifts, [out]; nil without batch normalisation.
func (l *Layer) Gamma() []float32 {
	if l.normal == nil {
		return nil
	}
	return l.normal.gamma.value
}

// Beta returns the shifts of the layer's batch normalisation; see Gamma.
func (l *Layer) Beta() []float32 {
	if l.normal == nil {
		return nil
	}
	return l.normal.beta.value
}

// parameters lists what training changes, in the order of Tensors.
func (l *Layer) parameters() []*parameter {
	list := []*parameter{&l.weight}
	if l.Bias != nil {
		list = append(list, &l.bias)
	}
	if l.normal != nil {
		list = append(list, &l.normal.gamma, &l.normal.beta)
	}
	return list
}
