package chart

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"gonum.org/v1/plot"
	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/celltest"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

var update = flag.Bool("update", false, "write the golden files anew")

// figures has one figure of every kind, small so that the golden pictures are.
func figures() map[string]Figure {
	r := stream.New(1, "chart test")
	all := map[string]Figure{}

	var trace, spikes Series
	for i := range 300 {
		trace.X, trace.Y = append(trace.X, float64(i)), append(trace.Y, math.Mod(float64(i), 70)/69)
		if i%70 == 69 {
			spikes.X, spikes.Y = append(spikes.X, float64(i)), append(spikes.Y, 1.1)
		}
	}
	trace.Name, trace.Kind, trace.Color = "potential", Line, Blue
	spikes.Name, spikes.Kind, spikes.Color = "spike", Ticks, Black
	threshold := Series{Name: "threshold", Kind: Horizontal, Y: []float64{1}, Style: Dashed, Color: Grey}
	raster := Series{Name: "spike", Kind: Ticks, Color: Black}
	for neuron := range 12 {
		for time := 50 * r.ExpFloat64(); time < 300; time += 50 * r.ExpFloat64() {
			raster.X, raster.Y = append(raster.X, math.Round(time)), append(raster.Y, float64(neuron))
		}
	}
	time := Axis{Label: "time", Unit: "ms", Min: 0, Max: 300}
	all["ticks"] = Figure{Title: "Spikes", Columns: 1, ShareX: true, Height: 460, Panels: []Panel{
		{X: time, Y: Axis{Label: "potential"}, Height: 1.6, Series: []Series{threshold, trace, spikes}},
		{X: time, Y: Axis{Label: "neuron", Integer: true, Min: -0.8, Max: 11.8}, Series: []Series{raster}},
	}}

	few, many := Series{Name: "FA", Kind: Cloud, Color: Vermillion}, Series{Name: "RDD", Kind: Cloud, Color: Blue}
	for i := range 6000 {
		w, noise := r.NormFloat64(), r.NormFloat64()
		many.X, many.Y = append(many.X, w), append(many.Y, 2*w+noise)
		if i < 300 {
			few.X, few.Y = append(few.X, w), append(few.Y, noise)
		}
	}
	all["clouds"] = Figure{Title: "Few points, many points", Panels: []Panel{
		{X: Axis{Label: "x"}, Y: Axis{Label: "y"}, Series: []Series{{Kind: Vertical, X: []float64{0}, Color: Grey}, few}},
		{X: Axis{Label: "x"}, Y: Axis{Label: "y"}, Series: []Series{many}},
	}}

	d := Discontinuity{Title: "A jump of 0.5", X: Axis{Label: "running variable", Unit: "mV"}, Y: Axis{Label: "outcome"}}
	for i := range 10 {
		x := float64(i)/5 - 0.9
		d.BinX, d.BinSE = append(d.BinX, x), append(d.BinSE, 0.1)
		if y := 0.3 * x; x < 0 {
			d.BinMean = append(d.BinMean, y)
		} else {
			d.BinMean = append(d.BinMean, y+0.5)
		}
	}
	d.Left = Fit{X: []float64{-1, 0}, Y: []float64{-0.3, 0}, SE: []float64{0.05, 0.1}}
	d.Right = Fit{X: []float64{0, 1}, Y: []float64{0.5, 0.8}}
	all["discontinuity"] = RDPlot(d)

	all["curves"] = Curves("Learning", Axis{Label: "epoch", Integer: true}, Axis{Label: "training error", Unit: "%"},
		Curve{Name: "RDD, report", X: []float64{0, 1, 2, 3}, Runs: [][]float64{{60, 50, 44, 40}}, Style: Reported, Color: Blue},
		Curve{Name: "RDD", X: []float64{0, 1, 2, 3}, Runs: [][]float64{{62, 51, 43, 41}, {60, 47, 45, 39}}, Color: Blue},
		Curve{Name: "FA", X: []float64{0, 1, 2, 3}, Runs: [][]float64{{63, 60, math.NaN(), 58}}, Gaps: true, Color: Vermillion})

	all["kinds"] = Figure{Title: "Other axes", Columns: 2, Panels: []Panel{
		{
			Title: "logarithmic",
			X:     Axis{Label: "window", Unit: "mV", Log: true},
			Y:     Axis{Label: "variance", Log: true},
			Series: []Series{
				{Name: "step", Kind: Step, X: []float64{0.01, 0.1, 1, 10}, Y: []float64{100, 20, 3, 1}},
				{Name: "points", Kind: Points, X: []float64{0.02, 2}, Y: []float64{50, 5}, Error: []float64{60, 1}},
			},
		},
		{
			Title: "named",
			X:     Axis{Label: "method", Names: []string{"FA", "RDD", "BP"}},
			Y:     Axis{Label: "error", Unit: "%", Min: 0, Max: 50},
			Series: []Series{
				{Name: "points", Kind: Points, X: []float64{0, 1, 2}, Y: []float64{40, 30, 20}, Error: []float64{2, 3, 1}},
				{Name: "chance", Kind: Horizontal, Y: []float64{45}, Style: Dashed},
			},
		},
	}}
	for name, f := range all {
		f.Width = 480
		f.Height = max(f.Height, 300)
		all[name] = f
	}
	return all
}

