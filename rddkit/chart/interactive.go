package chart

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"
	"gonum.org/v1/plot"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// option is an ECharts option made of go-echarts' types. Its renderer is not
// used: it writes one coordinate system with one title, and its page templates
// would make every cell's program larger.
type option struct {
	Background string         `json:"backgroundColor"`
	Text       opts.TextStyle `json:"textStyle"`
	Title      []opts.Title   `json:"title"`
	Legend     legend         `json:"legend"`
	Tooltip    opts.Tooltip   `json:"tooltip"`
	Toolbox    opts.Toolbox   `json:"toolbox"`
	Grid       []opts.Grid    `json:"grid"`
	XAxis      []xAxis        `json:"xAxis"`
	YAxis      []yAxis        `json:"yAxis"`
	DataZoom   []zoom         `json:"dataZoom"`
	Series     []series       `json:"series"`
	Animation  bool           `json:"animation"`
}

// legend, xAxis, yAxis, zoom and series add what go-echarts' types lack.
type legend struct {
	opts.Legend
	TextStyle legendText `json:"textStyle"`
}

type legendText struct {
	opts.TextStyle
	Width    int    `json:"width"`
	Overflow string `json:"overflow"`
}

type xAxis struct {
	opts.XAxis
	AxisLabel     axisLabel      `json:"axisLabel"`
	AxisTick      axisTick       `json:"axisTick"`
	NameTextStyle opts.TextStyle `json:"nameTextStyle"`
	Whole         string         `json:"whole"` // ours: the name, not broken into lines
}

type yAxis struct {
	opts.YAxis
	AxisLabel     axisLabel      `json:"axisLabel"`
	AxisTick      axisTick       `json:"axisTick"`
	NameTextStyle opts.TextStyle `json:"nameTextStyle"`
}

type axisLabel struct {
	*opts.AxisLabel
	CustomValues []float64 `json:"customValues,omitempty"`
}

type axisTick struct {
	Show         bool      `json:"show"`
	CustomValues []float64 `json:"customValues,omitempty"`
}

type zoom struct {
	opts.DataZoom
	OnWheel string `json:"zoomOnMouseWheel"`
}

type series struct {
	charts.SingleSeries
	LineStyle *stroke `json:"lineStyle,omitempty"`
	Z         int     `json:"z,omitempty"`
	Silent    bool    `json:"silent,omitempty"`
	Quiet     bool    `json:"quiet,omitempty"` // ours: has no line in the tooltip
}

type stroke struct {
	Color   string    `json:"color,omitempty"`
	Width   float64   `json:"width,omitempty"`
	Type    []float64 `json:"type,omitempty"` // dashes in pixels; none for a whole line
	Opacity *float64  `json:"opacity,omitempty"`
}

// Numbers of points above which the interactive twin shows a part.
const (
	maxCloud     = 6000 // random samples, in all clouds together
	maxTicks     = 6000
	maxStretches = 500 // of a line, four points each; see thin
)

