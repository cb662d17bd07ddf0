package figures

import "github.com/weightalign/lab/rddkit/chart"

// Trace is what one neuron did over a stretch of time.
type Trace struct {
	Title     string
	Time      []float64 // ms, one per step
	Voltage   []float64 // membrane potential at each step, in units of the threshold's
	Drive     []float64 // input drive at each step; nil for none
	Threshold float64   // spike threshold, in the unit of Voltage
	Spikes    []float64 // spike times, ms; nil for none
}

// VoltageTrace draws a neuron's membrane potential with its threshold and
// spikes, over its input drive.
func VoltageTrace(t Trace) chart.Figure {
	time := chart.Axis{Label: "time", Unit: "ms"}
	if len(t.Time) > 0 && t.Time[0] < t.Time[len(t.Time)-1] {
		time.Min, time.Max = t.Time[0], t.Time[len(t.Time)-1]
	}
	voltage := chart.Panel{X: time, Y: chart.Axis{Label: "membrane potential"}, Height: 1.6, Series: []chart.Series{
		{Name: "spike threshold", Kind: chart.Horizontal, Y: []float64{t.Threshold}, Style: chart.Dashed, Color: chart.Grey},
		{Name: "membrane potential", Kind: chart.Line, X: t.Time, Y: t.Voltage, Color: chart.Blue},
	}}
	if len(t.Spikes) > 0 {
		low, high := t.Threshold, t.Threshold
		for _, v := range t.Voltage {
			low, high = min(low, v), max(high, v)
		}
		above := make([]float64, len(t.Spikes))
		for i := range above {
			above[i] = high + 0.09*(high-low)
		}
		voltage.Series = append(voltage.Series, chart.Series{Name: "spike", Kind: chart.Ticks, X: t.Spikes, Y: above, Color: chart.Black})
	}
	f := chart.Figure{Title: t.Title, Columns: 1, ShareX: true, Panels: []chart.Panel{voltage}}
	if t.Drive != nil {
		f.Panels = append(f.Panels, chart.Panel{X: time, Y: chart.Axis{Label: "input drive"}, Series: []chart.Series{
			{Name: "input drive", Kind: chart.Line, X: t.Time, Y: t.Drive, Color: chart.Vermillion},
		}})
		f.Height = 460
	}
	return f
}

// SpikeRaster draws a stroke at every spike: times[i] holds neuron i's spike
// times in ms.
func SpikeRaster(title string, times [][]float64) chart.Figure {
	spikes := chart.Series{Name: "spike", Kind: chart.Ticks, Color: chart.Black}
	for i, train := range times {
		for _, t := range train {
			spikes.X = append(spikes.X, t)
			spikes.Y = append(spikes.Y, float64(i))
		}
	}
	return chart.Figure{Title: title, Panels: []chart.Panel{{
		X:      chart.Axis{Label: "time", Unit: "ms"},
		Y:      chart.Axis{Label: "neuron", Integer: true, Min: -0.8, Max: float64(len(times)) - 0.2},
		Series: []chart.Series{spikes},
	}}}
}
