package chart

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"time"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"codeberg.org/go-pdf/fpdf"
	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// PDF returns the static picture as a page of its size, Width/96 inches wide,
// with its fonts in it.
func (f Figure) PDF() ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	l := f.layout()
	c := newPDF(l.width, l.height)
	c.doc.SetTitle(f.heading(), true)
	c.doc.SetSubject(f.Alternative(), true)
	f.draw(c, l, visible)
	var b bytes.Buffer
	err := c.doc.Output(&b)
	return b.Bytes(), err
}

// pdfCanvas is a vg.Canvas. (That of gonum/plot writes text in the 255 letters of
// Windows code page 1252: no Greek, no minus sign.) It turns, which no canvas
// of a figure but a text does, and neither moves nor scales.
type pdfCanvas struct {
	doc           *fpdf.Fpdf
	width, height vg.Length
	images        int
	state         pdfState
	stack         []pdfState
}

type pdfState struct {
	color color.NRGBA
	line  vg.Length
	turn  float64 // radians, around the lower left corner
}

const points = 72. / 96 // of a page pixel

func newPDF(width, height int) *pdfCanvas {
	doc := fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: points * float64(width), Ht: points * float64(height)}})
	doc.SetCatalogSort(true) // the same bytes each time
	doc.SetCreationDate(time.Unix(0, 0).UTC())
	doc.SetModificationDate(time.Unix(0, 0).UTC())
	doc.SetMargins(0, 0, 0)
	doc.SetAutoPageBreak(false, 0)
	doc.AddUTF8FontFromBytes("sans", "", liberationsansregular.TTF)
	doc.AddUTF8FontFromBytes("sans", "B", liberationsansbold.TTF)
	doc.AddPage()
	c := &pdfCanvas{doc: doc, width: vg.Length(width), height: vg.Length(height)}
	vg.Initialize(c)
	return c
}

func (c *pdfCanvas) Size() (w, h vg.Length) { return c.width, c.height }

// at returns the point as the document counts, from the upper left corner.
func (c *pdfCanvas) at(p vg.Point) (x, y float64) {
	sin, cos := math.Sincos(c.state.turn)
	return points * (float64(p.X)*cos - float64(p.Y)*sin), points * (float64(c.height) - float64(p.X)*sin - float64(p.Y)*cos)
}

func (c *pdfCanvas) SetLineWidth(w vg.Length) {
	c.state.line = w
	c.doc.SetLineWidth(points * float64(w))
}

func (c *pdfCanvas) SetLineDash(pattern []vg.Length, offset vg.Length) {
	dashes := make([]float64, len(pattern))
	for i, d := range pattern {
		dashes[i] = points * float64(d)
	}
	c.doc.SetDashPattern(dashes, points*float64(offset))
}

func (c *pdfCanvas) SetColor(clr color.Color) {
	if clr == nil {
		clr = color.Black
	}
	n := color.NRGBAModel.Convert(clr).(color.NRGBA)
	c.state.color = n
	c.doc.SetFillColor(int(n.R), int(n.G), int(n.B))
	c.doc.SetDrawColor(int(n.R), int(n.G), int(n.B))
	c.doc.SetTextColor(int(n.R), int(n.G), int(n.B))
	c.doc.SetAlpha(float64(n.A)/255, "Normal")
}

func (c *pdfCanvas) Rotate(radians float64) { c.state.turn += radians }
func (c *pdfCanvas) Translate(vg.Point)     { panic("chart: nothing moves a PDF's canvas") }
func (c *pdfCanvas) Scale(_, _ float64)     { panic("chart: nothing scales a PDF's canvas") }

func (c *pdfCanvas) Push() { c.stack = append(c.stack, c.state) }

func (c *pdfCanvas) Pop() {
	c.state = c.stack[len(c.stack)-1]
	c.stack = c.stack[:len(c.stack)-1]
	c.SetColor(c.state.color)
	c.SetLineWidth(c.state.line)
}

func (c *pdfCanvas) Stroke(p vg.Path) {
	if c.state.line > 0 {
		c.path(p, "D")
	}
}

func (c *pdfCanvas) Fill(p vg.Path) { c.path(p, "F") }

func (c *pdfCanvas) path(p vg.Path, style string) {
	for i, part := range p {
		switch part.Type {
		case vg.MoveComp:
			c.doc.MoveTo(c.at(part.Pos))
		case vg.LineComp:
			c.doc.LineTo(c.at(part.Pos))
		case vg.ArcComp:
			c.arc(part, i == 0)
		case vg.CloseComp:
			c.doc.ClosePath()
		default:
			panic(fmt.Sprintf("chart: part %d of a path of a PDF", part.Type)) // nothing here draws curves
		}
	}
	c.doc.DrawPath(style)
}

// arc draws an arc as Bézier curves of a quarter turn at most, off by less than
// 0.0003 of its radius.
func (c *pdfCanvas) arc(a vg.PathComp, first bool) {
	n := math.Ceil(math.Abs(a.Angle) / (math.Pi / 2))
	step := a.Angle / n
	handle := 4. / 3 * math.Tan(step/4)
	on := func(angle, along float64) vg.Point {
		sin, cos := math.Sincos(angle)
		return a.Pos.Add(vg.Point{X: a.Radius * vg.Length(cos-along*sin), Y: a.Radius * vg.Length(sin+along*cos)})
	}
	if first {
		c.doc.MoveTo(c.at(on(a.Start, 0)))
	} else {
		c.doc.LineTo(c.at(on(a.Start, 0)))
	}
	for k := range int(n) {
		from := a.Start + float64(k)*step
		x1, y1 := c.at(on(from, handle))
		x2, y2 := c.at(on(from+step, -handle))
		x3, y3 := c.at(on(from+step, 0))
		c.doc.CurveBezierCubicTo(x1, y1, x2, y2, x3, y3)
	}
}

func (c *pdfCanvas) FillString(f font.Face, p vg.Point, text string) {
	weight := ""
	if f.Font.Weight >= stdfont.WeightBold {
		weight = "B"
	}
	c.doc.SetFont("sans", weight, points*float64(f.Font.Size))
	x, y := c.at(p)
	if c.state.turn == 0 {
		c.doc.Text(x, y, text)
		return
	}
	c.doc.TransformBegin()
	c.doc.TransformRotate(c.state.turn*180/math.Pi, x, y)
	c.doc.Text(x, y, text)
	c.doc.TransformEnd()
}

func (c *pdfCanvas) DrawImage(at vg.Rectangle, img image.Image) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("chart: " + err.Error()) // into memory, of a size that Validate allows
	}
	c.images++
	name := fmt.Sprint("image ", c.images)
	options := fpdf.ImageOptions{ImageType: "png"}
	c.doc.RegisterImageOptionsReader(name, options, &b)
	x, y := c.at(vg.Point{X: at.Min.X, Y: at.Max.Y})
	size := at.Size()
	c.doc.ImageOptions(name, x, y, points*float64(size.X), points*float64(size.Y), false, options, 0, "")
}
