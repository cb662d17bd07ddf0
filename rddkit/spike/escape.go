package spike

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// escapeNoise draws the spike thresholds of neurons with escape noise. To fire
// with probability 1/(1 + exp(-(v - Threshold)/width)) is to fire where v reaches
// a threshold drawn from the logistic distribution:
//
//	Threshold + width·ln(x/(1-x)),   x uniform in [0, 1)
type escapeNoise struct {
	threshold, width float64
	sizes            []int
	random           [][]*rand.Rand // [layer][group], streams (seed, "escape noise", epoch, layer, group)
}

// Seeded is an [Input] that names the seed from which escape noise is to be
// drawn, and the number of the run, so that no two have the same noise.
type Seeded interface {
	Input
	Seed() (seed, epoch uint64)
}

// Seed returns what the input is drawn from.
func (in *PoissonInput) Seed() (seed, epoch uint64) { return in.seed, in.epoch }

// WithSeed returns an input with a seed for escape noise, whatever the counts
// come from.
func WithSeed(input Input, seed, epoch uint64) Seeded { return seededInput{input, seed, epoch} }

type seededInput struct {
	Input
	seed, epoch uint64
}

func (in seededInput) Seed() (seed, epoch uint64) { return in.seed, in.epoch }

// newEscapeNoise returns the noise of one run, nil if there is none. It comes
// from the seed of the input; one without a seed is an *invalid.Error.
func newEscapeNoise(p Params, sizes []int, input Input) (*escapeNoise, error) {
	if p.EscapeWidth == 0 {
		return nil, nil
	}
	source, ok := input.(Seeded)
	if !ok {
		return nil, invalid.New("input", fmt.Sprintf("%T", input), "one with a seed, where Params.EscapeWidth is not 0: spike.WithSeed gives it one")
	}
	seed, epoch := source.Seed()
	noise := &escapeNoise{threshold: p.Threshold, width: p.EscapeWidth, sizes: sizes, random: make([][]*rand.Rand, len(sizes))}
	for l, n := range sizes {
		for g := range groups(n) {
			noise.random[l] = append(noise.random[l], stream.New(seed, "escape noise", epoch, uint64(l), uint64(g)))
		}
	}
	return noise, nil
}

// fill writes the thresholds of a group in the next steps, [step][groupSize].
// It is called for successive steps, and for several groups at a time. The last
// group's lanes without a neuron never fire.
func (n *escapeNoise) fill(thresholds []float64, layer, group int) {
	random := n.random[layer][group]
	for i := range thresholds {
		x := random.Float64()
		thresholds[i] = n.threshold + float64(n.width*math.Log(x/(1-x)))
		if group*groupSize+i%groupSize >= n.sizes[layer] {
			thresholds[i] = math.Inf(1)
		}
	}
}

// setThresholds sets the thresholds of the next step.
func (s *plainLayer) setThresholds(p Params, escape *escapeNoise, layer int) {
	for g := range groups(len(s.thresholds)) {
		row := [groupSize]float64{p.Threshold, p.Threshold, p.Threshold, p.Threshold}
		if escape != nil {
			escape.fill(row[:], layer, g)
		}
		copy(s.thresholds[groupSize*g:], row[:])
	}
}
