package spike_test

import (
	"context"
	"fmt"

	"github.com/weightalign/lab/rddkit/spike"
)

// One driven neuron below one other, for half a second.
func ExampleRecord() {
	net := &spike.Network{Sizes: []int{1, 1}, Weights: [][]float64{{2}}}
	p := spike.DefaultParams()
	p.DrivenFraction = 1
	input, err := spike.NewPoissonInput(p, spike.Accumulating, 1, 0, net.Sizes, 500, nil)
	if err != nil {
		panic(err)
	}
	r, err := spike.Record(context.Background(), net, 500, input)
	if err != nil {
		panic(err)
	}
	spikes := 0
	for _, fired := range r.Spikes[0] {
		spikes += int(fired)
	}
	fmt.Println(spikes, "spikes and", len(r.Windows[0]), "near-threshold windows")
	w := r.Windows[0][0]
	fmt.Printf("the first from step %d to %d: largest drive %.2f, spiked %v\n", w.Start, w.End, w.MaxDrive, w.Spiked)
	// Output:
	// 21 spikes and 7 near-threshold windows
	// the first from step 58 to 88: largest drive 1.10, spiked true
}

// The same network by stretches: the same spikes, much faster.
func ExampleSimulation() {
	sizes := []int{100, 50}
	weights := make([]float64, 50*100)
	for i := range weights {
		weights[i] = float64(i%7 - 3)
	}
	scaled, err := spike.ScaleWeights(spike.Params{}, "weights", weights, 100)
	if err != nil {
		panic(err)
	}
	input, err := spike.NewPoissonInput(spike.Params{}, spike.Fresh, 1, 0, sizes, 5000, nil)
	if err != nil {
		panic(err)
	}
	s, err := spike.NewSimulation(spike.Params{}, sizes, 5000)
	if err != nil {
		panic(err)
	}
	if err := s.Start([][]float64{scaled}, input); err != nil {
		panic(err)
	}
	windows := 0
	for stretch := s.Advance(0); stretch.Steps > 0; stretch = s.Advance(0) {
		for neuron := range sizes[0] {
			windows += len(s.Windows(0, neuron))
		}
	}
	fmt.Println(windows, "windows in 5 s of 100 neurons, 20 of them driven at a time")
	// Output:
	// 1249 windows in 5 s of 100 neurons, 20 of them driven at a time
}

func ExampleParams_Kernel() {
	kernel := spike.DefaultParams().Kernel()
	fmt.Printf("%.4f %.4f %.4f … %.4f\n", kernel[0], kernel[1], kernel[2], kernel[29])
	// Output:
	// 0.0269 0.0436 0.0533 … 0.0071
}
