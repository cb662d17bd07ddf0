package figures

import (
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/rd"
)

// RD draws the binned means and fitted curves that [rd.Plot] made. A bin of a
// single observation has no standard error, and no bar.
func RD(title string, x, y chart.Axis, d *rd.PlotData) chart.Figure {
	design := chart.Discontinuity{Title: title, X: x, Y: y, Cutoff: d.Options.Cutoff, Left: fit(d.Left.Curve), Right: fit(d.Right.Curve)}
	for _, side := range []rd.PlotSide{d.Left, d.Right} {
		for _, bin := range side.Bins {
			design.BinX = append(design.BinX, bin.X)
			design.BinMean = append(design.BinMean, bin.Y)
			design.BinSE = append(design.BinSE, bin.StdErr)
		}
	}
	return chart.RDPlot(design)
}

func fit(curve []rd.Point) chart.Fit {
	var f chart.Fit
	for _, p := range curve {
		f.X, f.Y = append(f.X, p.X), append(f.Y, p.Y)
	}
	return f
}
