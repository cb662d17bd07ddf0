package chart

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"strings"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Scale is how many image pixels the PNG has for a page pixel, along each
// axis, so that text stays crisp on dense screens and in print.
const Scale = 2

// PNG returns the static picture, [Scale] image pixels to a page pixel.
func (f Figure) PNG() ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return f.raster(Scale)
}

func (f Figure) raster(scale int) ([]byte, error) {
	l := f.layout()
	// A vg.Length of 1 is a 72nd of an inch: at 72 dots per inch, one pixel.
	canvas := vgimg.NewWith(vgimg.UseWH(vg.Length(l.width), vg.Length(l.height)), vgimg.UseDPI(72*scale))
	f.draw(draw.New(canvas), l)
	var b bytes.Buffer
	err := png.Encode(&b, indexed(canvas.Image().(*image.RGBA)))
	return b.Bytes(), err
}

// SVG returns the static picture as a vector drawing. Its text is set in
// Liberation Sans, or in the reader's Arial or Helvetica, which have the same
// widths.
func (f Figure) SVG() ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	l := f.layout()
	canvas := vgsvg.New(vg.Length(l.width), vg.Length(l.height))
	f.draw(draw.New(canvas), l)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	svg := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	return bytes.ReplaceAll(svg, []byte("data:image/jpg;"), []byte("data:image/png;")), nil
}

func typeface(size float64, weight stdfont.Weight, c color.Color) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: vg.Length(size)},
		Handler: plot.DefaultTextHandler,
	}
}

// draw draws the figure on a canvas of the layout's size.
func (f Figure) draw(c draw.Canvas, l layout) {
	f = f.ready()
	c.SetColor(white)
	c.Fill(c.Rectangle.Path())
	look := f.looks()
	const margin = 10
	top := c.Max.Y - figureMargins/2
	if f.Title != "" {
		title := typeface(fontSize+3, stdfont.WeightBold, textColor)
		title.YAlign = draw.YTop
		c.FillText(title, vg.Point{X: c.Min.X + margin, Y: top - 3}, f.Title)
		top -= titleHeight
	}
	for _, row := range f.legendRows(l.width) {
		x := c.Min.X + margin
		for _, entry := range row {
			x = drawEntry(c, vg.Point{X: x, Y: top - legendHeight/2}, entry, look)
		}
		top -= legendHeight
	}
	f.drawPanels(draw.Crop(c, 4, -margin, 4, vg.Length(-l.header)), l, look)
}

const (
	sampleWidth = 26 // of a legend entry's picture
	entryGap    = 18
)

// legendRows breaks the legend into rows that fit the width.
func (f Figure) legendRows(width int) [][]Series {
	label := typeface(fontSize, stdfont.WeightNormal, textColor)
	var rows [][]Series
	left := 0.0
	for _, entry := range f.legend() {
		need := sampleWidth + 6 + float64(label.Width(entry.Name)) + entryGap
		if len(rows) == 0 || left+need > float64(width)-10 {
			rows = append(rows, nil)
			left = 10
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], entry)
		left += need
	}
	return rows
}

// drawEntry draws one legend entry with its middle left at p and returns where
// the next one begins.
func drawEntry(c draw.Canvas, p vg.Point, s Series, look look) vg.Length {
	clr, style := look(s)
	right, middle := p.X+sampleWidth, p.X+sampleWidth/2
	s.Style = style
	switch s.Kind {
	case Points:
		c.DrawGlyph(s.marker(clr), vg.Point{X: middle, Y: p.Y})
		if s.Error != nil {
			c.StrokeLine2(draw.LineStyle{Color: clr, Width: referenceWide}, middle, p.Y-7, middle, p.Y+7)
		}
	case Cloud:
		if len(s.X) <= maxDots {
			for _, d := range []vg.Point{{X: -7, Y: -2}, {X: -2, Y: 3}, {X: 2, Y: -3}, {X: 8, Y: 2}, {X: 0, Y: 0}} {
				c.DrawGlyph(draw.GlyphStyle{Color: clr, Radius: dotRadius, Shape: draw.CircleGlyph{}}, vg.Point{X: middle + d.X, Y: p.Y + d.Y})
			}
			break
		}
		const steps = 13
		for i := range steps {
			x := p.X + vg.Length(i)*sampleWidth/steps
			c.FillPolygon(densityColor(clr, float64(i)/(steps-1)), []vg.Point{{X: x, Y: p.Y - 5}, {X: x + sampleWidth/steps, Y: p.Y - 5}, {X: x + sampleWidth/steps, Y: p.Y + 5}, {X: x, Y: p.Y + 5}})
		}
	case Ticks:
		for _, d := range []vg.Length{-7, -3, 5} {
			c.StrokeLine2(draw.LineStyle{Color: clr, Width: 1.5}, middle+d, p.Y-5, middle+d, p.Y+5)
		}
	case Vertical:
		c.StrokeLine2(lineStyle(s, clr), middle, p.Y-8, middle, p.Y+8)
	default:
		if s.Error != nil {
			c.FillPolygon(faded(clr, bandOpacity), []vg.Point{{X: p.X, Y: p.Y - 6}, {X: right, Y: p.Y - 6}, {X: right, Y: p.Y + 6}, {X: p.X, Y: p.Y + 6}})
		}
		c.StrokeLine2(lineStyle(s, clr), p.X, p.Y, right, p.Y)
	}
	label := typeface(fontSize, stdfont.WeightNormal, textColor)
	label.YAlign = draw.YCenter
	c.FillText(label, vg.Point{X: right + 6, Y: p.Y + 1}, s.Name)
	return right + 6 + label.Width(s.Name) + entryGap
}

