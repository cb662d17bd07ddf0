package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Figure is one figure: a grid of panels under one title and one legend.
type Figure struct {
	Title   string
	Panels  []Panel
	Columns int  // panels in a row; 0 means all of them up to 3
	ShareX  bool // the panels of a column are zoomed together, e.g. along time
	ShareY  bool // all panels' y axes have the same ends, which fit the data of all
	Width   int  // in page pixels, 96 to an inch; 0 means 900, the width of a notebook's column
	Height  int  // in page pixels; 0 means what the rows need

	DPI int    // image pixels to an inch, in the PNG file that Save writes; 0 means 192, two to a page pixel
	Alt string // for readers that see no pictures; "" means what [Figure.Alternative] makes of titles and names

	err error // what a ready figure found wrong with its input
}

// Failed returns a figure that cannot be drawn: its methods return err. It is
// what a function returns that makes a figure of input that is wrong.
func Failed(err error) Figure { return Figure{err: err} }

// Panel is one coordinate system.
type Panel struct {
	Title  string
	X, Y   Axis
	Series []Series // drawn in this order, later ones over earlier ones
	Height float64  // of the panel's row, relative to the other rows; 0 means 1
}

// Axis is one axis of a panel.
type Axis struct {
	Label string // what is shown along the axis, e.g. "time"; never empty
	Unit  string // its unit, e.g. "ms"; empty for a pure number
	// Min and Max are the ends of the axis; both 0 fits it to the data.
	Min, Max float64
	Log      bool     // a logarithmic axis; every value must be above 0
	Integer  bool     // only whole numbers are marked, e.g. epochs
	Names    []string // a name for each of the values 0, 1, 2, … instead of numbers
}

// Text returns the label with its unit: "time (ms)".
func (a Axis) Text() string {
	if a.Unit == "" {
		return a.Label
	}
	return a.Label + " (" + a.Unit + ")"
}

// Kind says how a series is drawn.
type Kind string

const (
	Line       Kind = "line"       // points joined in their order; Error is a band
	Step       Kind = "step"       // each value holds until the next point
	Points     Kind = "points"     // markers; Error is a bar
	Cloud      Kind = "cloud"      // many points: transparent dots, or a density image if they are more than 3000
	Ticks      Kind = "ticks"      // short upright strokes, e.g. spikes at X = times, Y = neuron
	Horizontal Kind = "horizontal" // reference lines across the panel at Y; X is not used
	Vertical   Kind = "vertical"   // reference lines up the panel at X; Y is not used
)

// Style is the style of a series' lines.
type Style string

const (
	Solid    Style = ""         // what was measured here
	Dashed   Style = "dashed"   // a reference, or a second quantity
	DashDot  Style = "dash-dot" // and Dotted: further arms, when there are more than colours
	Dotted   Style = "dotted"
	Reported Style = "reported" // a curve read from the published report: thin and dotted, in a lighter tone
)

var styles = []Style{Solid, Dashed, DashDot, Dotted, Reported}

// Series is data drawn in one way.
type Series struct {
	// Name is shown in the legend; series of one name, in whatever panel, have
	// one legend entry and one colour. Empty: not in the legend.
	Name string
	Kind Kind
	X, Y []float64 // one entry per point
	// Error is the standard error of each Y, in the unit of Y; nil for none. Of
	// Points, NaN stands for one that is not known: the point has no bar.
	Error []float64
	// Gaps allows NaN in Y, which interrupts a line and leaves a point out:
	// for quantities that do not exist everywhere.
	Gaps  bool
	Style Style // the pattern of lines, and the shape of markers
	Color Color // Auto: by the order in which names appear in the figure, see Next
}

// maxDots is the number of points up to which a cloud is drawn as dots.
const maxDots = 3000

// Validate returns an *invalid.Error for the first thing in the figure that
// cannot be drawn. Every method that draws calls it first.
func (f Figure) Validate() error {
	if f.err != nil {
		return f.err
	}
	switch {
	case len(f.Panels) == 0:
		return invalid.New("panels of the figure "+quote(f.Title), 0, "at least 1")
	case f.Columns < 0:
		return invalid.New("Columns", f.Columns, "0 (as many as fit) or more")
	case f.Width != 0 && (f.Width < 100 || f.Width > 4000):
		return invalid.New("Width", f.Width, "0 (for 900), or 100 to 4000 pixels")
	case f.Height < 0 || f.Height > 8000:
		return invalid.New("Height", f.Height, "0 (as needed) to 8000 pixels")
	case f.DPI != 0 && (f.DPI < 36 || f.DPI > 2400):
		return invalid.New("DPI", f.DPI, "0 (for 192), or 36 to 2400")
	}
	for i, p := range f.Panels {
		if err := p.validate(fmt.Sprintf("panel %d", i+1)); err != nil {
			return err
		}
	}
	return nil
}