// TestGolden holds the table exactly and the picture with a tolerance: other
// processors round strokes' edges differently.
func TestGolden(t *testing.T) {
	for name, f := range figures() {
		t.Run(name, func(t *testing.T) {
			table, err := f.TSV()
			if err != nil {
				t.Fatal(err)
			}
			picture, err := f.raster(1)
			if err != nil {
				t.Fatal(err)
			}
			tsvPath, pngPath := filepath.Join("testdata", name+".tsv"), filepath.Join("testdata", name+".png")
			if f.count(Cloud) > 0 { // a checksum stands for the table of 6300 points
				table = fmt.Sprintf("%x\n", sha256.Sum256([]byte(table)))
			}
			if *update {
				for path, content := range map[string][]byte{tsvPath: []byte(table), pngPath: picture} {
					if err := os.WriteFile(path, content, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			want, err := os.ReadFile(tsvPath)
			if err != nil {
				t.Fatal(err)
			}
			if table != string(want) {
				t.Errorf("the table differs from %s", tsvPath)
			}
			if want, err = os.ReadFile(pngPath); err != nil {
				t.Fatal(err)
			}
			if part := different(t, picture, want); part > 0.002 {
				t.Errorf("%.2g %% of the picture's pixels differ from %s", 100*part, pngPath)
			}
		})
	}
}

// different returns the part of the pixels whose colours differ by more than a
// fifth of the range; 1 if the sizes do.
func different(t *testing.T, a, b []byte) float64 {
	t.Helper()
	var images [2]image.Image
	for i, file := range [][]byte{a, b} {
		var err error
		if images[i], err = png.Decode(bytes.NewReader(file)); err != nil {
			t.Fatal(err)
		}
	}
	bounds := images[0].Bounds()
	if bounds != images[1].Bounds() {
		return 1
	}
	n := 0
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			r, g, b, _ := images[0].At(x, y).RGBA()
			r2, g2, b2, _ := images[1].At(x, y).RGBA()
			for _, pair := range [][2]uint32{{r, r2}, {g, g2}, {b, b2}} {
				if max(pair[0], pair[1])-min(pair[0], pair[1]) > 0xffff/5 {
					n++
					break
				}
			}
		}
	}
	return float64(n) / float64(bounds.Dx()*bounds.Dy())
}

// TestIndexedKeepsFlatColours: with more tones than a palette holds, what fills
// much of the picture keeps its colour, and what is rare comes close.
func TestIndexedKeepsFlatColours(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 100, 100))
	r := stream.New(1, "tones")
	for i := range 100 {
		for j := range 100 {
			c := gridColor
			if i >= 50 {
				c = color.NRGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 0xff}
			}
			img.Set(i, j, c)
		}
	}
	out := indexed(img)
	if len(out.Palette) != 256 {
		t.Errorf("%d colours", len(out.Palette))
	}
	if out.At(10, 10) != color.Color(gridColor) {
		t.Errorf("the flat half became %v", out.At(10, 10))
	}
	for j := range 100 {
		r, g, b, _ := out.At(80, j).RGBA()
		r2, g2, b2, _ := img.At(80, j).RGBA()
		for _, pair := range [][2]uint32{{r, r2}, {g, g2}, {b, b2}} {
			if d := int(pair[0]>>8) - int(pair[1]>>8); d > 90 || d < -90 {
				t.Errorf("a tone moved by %d of 255", d)
			}
		}
	}
}

