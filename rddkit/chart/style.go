package chart

import (
	"fmt"
	"image/color"
)

// Color is a colour of the palette, which readers with any kind of colour
// vision can tell apart (after Okabe and Ito 2008, "Color Universal Design").
type Color uint8

const (
	Auto Color = iota
	Blue
	Vermillion
	Green
	Purple
	Ochre
	Sky
	Black
	Grey
)

// palette holds the colours from Blue on.
var palette = [...]color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff},
	{0xd5, 0x5e, 0x00, 0xff},
	{0x00, 0x9e, 0x73, 0xff},
	{0xaa, 0x44, 0x99, 0xff},
	{0xe6, 0x9f, 0x00, 0xff},
	{0x56, 0xb4, 0xe9, 0xff},
	{0x22, 0x22, 0x22, 0xff},
	{0x80, 0x80, 0x80, 0xff},
}

// automatic is the number of colours that Auto goes through: not the greys.
const automatic = int(Sky)

func (c Color) rgb() color.NRGBA { return palette[max(int(c), 1)-1] }

// colors resolves Auto: a colour for every name, by order of appearance.
func (f Figure) colors() func(Series) color.NRGBA {
	named := map[string]Color{}
	taken := map[Color]bool{}
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if s.Color != Auto {
				taken[s.Color] = true
				if _, ok := named[s.Name]; !ok {
					named[s.Name] = s.Color
				}
			}
		}
	}
	next := Blue
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if _, ok := named[s.Name]; ok {
				continue
			}
			if s.Kind == Horizontal || s.Kind == Vertical {
				named[s.Name] = Grey
				continue
			}
			for tries := 0; taken[next] && tries < automatic; tries++ {
				next = next%Color(automatic) + 1
			}
			named[s.Name] = next
			next = next%Color(automatic) + 1
		}
	}
	return func(s Series) color.NRGBA {
		c := s.Color
		if c == Auto {
			c = named[s.Name]
		}
		if s.Style == Reported {
			return blend(c.rgb(), white, 0.35)
		}
		return c.rgb()
	}
}

var (
	white     = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	textColor = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	softText  = color.NRGBA{0x55, 0x55, 0x55, 0xff}
	axisColor = color.NRGBA{0x99, 0x99, 0x99, 0xff}
	gridColor = color.NRGBA{0xe8, 0xe8, 0xe8, 0xff}
)

// blend mixes the part t of b into a.
func blend(a, b color.NRGBA, t float64) color.NRGBA {
	mix := func(x, y uint8) uint8 { return uint8(float64(x)*(1-t) + float64(y)*t + 0.5) }
	return color.NRGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xff}
}

func faded(c color.NRGBA, alpha float64) color.NRGBA {
	c.A = uint8(alpha*255 + 0.5)
	return c
}

func css(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// Widths in page pixels, opacities and sizes that both twins share.
const (
	lineWidth     = 2.0
	reportWidth   = 1.8
	referenceWide = 1.2
	bandOpacity   = 0.18
	dotRadius     = 1.6
	dotOpacity    = 0.35
	pointRadius   = 3.2
	fontSize      = 13
)
