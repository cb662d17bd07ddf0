package chart

import (
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"
)

// plotDensity colours small squares by the logarithm of the number of points
// in them.
func plotDensity(c draw.Canvas, p *plot.Plot, xs, ys []float64, clr color.NRGBA) {
	const cell = 3 // page pixels
	size := c.Rectangle.Size()
	counts := histogram(p, xs, ys, max(1, int(float64(size.X)/cell)), max(1, int(float64(size.Y)/cell)))
	most := 0
	for _, row := range counts {
		for _, n := range row {
			most = max(most, n)
		}
	}
	// Blown up with hard edges, as the canvas would smooth a small image.
	const blow = 4
	img := image.NewNRGBA(image.Rect(0, 0, blow*len(counts[0]), blow*len(counts)))
	for j, row := range counts {
		for i, n := range row {
			if n == 0 {
				continue
			}
			at := densityColor(clr, math.Log(float64(n))/math.Log(float64(max(most, 2))))
			for dy := range blow {
				for dx := range blow {
					img.SetNRGBA(blow*i+dx, blow*(len(counts)-1-j)+dy, at)
				}
			}
		}
	}
	c.DrawImage(c.Rectangle, img)
}

// histogram counts the points of the axes' ranges in columns × rows equal
// cells, rows from the bottom. Gaps (NaN) count nowhere.
func histogram(p *plot.Plot, xs, ys []float64, columns, rows int) [][]int {
	counts := make([][]int, rows)
	for j := range counts {
		counts[j] = make([]int, columns)
	}
	for k := range xs {
		u, v := p.X.Norm(xs[k]), p.Y.Norm(ys[k])
		if u >= 0 && u <= 1 && v >= 0 && v <= 1 {
			counts[min(int(v*float64(rows)), rows-1)][min(int(u*float64(columns)), columns-1)]++
		}
	}
	return counts
}

// densityColor goes from a light tint (t = 0, one point) over the colour to a
// dark shade (t = 1, the fullest cell), in steps too small to see: a picture's
// palette has 256 places.
func densityColor(c color.NRGBA, t float64) color.NRGBA {
	const steps = 24
	t = math.Round(t*steps) / steps
	if t < 0.6 {
		return blend(blend(c, white, 0.78), c, t/0.6)
	}
	return blend(c, blend(c, textColor, 0.75), (t-0.6)/0.4)
}
