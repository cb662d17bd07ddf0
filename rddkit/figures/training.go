package figures

import (
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/feedback"
)

// trainingColors are those of records, where methods are the same.
var trainingColors = map[feedback.Method]chart.Color{
	feedback.FeedbackAlignment: chart.Vermillion,
	feedback.Backpropagation:   chart.Green,
	feedback.Adam:              chart.Blue,
	feedback.LeastSquares:      chart.Sky,
	feedback.Gradient:          chart.Purple,
	feedback.Reinforcement:     chart.Ochre,
}

// Training draws one quantity of training runs over the batches, as the mean ±
// standard error over the runs of each method, in the order of
// feedback.Methods. Runs for which of returns nil do not have the quantity and
// are left out.
func Training(title string, y chart.Axis, runs []*feedback.TrainingCurve, of func(*feedback.TrainingCurve) []float64) chart.Figure {
	var curves []chart.Curve
	for _, method := range feedback.Methods {
		c := chart.Curve{Name: method.String(), Color: trainingColors[method]}
		for _, run := range runs {
			values := of(run)
			if run.Method != method || values == nil {
				continue
			}
			c.X, c.Runs = nil, append(c.Runs, values)
			for _, b := range run.Batches {
				c.X = append(c.X, float64(b))
			}
		}
		if c.Runs != nil {
			curves = append(curves, c)
		}
	}
	return chart.Curves(title, chart.Axis{Label: "batches of 32 images"}, y, curves...)
}
