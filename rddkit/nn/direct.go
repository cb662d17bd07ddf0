package nn

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// UseDirectFeedback makes the error at the network's output reach every hidden
// layer through fixed random weights of its own, instead of from layer to layer
// (direct feedback alignment, Nøkland, NeurIPS 2016). The weights, each layer's
// Direct, are uniform in ±1/√(units of the layer), as in the program behind the
// talk's table.
func (n *Network) UseDirectFeedback(seed uint64) {
	for i, s := range n.stages[:len(n.stages)-1] {
		l := s.layer()
		if l == nil {
			continue
		}
		outputs := s.output().size()
		l.Direct = make([]float32, n.Classes*outputs)
		random := stream.New(seed, "nn direct feedback", uint64(i))
		bound := 1 / math.Sqrt(float64(outputs))
		for k := range l.Direct {
			l.Direct[k] = float32((2*random.Float64() - 1) * bound)
		}
	}
}

// direct returns the weights through which the output's error reaches stage i,
// nil if it comes from the stage above.
func (n *Network) direct(i int) []float32 {
	if l := n.stages[i].layer(); l != nil {
		return l.Direct
	}
	return nil
}

// replaced reports whether the error that would come down to stage i has no
// use, as it is set in another way.
func (n *Network) replaced(i int) bool {
	if n.noise != nil && n.noise.Direct {
		return n.noise.perturbs(i)
	}
	for i > 0 && n.stages[i].layer() == nil {
		i--
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
