package figures

import (
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/feedback"
)

// trainingLooks are those of records, where methods are the same.
var trainingLooks = map[feedback.Algorithm]chart.Look{
	feedback.FA:             {Color: chart.Vermillion},
	feedback.BP:             {Color: chart.Green},
	feedback.BPAdam:         {Color: chart.Green, Style: chart.Dashed},
	feedback.NPLeastSquares: {Color: chart.Sky},
	feedback.NPGradient:     {Color: chart.Sky, Style: chart.Dashed},
	feedback.Reinforcement:  {Color: chart.RGB(0xaa, 0x44, 0x99)},
}

// TrainingRuns draws one quantity of training runs over the batches, as the mean ±
// standard error over the runs of each method, in the order of
// feedback.Algorithms. Runs for which of returns nil do not have the quantity and
// are left out.
func TrainingRuns(title string, y chart.Axis, runs []*feedback.TrainingCurve, of func(*feedback.TrainingCurve) []float64) chart.Figure {
	var curves []chart.Curve
	for _, method := range feedback.Algorithms {
		c := chart.Curve{Name: method.String(), Color: trainingLooks[method].Color, Style: trainingLooks[method].Style}
		for _, run := range runs {
			values := of(run)
			if run.Algorithm != method || values == nil {
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
