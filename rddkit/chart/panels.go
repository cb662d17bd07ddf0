package chart

import (
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Numbers of lines that texts around a panel have at most.
const (
	labelLines      = 3
	panelTitleLines = 2
	nameLines       = 2
)

// panels draws the grid of panels so that the axes of a column stand in one
// line, and those of a row too.
func (p painter) panels(c draw.Canvas) {
	const gap = 14
	size := c.Rectangle.Size()
	cell := vg.Point{X: size.X / vg.Length(p.columns)}
	plots := make([]*plot.Plot, len(p.Panels))
	before, after := make([]vg.Point, len(plots)), make([]vg.Point, len(plots)) // numbers along the axes, and beyond their ends
	titles := make([]string, len(plots))
	for i, panel := range p.Panels {
		cell.Y = size.Y * vg.Length(p.rowHeight[i/p.columns])
		plots[i] = p.plot(panel, cell, p.inner(i))
		data := plots[i].DataCanvas(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Max: cell}})
		before[i], after[i] = data.Min, cell.Sub(data.Max)
		titles[i] = p.wrapped(panelFont, panel.Title, float64(cell.X)-gap, panelTitleLines)
	}
	// The labels take as many lines as the axes' lengths ask for, and the axes
	// are as long as the labels leave them.
	x, y := make([]string, len(plots)), make([]string, len(plots))
	var g grid
	for range 3 {
		g = p.grid(size, gap, before, after, titles, x, y)
		for i, panel := range p.Panels {
			if !p.inner(i) {
				x[i] = p.wrapped(normalFont, panel.X.Text(), float64(g.width), labelLines)
			}
			y[i] = p.wrapped(normalFont, panel.Y.Text(), float64(g.height[i/p.columns]), labelLines)
		}
	}
	g = p.grid(size, gap, before, after, titles, x, y)

	title, label, upright := panelFont, normalFont, normalFont
	title.XAlign, title.YAlign = draw.XCenter, draw.YTop
	label.XAlign, label.YAlign = draw.XCenter, draw.YTop
	upright.XAlign, upright.YAlign = draw.XCenter, draw.YBottom
	upright.Rotation = math.Pi / 2
	for i := range plots {
		col, row := i%p.columns, i/p.columns
		data := vg.Rectangle{Min: vg.Point{X: c.Min.X + g.left[col], Y: c.Max.Y - g.top[row] - g.height[row]}}
		data.Max = data.Min.Add(vg.Point{X: g.width, Y: g.height[row]})
		middle := vg.Point{X: (data.Min.X + data.Max.X) / 2, Y: (data.Min.Y + data.Max.Y) / 2}
		c.FillText(title, vg.Point{X: middle.X, Y: data.Max.Y + g.over[row] + lineHeight*vg.Length(lines(titles[i])) + 2}, titles[i])
		plots[i].Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: data.Min.Sub(before[i]), Max: data.Max.Add(after[i])}})
		c.FillText(label, vg.Point{X: middle.X, Y: data.Min.Y - before[i].Y}, x[i])
		c.FillText(upright, vg.Point{X: data.Min.X - before[i].X - labelGap, Y: middle.Y}, y[i])
	}
}

// inner says that the panel below shows the numbers along panel i's x axis.
func (p painter) inner(i int) bool { return p.ShareX && i+p.columns < len(p.Panels) }

// grid is where the panels' axes stand, from the area's left and top.
type grid struct {
	left        []vg.Length // of each column
	top, height []vg.Length // of each row
	over        []vg.Length // of each row, from the axes to the titles
	width       vg.Length   // of every panel
}

const labelGap = 4 // between an axis' numbers and its label

