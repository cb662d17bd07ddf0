package train

import (
	"slices"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/nn"
)

// View is what a learner of feedback weights sees of a network: its fully
// connected layers, or with direct feedback what lies between each hidden layer
// and the output. Forward and Bias are the network's own memory; Feedback is a copy
// in the learners' layout, [neuron][neuron above].
type View struct {
	Layers []align.Layer
	own    [][]float32 // the network's feedback weights of the same layers, [above][neuron]
}

// NewView shows the fully connected layers, FC1 and up.
func NewView(n *nn.Network) *View {
	v := new(View)
	for _, l := range n.Affine() {
		v.Layers = append(v.Layers, align.Layer{Out: l.Shape[0], In: l.Shape[1], Forward: l.Weight, Bias: l.Bias, Feedback: make([]float32, len(l.Weight))})
		v.own = append(v.own, l.Feedback)
	}
	v.Fetch()
	return v
}

// newDirectView shows the direct feedback weights of all layers but the first.
func newDirectView(n *nn.Network) *View {
	v := new(View)
	for _, l := range n.Layers[1:] {
		v.Layers = append(v.Layers, align.Layer{Out: n.Classes, In: len(l.Direct) / n.Classes, Feedback: make([]float32, len(l.Direct))})
		v.own = append(v.own, l.Direct)
	}
	v.Fetch()
	return v
}

// Above returns the view without the layers below number first, of the same memory.
func (v *View) Above(first int) *View { return &View{v.Layers[first:], v.own[first:]} }

// inPlace returns the view for an [align.InPlace] learner: Transposed is the
// network's own memory, and there is no copy.
func (v *View) inPlace() *View {
	own := &View{slices.Clone(v.Layers), v.own}
	for i := range own.Layers {
		own.Layers[i].Feedback, own.Layers[i].Transposed = nil, v.own[i]
	}
	return own
}

// Fetch copies the network's feedback weights.
func (v *View) Fetch() {
	for i, l := range v.Layers {
		if l.Transposed == nil {
			transpose(l.Feedback, v.own[i], l.Out, l.In)
		}
	}
}

// Send gives the network the feedback weights as they are here.
func (v *View) Send() {
	for i, l := range v.Layers {
		if l.Transposed == nil {
			transpose(v.own[i], l.Feedback, l.In, l.Out)
		}
	}
}

// transpose writes the matrix from, [rows][columns], into to, [columns][rows],
// in squares that stay in the cache.
func transpose(to, from []float32, rows, columns int) {
	const side = 32
	parallel.For((rows+side-1)/side, func(block int) {
		top, bottom := block*side, min(rows, (block+1)*side)
		for left := 0; left < columns; left += side {
			right := min(columns, left+side)
			for i := top; i < bottom; i++ {
				for j := left; j < right; j++ {
					to[j*rows+i] = from[i*columns+j]
				}
			}
		}
	})
}
