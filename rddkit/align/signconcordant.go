package align

import (
	"context"
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Magnitudes says how large sign-concordant feedback weights are.
type Magnitudes string

const (
	UniformMagnitudes Magnitudes = "uniform" // all of a layer alike
	RandomMagnitudes  Magnitudes = "random"  // drawn for every batch, uniform from 0 up
	FixedMagnitudes   Magnitudes = "fixed"   // those that the feedback weights had at first
)

// SignConcordantOptions are the options of [SignConcordant].
type SignConcordantOptions struct {
	Magnitudes Magnitudes `json:"magnitudes,omitempty"` // empty means uniform
	// Size is the root mean square of the feedback weights into a layer; 0 means
	// 1/√(3·In), that of initial weights uniform in ±1/√In. Not for FixedMagnitudes.
	Size float64 `json:"size,omitempty"`
}

func (o SignConcordantOptions) resolved() (SignConcordantOptions, error) {
	if o.Magnitudes == "" {
		o.Magnitudes = UniformMagnitudes
	}
	switch o.Magnitudes {
	case UniformMagnitudes, RandomMagnitudes, FixedMagnitudes:
	default:
		return o, invalid.New("SignConcordantOptions.Magnitudes", string(o.Magnitudes), "uniform, random or fixed")
	}
	switch {
	case !(o.Size >= 0) || math.IsInf(o.Size, 0):
		return o, invalid.New("SignConcordantOptions.Size", o.Size, "a positive number, or 0 for the usual one")
	case o.Size > 0 && o.Magnitudes == FixedMagnitudes:
		return o, invalid.New("SignConcordantOptions.Size", o.Size, "0 for fixed magnitudes, which are those of the first feedback weights")
	}
	return o, nil
}

// SignConcordant is a control: before every batch each feedback weight takes the
// sign of its feedforward weight, so that they agree at all times,
//
//	B = M ∘ sign(Wᵀ),  sign(0) = 0
//
// with sizes M that are no matter of W (Liao, Leibo, Poggio, "How important is
// weight symmetry in backpropagation?", AAAI 2016: uniform, batchwise random, and
// fixed random sign-concordant feedback). It tells how much of learning signs alone
// explain. Of weights that are uniform around 0, the angle between B and Wᵀ is
// arccos(√3/2) = 30.0° with uniform M, and arccos(3/4) = 41.4° with random ones.
//
// [SignSymmetry] is the control with fixed magnitudes, before every epoch only.
type SignConcordant struct {
	Done  uint64      // batches so far
	Sizes [][]float32 // of FixedMagnitudes: M, [layer][neuron above · neuron + …]; nil before the first call
	Used  Cost

	options SignConcordantOptions
	seed    uint64
}

// NewSignConcordant returns a learner that has seen nothing yet.
func NewSignConcordant(options SignConcordantOptions, seed uint64) (*SignConcordant, error) {
	resolved, err := options.resolved()
	if err != nil {
		return nil, err
	}
	return &SignConcordant{options: resolved, seed: seed}, nil
}

// Options returns the options with every default filled in but Size.
func (c *SignConcordant) Options() SignConcordantOptions { return c.options }

// Cost counts a multiplication for every weight and batch.
func (c *SignConcordant) Cost() Cost { return c.Used }

// OwnDecay says that weight decay of the optimiser is no matter of these weights.
func (c *SignConcordant) OwnDecay() {}

// InPlace says that the network's own feedback weights are changed.
func (c *SignConcordant) InPlace() {}

// Learn sets the feedback weights to those of the next batch, then calls
// observe(0).
func (c *SignConcordant) Learn(ctx context.Context, layers []Layer, observe func(float64)) error {
	if err := checkLayers(layers); err != nil {
		return err
	}
	if err := checkSame(layers, c.Sizes); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.set(layers)
	if observe != nil {
		observe(0)
	}
	return nil
}

// Prepare sets the feedback weights for a batch. The error is an *invalid.Error
// for layers that do not fit; those of direct feedback have no feedforward weights,
// and no signs.
func (c *SignConcordant) Prepare(layers []Layer) (changed bool, err error) {
	if err := checkFeedback(layers); err != nil {
		return false, err
	}
	for n, l := range layers {
		if len(l.Forward) != l.In*l.Out {
			return false, invalid.Newf(fmt.Sprintf("layers[%d].Forward", n), len(l.Forward), "%d×%d weights, whose signs the feedback weights take", l.Out, l.In)
		}
	}
	if err := checkSame(layers, c.Sizes); err != nil {
		return false, err
	}
	c.set(layers)
	c.Done++
	for _, l := range layers {
		c.Used.Operations += uint64(l.In) * uint64(l.Out)
	}
	return true, nil
}

// set gives the feedback weights the signs and the sizes of the batch whose number
// is Done.
func (c *SignConcordant) set(layers []Layer) {
	if c.Sizes == nil && c.options.Magnitudes == FixedMagnitudes {
		for _, l := range layers {
			sizes := make([]float32, 0, l.In*l.Out)
			for j := range l.Out {
				b := l.from(j)
				for i := range l.In {
					sizes = append(sizes, max(b.weights[i*b.step], -b.weights[i*b.step]))
				}
			}
			c.Sizes = append(c.Sizes, sizes)
		}
	}
	for n, l := range layers {
		size := c.options.Size
		if size == 0 {
			size = 1 / math.Sqrt(3*float64(l.In))
		}
		inPieces(l.Out, func(from, to int) {
			magnitude := func(int) float32 { return float32(size) }
			switch c.options.Magnitudes {
			case RandomMagnitudes: // of mean square size², if up to √3 size
				random := stream.New(c.seed, "sign-concordant magnitudes", c.Done, uint64(n), uint64(from))
				largest := float32(math.Sqrt(3) * size)
				magnitude = func(int) float32 { return largest * random.Float32() }
			case FixedMagnitudes:
				magnitude = func(k int) float32 { return c.Sizes[n][k] }
			}
			for j := from; j < to; j++ {
				b := l.from(j)
				for i, w := range l.Forward[j*l.In : (j+1)*l.In] {
					b.weights[i*b.step] = withSign(magnitude(j*l.In+i), w)
				}
			}
		})
	}
}

// withSign returns the magnitude with the sign of w, 0 if w has none. Signs are
// copied as bits: no processor foresees them.
func withSign(magnitude, w float32) float32 {
	if w == 0 {
		return 0
	}
	const minus = 1 << 31
	return math.Float32frombits(math.Float32bits(magnitude) | math.Float32bits(w)&minus)
}
