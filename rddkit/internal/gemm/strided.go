package gemm

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// TileColumns is the width of a tile of a Strided product: four AVX-512
// registers. With AVX2 it is computed in parts of narrowColumns, two registers.
const TileColumns, narrowColumns = 64, 16

// tiles says that Strided products serve; see Tiles.
var tiles atomic.Bool

// wideTiles selects the kernels for AVX-512; it is false where there are none.
var wideTiles = haveWideTiles

// Tiles reports whether Strided products may be used: the processor has AVX2
// and FMA, their kernels multiply rightly, and Variable or Use chose nothing
// else.
func Tiles() bool { return tiles.Load() }

// Convolutions names what multiplies in convolutions of a multiple of
// TileColumns features, for the record of a run.
func Convolutions() string {
	switch {
	case !Tiles():
		return "as other products"
	case wideTiles:
		return "AVX-512 tiles"
	}
	return "AVX2 tiles"
}

// chooseTiles makes the widest kernels serve that the processor has and that
// multiply rightly, and warns of those that do not.
func chooseTiles() {
	tiles.Store(false)
	var wrong []string
	for _, k := range []struct {
		name       string
		wide, have bool
	}{{"AVX-512", true, haveWideTiles}, {"AVX2", false, haveTiles}} {
		if !k.have || Tiles() {
			continue
		}
		wideTiles = k.wide
		if err := checkTiles(); err != nil {
			wrong = append(wrong, fmt.Sprintf("refused %s tiles: %v", k.name, err))
			continue
		}
		tiles.Store(true)
	}
	for _, w := range wrong {
		warn("%s; convolutions: %s instead", w, Convolutions())
	}
}

// Strided is a product whose left factor lies in memory with any distances
// between its elements, as the patches of an image do:
//
//	c[row][column] (+)= Σ over segments and terms of a(row, segment, term) b(segment, term)[column]
//
// Distances are in elements. The elements of b for one term, and those of a row
// of c, are side by side; the terms of b go on from segment to segment. The sum
// runs over the terms in order, each product fused with its sum, for every
// element of c alone: how rows are put together in tiles does not change it.
type Strided struct {
	RowA, TermA, SegmentA int // distances in a
	TermB, RowC           int
	Terms, Segments       int  // at least 1
	Add                   bool // to c, instead of setting it
}

// Multiply computes rows×columns elements of c, where columns is a multiple of
// TileColumns. It needs Tiles and panics if a slice is too short.
func (s Strided) Multiply(c, a, b []float32, rows, columns int) {
	_ = c[(rows-1)*s.RowC+columns-1]
	_ = a[(rows-1)*s.RowA+(s.Segments-1)*s.SegmentA+(s.Terms-1)*s.TermA]
	_ = b[(s.Segments*s.Terms-1)*s.TermB+columns-1]
	if columns%TileColumns != 0 || s.Terms < 1 || s.Segments < 1 {
		panic("gemm: a strided product of no terms or with part of a tile")
	}
	const bytes = int(unsafe.Sizeof(c[0]))
	d := distances{
		rowA: s.RowA * bytes, termA: s.TermA * bytes,
		gapA:  (s.SegmentA - s.Terms*s.TermA) * bytes,
		termB: s.TermB * bytes, rowC: s.RowC * bytes,
		terms: s.Terms, segments: s.Segments,
	}
	if s.Add {
		d.add = 1
	}
	width := narrowColumns
	if wideTiles {
		width = TileColumns
	}
	for row := 0; row < rows; {
		height := tileHeight(rows - row)
		at, from := c[row*s.RowC:], a[row*s.RowA:]
		for column := 0; column < columns; column += width {
			tile(&at[column], &from[0], &b[column], &d, height)
		}
		row += height
	}
}

// tile computes a tile of so many rows.
func tile(c, a, b *float32, d *distances, height int) {
	switch {
	case height == 6:
		tile6AVX2(c, a, b, d)
	case height == 5:
		tile5AVX512(c, a, b, d)
	case wideTiles && height == 4:
		tile4AVX512(c, a, b, d)
	case height == 4:
		tile4AVX2(c, a, b, d)
	case wideTiles && height == 2:
		tile2AVX512(c, a, b, d)
	case height == 2:
		tile2AVX2(c, a, b, d)
	case wideTiles:
		tile1AVX512(c, a, b, d)
	default:
		tile1AVX2(c, a, b, d)
	}
}

// tileHeight is the height of the next tile when so many rows are left. With
// AVX-512 it is five, and four where the rest is then a multiple of it; with
// AVX2 it is six.
func tileHeight(rows int) int {
	switch {
	case !wideTiles && rows >= 6:
		return 6
	case wideTiles && rows%4 == 0 && rows <= 16, !wideTiles && rows >= 4:
		return 4
	case wideTiles && rows >= 5:
		return 5
	case rows >= 2:
		return 2
	}
	return 1
}

// distances is a Strided in bytes, as the kernels read it.
type distances struct {
	rowA, termA int
	gapA        int // from the end of a segment to the next one
	termB, rowC int
	terms       int
	segments    int
	add         int // 0 or 1
}