func (p painter) grid(size vg.Point, gap vg.Length, before, after []vg.Point, titles, x, y []string) grid {
	const least = 10 // page pixels that a panel keeps, whatever stands around it
	left, right := make([]vg.Length, p.columns), make([]vg.Length, p.columns)
	title, below := make([]vg.Length, p.rows), make([]vg.Length, p.rows)
	g := grid{width: size.X - gap*vg.Length(p.columns-1), height: make([]vg.Length, p.rows), over: make([]vg.Length, p.rows)}
	block := func(text string) vg.Length {
		if text == "" {
			return 0
		}
		return lineHeight*vg.Length(lines(text)) + labelGap
	}
	for i := range before {
		col, row := i%p.columns, i/p.columns
		left[col] = max(left[col], before[i].X+block(y[i]))
		right[col] = max(right[col], after[i].X)
		g.over[row] = max(g.over[row], after[i].Y)
		title[row] = max(title[row], block(titles[i]))
		below[row] = max(below[row], before[i].Y+block(x[i]))
	}
	height := size.Y - gap*vg.Length(p.rows-1)
	for col := range left {
		g.width -= left[col] + right[col]
	}
	for row := range title {
		height -= title[row] + g.over[row] + below[row]
	}
	g.width = max(g.width/vg.Length(p.columns), least)
	at := vg.Length(0)
	for col := range left {
		g.left = append(g.left, at+left[col])
		at += left[col] + g.width + right[col] + gap
	}
	at = 0
	for row := range title {
		at += title[row] + g.over[row]
		g.height[row] = max(height*vg.Length(p.rowHeight[row]), least)
		g.top = append(g.top, at)
		at += g.height[row] + below[row] + gap
	}
	return g
}

func lines(text string) int { return strings.Count(text, "\n") + 1 }

// plot returns the panel's axes and series as gonum/plot draws them, in about
// that much room; inner leaves out the numbers along the x axis.
func (p painter) plot(panel Panel, size vg.Point, inner bool) *plot.Plot {
	q := plot.New()
	q.BackgroundColor = nil
	x, y := panel.ranges()
	panel.X.apply(&q.X, x, p.horizontalTicks(panel.X, x, float64(size.X)-60), inner)
	panel.Y.apply(&q.Y, y, verticalTicks(panel.Y, y, float64(size.X), float64(size.Y)-40, p.text), false)
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: gridColor, Width: 1}
	grid.Vertical = grid.Horizontal
	q.Add(grid)
	for _, s := range panel.Series {
		if s.Kind == Line && s.Error != nil {
			clr, _ := p.look(s)
			q.Add(band{s, clr})
		}
	}
	for _, s := range panel.Series {
		clr, style := p.look(s)
		s.Style = style
		q.Add(mark{s, clr})
	}
	return q
}

// horizontalTicks returns as many marks as have room beside each other.
func (p painter) horizontalTicks(a Axis, ends [2]float64, length float64) ticks {
	if len(a.Names) > 0 {
		slot := length / float64(len(a.Names))
		every := 1
		for slot*float64(every) < 2*fontSize {
			every++
		}
		return a.names(func(i int, name string) string {
			if i%every > 0 {
				return ""
			}
			return wrap(tickFont, p.text(name), slot*float64(every)-6, nameLines)
		})
	}
	var marks ticks
	for wanted := length / 75; ; wanted *= 0.75 {
		marks = a.ticks(ends, wanted)
		if marks.width()+12*float64(marks.labelled()) <= length || wanted < 2 {
			return marks
		}
	}
}

// width is that of all labels together.
func (t ticks) width() float64 {
	sum := 0.0
	for _, mark := range t {
		sum += float64(tickFont.Width(mark.Label))
	}
	return sum
}

// verticalTicks returns as many marks as have room above each other, with names
// that leave most of the panel's width to it.
func verticalTicks(a Axis, ends [2]float64, width, height float64, text func(string) string) ticks {
	if len(a.Names) > 0 {
		return a.names(func(_ int, name string) string { return wrap(tickFont, text(name), 0.35*width, 1) })
	}
	return a.ticks(ends, height/42)
}

func (a Axis) names(text func(i int, name string) string) ticks {
	var marks ticks
	for i, name := range a.Names {
		marks = append(marks, plot.Tick{Value: float64(i), Label: text(i, name)})
	}
	return marks
}

func (a Axis) apply(to *plot.Axis, ends [2]float64, marks ticks, inner bool) {
	to.Min, to.Max = ends[0], ends[1]
	to.Padding = 0
	to.Scale = scale{log: a.Log}
	to.LineStyle = draw.LineStyle{Color: axisColor, Width: 1}
	to.Tick.LineStyle = to.LineStyle
	to.Tick.Length = 4
	x, y := to.Tick.Label.XAlign, to.Tick.Label.YAlign
	to.Tick.Label = tickFont
	to.Tick.Label.XAlign, to.Tick.Label.YAlign = x, y
	if inner {
		for i := range marks {
			marks[i].Label = " " // an empty label would make it a minor tick, without a grid line
		}
	}
	to.Tick.Marker = marks
}
