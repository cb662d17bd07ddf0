package gemm

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whole numbers are multiplied exactly, so the tiles must return what the sum
// of the definition does, and touch nothing else of c.
func TestStridedProducts(t *testing.T) {
	if err := Use(""); err != nil {
		t.Fatal(err)
	}
	if !Tiles() {
		t.Skip("this processor has no AVX2")
	}
	for name := range eachWidth {
		t.Run(name, testStridedProducts)
	}
}

// eachWidth runs over the kernels that this processor has.
func eachWidth(yield func(name string) bool) {
	defer func(before bool) { wideTiles = before }(wideTiles)
	wideTiles = false
	if yield("AVX2") && haveWideTiles {
		wideTiles = true
		yield("AVX-512")
	}
}

func testStridedProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		upTo := func(name string, most int) int { return rapid.IntRange(1, most).Draw(t, name) }
		rows, columns := upTo("rows", 40), TileColumns*upTo("tiles", 2)
		s := Strided{
			RowA: upTo("RowA", 9), TermA: upTo("TermA", 9), SegmentA: upTo("SegmentA", 30),
			TermB: columns + upTo("gap of b", 5) - 1, RowC: columns + upTo("gap of c", 5) - 1,
			Terms: upTo("Terms", 6), Segments: upTo("Segments", 4), Add: rapid.Bool().Draw(t, "Add"),
		}
		whole := func(n, period int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(i*i%period - period/2)
			}
			return x
		}
		a := whole((rows-1)*s.RowA+(s.Segments-1)*s.SegmentA+(s.Terms-1)*s.TermA+1, 13)
		b := whole((s.Segments*s.Terms-1)*s.TermB+columns, 17)
		c := whole((rows-1)*s.RowC+columns, 19)
		want := slices.Clone(c)
		for r := range rows {
			for column := range columns {
				at := r*s.RowC + column
				if !s.Add {
					want[at] = 0
				}
				for k := range s.Segments * s.Terms {
					want[at] += a[r*s.RowA+k/s.Terms*s.SegmentA+k%s.Terms*s.TermA] * b[k*s.TermB+column]
				}
			}
		}
		s.Multiply(c, a, b, rows, columns)
		if !slices.Equal(c, want) {
			t.Fatalf("%+v, %d×%d: %v, want %v", s, rows, columns, c, want)
		}
	})
}

// A slice that is too short is caught before anything is read or written.
func TestStridedProductOfTooLittle(t *testing.T) {
	s := Strided{RowA: 1, TermA: 1, SegmentA: 1, TermB: TileColumns, RowC: TileColumns, Terms: 2, Segments: 1}
	for name, sizes := range map[string][3]int{
		"c": {2*TileColumns - 1, 3, 2 * TileColumns},
		"a": {2 * TileColumns, 2, 2 * TileColumns},
		"b": {2 * TileColumns, 3, 2*TileColumns - 1},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			s.Multiply(make([]float32, sizes[0]), make([]float32, sizes[1]), make([]float32, sizes[2]), 2, TileColumns)
		})
	}
}

// Who chooses an implementation gets it for convolutions too.
func TestNoTilesBesideAChosenImplementation(t *testing.T) {
	defer reset()
	if err := Use(PureGo); err != nil {
		t.Fatal(err)
	}
	if Tiles() {
		t.Error("tiles serve although gonum was chosen")
	}
}

// Kernels that multiply wrongly do not serve, and others do instead.
func TestWrongTilesAreRefusedWithAWarning(t *testing.T) {
	if !haveWideTiles {
		t.Skip("this processor has no AVX-512")
	}
	t.Setenv(Variable, "")
	for _, c := range []struct {
		wrong  func(rows int) bool
		serve  string
		warned []string
	}{
		{func(rows int) bool { return wideTiles && rows == 3 }, "AVX2 tiles", []string{"refused AVX-512 tiles"}},
		{func(rows int) bool { return rows == 8 }, "as other products", []string{"refused AVX-512 tiles", "refused AVX2 tiles"}},
		{func(int) bool { return false }, "AVX-512 tiles", nil},
	} {
		warned := machine(t, nil, nil)
		multiply = func(s Strided, result, a, b []float32, rows, columns int) {
			s.Multiply(result, a, b, rows, columns)
			if c.wrong(rows) {
				result[rows*columns-1]++
			}
		}
		if err := Open(); err != nil || Convolutions() != c.serve || Tiles() != strings.Contains(c.serve, "tiles") {
			t.Errorf("%s, %v; want %s", Convolutions(), err, c.serve)
		}
		lines := slices.Collect(strings.Lines(warned.String()))
		if len(lines) != len(c.warned) {
			t.Fatalf("warned of %q, want %q", lines, c.warned)
		}
		for i, words := range c.warned {
			if !strings.Contains(lines[i], words) || !strings.Contains(lines[i], "convolutions: "+c.serve+" instead") {
				t.Errorf("warned of %q, want %q and %q", lines[i], words, c.serve)
			}
		}
	}
}

// The products of the report's second convolution on one image.
func BenchmarkStrided(b *testing.B) {
	if err := Use(""); err != nil || !Tiles() {
		b.Skip("no AVX2")
	}
	for name := range eachWidth {
		b.Run(name, benchmarkStrided)
	}
}

func benchmarkStrided(b *testing.B) {
	image, weight, drives := make([]float32, 14*14*64), make([]float32, 1600*64), make([]float32, 100*64)
	s := Strided{RowA: 64, TermA: 1, SegmentA: 14 * 64, TermB: 64, RowC: 64, Terms: 320, Segments: 5}
	for b.Loop() {
		for r := range 10 {
			s.Multiply(drives[r*640:], image[r*14*64:], weight, 10, 64)
		}
	}
	b.ReportMetric(2*100*1600*64*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
