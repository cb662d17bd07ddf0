package chart

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func lineStyle(s Series, clr color.NRGBA) draw.LineStyle {
	style := draw.LineStyle{Color: clr, Width: lineWidth}
	for _, length := range s.Style.dashes() {
		style.Dashes = append(style.Dashes, vg.Length(length))
	}
	if s.Style == Reported {
		style.Width = reportWidth
	}
	if s.Kind == Horizontal || s.Kind == Vertical {
		style.Width = referenceWide
	}
	return style
}

// marker is the shape that the style gives to points.
func (s Series) marker(clr color.NRGBA) draw.GlyphStyle {
	style := draw.GlyphStyle{Color: clr, Radius: pointRadius, Shape: draw.CircleGlyph{}}
	switch s.Style {
	case Dashed:
		style.Shape = draw.BoxGlyph{}
	case DashDot:
		style.Shape = draw.PyramidGlyph{}
	case Dotted:
		style.Shape = draw.PlusGlyph{}
	case Reported:
		style.Shape = draw.RingGlyph{}
	}
	return style
}

// band draws a line's standard errors.
type band struct {
	Series
	color color.NRGBA
}

func (b band) Plot(c draw.Canvas, p *plot.Plot) {
	for _, run := range b.runs() {
		ring := make(plotter.XYs, 0, 2*len(run))
		for _, i := range run {
			ring = append(ring, plotter.XY{X: b.X[i], Y: b.Y[i] + b.Error[i]})
		}
		for k := len(run) - 1; k >= 0; k-- {
			ring = append(ring, plotter.XY{X: b.X[run[k]], Y: b.Y[run[k]] - b.Error[run[k]]})
		}
		polygon := &plotter.Polygon{XYs: []plotter.XYs{ring}, Color: faded(b.color, bandOpacity)}
		polygon.Plot(c, p)
	}
}

// mark draws everything else of a series.
type mark struct {
	Series
	color color.NRGBA
}

func (m mark) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := lineStyle(m.Series, m.color)
	switch m.Kind {
	case Line, Step:
		for _, run := range m.runs() {
			if len(run) == 1 { // nothing to join it to
				if at := (vg.Point{X: x(m.X[run[0]]), Y: y(m.Y[run[0]])}); c.Contains(at) {
					c.DrawGlyph(draw.GlyphStyle{Color: m.color, Radius: pointRadius, Shape: draw.CircleGlyph{}}, at)
				}
				continue
			}
			line := &plotter.Line{LineStyle: style}
			for _, i := range thin(m.Y, run, 2000) {
				line.XYs = append(line.XYs, plotter.XY{X: m.X[i], Y: m.Y[i]})
			}
			if m.Kind == Step {
				line.StepStyle = plotter.PostStep
			}
			line.Plot(c, p)
		}
	case Points:
		for i := range m.X {
			if math.IsNaN(m.Y[i]) {
				continue
			}
			at := vg.Point{X: x(m.X[i]), Y: y(m.Y[i])}
			if m.Error != nil && !math.IsNaN(m.Error[i]) {
				bar := []vg.Point{{X: at.X, Y: y(m.Y[i] - m.Error[i])}, {X: at.X, Y: y(m.Y[i] + m.Error[i])}}
				c.StrokeLines(draw.LineStyle{Color: m.color, Width: referenceWide}, c.ClipLinesXY(bar)...)
			}
			if c.Contains(at) {
				c.DrawGlyph(m.marker(m.color), at)
			}
		}
	case Cloud:
		if len(m.X) > maxDots {
			plotDensity(c, p, m.X, m.Y, m.color)
			return
		}
		for i := range m.X {
			if at := (vg.Point{X: x(m.X[i]), Y: y(m.Y[i])}); !math.IsNaN(m.Y[i]) && c.Contains(at) {
				c.DrawGlyph(draw.GlyphStyle{Color: faded(m.color, dotOpacity), Radius: dotRadius, Shape: draw.CircleGlyph{}}, at)
			}
		}
	case Ticks:
		half := vg.Length(7)
		if p.Y.Scale == (scale{}) {
			half = min(max(0.42*(y(1)-y(0)), 1), 7)
		}
		style.Width = 1.2
		for i := range m.X {
			if at := (vg.Point{X: x(m.X[i]), Y: y(m.Y[i])}); c.Contains(at) {
				c.StrokeLine2(style, at.X, at.Y-half, at.X, at.Y+half)
			}
		}
	case Horizontal:
		for _, v := range m.Y {
			if at := y(v); c.ContainsY(at) {
				c.StrokeLine2(style, c.Min.X, at, c.Max.X, at)
			}
		}
	case Vertical:
		for _, v := range m.X {
			if at := x(v); c.ContainsX(at) {
				c.StrokeLine2(style, at, c.Min.Y, at, c.Max.Y)
			}
		}
	default:
		panic(fmt.Sprintf("chart: kind %q", m.Kind)) // Validate has refused it
	}
}
