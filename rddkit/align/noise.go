package align

import (
	"context"
	"slices"

	"github.com/weightalign/lab/rddkit/invalid"
)

// observedStretches is into how many parts learners that learn from noise divide
// a call of Learn, for observation.
const observedStretches = 10

// learnFromNoise is the Learn of such a learner: step is called for so many
// batches of noise, whose number is done, and changes the layers and the cost. They
// are observed before and after each tenth of the batches; no time passes.
func learnFromNoise(ctx context.Context, layers []Layer, observe func(float64), batches int, done *uint64, used *Cost, step func()) (err error) {
	if err := checkLayers(layers); err != nil {
		return err
	}
	before, doneBefore, usedBefore := make([][]float32, len(layers)), *done, *used
	for n, l := range layers {
		before[n] = slices.Clone(l.Feedback)
	}
	defer func() {
		if err != nil {
			for n, l := range layers {
				copy(l.Feedback, before[n])
			}
			*done, *used = doneBefore, usedBefore
		}
	}()
	look := func() {
		if observe != nil {
			observe(0)
		}
	}
	look()
	for batch := range batches {
		if err := ctx.Err(); err != nil {
			return err
		}
		step()
		*done++
		if (batch+1)*observedStretches/batches > batch*observedStretches/batches {
			if err := checkLayers(layers); err != nil {
				return invalid.New("feedback weights", "not finite after learning", "a smaller Rate")
			}
			look()
		}
	}
	return nil
}

// add counts a batch of samples for which a rule makes so many products with the
// weights of every layer, and one more change of every weight.
func (c *Cost) add(layers []Layer, samples, products int) {
	c.Samples += uint64(samples)
	for _, l := range layers {
		c.Operations += uint64(products*samples+1) * uint64(l.In) * uint64(l.Out)
	}
}
