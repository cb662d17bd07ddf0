package chart

import "github.com/weightalign/lab/rddkit/feedback"

// trainingColors are those of records, where methods are the same.
var trainingColors = map[feedback.Method]Color{
	feedback.FeedbackAlignment: Vermillion,
	feedback.Backpropagation:   Green,
	feedback.Adam:              Blue,
	feedback.LeastSquares:      Sky,
	feedback.Gradient:          Purple,
	feedback.Reinforcement:     Ochre,
}

// Training draws one quantity of training runs over the batches, as the mean ±
// standard error over the runs of each method, in the order of
// feedback.Methods. Runs for which of returns nil do not have the quantity and
// are left out.
func Training(title string, y Axis, runs []*feedback.TrainingCurve, of func(*feedback.TrainingCurve) []float64) Figure {
	var curves []Curve
	for _, method := range feedback.Methods {
		c := Curve{Name: method.String(), Color: trainingColors[method]}
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
	return Curves(title, Axis{Label: "batches of 32 images"}, y, curves...)
}