// TestPointsAreDrawnWhereTheyBelong measures the picture: of three markers in
// three colours, the third must stand where its coordinates put it between the
// other two.
func TestPointsAreDrawnWhereTheyBelong(t *testing.T) {
	at := func(c Color, x, y float64) Series {
		return Series{Kind: Points, X: []float64{x}, Y: []float64{y}, Color: c}
	}
	f := Figure{Panels: []Panel{{
		X: Axis{Label: "x", Min: -1, Max: 2}, Y: Axis{Label: "y", Min: -1, Max: 2},
		Series: []Series{at(Blue, 0, 0), at(Vermillion, 1, 1), at(Green, 0.25, 0.7)},
	}}}
	file, err := f.PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size.X != Scale*defaultWidth {
		t.Errorf("the picture is %d wide", size.X)
	}
	blueX, blueY := centre(t, img, Blue)
	redX, redY := centre(t, img, Vermillion)
	greenX, greenY := centre(t, img, Green)
	wantX, wantY := blueX+0.25*(redX-blueX), blueY+0.7*(redY-blueY)
	if math.Abs(greenX-wantX) > 1 || math.Abs(greenY-wantY) > 1 {
		t.Errorf("the point (0.25, 0.7) is at pixel (%.1f, %.1f), want (%.1f, %.1f)", greenX, greenY, wantX, wantY)
	}
	if redX <= blueX || redY >= blueY {
		t.Error("x does not grow to the right, or y not upwards")
	}
}

// centre returns the mean position of the pixels of a colour.
func centre(t *testing.T, img image.Image, c Color) (x, y float64) {
	t.Helper()
	want := c.rgb()
	near := func(a uint32, b uint8) bool { return math.Abs(float64(a>>8)-float64(b)) < 12 }
	n := 0.0
	bounds := img.Bounds()
	for j := bounds.Min.Y; j < bounds.Max.Y; j++ {
		for i := bounds.Min.X; i < bounds.Max.X; i++ {
			if r, g, b, _ := img.At(i, j).RGBA(); near(r, want.R) && near(g, want.G) && near(b, want.B) {
				x, y, n = x+float64(i), y+float64(j), n+1
			}
		}
	}
	if n == 0 {
		t.Fatalf("no pixel has the colour %v", want)
	}
	return x / n, y / n
}

func TestSVGIsADrawing(t *testing.T) {
	svg, err := figures()["curves"].SVG()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	paths := 0
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	inText := false
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
			if token.Name.Local == "path" {
				paths++
			}
		case xml.CharData:
			if inText {
				texts = append(texts, strings.TrimSpace(string(token)))
			}
		}
	}
	for _, want := range []string{"Learning", "epoch", "training error (%)", "RDD, report", "RDD", "FA"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no text %q among %q", want, texts)
		}
	}
	if paths < 10 {
		t.Errorf("%d paths", paths)
	}
	if !bytes.Contains(svg, []byte(css(Blue.rgb())[1:])) && !bytes.Contains(bytes.ToLower(svg), []byte(css(Blue.rgb()))) {
		t.Error("no path has the series' colour")
	}
}

