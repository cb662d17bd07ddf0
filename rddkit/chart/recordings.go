package chart

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/rd"
	"github.com/weightalign/lab/rddkit/spike"
)

// Neuron draws what one neuron of a recording did in steps from to to-1:
// membrane potential, spikes, and, below the last layer, its input drive.
func Neuron(r *spike.Recording, layer, neuron, from, to int) Figure {
	switch {
	case layer < 0 || layer >= len(r.Sizes):
		return Figure{err: invalid.Newf("layer", layer, "0 to %d", len(r.Sizes)-1)}
	case neuron < 0 || neuron >= r.Sizes[layer]:
		return Figure{err: invalid.Newf("neuron", neuron, "0 to %d", r.Sizes[layer]-1)}
	case from < 0 || to > r.Steps() || to-from < 2:
		return Figure{err: invalid.Newf("steps", [2]int{from, to}, "two or more of 0 to %d", r.Steps())}
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
func Raster(title string, r *spike.Recording, layer int) Figure {
	if layer < 0 || layer >= len(r.Sizes) {
		return Figure{err: invalid.Newf("layer", layer, "0 to %d", len(r.Sizes)-1)}
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

// RD draws the binned means and fitted curves that [rd.Plot] made. Bins of a
// single observation, which have no standard error, are left out.
func RD(title string, x, y Axis, d *rd.PlotData) Figure {
	design := Discontinuity{Title: title, X: x, Y: y, Cutoff: d.Options.Cutoff}
	for _, side := range []rd.PlotSide{d.Left, d.Right} {
		for _, bin := range side.Bins {
			if bin.N > 1 {
				design.BinX = append(design.BinX, bin.X)
				design.BinMean = append(design.BinMean, bin.Y)
				design.BinSE = append(design.BinSE, bin.StdErr)
			}
		}
	}
	design.Left, design.Right = fit(d.Left.Curve), fit(d.Right.Curve)
	return RDPlot(design)
}

func fit(curve []rd.Point) Fit {
	var f Fit
	for _, p := range curve {
		f.X, f.Y = append(f.X, p.X), append(f.Y, p.Y)
	}
	return f
}
