package chart

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"pgregory.net/rapid"
)

func TestTicks(t *testing.T) {
	const largest = math.MaxFloat64
	for _, c := range []struct {
		axis Axis
		ends [2]float64
		want float64
		text string
	}{
		{Axis{}, [2]float64{0, 100}, 5, "0 20 40 60 80 100"},
		{Axis{}, [2]float64{-0.31, 0.29}, 6, "−0.3 −0.2 −0.1 0 0.1 0.2"},
		{Axis{}, [2]float64{-120, 3}, 4, "−120 −100 −80 −60 −40 −20 0"},
		{Axis{}, [2]float64{0.0021, 0.0049}, 3, "0.003 0.004"},
		{Axis{}, [2]float64{0, 3e7}, 3, "0 1e+07 2e+07 3e+07"},
		{Axis{}, [2]float64{2.3025848, 2.3025851}, 3, "2.3025848 2.3025849 2.3025850 2.3025851"},
		{Axis{}, [2]float64{1e9, 1e9 + 4}, 4, "1000000000 1000000001 1000000002 1000000003 1000000004"},
		{Axis{}, [2]float64{1, math.Nextafter(1, 2)}, 5, "1 1.0000000000000002"},
		{Axis{}, [2]float64{-largest, largest}, 3, "−1e+308 0 1e+308"},
		{Axis{}, [2]float64{0, math.SmallestNonzeroFloat64}, 3, "0 5e-324"},
		{Axis{Integer: true}, [2]float64{-0.5, 0.5}, 5, "0"},
		{Axis{Log: true}, [2]float64{0.1, 30}, 5, "0.1 0.2 0.5 1 2 5 10 20"},
		{Axis{Log: true}, [2]float64{1e-300, 1}, 3, "1e-300 1e-200 1e-100 1"},
		{Axis{Log: true}, [2]float64{3.1, 3.3}, 3, "3.10 3.15 3.20 3.25 3.30"},
	} {
		var labels []string
		for _, tick := range c.axis.ticks(c.ends, c.want) {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		if got := strings.ReplaceAll(strings.Join(labels, " "), "e−", "e-"); got != c.text {
			t.Errorf("ticks of %v: %s, want %s", c.ends, got, c.text)
		}
	}
}

// anyFinite draws finite numbers of every size, also some that differ by their
// rounding only.
func anyFinite(t *rapid.T, name string, n int) []float64 {
	if rapid.Bool().Draw(t, name+" alike") {
		v := rapid.Float64().Filter(finite).Draw(t, name)
		all := make([]float64, n)
		for i := range all {
			all[i] = v
			for range rapid.IntRange(0, 3).Draw(t, name+" ulp") {
				all[i] = bounded(math.Nextafter(all[i], math.Inf(1)))
			}
		}
		return all
	}
	return rapid.SliceOfN(rapid.Float64().Filter(finite), n, n).Draw(t, name)
}

// Between any two ends there are a few marks, in order, within, and told apart
// by their labels.
func TestTicksOfAnyAxis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Axis{Log: rapid.Bool().Draw(t, "log"), Integer: rapid.Bool().Draw(t, "integer")}
		v := anyFinite(t, "ends", 2)
		if a.Log {
			v[0], v[1] = max(math.Abs(v[0]), math.SmallestNonzeroFloat64), max(math.Abs(v[1]), math.SmallestNonzeroFloat64)
		}
		slices.Sort(v)
		ends := [2]float64{v[0], v[1]}
		if rapid.Bool().Draw(t, "fitted") || v[0] == v[1] {
			ends = a.fit(ends, 0.05)
		}
		if !(ends[0] < ends[1]) || !finite(ends[0]) || !finite(ends[1]) {
			t.Fatalf("fitted to %v", ends)
		}
		marks := a.ticks(ends, rapid.Float64Range(0, 60).Draw(t, "wanted"))
		if len(marks) > mostTicks || !a.Integer && marks.labelled() < 2 {
			t.Fatalf("%d marks, %d labelled, of %v: %v", len(marks), marks.labelled(), ends, marks)
		}
		seen := map[string]bool{}
		for i, mark := range marks {
			if i > 0 && mark.Value <= marks[i-1].Value || mark.Value < ends[0] || mark.Value > ends[1] {
				t.Fatalf("marks of %v: %v", ends, marks)
			}
			if seen[mark.Label] && mark.Label != "" {
				t.Fatalf("two marks of %v are called %s: %v", ends, mark.Label, marks)
			}
			seen[mark.Label] = true
		}
	})
}

func TestScalesPlaceAnyValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scale{log: rapid.Bool().Draw(t, "log")}
		v := anyFinite(t, "values", 3)
		if s.log {
			for i := range v {
				v[i] = max(math.Abs(v[i]), math.SmallestNonzeroFloat64)
			}
		}
		slices.Sort(v)
		if v[0] == v[2] {
			return
		}
		if s.log && math.Log(v[2])-math.Log(v[0]) == 0 {
			return // no axis of Validate's
		}
		var _ plot.Normalizer = s
		if low, middle, high := s.Normalize(v[0], v[2], v[0]), s.Normalize(v[0], v[2], v[1]), s.Normalize(v[0], v[2], v[2]); low != 0 || high != 1 || !(middle >= 0 && middle <= 1) {
			t.Fatalf("%v is placed at %v, %v and %v", v, low, middle, high)
		}
	})
}

// Whatever finite numbers a figure has, both twins are drawn.
func TestAnyFiniteDataIsDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		s := Series{Name: rapid.String().Draw(t, "name"), X: anyFinite(t, "x", n), Y: anyFinite(t, "y", n)}
		s.Kind = rapid.SampledFrom([]Kind{Line, Step, Points, Cloud, Ticks, Horizontal, Vertical}).Draw(t, "kind")
		s.Style = rapid.SampledFrom(styles).Draw(t, "style")
		p := Panel{Title: rapid.String().Draw(t, "panel"), X: Axis{Label: "x"}, Y: Axis{Label: rapid.StringN(1, 200, 400).Draw(t, "label")}}
		if s.Kind == Line || s.Kind == Points {
			s.Error = anyFinite(t, "error", n)
			for i := range s.Error {
				s.Error[i] = math.Abs(s.Error[i])
			}
		}
		for _, axis := range []struct {
			*Axis
			of []float64
		}{{&p.X, s.X}, {&p.Y, s.Y}} {
			if axis.Log = rapid.Bool().Draw(t, "log"); axis.Log {
				for i := range axis.of {
					axis.of[i] = max(math.Abs(axis.of[i]), math.SmallestNonzeroFloat64)
				}
			}
			if rapid.Bool().Draw(t, "limits") {
				ends := anyFinite(t, "ends", 2)
				if axis.Log {
					ends[0], ends[1] = max(math.Abs(ends[0]), 1e-320), max(math.Abs(ends[1]), 1e-320)
				}
				if ends[0] < ends[1] {
					axis.Min, axis.Max = ends[0], ends[1]
				}
			}
		}
		p.Series = []Series{s, {Name: "other", Kind: s.Kind, X: s.X, Y: s.Y}}
		f := Figure{Title: rapid.String().Draw(t, "title"), Panels: []Panel{p}, Width: rapid.IntRange(100, 400).Draw(t, "width"), Height: 200, ShareY: rapid.Bool().Draw(t, "share"), Alt: rapid.String().Draw(t, "alt")}
		if _, err := f.raster(1); err != nil {
			t.Fatal(err)
		}
		svg, err := f.SVG()
		if err != nil {
			t.Fatal(err)
		}
		for decoder := xml.NewDecoder(bytes.NewReader(svg)); err == nil; {
			_, err = decoder.Token()
		}
		if err != io.EOF {
			t.Fatalf("the drawing is no XML: %v", err)
		}
		if _, err := f.PDF(); err != nil {
			t.Fatal(err)
		}
		option, err := f.Option()
		if err != nil || !json.Valid(option) {
			t.Fatalf("interactive twin: %v", err)
		}
	})
}

// Ten times 0.1 and five times 0.2 are a constant, not a range of 1e-16.
func TestRoundingIsNoRange(t *testing.T) {
	tenths, fifths := 0.0, 0.0
	for range 10 {
		tenths += 0.1
	}
	for range 5 {
		fifths += 0.2
	}
	if tenths == fifths {
		t.Fatal("no rounding to speak of")
	}
	curve := func(name string, v float64) Curve {
		return Curve{Name: name, X: []float64{0, 1}, Runs: [][]float64{{v, v}}}
	}
	f := Curves("flat", Axis{Label: "epoch"}, Axis{Label: "share"}, curve("tenths", tenths), curve("fifths", fifths))
	if _, y := f.Panels[0].ranges(); math.Abs(y[0]-0.5) > 1e-9 || math.Abs(y[1]-1.5) > 1e-9 {
		t.Errorf("the axis goes from %v to %v, want that of 1", y[0], y[1])
	}
	for v, want := range map[float64][2]float64{0: {-0.5, 0.5}, 2: {1.5, 2.5}, -300: {-330, -270}, 1e-9: {0, 2e-9}} {
		if got := (Axis{}).fit([2]float64{v, v}, 0.05); math.Abs(got[0]-want[0]) > 1e-12*math.Abs(want[1]) || math.Abs(got[1]-want[1]) > 1e-12*math.Abs(want[1]) {
			t.Errorf("a constant %g has an axis from %g to %g, want %v", v, got[0], got[1], want)
		}
	}
}