// drawPanels draws the grid of panels so that the axes of a column stand in
// one line, and those of a row too.
func (f Figure) drawPanels(c draw.Canvas, l layout, look look) {
	plots := make([]*plot.Plot, len(f.Panels))
	before := make([]vg.Point, len(plots)) // what stands left of and below each panel's axes
	after := make([]vg.Point, len(plots))  // and right of and above them
	columns := make([][2]vg.Length, l.columns)
	rows := make([][2]vg.Length, l.rows)
	titles := make([]vg.Length, l.rows)
	size := c.Rectangle.Size()
	for i, p := range f.Panels {
		col, row := i%l.columns, i/l.columns
		cell := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Max: vg.Point{
			X: size.X / vg.Length(l.columns), Y: size.Y * vg.Length(l.rowHeight[row]),
		}}}
		inner := f.ShareX && i+l.columns < len(f.Panels)
		plots[i] = p.plot(cell.Max, inner, look)
		data := plots[i].DataCanvas(cell)
		before[i] = data.Min
		after[i] = cell.Max.Sub(data.Max)
		columns[col] = [2]vg.Length{max(columns[col][0], before[i].X), max(columns[col][1], after[i].X)}
		rows[row] = [2]vg.Length{max(rows[row][0], before[i].Y), max(rows[row][1], after[i].Y)}
		if p.Title != "" {
			titles[row] = 22
		}
	}
	title := typeface(fontSize, stdfont.WeightBold, textColor)
	title.XAlign, title.YAlign = draw.XCenter, draw.YCenter
	const gap = 14
	width, height := size.X-gap*vg.Length(l.columns-1), size.Y-gap*vg.Length(l.rows-1)
	for _, pads := range columns {
		width -= pads[0] + pads[1]
	}
	for row, pads := range rows {
		height -= pads[0] + pads[1] + titles[row]
	}
	width /= vg.Length(l.columns)
	top := c.Max.Y
	for row, y := range rows {
		tall := height * vg.Length(l.rowHeight[row])
		bottom := top - titles[row] - y[1] - tall
		left := c.Min.X
		for col, x := range columns {
			i := row*l.columns + col
			left += x[0]
			if i < len(plots) {
				data := vg.Rectangle{Min: vg.Point{X: left, Y: bottom}, Max: vg.Point{X: left + width, Y: bottom + tall}}
				c.FillText(title, vg.Point{X: (data.Min.X + data.Max.X) / 2, Y: top - titles[row]/2 + 2}, f.Panels[i].Title)
				plots[i].Draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: data.Min.Sub(before[i]), Max: data.Max.Add(after[i])}})
			}
			left += width + x[1] + gap
		}
		top = bottom - y[0] - gap
	}
}

// plot returns the panel as gonum/plot draws it, in about that much room;
// inner leaves out the names along the x axis, which the panel below shows.
func (p Panel) plot(size vg.Point, inner bool, look look) *plot.Plot {
	q := plot.New()
	q.BackgroundColor = nil
	x, y := p.ranges()
	p.X.apply(&q.X, x, (float64(size.X)-60)/75, inner)
	p.Y.apply(&q.Y, y, (float64(size.Y)-40)/42, false)
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: gridColor, Width: 1}
	grid.Vertical = grid.Horizontal
	q.Add(grid)
	for _, s := range p.Series {
		if s.Kind == Line && s.Error != nil {
			clr, _ := look(s)
			q.Add(band{s, clr})
		}
	}
	for _, s := range p.Series {
		clr, style := look(s)
		s.Style = style
		q.Add(mark{s, clr})
	}
	return q
}

func (a Axis) apply(to *plot.Axis, ends [2]float64, wanted float64, inner bool) {
	to.Min, to.Max = ends[0], ends[1]
	to.Padding = 0
	to.LineStyle = draw.LineStyle{Color: axisColor, Width: 1}
	to.Tick.LineStyle = to.LineStyle
	to.Tick.Length = 4
	x, y := to.Tick.Label.XAlign, to.Tick.Label.YAlign
	to.Tick.Label = typeface(fontSize-1, stdfont.WeightNormal, softText)
	to.Tick.Label.XAlign, to.Tick.Label.YAlign = x, y
	x, y = to.Label.TextStyle.XAlign, to.Label.TextStyle.YAlign
	to.Label.TextStyle = typeface(fontSize, stdfont.WeightNormal, textColor)
	to.Label.TextStyle.XAlign, to.Label.TextStyle.YAlign = x, y
	to.Label.Padding = 4
	var marks ticks
	switch {
	case len(a.Names) > 0:
		for i, name := range a.Names {
			marks = append(marks, plot.Tick{Value: float64(i), Label: name})
		}
	case a.Log:
		to.Scale = plot.LogScale{}
		marks = logTicks(ends)
	default:
		marks = a.linearTicks(ends, wanted)
	}
	if inner {
		for i := range marks {
			marks[i].Label = " " // an empty label would make it a minor tick, without a grid line
		}
	} else {
		to.Label.Text = a.Text()
	}
	to.Tick.Marker = marks
}