func TestOption(t *testing.T) {
	for name, f := range figures() {
		data, err := f.Option()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("<")) {
			t.Errorf("%s: the option could end a script early", name)
		}
		var o struct {
			Grid, XAxis, YAxis []map[string]any
			Legend             struct{ Data []string }
			Series             []struct {
				Name, Type string
				XAxisIndex int
				Quiet      bool
				Data       [][]any
			}
		}
		if err := json.Unmarshal(data, &o); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := len(f.Panels); len(o.Grid) != n || len(o.XAxis) != n || len(o.YAxis) != n {
			t.Errorf("%s: %d panels, %d grids", name, n, len(o.Grid))
		}
		for i, p := range f.Panels {
			for _, s := range p.Series {
				found := false
				for _, drawn := range o.Series {
					if drawn.Name != s.Name || drawn.XAxisIndex != i || drawn.Quiet {
						continue
					}
					found = true
					want := len(s.X)
					if s.Kind == Cloud {
						want = min(want, maxCloud/3)
					}
					if s.Kind != Line && len(drawn.Data) != want {
						t.Errorf("%s: series %q has %d points, want %d", name, s.Name, len(drawn.Data), want)
					}
					if s.Error != nil && len(drawn.Data[0]) != 3 {
						t.Errorf("%s: series %q lost its errors", name, s.Name)
					}
				}
				reference := s.Kind == Horizontal || s.Kind == Vertical || s.Kind == Ticks
				if !found && !reference {
					t.Errorf("%s: panel %d lacks series %q", name, i, s.Name)
				}
			}
		}
	}
}

func TestNumbersKeepTheDigitsThatAreSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ends := [2]float64{rapid.Float64().Draw(t, "low"), rapid.Float64().Draw(t, "high")}
		slices.Sort(ends[:])
		v := rapid.Float64Range(ends[0], ends[1]).Draw(t, "v")
		got, err := strconv.ParseFloat(string(rounder(ends).number(v)), 64)
		if err != nil {
			t.Fatal(err)
		}
		if off := math.Abs(got/2 - v/2); off > 5e-5*math.Abs(v) || off > 1e-5*(ends[1]/2-ends[0]/2)+1e-16*math.Abs(v) {
			t.Errorf("%v became %v", v, got)
		}
	})
	for text, c := range map[string]struct {
		ends [2]float64
		v    float64
	}{
		"50.757":    {[2]float64{0, 100}, 50.75724},
		"2.3025849": {[2]float64{2.3025848, 2.3025851}, 2.3025849},
		"null":      {[2]float64{0, 1}, math.NaN()},
	} {
		if got := string(rounder(c.ends).number(c.v)); got != text {
			t.Errorf("%v became %s, want %s", c.v, got, text)
		}
	}
}

func TestBandIsClosed(t *testing.T) {
	s := Series{Name: "a", Kind: Line, X: []float64{0, 1, 2}, Y: []float64{1, 2, 3}, Error: []float64{0.5, 0.5, 0.5}}
	var o option
	o.addSeries(s, 0, Blue.rgb(), [2]float64{0, 2}, [2]float64{0, 4}, 100, 10)
	if len(o.Series) != 2 {
		t.Fatalf("%d series, want the line and its band", len(o.Series))
	}
	if got := string(o.Series[1].Data.(json.RawMessage)); got != "[[0,1.5],[1,2.5],[2,3.5],[2,2.5],[1,1.5],[0,0.5]]" {
		t.Errorf("outline %s", got)
	}
}

func TestThinKeepsTheExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-1, 1), 50, 400).Draw(t, "y")
		run := make([]int, len(y))
		for i := range run {
			run[i] = i
		}
		stretches := rapid.IntRange(1, 20).Draw(t, "stretches")
		kept := thin(y, run, stretches)
		if len(kept) > max(4*stretches, len(run)) || !slices.IsSorted(kept) {
			t.Fatalf("kept %v", kept)
		}
		var shown []float64
		for _, i := range kept {
			shown = append(shown, y[i])
		}
		if slices.Min(shown) != slices.Min(y) || slices.Max(shown) != slices.Max(y) || kept[0] != 0 || kept[len(kept)-1] != len(y)-1 {
			t.Fatalf("lost an extreme or an end of %v", y)
		}
	})
}

