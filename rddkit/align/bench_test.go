package align

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/weightalign/lab/rddkit/spike"
)

// reportLayers makes the report's layers for CIFAR-10, with weights as at the
// start of training.
func reportLayers() []Layer { return randomLayers[float32](1, 1600, 384, 192, 10) }

// One Learn of 90 s at the report's size, after the first: with the rule
// Accumulating every neuron is driven then.
func BenchmarkRDDPhase(b *testing.B) {
	for _, drive := range []spike.Drive{spike.Accumulating, spike.Fresh} {
		b.Run(string(drive), func(b *testing.B) {
			learner := must(NewRDD(RDDOptions{Seed: 1, Drive: drive}))
			layers := reportLayers()
			if err := learner.Learn(context.Background(), layers, nil); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := learner.Learn(context.Background(), layers, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(learner.Options().Time*float64(b.N)/b.Elapsed().Seconds(), "simulated-s/s")
		})
	}
}

// What Kolen-Pollack adds to a training batch at the report's size, whose
// gradients are there. Compare BenchmarkTrainBatch/…/bp of package nn, and
// count processor time ("user" of time), as batches use all cores.
func BenchmarkKolenPollackBatch(b *testing.B) {
	layers := reportLayers()
	batch := make([]Batch, len(layers))
	for n, l := range layers {
		layers[n].Transposed, layers[n].Feedback = l.Feedback, nil
		batch[n] = Batch{Gradient: make([]float32, len(l.Forward)), Rates: Rates{0.01, 0.9, 0.001}}
		copy(batch[n].Gradient, l.Forward)
	}
	rule := &KolenPollack{}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rule.LearnBatch(layers, batch); err != nil {
			b.Fatal(err)
		}
	}
}

// One batch of 128 noise vectors through the report's layers.
func BenchmarkWeightMirrorBatch(b *testing.B) {
	layers := reportLayers()
	o := CleanWeightMirror()
	o.Batches = 10
	rule := made(NewWeightMirror(o, 1))
	b.ReportAllocs()
	for b.Loop() {
		if err := rule.Learn(context.Background(), layers, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*o.Batches), "ms/batch")
}

// What sign-concordant feedback costs before every batch.
func BenchmarkSignConcordantBatch(b *testing.B) {
	for _, magnitudes := range []Magnitudes{UniformMagnitudes, RandomMagnitudes, FixedMagnitudes} {
		b.Run(string(magnitudes), func(b *testing.B) {
			layers := reportLayers()
			for n, l := range layers {
				layers[n].Transposed, layers[n].Feedback = l.Feedback, nil
			}
			rule := made(NewSignConcordant(SignConcordantOptions{Magnitudes: magnitudes}, 1))
			for b.Loop() {
				if _, err := rule.Prepare(layers); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// idle is the rule that sees and does nothing.
type idle struct{ Reads }

func (idle) Stretch(SpikeSource, spike.Stretch) {}

// One run of 90 s at the report's size, after the first, for each rule of spikes
// alone: simulation and rule.
func BenchmarkPhase(b *testing.B) {
	for _, drive := range []spike.Drive{spike.Accumulating, spike.Fresh} {
		for _, rule := range []struct {
			name string
			make func() (SpikeRule, error)
		}{
			{"no rule", func() (SpikeRule, error) { return idle{}, nil }},
			{"RDD", func() (SpikeRule, error) { return NewRDD(RDDOptions{}) }},
			{"STDWI", func() (SpikeRule, error) { return NewSTDWI(STDWIOptions{}) }},
			{"spike-count", func() (SpikeRule, error) { return NewSpikeCount(SpikeCountOptions{}) }},
		} {
			b.Run(rule.name+"/"+string(drive), func(b *testing.B) {
				made, err := rule.make()
				if err != nil {
					b.Fatal(err)
				}
				learner, err := NewSpikeLearner(SimulationOptions{Seed: 1, Drive: drive}, made)
				if err != nil {
					b.Fatal(err)
				}
				layers := reportLayers()
				if err := learner.Learn(context.Background(), layers, nil); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := learner.Learn(context.Background(), layers, nil); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(learner.Options().Time*float64(b.N)/b.Elapsed().Seconds(), "simulated-s/s")
			})
		}
	}
}

// What an observation costs one synapse: the terms of the windows of one
// neuron in a stretch, and the tile's targets in the second-level cache.
func BenchmarkRegress(b *testing.B) {
	const rows, windows = 2560, 18
	random := rand.New(rand.NewPCG(1, 2))
	table := make([]float64, rows*tileWidth)
	terms := make([]term, windows)
	for i := range terms {
		terms[i].row = random.Int64N(rows)
	}
	var intercept, slope [tileWidth]float64
	carry := [4]float64{1, 0, 0, 1}
	for b.Loop() {
		regressKernel(&intercept, &slope, &carry, table, terms)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*windows*tileWidth), "ns/window-synapse")
}