func (p Panel) validate(where string) error {
	if p.Title != "" {
		where += " " + quote(p.Title)
	}
	if p.Height < 0 || math.IsNaN(p.Height) || math.IsInf(p.Height, 0) {
		return invalid.New("Height of "+where, p.Height, "0 (for 1) or more")
	}
	for name, a := range map[string]Axis{"X": p.X, "Y": p.Y} {
		switch {
		case a.Label == "":
			return invalid.New("label of the "+name+" axis of "+where, "", "a name for what the axis shows")
		case a.Min == 0 && a.Max == 0: // fitted
		case !finite(a.Min) || !finite(a.Max) || a.Min >= a.Max:
			return invalid.New("range of the "+name+" axis of "+where, [2]float64{a.Min, a.Max}, "two finite numbers, the lower one first")
		case a.Log && a.Min <= 0:
			return invalid.New("Min of the logarithmic "+name+" axis of "+where, a.Min, "above 0")
		}
	}
	if len(p.Series) == 0 {
		return invalid.New("series of "+where, 0, "at least 1")
	}
	for i, s := range p.Series {
		name := s.Name
		if name == "" {
			name = fmt.Sprintf("number %d", i+1)
		}
		if err := s.validate(fmt.Sprintf("series %s of %s", quote(name), where), p); err != nil {
			return err
		}
	}
	return nil
}

func (s Series) validate(where string, p Panel) error {
	switch s.Kind {
	case Line, Step, Points, Cloud, Ticks:
		if len(s.X) != len(s.Y) {
			return invalid.Newf("length of Y of "+where, len(s.Y), "%d, that of X", len(s.X))
		}
	case Horizontal, Vertical:
	default:
		return invalid.New("Kind of "+where, string(s.Kind), "line, step, points, cloud, ticks, horizontal or vertical")
	}
	if !slices.Contains(styles, s.Style) {
		return invalid.New("Style of "+where, string(s.Style), "Solid, Dashed, DashDot, Dotted or Reported")
	}
	if !s.Color.valid() {
		return invalid.New("Color of "+where, uint32(s.Color), "a named colour of this package, or one that RGB or ParseColor gave")
	}
	if s.Error != nil {
		if s.Kind != Line && s.Kind != Points {
			return invalid.New("Error of "+where, s.Error, "nil, as a series of kind "+string(s.Kind)+" has no errors")
		}
		if len(s.Error) != len(s.Y) {
			return invalid.Newf("length of Error of "+where, len(s.Error), "%d, that of Y", len(s.Y))
		}
	}
	if s.Kind != Horizontal {
		if err := s.values("X", s.X, where, p.X.Log, false); err != nil {
			return err
		}
	}
	if s.Kind != Vertical {
		if err := s.values("Y", s.Y, where, p.Y.Log, s.Gaps); err != nil {
			return err
		}
	}
	for i, e := range s.Error {
		if s.Gaps && math.IsNaN(s.Y[i]) || s.Kind == Points && math.IsNaN(e) {
			continue
		}
		if !finite(e) || e < 0 {
			return invalid.New(fmt.Sprintf("Error[%d] of %s", i, where), e, "a finite number, 0 or more")
		}
	}
	return nil
}

