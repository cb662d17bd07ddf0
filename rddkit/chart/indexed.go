package chart

import (
	"image"
	"image/color"
	"slices"
)

// indexed returns the picture in at most 256 tones: the most frequent ones
// that the eye can tell apart; each other becomes the nearest of those. Figures
// have few true colours, and many tones at the edges of strokes and letters. The file becomes
// a third as large, and notebooks are kept under version control with their
// pictures.
func indexed(img *image.RGBA) *image.Paletted {
	type tone struct {
		r, g, b, n int // sums over the pixels that were rounded to it, and their number
		bin        int
	}
	bin := func(p []uint8) int { return int(p[0])>>3<<10 | int(p[1])>>3<<5 | int(p[2])>>3 }
	bins := make([]tone, 1<<15)
	for at := 0; at+4 <= len(img.Pix); at += 4 {
		p := img.Pix[at : at+4]
		t := &bins[bin(p)]
		t.r += int(p[0])
		t.g += int(p[1])
		t.b += int(p[2])
		t.n++
	}
	var tones []tone
	for i, t := range bins {
		if t.n > 0 {
			// The mean, so that flat areas (the background, a band) keep theirs.
			tones = append(tones, tone{r: (t.r + t.n/2) / t.n, g: (t.g + t.n/2) / t.n, b: (t.b + t.n/2) / t.n, n: t.n, bin: i})
		}
	}
	slices.SortFunc(tones, func(a, b tone) int {
		if a.n != b.n {
			return b.n - a.n
		}
		return a.bin - b.bin
	})
	out := image.NewPaletted(img.Bounds(), nil)
	place := make([]uint8, len(bins))
	const alike = 100 // squared distance of two tones that may stand for each other
	chosen := tones[:0:0]
	for _, t := range tones {
		nearest, at := 1<<30, 0
		for k, u := range chosen {
			dr, dg, db := t.r-u.r, t.g-u.g, t.b-u.b
			if d := dr*dr + dg*dg + db*db; d < nearest {
				nearest, at = d, k
			}
		}
		if nearest > alike && len(chosen) < 256 {
			at = len(chosen)
			chosen = append(chosen, t)
			out.Palette = append(out.Palette, color.NRGBA{uint8(t.r), uint8(t.g), uint8(t.b), 0xff})
		}
		place[t.bin] = uint8(at)
	}
	for i := range out.Pix {
		out.Pix[i] = place[bin(img.Pix[4*i:4*i+4])]
	}
	return out
}
