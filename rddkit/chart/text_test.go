package chart

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLettersThatTheFontLacksAreSeen(t *testing.T) {
	for s, want := range map[string]string{
		"权重 ✓ — naïve ⟨x⟩":            "□□ □ — naïve □x□",
		"η = 0.1 ± 2² ≤ ∞ − 1 → √":    "η = 0.1 ± 2² ≤ ∞ − 1 → √",
		"two\nlines\tand a\u00a0tab":  "two lines and a tab",
		"\u2713\ufe0f and\u200b this": "□ and this",
		"bell\a":                      "bell ",
		"":                            "",
	} {
		if got := visible(s); got != want {
			t.Errorf("%q is shown as %q, want %q", s, got, want)
		}
	}
	f := figures()["curves"]
	f.Title = "权重"
	svg, err := f.SVG()
	if err != nil || !bytes.Contains(svg, []byte("权重")) {
		t.Errorf("the drawing, which is set in the reader's fonts, does not say 权重: %v", err)
	}
}

func TestWrap(t *testing.T) {
	const text = "largest input drive of a neuron in a window"
	for _, c := range []struct {
		s     string
		width float64
		lines int
		want  string
	}{
		{text, 1000, 3, text},
		{text, 150, 3, "largest input drive of a\nneuron in a window"},
		{text, 150, 1, "largest input drive of a…"},
		{"drive", 10, 2, "d\nr…"},
		{"", 100, 2, ""},
		{"a", -5, 3, "a"},
	} {
		if got := wrap(normalFont, c.s, c.width, c.lines); got != c.want {
			t.Errorf("%q in %d lines of %g: %q, want %q", c.s, c.lines, c.width, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := oneLine(rapid.String().Draw(t, "s"))
		width, lines := rapid.Float64Range(20, 300).Draw(t, "width"), rapid.IntRange(1, 4).Draw(t, "lines")
		got := wrap(normalFont, s, width, lines)
		if n := strings.Count(got, "\n") + 1; n > lines || !utf8.ValidString(got) {
			t.Fatalf("%q became %q", s, got)
		}
		if !strings.HasSuffix(got, "…") && strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(strings.ToValidUTF8(s, "\ufffd")), "") {
			t.Fatalf("%q lost something: %q", s, got)
		}
	})
}

// However long the texts around it, a panel keeps most of its cell.
func TestLongTextsLeaveRoom(t *testing.T) {
	words := strings.Repeat("change of the filtered spikes ", 13)
	for name, label := range map[string]string{"390 letters": words, "one word of 390": strings.ReplaceAll(words, " ", "_"), "short": "x"} {
		panel := Panel{Title: label, X: Axis{Label: label}, Y: Axis{Label: label}, Series: []Series{{Name: label, Kind: Line, X: []float64{0, 1}, Y: []float64{0, 1}}}}
		f := Figure{Title: label, Panels: []Panel{panel, panel, panel}}
		img := decoded(t, f)
		// The line goes from corner to corner of the axes but for their margins.
		width, height := extent(t, img, Blue)
		if cell := float64(Scale * defaultWidth / 3); width < 0.6*cell || height < 0.4*Scale*panelHeight {
			t.Errorf("%s: the plot is %.0f × %.0f of %.0f × %d pixels", name, width, height, cell, Scale*panelHeight)
		}
		if _, err := f.Option(); err != nil {
			t.Error(err)
		}
	}
}

func decoded(t *testing.T, f Figure) image.Image {
	t.Helper()
	file, err := f.PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// extent returns the size of what is drawn in a colour in the first of three
// panels, below the legend.
func extent(t *testing.T, img image.Image, c Color) (width, height float64) {
	t.Helper()
	var box image.Rectangle
	want := c.rgb()
	for y := img.Bounds().Max.Y - Scale*panelHeight; y < img.Bounds().Max.Y; y++ {
		for x := range img.Bounds().Dx() / 3 {
			if r, g, b, _ := img.At(x, y).RGBA(); uint8(r>>8) == want.R && uint8(g>>8) == want.G && uint8(b>>8) == want.B {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return float64(box.Dx()), float64(box.Dy())
}
