package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// A figure for a paper: its PNG has the pixels that DPI asks for, and says so.
func TestPrintedPictures(t *testing.T) {
	f := figures()["curves"]
	f.Width, f.Height = 480, 240 // 5 inches
	for dpi, want := range map[int]int{0: 960, 300: 1500, 72: 360} {
		f.DPI = dpi
		dir := t.TempDir()
		if err := f.Save(dir, "print"); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(filepath.Join(dir, "print.png"))
		if err != nil {
			t.Fatal(err)
		}
		size, err := png.DecodeConfig(bytes.NewReader(file))
		if err != nil || size.Width != want || size.Height != want/2 {
			t.Errorf("%d dpi: %d × %d pixels, %v; want %d wide", dpi, size.Width, size.Height, err, want)
		}
		if _, err := png.Decode(bytes.NewReader(file)); err != nil { // checks the sums
			t.Errorf("%d dpi: %v", dpi, err)
		}
		at := bytes.Index(file, []byte("pHYs"))
		if at < 0 {
			t.Fatalf("%d dpi: the file does not say how large it is", dpi)
		}
		perMetre := float64(file[at+6])*256 + float64(file[at+7])
		if inches := float64(size.Width) / perMetre / 0.0254; math.Abs(inches-5) > 0.01 {
			t.Errorf("%d dpi: the picture is %.3f inches wide, want 5", dpi, inches)
		}
	}
	for field, bad := range map[string]Figure{"DPI": {DPI: 5000, Panels: f.Panels}, "Width": {Width: 20, Panels: f.Panels}, "pixels of": {Width: 4000, Height: 8000, DPI: 2400, Panels: f.Panels}} {
		if err := bad.Save(t.TempDir(), "bad"); err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("error %v, want one of the %s", err, field)
		}
	}
}

func TestPDF(t *testing.T) {
	for name, f := range figures() {
		file, err := f.PDF()
		if err != nil {
			t.Fatal(err)
		}
		l := f.layout()
		if box := fmt.Sprintf("/MediaBox [0 0 %.2f %.2f]", 0.75*float64(l.width), 0.75*float64(l.height)); !bytes.HasPrefix(file, []byte("%PDF-")) || !bytes.Contains(file, []byte(box)) {
			t.Errorf("%s: no page of %s", name, box)
		}
		if again, err := f.PDF(); err != nil || !bytes.Equal(file, again) {
			t.Errorf("%s: drawn again, the file is another: %v", name, err)
		}
	}
}

// Where the canvas of a PDF puts points, upright, turned and on arcs.
func TestPDFCanvas(t *testing.T) {
	c := newPDF(200, 100)
	c.doc.SetCompression(false)
	if x, y := c.at(vg.Point{X: 40, Y: 20}); x != 30 || y != 60 {
		t.Errorf("(40, 20) of 200 × 100 is at %v, %v", x, y)
	}
	c.Push()
	c.Rotate(math.Pi / 2)
	if x, y := c.at(vg.Point{X: 20, Y: -40}); math.Abs(x-30) > 1e-9 || math.Abs(y-60) > 1e-9 {
		t.Errorf("turned by a quarter, (20, -40) is at %v, %v", x, y)
	}
	c.Pop()
	var path vg.Path
	path.Move(vg.Point{X: 60, Y: 50})
	path.Arc(vg.Point{X: 50, Y: 50}, 10, 0, 2*math.Pi)
	path.Close()
	c.Fill(path)
	var b bytes.Buffer
	if err := c.doc.Output(&b); err != nil {
		t.Fatal(err)
	}
	// Four curves; the first ends at the top of the circle, in points from below.
	if n := strings.Count(b.String(), " c\n"); n != 4 || !strings.Contains(b.String(), "37.50000 45.00000 c") {
		t.Errorf("%d curves, none to the top of the circle", n)
	}
}

func TestAlternativeText(t *testing.T) {
	f := figures()["curves"]
	const want = "Learning. training error (%) from 39 to 63 against epoch from 0 to 3. Shown: RDD, report; RDD; FA."
	if got := f.Alternative(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := figures()["clouds"].Alternative(), "Few points, many points. "; !strings.HasPrefix(got, want) {
		t.Errorf("%q", got)
	}
	svg, err := f.SVG()
	if err != nil {
		t.Fatal(err)
	}
	var drawing struct {
		Title string `xml:"title"`
	}
	if err := xml.Unmarshal(svg, &drawing); err != nil || drawing.Title != want {
		t.Errorf("the drawing is called %q, %v", drawing.Title, err)
	}
	f.Alt = `the "error" falls`
	page, err := f.HTML()
	if err != nil || !bytes.Contains(page, []byte(`alt="the &#34;error&#34; falls"`)) {
		t.Errorf("the page's picture has another text: %v", err)
	}
	var many Figure
	for i := range 40 {
		many.Panels = append(many.Panels, Panel{Title: fmt.Sprint("panel ", i), X: Axis{Label: "x"}, Y: Axis{Label: "y"}, Series: []Series{{Name: fmt.Sprint("name ", i), Kind: Line, X: []float64{0, 1}, Y: []float64{0, float64(1 + i)}}}})
	}
	if got := many.Alternative(); len(got) > 1000 || !strings.Contains(got, "and 28 more") {
		t.Errorf("of 40 panels: %q", got)
	}
}

// Programs that read tables skip comments at the top, and few elsewhere.
func TestTablesHaveCommentsAtTheTopOnly(t *testing.T) {
	tables := map[string]func() (string, error){"frames": testFrames().TSV}
	for name, f := range figures() {
		tables[name] = f.TSV
	}
	for name, make := range tables {
		table, err := make()
		if err != nil {
			t.Fatal(err)
		}
		top, width := true, 0
		for line := range strings.Lines(table) {
			if strings.HasPrefix(line, "#") {
				if !top {
					t.Fatalf("%s: a comment in the middle: %s", name, line)
				}
				continue
			}
			if n := strings.Count(line, "\t"); top {
				top, width = false, n
			} else if n != width {
				t.Fatalf("%s: %d columns, not %d: %s", name, n, width, line)
			}
		}
	}
}
