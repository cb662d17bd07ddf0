package nn

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// UseDirectFeedback makes the error at the network's output reach every hidden
// layer through fixed random weights of its own, instead of from layer to layer
// (direct feedback alignment, Nøkland, NeurIPS 2016). The weights into what a
// layer takes from the hidden layer below, its Direct, are uniform in
// ±1/√(its inputs), as in the program behind the talk's table.
func (n *Network) UseDirectFeedback(seed uint64) {
	for i, l := range n.Layers {
		if i == 0 {
			continue // the images need no error
		}
		inputs := n.inputsOf(l)
		l.Direct = make([]float32, n.Classes*inputs)
		random := stream.New(seed, "nn direct feedback", uint64(i))
		bound := 1 / math.Sqrt(float64(inputs))
		for k := range l.Direct {
			l.Direct[k] = float32((2*random.Float64() - 1) * bound)
		}
	}
}

// inputsOf returns the number of inputs of a layer that is not the first.
func (n *Network) inputsOf(l *Layer) int {
	for i, s := range n.stages {
		if s.layer() == l {
			return n.stages[i-1].output().size()
		}
	}
	panic("nn: a layer of another network")
}

// direct returns the weights through which the output's error reaches the
// output of stage i, nil if it comes from the stage above.
func (n *Network) direct(i int) []float32 {
	if l := n.stages[i+1].layer(); l != nil {
		return l.Direct
	}
	return nil
}

// replaced reports whether the error that would come down to the output of
// stage i has no use, as it is set in another way.
func (n *Network) replaced(i int) bool {
	if n.noise != nil && n.noise.Direct {
		return n.noise.perturbs(i)
	}
	return n.direct(i) != nil
}

// setError sets the error at the output of stage i, where it does not come from
// the stage above.
func (n *Network) setError(i, batch int) {
	if n.noise != nil && n.noise.Direct {
		n.noise.setError(n, i)
		return
	}
	direct := n.direct(i)
	if direct == nil {
		return
	}
	top := n.stages[len(n.stages)-1].gradient()
	outputs := n.stages[i].output().size()
	e := blas32.General{Rows: batch, Cols: n.Classes, Stride: n.Classes, Data: top}
	pieces(outputs, inputsPerPiece, func(from, to int) {
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, e, columns(direct, n.Classes, outputs, from, to), 0,
			columns(n.stages[i].gradient(), batch, outputs, from, to))
	})
}
