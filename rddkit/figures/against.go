package figures

import (
	"slices"

	"github.com/weightalign/lab/rddkit/chart"
)

// Against draws points, with their standard errors as bars, over a dashed line
// through the origin: with slope 1 that of equality, with slope 0 that of zero.
func Against(x, y chart.Axis, points chart.Series, slope float64) chart.Figure {
	line := chart.Series{Kind: chart.Line, Style: chart.Dashed, Color: chart.Grey}
	if len(points.X) > 0 {
		lo, hi := slices.Min(points.X), slices.Max(points.X)
		line.X, line.Y = []float64{lo, hi}, []float64{slope * lo, slope * hi}
	}
	points.Kind = chart.Points
	if points.Color == chart.Auto {
		points.Color = chart.Blue
	}
	return chart.Figure{Panels: []chart.Panel{{X: x, Y: y, Series: []chart.Series{line, points}}}}
}