func TestSample(t *testing.T) {
	all := make([]int, 1000)
	for i := range all {
		all[i] = 3 * i
	}
	kept := sample(all, 100)
	if len(kept) != 100 || !slices.IsSorted(kept) || len(slices.Compact(slices.Clone(kept))) != 100 {
		t.Errorf("sample %v", kept)
	}
	if !slices.Equal(kept, sample(all, 100)) {
		t.Error("a second sample differs")
	}
	if kept := sample(all, 1000); !slices.Equal(kept, all) {
		t.Error("a sample of all is not all")
	}
}

func TestHistogramCountsEveryPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Float64Range(0, 10)
		n := rapid.IntRange(0, 100).Draw(t, "n")
		xs, ys := rapid.SliceOfN(value, n, n).Draw(t, "x"), rapid.SliceOfN(value, n, n).Draw(t, "y")
		p := plot.New()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 10, 0, 5
		want := 0
		for _, y := range ys {
			if y <= 5 {
				want++
			}
		}
		got := 0
		for _, row := range histogram(p, xs, ys, 7, 3) {
			for _, c := range row {
				got += c
			}
		}
		if got != want {
			t.Fatalf("counted %d of %d points", got, want)
		}
	})
}

func TestCurveIsMeanAndStandardError(t *testing.T) {
	s, err := Curve{Name: "RDD", X: []float64{0, 1}, Runs: [][]float64{{1, 10}, {2, 20}, {6, 30}}}.Series()
	if err != nil {
		t.Fatal(err)
	}
	// Means 3 and 20; s.d. √7 and 10; errors s.d. / √3.
	want := []float64{3, 20, math.Sqrt(7.0 / 3), 10 / math.Sqrt(3)}
	for i, got := range append(slices.Clone(s.Y), s.Error...) {
		if math.Abs(got-want[i]) > 1e-12 {
			t.Errorf("mean and s.e. %v %v, want %v", s.Y, s.Error, want)
		}
	}
}

func TestSeededHasARunForEachSeed(t *testing.T) {
	c := Seeded("sum", Blue, 2, []float64{5, 7}, func(seed uint64, x float64) float64 { return float64(seed) + x })
	if fmt.Sprint(c.Runs) != "[[5 7] [6 8]]" || c.Name != "sum" || c.Color != Blue || fmt.Sprint(c.X) != "[5 7]" {
		t.Errorf("%+v", c)
	}
}

func TestBadFiguresAreRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	axis := Axis{Label: "x"}
	one := []float64{1}
	with := func(s Series) Figure { return Figure{Panels: []Panel{{X: axis, Y: axis, Series: []Series{s}}}} }
	for want, f := range map[string]Figure{
		"panels":                         {},
		"label of the X":                 {Panels: []Panel{{Y: axis, Series: []Series{{Kind: Line, X: one, Y: one}}}}},
		"range of the Y":                 {Panels: []Panel{{X: axis, Y: Axis{Label: "y", Min: 2, Max: 1}, Series: []Series{{Kind: Line, X: one, Y: one}}}}},
		"series of panel 1":              {Panels: []Panel{{X: axis, Y: axis}}},
		`length of Y of series "FA"`:     with(Series{Name: "FA", Kind: Line, X: one, Y: []float64{1, 2}}),
		`Y[1] of series "FA"`:            with(Series{Name: "FA", Kind: Line, X: []float64{1, 2}, Y: []float64{1, nan}}),
		`X[0] of series "FA"`:            with(Series{Name: "FA", Kind: Points, X: []float64{inf}, Y: one}),
		`series "gaps" of panel 1`:       with(Series{Name: "gaps", Kind: Line, X: one, Y: []float64{nan}, Gaps: true}),
		`series "none" of panel 1`:       with(Series{Name: "none", Kind: Cloud}),
		`Kind of series "pie"`:           with(Series{Name: "pie", Kind: "pie", X: one, Y: one}),
		`Error[0] of series "e"`:         with(Series{Name: "e", Kind: Line, X: one, Y: one, Error: []float64{-1}}),
		`length of Error of series "e2"`: with(Series{Name: "e2", Kind: Line, X: one, Y: one, Error: []float64{1, 1}}),
		`Style of series "s"`:            with(Series{Name: "s", Kind: Line, X: one, Y: one, Style: "wavy"}),
		`X[0] of series "log"`:           {Panels: []Panel{{X: Axis{Label: "x", Log: true}, Y: axis, Series: []Series{{Name: "log", Kind: Line, X: []float64{0}, Y: one}}}}},
		`runs of the curve "c"`:          Curves("", axis, axis, Curve{Name: "c"}),
		`length of run 1 of the curve`:   Curves("", axis, axis, Curve{Name: "c", X: one, Runs: [][]float64{one, {1, 2}}}),
		`runs of the curve "in a grid"`:  Grid("", 2, Curves("", axis, axis, Curve{Name: "in a grid"})),
		`epochs`:                         Failed(invalid.New("epochs", 0, "at least 1")),
		"Color of series":                with(Series{Kind: Line, X: one, Y: one, Color: 7}),
	} {
		var bad *invalid.Error
		dir := filepath.Join(t.TempDir(), "figures")
		if err := f.Save(dir, "bad"); !errors.As(err, &bad) || !strings.Contains(bad.Field, want) {
			t.Errorf("want an error that names %s, got %v", want, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: a bad figure left files", want)
		}
	}
}

