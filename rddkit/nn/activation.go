package nn

import "math"

// apply replaces drives by the neurons' outputs.
func (a Activation) apply(x []float32) {
	switch a {
	case ReLU:
		rectify(x)
	case Sigmoid:
		for i, v := range x {
			x[i] = float32(1 / (1 + math.Exp(-float64(v))))
		}
	case Tanh:
		for i, v := range x {
			x[i] = float32(math.Tanh(float64(v)))
		}
	}
}

// backward multiplies the errors d at the outputs x by the function's
// derivative, which for each of these functions follows from its output.
func (a Activation) backward(d, x []float32) {
	switch a {
	case ReLU:
		throughReLU(d, x)
	case Sigmoid:
		for i, v := range x {
			d[i] *= v * (1 - v)
		}
	case Tanh:
		for i, v := range x {
			d[i] *= float32(1 - float64(v)*float64(v))
		}
	}
}

// String is the name of the function, e.g. "sigmoid", by which a Trace calls it, too.
func (a Activation) String() string {
	return [...]string{Linear: "linear", ReLU: "relu", Sigmoid: "sigmoid", Tanh: "tanh"}[a]
}
