package chart

import (
	"image"
	"image/color"
)

// indexed returns the picture with a palette of at most 256 colours, if that
// can be had by rounding its tones to 5 or 4 bits a channel: figures have few
// true colours, and many tones at the edges of strokes and letters. The file
// becomes a third as large, and notebooks are kept under version control with
// their pictures.
func indexed(img *image.RGBA) image.Image {
	for _, bits := range []int{5, 4} {
		if out := index(img, bits); out != nil {
			return out
		}
	}
	return img
}

// index rounds every channel to that many bits and returns the indexed
// picture, or nil if it would need more than 256 colours. Each palette colour
// is the mean of the tones that were rounded to it, so that flat areas (the
// background, a band) keep theirs.
func index(img *image.RGBA, bits int) image.Image {
	type tone struct{ r, g, b, n int }
	tones := make([]tone, 1<<(3*bits))
	used := 0
	shift := 8 - bits
	key := func(p []uint8) int { return int(p[0])>>shift<<(2*bits) | int(p[1])>>shift<<bits | int(p[2])>>shift }
	for at := 0; at+4 <= len(img.Pix); at += 4 {
		p := img.Pix[at : at+4]
		t := &tones[key(p)]
		if t.n == 0 {
			if used++; used > 256 {
				return nil
			}
		}
		t.r += int(p[0])
		t.g += int(p[1])
		t.b += int(p[2])
		t.n++
	}
	out := image.NewPaletted(img.Bounds(), nil)
	place := make([]uint8, len(tones))
	for i, t := range tones {
		if t.n > 0 {
			place[i] = uint8(len(out.Palette))
			mean := func(sum int) uint8 { return uint8((sum + t.n/2) / t.n) }
			out.Palette = append(out.Palette, color.NRGBA{mean(t.r), mean(t.g), mean(t.b), 0xff})
		}
	}
	for i := range out.Pix {
		out.Pix[i] = place[key(img.Pix[4*i:4*i+4])]
	}
	return out
}
