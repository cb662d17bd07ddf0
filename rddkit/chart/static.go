package chart

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"hash/crc32"
	"image"
	"image/png"
	"math"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Scale is how many image pixels the PNG has for a page pixel, along each
// axis, so that text stays crisp on dense screens and in print.
const Scale = 2

// maxPixels is how many pixels a picture may have: 4 bytes each while it is made.
const maxPixels = 1 << 27

// PNG returns the static picture, [Scale] image pixels to a page pixel.
func (f Figure) PNG() ([]byte, error) { return f.raster(Scale) }

func (f Figure) raster(scale float64) ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	l := f.layout()
	if pixels := float64(l.width) * float64(l.height) * scale * scale; pixels > maxPixels {
		return nil, invalid.Newf("pixels of the figure "+quote(f.Title), int(pixels), "at most %d; draw fewer panels, or with a lower DPI", maxPixels)
	}
	// A vg.Length of 1 is a 72nd of an inch: at 72 dots per inch, one pixel.
	canvas := vgimg.NewWith(vgimg.UseWH(vg.Length(l.width), vg.Length(l.height)), vgimg.UseDPI(int(math.Round(72*scale))))
	f.draw(canvas, l, visible)
	var b bytes.Buffer
	err := png.Encode(&b, indexed(canvas.Image().(*image.RGBA)))
	return b.Bytes(), err
}

// print returns the static picture with the figure's DPI, which the file states.
func (f Figure) print() ([]byte, error) {
	dpi := f.DPI
	if dpi == 0 {
		dpi = Scale * inch
	}
	picture, err := f.raster(float64(dpi) / inch)
	if err != nil {
		return nil, err
	}
	return withResolution(picture, dpi), nil
}

const inch = 96 // page pixels

// withResolution puts a pHYs chunk into a PNG file, after the header: image
// pixels to a metre, by which programs that set pages choose its size.
func withResolution(file []byte, dpi int) []byte {
	perMetre := uint32(math.Round(float64(dpi) / 0.0254))
	chunk := append([]byte("pHYs"), make([]byte, 9)...)
	binary.BigEndian.PutUint32(chunk[4:], perMetre)
	binary.BigEndian.PutUint32(chunk[8:], perMetre)
	chunk[12] = 1 // the unit is the metre
	const header = 8 + 4 + 4 + 13 + 4
	out := binary.BigEndian.AppendUint32(bytes.Clone(file[:header]), 9)
	out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
	return append(out, file[header:]...)
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
	f.draw(canvas, l, oneLine)
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	svg := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:"+families+";"))
	svg = bytes.ReplaceAll(svg, []byte("data:image/jpg;"), []byte("data:image/png;"))
	return describe(svg, f.Alternative()), nil
}

// painter draws a figure on a canvas of the layout's size.
type painter struct {
	draw.Canvas
	Figure
	layout
	look look
	text func(string) string // what the canvas can show of a text
}

func (f Figure) draw(on vg.CanvasSizer, l layout, text func(string) string) {
	f = f.ready()
	p := painter{draw.New(on), f, l, f.looks(), text}
	p.SetColor(white)
	p.Canvas.Fill(p.Rectangle.Path())
	const margin = 10
	top := p.Max.Y - figureMargins/2
	if f.Title != "" {
		style := titleFont
		style.YAlign = draw.YTop
		p.FillText(style, vg.Point{X: p.Min.X + margin, Y: top - 3}, p.wrapped(style, f.Title, float64(l.width)-120, titleLines))
		top -= vg.Length(l.title)
	}
	for _, row := range f.legendRows(l.width) {
		x := p.Min.X + margin
		for _, entry := range row {
			x = p.entry(vg.Point{X: x, Y: top - legendHeight/2}, entry)
		}
		top -= legendHeight
	}
	p.panels(draw.Crop(p.Canvas, 4, -margin, 4, vg.Length(-l.header)))
}

// wrapped is the text as it is drawn, on so many lines at most.
func (p painter) wrapped(style text.Style, s string, width float64, lines int) string {
	return wrap(style, p.text(s), width, lines)
}

// describe puts a text for readers that see no pictures into an SVG drawing.
func describe(svg []byte, text string) []byte {
	at := bytes.Index(svg, []byte("<svg"))
	if at < 0 {
		return svg
	}
	end := at + bytes.IndexByte(svg[at:], '>') + 1
	out := bytes.NewBuffer(bytes.Clone(svg[:end]))
	out.WriteString("\n<title>")
	xml.EscapeText(out, []byte(oneLine(text))) // into memory: it does not fail
	out.WriteString("</title>")
	out.Write(svg[end:])
	return out.Bytes()
}
