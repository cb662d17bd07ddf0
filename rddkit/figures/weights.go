package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/internal/stream"
)

// Weights draws feedback against feedforward weights after the last epoch, rows
// for each arm and a panel for each fully connected layer (the report's Figure
// 1b, c). It reads them from the folder of the arm's first record. Of a layer
// with more than [rddkit.PairsStored] it draws a random sample of so many, as
// stored runs hold; correlation and sign alignment are those of all.
func Weights[S Source](of ...S) chart.Figure {
	arms, err := armsOf(of)
	if err != nil {
		return chart.Failed(err)
	}
	var panels []chart.Panel
	inRow := 1
	sets := groups(arms)
	for _, group := range sets {
		for _, a := range group {
			inRow = max(inRow, columns(len(a.Records[0].Symmetry)))
			for layer := 1; layer <= len(a.Records[0].Symmetry); layer++ {
				forward, feedback, err := a.Records[0].Pairs(layer)
				if err != nil {
					return chart.Failed(err)
				}
				p := Pairs{Name: prefix(group, sets) + fmt.Sprintf("%s FC%d", a.Name, layer), Method: a.Name, Color: a.Color, Feedforward: forward, Feedback: feedback}
				panel := p.panel()
				cloud := &panel.Series[len(panel.Series)-1]
				cloud.X, cloud.Y = sampled(forward, feedback, a.Records[0].Experiment.Seed, layer)
				panels = append(panels, panel)
			}
		}
	}
	return chart.Figure{Title: "Feedback against feedforward weights after the last epoch", Panels: panels, Columns: inRow}
}

// sampled returns the pairs that rddkit.Store would keep.
func sampled(forward, feedback []float64, seed uint64, layer int) (x, y []float64) {
	if len(forward) <= rddkit.PairsStored {
		return forward, feedback
	}
	chosen := stream.New(seed, "stored pairs", uint64(layer)).Perm(len(forward))[:rddkit.PairsStored]
	slices.Sort(chosen)
	x, y = make([]float64, len(chosen)), make([]float64, len(chosen))
	for i, k := range chosen {
		x[i], y[i] = forward[k], feedback[k]
	}
	return x, y
}

// Pairs holds the two directions of one layer's synapses: entry k of both is
// the same pair of neurons.
type Pairs struct {
	Name        string    // e.g. "FC1"
	Method      string    // e.g. "RDD", the legend entry
	Feedforward []float64 // weights W
	Feedback    []float64 // weights B, of the synapses the other way
	Color       chart.Color
}

// WeightScatter draws feedback against feedforward weights, a panel for each
// entry, with the correlation and the sign alignment ([align.Metrics]) in its
// title. It is the report's Figure 1(b, c).
func WeightScatter(title string, pairs ...Pairs) chart.Figure {
	f := chart.Figure{Title: title}
	for _, p := range pairs {
		f.Panels = append(f.Panels, p.panel())
	}
	return f
}

func (p Pairs) panel() chart.Panel {
	title := p.Name
	if n := len(p.Feedforward); n == len(p.Feedback) && n > 1 {
		r := "–" // if all weights of one direction are equal
		if v := stat.Correlation(p.Feedforward, p.Feedback, nil); !math.IsNaN(v) {
			r = strings.ReplaceAll(strconv.FormatFloat(v, 'f', 2, 64), "-", "−")
		}
		// The pairs are a layer of one neuron above: W is [1][n], B is [n][1].
		m := align.Measure(p.Feedforward, p.Feedback, n, 1, make([]float64, n))
		title = fmt.Sprintf("%s: r = %s, signs %.1f %%", p.Name, r, m.SignAlignment)
	}
	return chart.Panel{
		Title: title,
		X:     chart.Axis{Label: "feedforward weight"},
		Y:     chart.Axis{Label: "feedback weight"},
		Series: []chart.Series{
			{Kind: chart.Horizontal, Y: []float64{0}, Color: chart.Grey},
			{Kind: chart.Vertical, X: []float64{0}, Color: chart.Grey},
			{Name: p.Method, Kind: chart.Cloud, X: p.Feedforward, Y: p.Feedback, Color: p.Color},
		},
	}
}
