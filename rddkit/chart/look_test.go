package chart

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/invalid"
)

func TestColorsAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]Color{"": Auto, "auto": Auto, "vermillion": Vermillion, "grey": Grey, "#0072b2": Blue, "#A1B2C3": RGB(0xa1, 0xb2, 0xc3)} {
		if got, err := ParseColor(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"beige", "#12345", "#1234567", "0072b2", "#00g2b2", "Blue", "#+12345"} {
		var bad *invalid.Error
		if c, err := ParseColor(text); !errors.As(err, &bad) || c != Auto {
			t.Errorf("%q is %v, %v; want an error", text, c, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := RGB(rapid.Uint8().Draw(t, "r"), rapid.Uint8().Draw(t, "g"), rapid.Uint8().Draw(t, "b"))
		if got, err := ParseColor(c.String()); err != nil || got != c {
			t.Fatalf("%v became %v, %v", c, got, err)
		}
	})
}

// However many series a figure has, no two names look alike, and the first six
// are told apart by their colours.
func TestLooksNeverRepeat(t *testing.T) {
	for _, n := range []int{2, 6, 7, 24, 25, 71, 200} {
		f := Figure{Panels: []Panel{{X: Axis{Label: "x"}, Y: Axis{Label: "y"}}}}
		for i := range n {
			s := Series{Name: fmt.Sprint(i), Kind: Line, X: []float64{0, 1}, Y: []float64{0, float64(i)}}
			switch i {
			case 3:
				s.Color = Vermillion
			case 4:
				s.Style = Dashed
			}
			f.Panels[0].Series = append(f.Panels[0].Series, s)
		}
		seen, colors := map[string]string{}, map[string]bool{}
		look := f.looks()
		for _, s := range f.Panels[0].Series {
			c, style := look(s)
			key := css(c) + string(style)
			if other, ok := seen[key]; ok {
				t.Errorf("of %d series, %s looks like %s: %s", n, s.Name, other, key)
			}
			seen[key], colors[css(c)] = s.Name, true
		}
		if len(colors) < min(n, automatic) {
			t.Errorf("%d series have %d colours", n, len(colors))
		}
		if _, err := f.PNG(); err != nil {
			t.Error(err)
		}
	}
}

func TestOneNameHasOneLook(t *testing.T) {
	line := Series{Name: "a", Kind: Line, X: []float64{0, 1}, Y: []float64{0, 1}}
	f := Figure{Panels: []Panel{
		{X: Axis{Label: "x"}, Y: Axis{Label: "y"}, Series: []Series{{Name: "b", Kind: Line, X: line.X, Y: line.Y, Color: Blue}, line}},
		{X: Axis{Label: "x"}, Y: Axis{Label: "y"}, Series: []Series{line}},
	}}
	look := f.looks()
	one, _ := look(f.Panels[0].Series[1])
	two, _ := look(f.Panels[1].Series[0])
	if one != two || one == Blue.rgb() {
		t.Errorf("one name is %v and %v", one, two)
	}
}

// What draws knows nothing of what is drawn.
func TestChartImportsNoExperiments(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/weightalign/lab/"
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range file.Imports {
			of := strings.Trim(i.Path.Value, `"`)
			if rest, ours := strings.CutPrefix(of, module); ours && !strings.HasSuffix(path, "_test.go") &&
				!slices.Contains([]string{"rddkit/invalid", "rddkit/show", "rddkit/internal/atomicfile", "rddkit/internal/stream"}, rest) {
				t.Errorf("%s imports %s", path, of)
			}
		}
	}
}