// Option returns the interactive twin as an ECharts 5 option in JSON. Numbers
// have the digits that can be seen along their axes, 5 significant ones at least;
// of clouds it has random samples of at most 2000 points, the same each time, of a
// very long line what a screen can show. (ECharts draws nothing along an axis that
// is longer than the largest float.)
func (f Figure) Option() ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	f = f.ready()
	l := f.layout()
	look := f.looks()
	o := option{
		Background: css(white), // as the picture has, whatever the page's
		Text:       opts.TextStyle{FontFamily: families},
		Legend:     legend{Legend: opts.Legend{Show: opts.Bool(false)}},
		Tooltip:    opts.Tooltip{Show: opts.Bool(true), Trigger: "item"},
		Toolbox: opts.Toolbox{Show: opts.Bool(true), Right: "10", Top: "0", Feature: &opts.ToolBoxFeature{
			DataZoom:    &opts.ToolBoxFeatureDataZoom{Show: opts.Bool(true), Title: map[string]string{"zoom": "zoom into a box", "back": "undo the zoom"}, Icon: zoomIcons},
			Restore:     &opts.ToolBoxFeatureRestore{Title: "restore"},
			SaveAsImage: &opts.ToolBoxFeatureSaveAsImage{Title: "save as image"},
		}},
	}
	if f.Title != "" {
		o.Title = append(o.Title, opts.Title{Title: wrap(titleFont, oneLine(f.Title), float64(l.width)-120, titleLines), Left: "4", Top: "0", TitleStyle: &opts.TextStyle{FontSize: fontSize + 3, LineHeight: fontSize + 5, Color: css(textColor)}})
	}
	if entries := f.legend(); entries != nil {
		var names []string
		for _, s := range entries {
			names = append(names, s.Name)
		}
		o.Legend.Legend = opts.Legend{Show: opts.Bool(true), Left: "4", Top: strconv.Itoa(l.header - legendHeight*len(f.legendRows(l.width)) - figureMargins/2), Data: names}
		o.Legend.TextStyle = legendText{opts.TextStyle{FontSize: fontSize, Color: css(textColor)}, l.width - 20 - sampleWidth, "truncate"}
	}
	clouds := f.count(Cloud)
	if clouds == 0 && f.count(Line, Step) > 0 {
		o.Tooltip.Trigger = "axis" // values are best read along x, of all lines at once
	}
	for i, p := range f.Panels {
		f.addPanel(&o, i, p, l, maxCloud/max(clouds, 3), look)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(true) // no "</script>" within a page's script
	err := encoder.Encode(o)
	return bytes.TrimSpace(b.Bytes()), err
}

// zoomIcons are ECharts' own, which go-echarts' type would blank out.
var zoomIcons = map[string]string{
	"zoom": "path://M0,13.5h26.9 M13.5,26.9V0 M32.1,13.5H58V58H13.5 V32.1",
	"back": "path://M22,1.4L9.9,13.5l12.3,12.3 M10.3,13.5H54.9v44.6 H10.3v-26",
}

// count returns how many series of these kinds there are.
func (f Figure) count(kinds ...Kind) int {
	n := 0
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if slices.Contains(kinds, s.Kind) {
				n++
			}
		}
	}
	return n
}

// Room around a panel's axes in page pixels, for names and numbers.
const (
	roomLeft, roomRight  = 66, 16
	roomAbove, roomBelow = 30, 52
)

