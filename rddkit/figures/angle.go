package figures

import (
	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
)

// Angle draws the angle between feedback and feedforward weights of each fully
// connected layer per epoch, 90° being chance and 0° perfect; see [SignAlignment].
// Records that are older than this measure have none, and cannot be drawn.
func Angle[S Source](of ...S) chart.Figure {
	return perLayer("Angle between feedback and feedforward weights", of, quantity{
		axis:   chart.Axis{Label: "angle", Unit: "°"},
		values: (*rddkit.Record).Angle,
		scaled: true,
	})
}

// GradientAngle draws the mean angle between the error that arrives at each fully
// connected layer's inputs and the true gradient there; see [SignAlignment]. It
// is in records of experiments that have [rddkit.GradientAngle] among their
// Measures.
func GradientAngle[S Source](of ...S) chart.Figure {
	return perLayer("Angle between the error that comes down and the gradient", of, quantity{
		axis: chart.Axis{Label: "angle", Unit: "°"},
		values: func(r *rddkit.Record, layer int) []float64 {
			return r.Measure(rddkit.GradientAngle, layer)
		},
		scaled: true,
	})
}