func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	f := figures()["clouds"]
	if err := f.Save(dir, "clouds"); err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{"png", "svg", "pdf", "html", "tsv"} {
		if info, err := os.Stat(filepath.Join(dir, "clouds."+ending)); err != nil || info.Size() < 1000 {
			t.Errorf("clouds.%s: %v", ending, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 5 {
		t.Errorf("the folder holds %v", entries)
	}
	html, err := os.ReadFile(filepath.Join(dir, "clouds.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, reference := range []string{`src="http`, `href="http`, `src="//`} {
		if bytes.Contains(html, []byte(reference)) {
			t.Errorf("the page refers to the network: %s", reference)
		}
	}
	var bad *invalid.Error
	if err := f.Save(dir, "../weights"); !errors.As(err, &bad) {
		t.Errorf("a path as name gave the error %v", err)
	}
}

// TestLibraryIsTheReleasedFile: the sum is that of dist/echarts.min.js in the
// npm package echarts 5.6.0.
func TestLibraryIsTheReleasedFile(t *testing.T) {
	r, err := gzip.NewReader(bytes.NewReader(library))
	if err != nil {
		t.Fatal(err)
	}
	source, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(source)); got != "bf4a223524e40b77c304bec67e1222cf551f14880cf42c69dc046558e11c07b1" {
		t.Errorf("SHA-256 %s", got)
	}
	for _, name := range []string{"LICENSE", "NOTICE"} {
		if text, err := os.ReadFile(filepath.Join("assets", name)); err != nil || !bytes.Contains(text, []byte("Apache")) {
			t.Errorf("assets/%s: %v", name, err)
		}
	}
}

func testFrames() Frames {
	frames := Frames{Label: "noise <c>"}
	for i := range 5 {
		c := float64(i) / 4
		frames.Values = append(frames.Values, c)
		frames.Figures = append(frames.Figures, Curves("", Axis{Label: "x"}, Axis{Label: "y"},
			Curve{Name: "estimate", X: []float64{0, 1}, Runs: [][]float64{{0, c - 2}}}))
	}
	return frames
}

func TestFrames(t *testing.T) {
	frames := testFrames()
	middle, err := frames.Middle()
	if err != nil {
		t.Fatal(err)
	}
	if p := middle.Panels[0]; p.Y.Min > -2 || p.Y.Max < 0 || middle.Panels[0].Series[0].Y[1] != -1.5 {
		t.Errorf("the middle frame has y from %g to %g and ends at %g", p.Y.Min, p.Y.Max, p.Series[0].Y[1])
	}
	table, err := frames.TSV()
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(table), "\n"); len(lines) != 2+5*2 || lines[0] != "# 1\tx: x\ty: y" || lines[1] != "noise <c>\tpanel\tseries\tkind\tx\ty\tstandard error" {
		t.Errorf("table:\n%s", table)
	}
	dir := t.TempDir()
	if err := frames.Save(dir, "moving"); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "moving.html"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(page, []byte("iVBORw0KGgo")); n != 6 { // five frames and the one that stands first
		t.Errorf("the page holds %d pictures, want 6", n)
	}
	if !bytes.Contains(page, []byte("noise &lt;c&gt;")) {
		t.Error("the label is not escaped")
	}
	frames.Values[2] = math.NaN()
	var bad *invalid.Error
	if err := frames.Save(dir, "bad"); !errors.As(err, &bad) || bad.Field != "Values[2]" {
		t.Errorf("error %v", err)
	}
}

// TestShow looks at a cell's outputs as the kernel receives them.
func TestShow(t *testing.T) {
	kernel := celltest.Start(t)
	defer func() { gonbui.IsNotebook = false }()
	Init()
	output := kernel.Take()
	if len(output) != 1 {
		t.Fatalf("Init made %d outputs", len(output))
	}
	loader := output[0].Data[protocol.MIMETextHTML].(string)
	if len(loader) > 460_000 || !strings.Contains(loader, "window.rddChart") {
		t.Errorf("the loader has %d bytes", len(loader))
	}
	for name, show := range map[string]func() error{"figure": figures()["curves"].Show, "frames": testFrames().Show} {
		if err := show(); err != nil {
			t.Fatal(err)
		}
		output = kernel.Take()
		if len(output) != 2 {
			t.Fatalf("%s: %d outputs, want the picture and the interactive twin", name, len(output))
		}
		if _, ok := output[0].Data[protocol.MIMEImagePNG]; !ok {
			t.Errorf("%s: the picture does not come first", name)
		}
		html, _ := output[1].Data[protocol.MIMETextHTML].(string)
		if !strings.HasPrefix(html, "<details") {
			t.Errorf("%s: the second output is %.80q", name, html)
		}
		if err := show(); err != nil {
			t.Fatal(err)
		}
		if again := kernel.Take(); again[1].Data[protocol.MIMETextHTML] != html {
			t.Errorf("%s: showing it again changes the notebook's file", name)
		}
	}
	if err := (Figure{}).Show(); err == nil || len(kernel.Take()) != 0 {
		t.Error("a bad figure was shown")
	}
}

func TestGridsTitlePanels(t *testing.T) {
	x, y := Axis{Label: "x"}, Axis{Label: "y"}
	line := Curve{Name: "a", X: []float64{0, 1}, Runs: [][]float64{{1, 2}}}
	named, own := Curves("left", x, y, line), Curves("", x, y, line)
	own.Panels[0].Title = "right"
	grid := Grid("both", 2, named, own)
	if grid.Title != "both" || grid.Panels[0].Title != "left" || grid.Panels[1].Title != "right" || named.Panels[0].Title != "" {
		t.Errorf("the titles are %q, %q and %q; the figure's own panel has %q", grid.Title, grid.Panels[0].Title, grid.Panels[1].Title, named.Panels[0].Title)
	}
}

func TestSeededHasGaps(t *testing.T) {
	c := Seeded("product", Auto, 2, []float64{1, 2, 3}, func(seed uint64, x float64) float64 { return x * float64(seed+1) })
	want := Curve{Name: "product", Gaps: true, X: []float64{1, 2, 3}, Runs: [][]float64{{1, 2, 3}, {2, 4, 6}}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, want %+v", c, want)
	}
}
