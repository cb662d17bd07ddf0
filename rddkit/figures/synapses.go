package figures

import (
	"slices"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/rd"
)

// Jump draws what a neuron observes of a neuron above it against its largest input
// drive, within the options' bandwidth of their cutoff: binned means with standard
// errors, and a straight line on each side.
func Jump(title string, seen align.Observations, o rd.Options) chart.Figure {
	bins, err := rd.Plot(seen.Drive, seen.Target, rd.PlotOptions{Cutoff: o.Cutoff, H: o.H, Bins: [2]int{8, 8}, Order: 1})
	if err != nil {
		return chart.Failed(err)
	}
	return RD(title, chart.Axis{Label: "largest input drive"}, chart.Axis{Label: "response of the neuron above"}, bins)
}

// Synapses draws the true effects of the synapses onto one neuron
// ([align.Interventions]) against their weights, and estimates of them
// ([align.Estimates]) against the truth, with standard errors; dashed is no effect
// on the left, and on the right where both are equal.
func Synapses(title string, truth, estimates *align.Effects) chart.Figure {
	weight, effect := chart.Axis{Label: "feedforward weight"}, chart.Axis{Label: "true effect"}
	return chart.Grid(title, 2,
		against(weight, effect, truth.Weight, truth, 0),
		against(effect, chart.Axis{Label: "estimated effect"}, truth.Mean, estimates, 1))
}

// against draws effects at x over a dashed line through the origin.
func against(xAxis, yAxis chart.Axis, x []float64, effects *align.Effects, slope float64) chart.Figure {
	line := chart.Series{Kind: chart.Line, Style: chart.Dashed, Color: chart.Grey}
	if len(x) > 0 {
		lo, hi := slices.Min(x), slices.Max(x)
		line.X, line.Y = []float64{lo, hi}, []float64{slope * lo, slope * hi}
	}
	points := chart.Series{Kind: chart.Points, Color: chart.Blue, X: x, Y: effects.Mean, Error: effects.StandardError}
	return chart.Figure{Panels: []chart.Panel{{X: xAxis, Y: yAxis, Series: []chart.Series{line, points}}}}
}

// Learning draws how alike feedback and feedforward weights become while a learner
// learns: their sign alignment and their angle over simulated time, a line for each
// layer, of the given names.
func Learning(title string, course *align.Course, layers ...string) chart.Figure {
	if len(layers) != len(course.Reached[0]) {
		return chart.Failed(invalid.Newf("layers", len(layers), "%d names, one for each layer", len(course.Reached[0])))
	}
	styles := []chart.Style{chart.Solid, chart.Dashed, chart.DashDot, chart.Dotted}
	time := chart.Axis{Label: "simulated time", Unit: "s"}
	panel := func(y chart.Axis, of func(align.Metrics) float64) chart.Figure {
		var curves []chart.Curve
		for i, name := range layers {
			var run []float64
			for _, m := range course.Reached[0][i] {
				run = append(run, of(m))
			}
			curves = append(curves, chart.Curve{Name: name, X: course.Seconds, Runs: [][]float64{run}, Color: chart.Black, Style: styles[i%len(styles)]})
		}
		return chart.Curves("", time, y, curves...)
	}
	return chart.Grid(title, 2,
		panel(chart.Axis{Label: "sign alignment", Unit: "%"}, func(m align.Metrics) float64 { return m.SignAlignment }),
		panel(chart.Axis{Label: "angle", Unit: "degrees"}, func(m align.Metrics) float64 { return m.Angle }))
}
