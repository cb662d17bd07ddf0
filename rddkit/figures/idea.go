package figures

import (
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// ideaBefore and ideaAfter are the steps that Idea draws before and after a window opens.
const ideaBefore, ideaAfter = 5, 35

// Idea draws what a regression discontinuity design sees of a recorded neuron of
// the lowest layer and of a neuron above it: the paths between two neurons; two
// windows of the neuron, one whose largest drive is just below the threshold and
// one just above, where it is near below and above; what the neuron above then
// did, as filtered spikes; and the mean of that over all windows whose largest
// drive is within near of the threshold. It fails if there are fewer than two such
// windows on either side.
func Idea(r *spike.Recording, neuron, above int, almost, just, near float64) chart.Figure {
	response := filteredSpikes(r, above)
	at := r.Params.Threshold
	var sides [2][]spike.Window // without and with a spike
	for _, w := range r.Windows[0] {
		if w.Neuron != neuron || w.Start < ideaBefore || w.Start+ideaAfter >= r.PhaseSteps || math.Abs(w.MaxDrive-at) > near {
			continue
		}
		if w.Spiked {
			sides[1] = append(sides[1], w)
		} else {
			sides[0] = append(sides[0], w)
		}
	}
	if len(sides[0]) < 2 || len(sides[1]) < 2 {
		return chart.Failed(invalid.New("near", near, "so much that there are windows on both sides of the threshold"))
	}
	shown := [2]spike.Window{nearest(sides[0], almost), nearest(sides[1], just)}
	time := chart.Axis{Label: "time since the window opened", Unit: "ms"}
	drive := chart.Axis{Label: "input drive", Min: -0.2, Max: 1.4}
	reply := chart.Axis{Label: "filtered spikes above"}
	means := chart.Panel{Title: "neuron above: mean of all such windows", X: time, Y: chart.Axis{Label: "filtered spikes above"}}
	row, second := []chart.Panel{paths()}, []chart.Panel{means}
	looks := [2]struct {
		name, title string
		color       chart.Color
	}{{"almost spiked", "almost spiked: largest drive %.3f", chart.Grey}, {"just spiked", "just spiked: largest drive %.3f", chart.Blue}}
	for side, w := range shown {
		look := looks[side]
		var ms, u, q []float64
		for t := w.Start - ideaBefore; t < w.Start+ideaAfter; t++ {
			ms = append(ms, float64(t-w.Start)*r.Params.Step*1000)
			u = append(u, r.U[0][t*r.Sizes[0]+neuron])
			q = append(q, response[t])
		}
		row = append(row, chart.Panel{Title: fmt.Sprintf(look.title, w.MaxDrive), X: time, Y: drive, Series: []chart.Series{
			{Name: "threshold", Kind: chart.Horizontal, Y: []float64{at}, Style: chart.Dashed, Color: chart.Black},
			{Name: look.name, Kind: chart.Line, X: ms, Y: u, Color: look.color},
		}})
		second = append(second, chart.Panel{Title: "what the neuron above then did", X: time, Y: reply, Series: []chart.Series{
			{Name: look.name, Kind: chart.Line, X: ms, Y: q, Color: look.color},
		}})
		second[0].Series = append(second[0].Series, meanResponse(r, response, sides[side], look.name, look.color))
	}
	return chart.Figure{Title: "The idea: compare just spiked with almost spiked", Columns: 3, Panels: append(row, second...), Width: 960, Height: 560}
}

// filteredSpikes is what the layer below sees of a neuron of layer 1, in each step.
func filteredSpikes(r *spike.Recording, neuron int) []float64 {
	kernel := r.Params.Kernel()
	q := make([]float64, r.PhaseSteps)
	for t := range q {
		for age := 1; age <= min(len(kernel), t); age++ {
			q[t] += kernel[age-1] * float64(r.Spikes[1][(t-age)*r.Sizes[1]+neuron])
		}
	}
	return q
}

func nearest(windows []spike.Window, drive float64) spike.Window {
	best := windows[0]
	for _, w := range windows {
		if math.Abs(w.MaxDrive-drive) < math.Abs(best.MaxDrive-drive) {
			best = w
		}
	}
	return best
}

// meanResponse is the mean ± standard error over windows of a response less what
// it was when the window opened.
func meanResponse(r *spike.Recording, response []float64, windows []spike.Window, name string, color chart.Color) chart.Series {
	s := chart.Series{Name: name, Kind: chart.Line, Color: color}
	n := float64(len(windows))
	for k := -ideaBefore; k < ideaAfter; k++ {
		sum, squares := 0.0, 0.0
		for _, w := range windows {
			sum += response[w.Start+k]
			squares += response[w.Start+k] * response[w.Start+k]
		}
		mean := sum / n
		s.X = append(s.X, float64(k)*r.Params.Step*1000)
		s.Y = append(s.Y, mean)
		s.Error = append(s.Error, math.Sqrt(max(squares/n-mean*mean, 0)/(n-1)))
	}
	return s
}

// paths draws two neurons of each of two layers, and the two ways between them, side
// by side: along an axis of names the interactive twin has no place between two.
func paths() chart.Panel {
	forward := chart.Series{Name: "feedforward weight W: activity goes up", Kind: chart.Line, Color: chart.Black}
	feedback := chart.Series{Name: "feedback weight B: error comes down", Kind: chart.Line, Style: chart.Dashed, Color: chart.Vermillion}
	panel := chart.Panel{Title: "two paths, and nothing copies W into B",
		X: chart.Axis{Label: "neuron of the layer", Min: 0.4, Max: 2.6, Integer: true},
		Y: chart.Axis{Label: "layer", Min: -0.4, Max: 1.4, Names: []string{"below", "above"}}}
	for lower := 1.0; lower <= 2; lower++ {
		for upper := 1.0; upper <= 2; upper++ {
			up, down := forward, feedback
			up.X, up.Y = []float64{lower - 0.05, upper - 0.05}, []float64{0, 1}
			down.X, down.Y = []float64{upper + 0.05, lower + 0.05}, []float64{1, 0}
			panel.Series = append(panel.Series, up, down)
		}
	}
	panel.Series = append(panel.Series, chart.Series{Name: "neuron", Kind: chart.Points, X: []float64{1, 2, 1, 2}, Y: []float64{0, 0, 1, 1}, Color: chart.Ochre})
	return panel
}
