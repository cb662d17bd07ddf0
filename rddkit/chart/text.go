package chart

import (
	"image/color"
	"strings"
	"sync"
	"unicode"

	stdfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// The ways in which text is set.
var (
	titleFont  = typeface(fontSize+3, stdfont.WeightBold, textColor)
	panelFont  = typeface(fontSize, stdfont.WeightBold, textColor)
	normalFont = typeface(fontSize, stdfont.WeightNormal, textColor)
	tickFont   = typeface(fontSize-1, stdfont.WeightNormal, softText)
)

// families are the pictures' font, and others whose letters are as wide.
const families = "'Liberation Sans',Arial,Helvetica,sans-serif"

// lineHeight is the distance in page pixels of two lines of text.
const lineHeight = fontSize + 2

func typeface(size float64, weight stdfont.Weight, c color.Color) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: vg.Length(size)},
		Handler: plot.DefaultTextHandler,
	}
}

// wrap breaks s into at most so many lines of the width, in page pixels as the
// style sets them, at spaces if it can be. What is left is cut, with an ellipsis.
func wrap(style text.Style, s string, width float64, lines int) string {
	fits := func(s string) bool { return float64(style.Width(s)) <= width }
	var done []string
	line := ""
	words := strings.Fields(s)
	for len(words) > 0 {
		word := words[0]
		longer := strings.TrimPrefix(line+" "+word, " ")
		switch {
		case fits(longer):
			line, words = longer, words[1:]
		case len(done) == lines-1:
			return strings.Join(append(done, cut(longer, "…", fits)), "\n")
		case line != "":
			done, line = append(done, line), ""
		default: // a word alone is too long for a line
			part := cut(word, "", fits)
			if words[0] = word[len(part):]; words[0] == "" { // a letter is wider than the line
				words = words[1:]
			}
			done = append(done, part)
		}
	}
	if line != "" || len(done) == 0 {
		done = append(done, line)
	}
	return strings.Join(done, "\n")
}

// cut returns as much of s as fits with the end after it, one letter at least.
func cut(s, end string, fits func(string) bool) string {
	letters := []rune(s)
	// The widest that fits, by bisection: a width grows with the letters.
	low, high := 1, len(letters)
	for low < high {
		middle := (low + high + 1) / 2
		if fits(string(letters[:middle]) + end) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return strings.TrimRight(string(letters[:low]), " ") + end
}

// oneLine is s without what would break a line or cannot be seen.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Variation_Selector, r), r >= '\u200b' && r <= '\u200f', r == '\u2060', r == '\ufeff':
			return -1
		}
		return r
	}, s)
}

// visible is oneLine with a box in place of each letter that the pictures' font
// does not have.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 || glyphs().has(r) {
			return r
		}
		return '□'
	}, oneLine(s))
}

// glyphs is the font of the pictures.
var glyphs = sync.OnceValue(func() glyphSet {
	f := font.DefaultCache.Lookup(normalFont.Font, normalFont.Font.Size)
	return glyphSet{font: f.Face}
})

type glyphSet struct{ font *sfnt.Font }

func (g glyphSet) has(r rune) bool {
	var b sfnt.Buffer
	i, err := g.font.GlyphIndex(&b, r)
	return err == nil && i != 0
}