func (f Figure) addPanel(o *option, i int, p Panel, l layout, dots int, look look) {
	col, row := i%l.columns, i/l.columns
	percent := func(pixels float64) string { return fmt.Sprintf("%.2f%%", 100*pixels/float64(l.width)) }
	cell := float64(l.width) / float64(l.columns)
	top, rows := float64(l.header), float64(l.height-l.header)
	for r := range row {
		top += rows * l.rowHeight[r]
	}
	x, y := p.ranges()
	inner := f.ShareX && i+l.columns < len(f.Panels)
	title := wrap(panelFont, oneLine(p.Title), cell-20, panelTitleLines)
	above, below := roomAbove+lineHeight*(lines(title)-1), roomBelow
	if p.Title == "" {
		above = 12
	}
	// Texts are broken as in the picture; numbers and names are as wide as there.
	xName := wrap(normalFont, oneLine(p.X.Text()), cell-roomLeft-roomRight, labelLines)
	if inner {
		below = 10
	} else {
		below += lineHeight * (lines(xName) - 1)
	}
	height := max(rows*l.rowHeight[row]-float64(above+below), 10)
	yName := wrap(normalFont, oneLine(p.Y.Text()), height, labelLines)
	numbers := 0.0
	for _, mark := range verticalTicks(p.Y, y, cell, height, oneLine) {
		numbers = max(numbers, float64(tickFont.Width(mark.Label)))
	}
	nameGap := max(46, int(numbers)+16)
	left := max(roomLeft, float64(nameGap+20)) + float64(lineHeight*(lines(yName)-1))
	right := float64(roomRight)
	for _, mark := range p.X.ticks(x, 5) { // half of a number may stand beyond the axis' end
		right = max(right, float64(tickFont.Width(mark.Label))/2+4)
	}
	width := max(cell-left-right, 10)
	o.Grid = append(o.Grid, opts.Grid{
		Left: percent(cell*float64(col) + left), Width: percent(width),
		Top: strconv.Itoa(int(top) + above), Height: strconv.Itoa(int(height)),
	})
	if p.Title != "" {
		o.Title = append(o.Title, opts.Title{
			Title: title, TextAlign: "center", Top: strconv.Itoa(int(top)),
			Left:       percent(cell*float64(col) + left + width/2),
			TitleStyle: &opts.TextStyle{FontSize: fontSize, LineHeight: lineHeight, Color: css(textColor)},
		})
	}

	line := &opts.AxisLine{Show: opts.Bool(true), OnZero: opts.Bool(false), LineStyle: &opts.LineStyle{Color: css(axisColor)}}
	split := &opts.SplitLine{Show: opts.Bool(true), LineStyle: &opts.LineStyle{Color: css(gridColor)}}
	horizontal := opts.XAxis{
		GridIndex: i, Type: p.X.kind(), Name: xName, NameLocation: "middle", NameGap: 28,
		SplitNumber: int(max(2, cell/95)), AxisLine: line, SplitLine: split,
	}
	if inner {
		horizontal.NameGap = -1000 // out of sight
	}
	vertical := opts.YAxis{
		GridIndex: i, Type: p.Y.kind(), Name: yName, NameLocation: "middle", NameGap: nameGap,
		SplitNumber: int(max(2, height/45)), AxisLine: line, SplitLine: split,
	}
	if p.X.Integer {
		horizontal.MinInterval = 1
	}
	if p.Y.Integer {
		vertical.MinInterval = 1
	}
	if names := p.X.Names; len(names) > 0 {
		horizontal.Data = names
		x = [2]float64{0, float64(len(names) - 1)} // such an axis has no place beyond
	} else {
		horizontal.Min, horizontal.Max = rounder(x).number(x[0]), rounder(x).number(x[1])
	}
	if names := p.Y.Names; len(names) > 0 {
		vertical.Data = names
		y = [2]float64{0, float64(len(names) - 1)}
	} else {
		vertical.Min, vertical.Max = rounder(y).number(y[0]), rounder(y).number(y[1])
	}
	name := opts.TextStyle{Color: css(textColor), FontSize: fontSize, LineHeight: lineHeight}
	o.XAxis = append(o.XAxis, xAxis{horizontal, label(p.X, x), axisTick{true, decades(p.X, x)}, name, oneLine(p.X.Text())})
	o.YAxis = append(o.YAxis, yAxis{vertical, label(p.Y, y), axisTick{!p.Y.Log, decades(p.Y, y)}, name})
	if inner {
		o.XAxis[i].AxisLabel.Show = opts.Bool(false)
	}

	both := false
	for _, s := range p.Series {
		both = both || s.Kind == Cloud
		clr, style := look(s)
		s.Style = style
		o.addSeries(s, i, clr, x, y, height, dots)
	}
	inside := zoom{opts.DataZoom{Type: "inside", FilterMode: "none", XAxisIndex: []int{i}}, "ctrl"}
	if f.ShareX && i >= l.columns { // the column's first panel has it
		linked := &o.DataZoom[col]
		linked.XAxisIndex = append(linked.XAxisIndex.([]int), i)
	} else {
		o.DataZoom = append(o.DataZoom, inside)
	}
	if both && !f.ShareX {
		inside.XAxisIndex, inside.YAxisIndex = nil, []int{i}
		o.DataZoom = append(o.DataZoom, inside)
	}
}

func (a Axis) kind() string {
	switch {
	case len(a.Names) > 0:
		return "category"
	case a.Log:
		return "log"
	}
	return "value"
}

// label leaves out the numbers at an axis' ends unless they are round.
func label(a Axis, ends [2]float64) axisLabel {
	l := axisLabel{&opts.AxisLabel{Show: opts.Bool(true), HideOverlap: opts.Bool(true), Color: css(softText)}, decades(a, ends)}
	if len(a.Names) > 0 || l.CustomValues != nil {
		return l
	}
	round := func(end float64) bool {
		return !a.Log && slices.ContainsFunc(a.linearTicks(ends, 6), func(t plot.Tick) bool { return t.Value == end })
	}
	l.ShowMinLabel, l.ShowMaxLabel = opts.Bool(round(ends[0])), opts.Bool(round(ends[1]))
	return l
}