type ticks []plot.Tick

func (t ticks) Ticks(_, _ float64) []plot.Tick { return t }

// linearTicks returns about as many ticks as wanted, at multiples of 1, 2 or 5
// times a power of ten.
func (a Axis) linearTicks(ends [2]float64, wanted float64) ticks {
	raw := (ends[1] - ends[0]) / max(wanted, 2)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := power
	for _, m := range []float64{2, 5, 10} {
		if 1.4*raw >= m*power {
			step = m * power
		}
	}
	if a.Integer {
		step = max(step, 1)
	}
	digits := int(max(0, -math.Floor(math.Log10(step)+1e-9)))
	var marks ticks
	for i := math.Ceil(ends[0]/step - 1e-9); i*step <= ends[1]+1e-9*step; i++ {
		marks = append(marks, plot.Tick{Value: i * step, Label: tickLabel(i*step, digits)})
	}
	return marks
}

// tickLabel writes v with a true minus sign, or as a power of ten if it is
// very large or small.
func tickLabel(v float64, digits int) string {
	label := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 4 || math.Abs(v) >= 1e6 {
		label = strconv.FormatFloat(v, 'g', 3, 64)
	}
	if v == 0 {
		label = "0"
	}
	return strings.ReplaceAll(label, "-", "−")
}

// logTicks labels the powers of ten, and 2 and 5 times them if there are few.
func logTicks(ends [2]float64) ticks {
	decades := math.Log10(ends[1] / ends[0])
	var marks ticks
	for e := math.Floor(math.Log10(ends[0])); math.Pow(10, e) <= ends[1]; e++ {
		for m := 1.0; m < 10; m++ {
			t := plot.Tick{Value: m * math.Pow(10, e)}
			if t.Value < ends[0] || t.Value > ends[1] {
				continue
			}
			if m == 1 || decades < 2.5 && (m == 2 || m == 5) {
				t.Label = tickLabel(t.Value, int(max(0, -e)))
			}
			marks = append(marks, t)
		}
	}
	return marks
}

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
			low := b.Y[run[k]] - b.Error[run[k]]
			if _, log := p.Y.Scale.(plot.LogScale); log {
				low = max(low, p.Y.Min)
			}
			ring = append(ring, plotter.XY{X: b.X[run[k]], Y: low})
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
				at := vg.Point{X: x(m.X[run[0]]), Y: y(m.Y[run[0]])}
				c.DrawGlyph(draw.GlyphStyle{Color: m.color, Radius: pointRadius, Shape: draw.CircleGlyph{}}, at)
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
				low := max(m.Y[i]-m.Error[i], p.Y.Min)
				bar := []vg.Point{{X: at.X, Y: y(low)}, {X: at.X, Y: y(m.Y[i] + m.Error[i])}}
				c.StrokeLines(draw.LineStyle{Color: m.color, Width: referenceWide}, c.ClipLinesXY(bar)...)
			}
			c.DrawGlyph(m.marker(m.color), at)
		}
	case Cloud:
		if len(m.X) > maxDots {
			plotDensity(c, p, m.X, m.Y, m.color)
			return
		}
		for i := range m.X {
			if !math.IsNaN(m.Y[i]) {
				c.DrawGlyph(draw.GlyphStyle{Color: faded(m.color, dotOpacity), Radius: dotRadius, Shape: draw.CircleGlyph{}}, vg.Point{X: x(m.X[i]), Y: y(m.Y[i])})
			}
		}
	case Ticks:
		half := min(max(0.42*(y(1)-y(0)), 1), 7)
		if _, log := p.Y.Scale.(plot.LogScale); log {
			half = 7
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

// runs returns the indices of the points between gaps.
func (s Series) runs() [][]int {
	var runs [][]int
	open := false
	for i, y := range s.Y {
		if math.IsNaN(y) {
			open = false
			continue
		}
		if !open {
			runs, open = append(runs, nil), true
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], i)
	}
	return runs
}

// thin keeps of a long line only what can be seen: of each of that many equal
// stretches its first, lowest, highest and last point.
func thin(y []float64, run []int, stretches int) []int {
	if len(run) <= 4*stretches {
		return run
	}
	var kept []int
	for k := range stretches {
		part := run[k*len(run)/stretches : (k+1)*len(run)/stretches]
		low, high := part[0], part[0]
		for _, i := range part {
			if y[i] < y[low] {
				low = i
			}
			if y[i] > y[high] {
				high = i
			}
		}
		last := -1
		for _, i := range []int{part[0], min(low, high), max(low, high), part[len(part)-1]} {
			if i != last {
				kept = append(kept, i)
			}
			last = i
		}
	}
	return kept
}