// values refuses what cannot be drawn. Gaps are fine as long as something is
// left.
func (s Series) values(field string, v []float64, where string, log, gaps bool) error {
	seen := false
	for i, x := range v {
		switch {
		case gaps && math.IsNaN(x):
			continue
		case !finite(x):
			return invalid.New(fmt.Sprintf("%s[%d] of %s", field, i, where), x, "a finite number")
		case log && x <= 0:
			return invalid.New(fmt.Sprintf("%s[%d] of %s", field, i, where), x, "above 0 on a logarithmic axis")
		}
		seen = true
	}
	if !seen {
		return invalid.New(where, "empty", "at least one point to draw")
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func quote(s string) string { return fmt.Sprintf("%q", s) }

// ranges returns the ends of both axes: those given, or the data's with a
// margin.
func (p Panel) ranges() (x, y [2]float64) {
	x, y = p.extents()
	return p.X.fit(x, 0.02), p.Y.fit(y, 0.06)
}

// extents returns what the data with their errors reach from and to;
// [emptyRange] of none.
func (p Panel) extents() (x, y [2]float64) {
	x, y = emptyRange, emptyRange
	for _, s := range p.Series {
		if s.Kind != Horizontal {
			for _, v := range s.X {
				extend(&x, v)
			}
		}
		if s.Kind == Vertical {
			continue
		}
		for i, v := range s.Y {
			extend(&y, v)
			if s.Error != nil {
				extend(&y, v+s.Error[i]) // NaN extends nothing
				if low := v - s.Error[i]; low > 0 || !p.Y.Log {
					extend(&y, low)
				}
			}
		}
	}
	return x, y
}

// ready returns the figure with the ends that ShareY asks for.
func (f Figure) ready() Figure {
	if !f.ShareY {
		return f
	}
	shared := emptyRange
	for _, p := range f.Panels {
		_, y := p.ranges()
		extend(&shared, y[0])
		extend(&shared, y[1])
	}
	f.Panels = slices.Clone(f.Panels)
	for i := range f.Panels {
		f.Panels[i].Y.Min, f.Panels[i].Y.Max = shared[0], shared[1]
	}
	return f
}

var emptyRange = [2]float64{math.Inf(1), math.Inf(-1)}

// extend makes room for v in r: for the largest number if v, a mean with its
// error, is beyond.
func extend(r *[2]float64, v float64) {
	if !math.IsNaN(v) {
		v = bounded(v)
		r[0], r[1] = min(r[0], v), max(r[1], v)
	}
}

func bounded(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }

// fit returns the axis' ends for data in r, with a margin of that part of the
// range on either side. Data that differ by their rounding only are a constant.
func (a Axis) fit(r [2]float64, margin float64) [2]float64 {
	switch {
	case a.Min != 0 || a.Max != 0:
		return [2]float64{a.Min, a.Max}
	case len(a.Names) > 0:
		return [2]float64{-0.5, float64(len(a.Names)) - 0.5}
	case r[0] > r[1]: // only reference lines along this axis
		r = [2]float64{0, 1}
		if a.Log {
			r = [2]float64{1, 10}
		}
	}
	const noise = 1e-12 // of the largest value
	if a.Log {
		low, high := math.Log(r[0]), math.Log(r[1])
		pad := margin * (high - low)
		if high-low <= noise {
			pad = math.Ln2
		}
		return [2]float64{max(math.Exp(low-pad), math.SmallestNonzeroFloat64), bounded(math.Exp(high + pad))}
	}
	size := max(math.Abs(r[0]), math.Abs(r[1]))
	if r[1]/2-r[0]/2 <= noise/2*size {
		half := max(size/10, min(size, 0.5))
		if size < 1e-300 {
			half = 0.5
		}
		return [2]float64{bounded(r[0] - half), bounded(r[1] + half)}
	}
	pad := margin*r[1] - margin*r[0]
	return [2]float64{bounded(r[0] - pad), bounded(r[1] + pad)}
}

// layout is the figure's geometry in page pixels, the same for both twins.
type layout struct {
	width, height, columns, rows int
	header                       int       // above the panels: title and legend
	title                        int       // of it, the title
	rowHeight                    []float64 // each row's share of the rest
}

const (
	defaultWidth  = 900
	titleHeight   = 30 // of a title of one line
	titleLines    = 2  // at most
	legendHeight  = 24
	panelHeight   = 280 // of one row, by default
	lonePanel     = 380 // of a figure of one panel
	maxColumns    = 3
	figureMargins = 8
)

func (f Figure) layout() layout {
	l := layout{width: f.Width, columns: f.Columns}
	if l.width == 0 {
		l.width = defaultWidth
	}
	if l.columns == 0 {
		l.columns = maxColumns
	}
	l.columns = min(l.columns, len(f.Panels))
	l.rows = (len(f.Panels) + l.columns - 1) / l.columns
	l.rowHeight = make([]float64, l.rows)
	total := 0.0
	for i, p := range f.Panels {
		r := i / l.columns
		height := p.Height
		if height == 0 {
			height = 1
		}
		l.rowHeight[r] = max(l.rowHeight[r], height)
	}
	for _, h := range l.rowHeight {
		total += h
	}
	if f.Title != "" {
		l.title = titleHeight + (fontSize+5)*strings.Count(f.titleText(l.width), "\n")
	}
	l.header = figureMargins + l.title + legendHeight*len(f.legendRows(l.width))
	switch {
	case f.Height > 0:
		l.height = max(f.Height, l.header+100)
	case len(f.Panels) == 1:
		l.height = l.header + lonePanel
	default:
		l.height = l.header + int(total*panelHeight)
	}
	for i := range l.rowHeight {
		l.rowHeight[i] /= total
	}
	return l
}

// titleText is the title, broken into lines that leave room for the interactive
// twin's tools.
func (f Figure) titleText(width int) string {
	return wrap(titleFont, visible(f.Title), float64(width)-120, titleLines)
}
