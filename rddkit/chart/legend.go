package chart

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	sampleWidth = 26 // of a legend entry's picture
	entryGap    = 18
)

// legend returns the first series of every name.
func (f Figure) legend() []Series {
	var entries []Series
	seen := map[string]bool{"": true}
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if !seen[s.Name] {
				seen[s.Name] = true
				entries = append(entries, s)
			}
		}
	}
	if len(entries) == 1 && len(f.Panels) == 1 && len(f.Panels[0].Series) == 1 {
		return nil // a lone series is what the title says
	}
	return entries
}

// legendRows breaks the legend into rows that fit the width.
func (f Figure) legendRows(width int) [][]Series {
	var rows [][]Series
	left := 0.0
	for _, entry := range f.legend() {
		need := sampleWidth + 6 + float64(normalFont.Width(entryName(visible(entry.Name), width))) + entryGap
		if len(rows) == 0 || left+need > float64(width)-10 {
			rows = append(rows, nil)
			left = 10
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], entry)
		left += need
	}
	return rows
}

// entryName is a legend's name, cut to what a row of its own has room for.
func entryName(name string, width int) string {
	return wrap(normalFont, name, float64(width)-20-sampleWidth-6, 1)
}

// entry draws one legend entry with its middle left at the point and returns
// where the next one begins.
func (p painter) entry(at vg.Point, s Series) vg.Length {
	clr, style := p.look(s)
	s.Style = style
	right, middle := at.X+sampleWidth, at.X+sampleWidth/2
	switch s.Kind {
	case Points:
		p.DrawGlyph(s.marker(clr), vg.Point{X: middle, Y: at.Y})
		if s.Error != nil {
			p.StrokeLine2(draw.LineStyle{Color: clr, Width: referenceWide}, middle, at.Y-7, middle, at.Y+7)
		}
	case Cloud:
		if len(s.X) <= maxDots {
			for _, d := range []vg.Point{{X: -7, Y: -2}, {X: -2, Y: 3}, {X: 2, Y: -3}, {X: 8, Y: 2}, {X: 0, Y: 0}} {
				p.DrawGlyph(draw.GlyphStyle{Color: clr, Radius: dotRadius, Shape: draw.CircleGlyph{}}, vg.Point{X: middle + d.X, Y: at.Y + d.Y})
			}
			break
		}
		const steps = 13
		for i := range steps {
			x := at.X + vg.Length(i)*sampleWidth/steps
			p.FillPolygon(densityColor(clr, float64(i)/(steps-1)), []vg.Point{{X: x, Y: at.Y - 5}, {X: x + sampleWidth/steps, Y: at.Y - 5}, {X: x + sampleWidth/steps, Y: at.Y + 5}, {X: x, Y: at.Y + 5}})
		}
	case Ticks:
		for _, d := range []vg.Length{-7, -3, 5} {
			p.StrokeLine2(draw.LineStyle{Color: clr, Width: 1.5}, middle+d, at.Y-5, middle+d, at.Y+5)
		}
	case Vertical:
		p.StrokeLine2(lineStyle(s, clr), middle, at.Y-8, middle, at.Y+8)
	default:
		if s.Error != nil {
			p.FillPolygon(faded(clr, bandOpacity), []vg.Point{{X: at.X, Y: at.Y - 6}, {X: right, Y: at.Y - 6}, {X: right, Y: at.Y + 6}, {X: at.X, Y: at.Y + 6}})
		}
		p.StrokeLine2(lineStyle(s, clr), at.X, at.Y, right, at.Y)
	}
	label := normalFont
	label.YAlign = draw.YCenter
	p.FillText(label, vg.Point{X: right + 6, Y: at.Y + 1}, entryName(p.text(s.Name), p.width))
	return right + 6 + normalFont.Width(entryName(visible(s.Name), p.width)) + entryGap
}
