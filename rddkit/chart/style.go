package chart

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Color is an opaque colour, 1<<24 + 0xRRGGBB; [Auto] lets the figure choose.
// The named ones can be told apart with any kind of colour vision (after Okabe
// and Ito 2008, "Color Universal Design").
type Color uint32

const (
	Auto       Color = 0
	Blue       Color = 1<<24 + 0x0072b2
	Vermillion Color = 1<<24 + 0xd55e00
	Green      Color = 1<<24 + 0x009e73
	Purple     Color = 1<<24 + 0xaa4499
	Ochre      Color = 1<<24 + 0xe69f00
	Sky        Color = 1<<24 + 0x56b4e9
	Black      Color = 1<<24 + 0x222222
	Grey       Color = 1<<24 + 0x808080
)

// named are the colours that have names. The first automatic of them are those
// that Auto goes through: not the greys.
var named = []struct {
	name  string
	color Color
}{
	{"blue", Blue}, {"vermillion", Vermillion}, {"green", Green}, {"purple", Purple}, {"ochre", Ochre}, {"sky", Sky},
	{"black", Black}, {"grey", Grey},
}

const automatic = 6

// RGB returns the colour of these parts of red, green and blue (sRGB).
func RGB(r, g, b uint8) Color { return 1<<24 + Color(r)<<16 + Color(g)<<8 + Color(b) }

// ParseColor returns the colour called name ("blue", "vermillion", "green",
// "purple", "ochre", "sky", "black" or "grey") or written "#rrggbb" in
// hexadecimal digits; of "" and "auto" it returns [Auto].
func ParseColor(name string) (Color, error) {
	if name == "" || name == "auto" {
		return Auto, nil
	}
	names := make([]string, len(named))
	for i, n := range named {
		if n.name == name {
			return n.color, nil
		}
		names[i] = n.name
	}
	if digits, ok := strings.CutPrefix(name, "#"); ok && len(digits) == 6 {
		if v, err := strconv.ParseUint(digits, 16, 32); err == nil {
			return 1<<24 + Color(v), nil
		}
	}
	return Auto, invalid.Newf("colour", name, "%s, or #rrggbb", strings.Join(names, ", "))
}

// String returns the colour as [ParseColor] reads it.
func (c Color) String() string {
	if c == Auto {
		return "auto"
	}
	for _, n := range named {
		if n.color == c {
			return n.name
		}
	}
	return fmt.Sprintf("#%06x", uint32(c)&0xffffff)
}

func (c Color) valid() bool { return c == Auto || c>>24 == 1 }

func (c Color) rgb() color.NRGBA { return color.NRGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 0xff} }

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
