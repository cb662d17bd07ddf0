package figures

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// Neuron draws what one neuron of a recording did in steps from to to-1:
// membrane potential, spikes, and, below the last layer, its input drive.
func Neuron(r *spike.Recording, layer, neuron, from, to int) chart.Figure {
	switch {
	case layer < 0 || layer >= len(r.Sizes):
		return chart.Failed(invalid.Newf("layer", layer, "0 to %d", len(r.Sizes)-1))
	case neuron < 0 || neuron >= r.Sizes[layer]:
		return chart.Failed(invalid.Newf("neuron", neuron, "0 to %d", r.Sizes[layer]-1))
	case from < 0 || to > r.Steps() || to-from < 2:
		return chart.Failed(invalid.Newf("steps", [2]int{from, to}, "two or more of 0 to %d", r.Steps()))
	}
	n, ms := r.Sizes[layer], 1000*r.Params.Step
	trace := Trace{Title: fmt.Sprintf("Neuron %d of layer %d", neuron, layer), Threshold: r.Params.Threshold}
	for t := from; t < to; t++ {
		trace.Time = append(trace.Time, ms*float64(t))
		trace.Voltage = append(trace.Voltage, r.V[layer][t*n+neuron])
		if layer < len(r.U) {
			trace.Drive = append(trace.Drive, r.U[layer][t*n+neuron])
		}
		if r.Spikes[layer][t*n+neuron] == 1 {
			trace.Spikes = append(trace.Spikes, ms*float64(t))
		}
	}
	return VoltageTrace(trace)
}

// Raster draws the spikes of one layer of a recording.
func Raster(title string, r *spike.Recording, layer int) chart.Figure {
	if layer < 0 || layer >= len(r.Sizes) {
		return chart.Failed(invalid.Newf("layer", layer, "0 to %d", len(r.Sizes)-1))
	}
	n := r.Sizes[layer]
	times := make([][]float64, n)
	for i, fired := range r.Spikes[layer] {
		if fired == 1 {
			times[i%n] = append(times[i%n], 1000*r.Params.Step*float64(i/n))
		}
	}
	return SpikeRaster(title, times)
}
