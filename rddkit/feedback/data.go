package feedback

import (
	"context"
	"math/rand/v2"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/nn"
)

// trainingImages is how many images of a data set are used at most: the first
// ones, as in the reference runs (the paper's used 55 000 of MNIST).
const trainingImages = 10000

// source gives the batches of an experiment.
type source interface {
	inputs() int
	outputs() int
	batch(random *rand.Rand) nn.Batch // valid until the next
	test() nn.Batch
}

// images are batches of images drawn with replacement, from 0 (black) to 1.
type images struct {
	set         *dataset.Set
	reconstruct bool // the images are their own targets; else labels
	now         nn.Batch
	indices     []int
}

func loadImages(ctx context.Context, name string, test int, reconstruct bool) (*images, error) {
	set, err := dataset.Load(ctx, name, dataset.Options{TrainLimit: trainingImages, TestLimit: test})
	if err != nil {
		return nil, err
	}
	return &images{set: set, reconstruct: reconstruct, indices: make([]int, BatchSize)}, nil
}

func (s *images) inputs() int { return s.set.Train.ImageLen() }

func (s *images) outputs() int {
	if s.reconstruct {
		return s.inputs()
	}
	return s.set.Classes
}

func (s *images) batch(random *rand.Rand) nn.Batch {
	for i := range s.indices {
		s.indices[i] = random.IntN(s.set.Train.Len())
	}
	s.read(&s.now, &s.set.Train, s.indices)
	return s.now
}

func (s *images) test() nn.Batch {
	indices := make([]int, s.set.Test.Len())
	for i := range indices {
		indices[i] = i
	}
	var b nn.Batch
	s.read(&b, &s.set.Test, indices)
	return b
}

func (s *images) read(b *nn.Batch, from *dataset.Split, indices []int) {
	if b.Images == nil {
		b.Images, b.Labels = make([]float32, len(indices)*from.ImageLen()), make([]uint8, len(indices))
	}
	labels := b.Labels
	if s.reconstruct {
		labels = make([]uint8, len(indices))
	}
	from.Batch(b.Images, labels, indices, nil)
	for i, v := range b.Images {
		b.Images[i] = (v + 1) / 2
	}
	if s.reconstruct {
		b.Labels, b.Targets = nil, b.Images
	}
}

// gaussian are normal inputs x with targets x T, where the entries of the
// matrix T are uniform on 0 to 1.
type gaussian struct {
	matrix []float32 // [input][output]
	in     int
	seed   uint64
	now    nn.Batch
}

func newGaussian(inputs, outputs int, seed uint64) *gaussian {
	random := stream.New(seed, "targets")
	g := &gaussian{matrix: make([]float32, inputs*outputs), in: inputs, seed: seed}
	for i := range g.matrix {
		g.matrix[i] = random.Float32()
	}
	return g
}

func (g *gaussian) inputs() int  { return g.in }
func (g *gaussian) outputs() int { return len(g.matrix) / g.in }

func (g *gaussian) batch(random *rand.Rand) nn.Batch {
	g.fill(&g.now, BatchSize, random)
	return g.now
}

// testSamples are what angles are averaged over.
const testSamples = 1000

func (g *gaussian) test() nn.Batch {
	var b nn.Batch
	g.fill(&b, testSamples, stream.New(g.seed, "test samples"))
	return b
}

func (g *gaussian) fill(b *nn.Batch, samples int, random *rand.Rand) {
	outputs := g.outputs()
	if b.Images == nil {
		b.Images, b.Targets = make([]float32, samples*g.in), make([]float32, samples*outputs)
	}
	clear(b.Targets)
	for s := range samples {
		row := b.Targets[s*outputs:][:outputs]
		for i := range g.in {
			x := float32(random.NormFloat64())
			b.Images[s*g.in+i] = x
			for o, t := range g.matrix[i*outputs:][:outputs] {
				row[o] += float32(x * t)
			}
		}
	}
}
