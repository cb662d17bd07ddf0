package spike

import (
	"math/rand/v2"
	"testing"
)

// benchmarkGroup makes a group of neurons with steps of drawn input counts.
func benchmarkGroup(b *testing.B, steps int) (*PoissonInput, *layerConstants, []float64) {
	p := DefaultParams()
	in, err := NewPoissonInput(p, Accumulating, 1, 0, []int{groupSize, 1}, 1<<20, [][]bool{{true, true, true, true}})
	if err != nil {
		b.Fatal(err)
	}
	in.Begin(0, 0, steps)
	inputs := make([]float64, (p.MemorySteps+steps)*groupSize)
	in.Fill(inputs[p.MemorySteps*groupSize:], groupOf(0, 0, groupSize), 0)
	return in, newLayerConstants(p, p.InputGain), inputs
}

// perNeuronStep reports the cost of one step of one neuron.
func perNeuronStep(b *testing.B, neuronSteps int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*neuronSteps), "ns/neuron-step")
}

func BenchmarkIntegrate(b *testing.B) {
	const steps = 2500
	_, c, inputs := benchmarkGroup(b, steps)
	s := newState(DefaultParams())
	raster := make([]byte, steps)
	events := make([]event, groupSize*(steps/30+2))
	for b.Loop() {
		integrateKernel(&s, c, inputs, groupSize, steps, 30, raster, 1, 0, events)
	}
	perNeuronStep(b, steps*groupSize)
}

func BenchmarkPoisson(b *testing.B) {
	const steps = 2500
	in, _, inputs := benchmarkGroup(b, steps)
	for b.Loop() {
		in.draw(inputs[:steps*groupSize], &in.group[0])
	}
	perNeuronStep(b, steps*groupSize)
}

// What a spike costs the layer above, for each of its neurons.
func BenchmarkSumSpikes(b *testing.B) {
	const below, steps, perStep = 1600, 240, 60
	random := rand.New(rand.NewPCG(1, 2))
	weights := make([]float64, below*tileWidth)
	rows := make([]float64, steps*tileWidth)
	starts, neurons := []int32{0}, []int32{}
	for range steps {
		for k := range perStep {
			neurons = append(neurons, int32(k*below/perStep+random.IntN(below/perStep)))
		}
		starts = append(starts, int32(len(neurons)))
	}
	for b.Loop() {
		sumKernel(rows, weights, neurons, starts)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*steps*perStep*tileWidth), "ns/spike-neuron")
}