// symbols are the shapes of markers, the same as [Series.marker]'s.
var symbols = map[Style]string{Solid: "circle", Dashed: "rect", DashDot: "triangle", Dotted: "path://M4,0h2v4h4v2h-4v4h-2v-4h-4v-2h4z", Reported: "emptyCircle"}

// decades are the marks of a logarithmic axis that is too short or too long for
// ECharts, which has numbers at powers of ten only, and beyond some length at 1 alone.
func decades(a Axis, ends [2]float64) []float64 {
	if span := math.Log10(ends[1]) - math.Log10(ends[0]); !a.Log || span >= 2 && span < 12 {
		return nil
	}
	var at []float64
	for _, mark := range a.ticks(ends, 5) {
		if mark.Label != "" {
			at = append(at, mark.Value)
		}
	}
	return at
}

// addSeries adds what draws s in panel i.
func (o *option) addSeries(s Series, i int, clr color.NRGBA, x, y [2]float64, height float64, dots int) {
	width := lineWidth
	if s.Style == Reported {
		width = reportWidth
	}
	base := series{SingleSeries: charts.SingleSeries{
		Name: s.Name, Type: "line", XAxisIndex: i, YAxisIndex: i,
		Symbol: "circle", SymbolSize: 7, ShowSymbol: opts.Bool(false), // a dot under the pointer
		ItemStyle: &opts.ItemStyle{Color: css(clr)},
	}, LineStyle: &stroke{Color: css(clr), Width: width, Type: s.Style.dashes()}, Z: 3}
	reference := func(points json.RawMessage) {
		base.Data, base.Silent, base.Quiet, base.Z = points, true, true, 2
		base.LineStyle.Width, base.Symbol = referenceWide, "none"
		o.Series = append(o.Series, base)
	}
	r := [2]rounding{rounder(x), rounder(y)}
	switch s.Kind {
	case Line, Step:
		if s.Kind == Step {
			base.Step = "end"
		}
		for _, run := range s.runs() {
			if len(run) == 1 { // nothing to join it to
				base.ShowSymbol = opts.Bool(true)
			}
		}
		base.Data = s.points(s.shown(), r)
		o.Series = append(o.Series, base)
		if s.Error != nil {
			o.addBand(s, base, clr, r, y[0])
		}
	case Points:
		markers := base
		markers.Type, markers.Symbol, markers.SymbolSize, markers.LineStyle = "scatter", symbols[s.Style], 2*pointRadius, nil
		markers.Data = s.points(s.shown(), r)
		o.Series = append(o.Series, markers)
		if s.Error != nil {
			base.LineStyle.Type = nil // the style is the markers'
			var bars []byte
			for _, k := range s.shown() {
				if math.IsNaN(s.Error[k]) {
					continue
				}
				bars = appendPoint(bars, r, s.X[k], max(s.Y[k]-s.Error[k], y[0]))
				bars = appendPoint(bars, r, s.X[k], s.Y[k]+s.Error[k])
				bars = appendPoint(bars, r, s.X[k], math.NaN())
			}
			reference(array(bars))
		}
	case Cloud, Ticks:
		base.Type, base.SymbolSize, base.LineStyle = "scatter", 2*dotRadius+1, nil
		base.ItemStyle.Opacity = opts.Float(dotOpacity)
		most := dots
		if s.Kind == Ticks {
			rowHeight := height / (y[1] - y[0])
			base.Symbol, base.SymbolSize = "rect", []float64{1.5, math.Round(min(max(0.84*rowHeight, 2), 14))}
			base.ItemStyle.Opacity = nil
			most = maxTicks
		}
		base.Quiet = o.Tooltip.Trigger == "axis"
		base.Data = s.points(sample(s.shown(), most), r)
		o.Series = append(o.Series, base)
	case Horizontal:
		var points []byte
		for _, v := range s.Y {
			points = appendPoint(appendPoint(appendPoint(points, r, x[0], v), r, x[1], v), r, x[1], math.NaN())
		}
		reference(array(points))
	case Vertical:
		var points []byte
		for _, v := range s.X {
			points = appendPoint(appendPoint(appendPoint(points, r, v, y[0]), r, v, y[1]), r, v, math.NaN())
		}
		reference(array(points))
	}
}

// addBand adds a line's standard errors: a closed outline, of which ECharts
// fills the inside. (It fills down to the axis, but on the way back in the
// other direction, which cancels.)
func (o *option) addBand(s Series, line series, clr color.NRGBA, r [2]rounding, bottom float64) {
	for _, run := range s.runs() {
		shown := thin(s.Y, run, maxStretches)
		var outline []byte
		for _, k := range shown {
			outline = appendPoint(outline, r, s.X[k], s.Y[k]+s.Error[k])
		}
		for j := len(shown) - 1; j >= 0; j-- {
			outline = appendPoint(outline, r, s.X[shown[j]], max(s.Y[shown[j]]-s.Error[shown[j]], bottom))
		}
		band := line
		band.Data, band.Silent, band.Quiet, band.Z = array(outline), true, true, 1
		band.Symbol = "none"
		band.LineStyle = &stroke{Opacity: new(float64)}
		band.AreaStyle = &opts.AreaStyle{Color: css(clr), Opacity: opts.Float(bandOpacity)}
		o.Series = append(o.Series, band)
	}
}

// shown returns the indices of the points to draw; -1 is a gap in a line.
func (s Series) shown() []int {
	if s.Kind != Line && s.Kind != Step {
		var all []int
		for _, run := range s.runs() {
			all = append(all, run...)
		}
		return all
	}
	var shown []int
	for k, run := range s.runs() {
		if k > 0 {
			shown = append(shown, -1)
		}
		shown = append(shown, thin(s.Y, run, maxStretches)...)
	}
	return shown
}

// points writes [[x, y], …], with the standard error as a third number.
func (s Series) points(shown []int, r [2]rounding) json.RawMessage {
	var b []byte
	for _, k := range shown {
		switch {
		case k < 0:
			b = appendPoint(b, r, math.NaN(), math.NaN())
		case s.Error != nil:
			b = appendPoint(b, r, s.X[k], s.Y[k], s.Error[k])
		default:
			b = appendPoint(b, r, s.X[k], s.Y[k])
		}
	}
	return array(b)
}

func array(points []byte) json.RawMessage {
	return append(append([]byte{'['}, bytes.TrimPrefix(points, []byte{','})...), ']')
}

// appendPoint appends [x, y], or [x, y, error].
func appendPoint(b []byte, r [2]rounding, numbers ...float64) []byte {
	b = append(b, ',', '[')
	for i, v := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r[min(i, 1)].number(bounded(v))...)
	}
	return append(b, ']')
}

// rounding is the decimal place, as a power of ten, below which nobody sees a
// difference along an axis.
type rounding struct{ place int }

// rounder returns that of an axis: a hundred-thousandth of its length or less.
func rounder(ends [2]float64) rounding {
	half := max(ends[1]/2-ends[0]/2, math.SmallestNonzeroFloat64) // the length itself may overflow
	return rounding{int(math.Floor(math.Log10(half)+math.Log10(2)+1e-9)) - 5}
}

// number writes v with the digits that the axis shows, 5 significant ones at
// least, and NaN as ECharts' "no value".
func (r rounding) number(v float64) json.RawMessage {
	if math.IsNaN(v) {
		return json.RawMessage("null")
	}
	digits := 5
	if v != 0 {
		digits = min(max(digits, int(math.Floor(math.Log10(math.Abs(v))))-r.place+1), 17)
	}
	if rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64); err == nil {
		v = rounded // else it would round to infinity
	}
	return strconv.AppendFloat(nil, v, 'g', -1, 64)
}

// sample keeps at most most of the indices, each with the same probability and
// in their order (Knuth's selection sampling, algorithm 3.4.2S).
func sample(all []int, most int) []int {
	if len(all) <= most {
		return all
	}
	r := stream.New(0, "chart sample", uint64(len(all)))
	kept := make([]int, 0, most)
	for i, k := range all {
		if r.IntN(len(all)-i) < most-len(kept) {
			kept = append(kept, k)
		}
	}
	return kept
}
