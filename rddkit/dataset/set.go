package dataset

import (
	"math/rand/v2"
	"slices"
)

// Padding is the width, in pixels, of the border that augmentation puts around
// an image before it is cropped: windows start at 0 … 2·Padding, and at Padding
// the window is the plain image.
const Padding = 4

// Set is a data set in memory.
type Set struct {
	Name     string
	Channels int // 3 for colour, 1 for grey
	Side     int // rows and columns of an image
	Classes  int // labels are 0 … Classes-1
	Train    Split
	Test     Split
	Digest   string // of the images and labels, for data of one's own (see Identity); "" for the known sets
}

// Split is the training or the test half of a data set. Either Pixels or
// Values holds the images, as compactly as the files do.
type Split struct {
	Channels int
	Side     int
	Labels   []uint8   // [image]
	Pixels   []uint8   // [image][channel][row][column], 0…255
	Values   []float32 // [image][channel][row][column], −1 (black) … 1 (USPS)
}

// Len returns the number of images.
func (s *Split) Len() int { return len(s.Labels) }

// ImageLen returns the number of values of one image: Channels × Side × Side.
func (s *Split) ImageLen() int { return s.Channels * s.Side * s.Side }

// Batch writes the images whose numbers are in indices to dst, [batch][channel]
// [row][column], and their labels to labels, [batch]. Pixels become
// (x/255 − 0.5)/0.5, from −1 to 1; real values (USPS, which have that range)
// stay as they are.
//
// With a stream of random numbers, each image is augmented as in the report
// (see [Augment]): the window's row and column are uniform on 0 … 2·Padding and
// it is mirrored half the time, drawn in this order, three draws per image. Nil
// takes the plain images. Batch does not allocate, and may be called from
// several goroutines at once with streams of their own.
//
// It panics if dst does not have len(indices)·ImageLen() elements, or labels
// not len(indices).
func (s *Split) Batch(dst []float32, labels []uint8, indices []int, augment *rand.Rand) {
	each := s.ImageLen()
	if len(dst) != len(indices)*each || len(labels) != len(indices) {
		panic("dataset: dst or labels does not fit the indices")
	}
	for b, i := range indices {
		labels[b] = s.Labels[i]
		out := dst[b*each : (b+1)*each]
		if augment == nil {
			s.convert(out, i*each)
			continue
		}
		dy, dx := augment.IntN(2*Padding+1), augment.IntN(2*Padding+1)
		flip := augment.IntN(2) == 1
		crop(out, s.Channels, s.Side, dy, dx, flip, func(row []float32, from int) { s.convert(row, i*each+from) })
	}
}

// convert writes the normalised values from number from on.
func (s *Split) convert(dst []float32, from int) {
	if s.Values != nil {
		copy(dst, s.Values[from:])
		return
	}
	normalise(dst, s.Pixels[from:from+len(dst)])
}

// Augment writes to dst, [channel][row][column], the side × side window of
// image (same layout) padded by [Padding] pixels of value 0 on each side, whose
// top left corner is row dy, column dx of the padded image; THEN mirrors it left
// to right if flip is set; then maps pixels to (x/255 − 0.5)/0.5, so that the
// padding becomes −1. With dy = dx = Padding and no flip it is the plain image.
//
// It panics if dst or image does not have channels·side² elements, or dy or dx
// is not in 0 … 2·Padding.
func Augment(dst []float32, image []uint8, channels, side, dy, dx int, flip bool) {
	if len(dst) != channels*side*side || len(image) != len(dst) {
		panic("dataset: dst or image does not fit channels and side")
	}
	if min(dy, dx) < 0 || max(dy, dx) > 2*Padding {
		panic("dataset: the window is not within the padded image")
	}
	crop(dst, channels, side, dy, dx, flip, func(row []float32, from int) { normalise(row, image[from:from+len(row)]) })
}

// crop does what Augment says, taking normalised runs of a row from source,
// which writes the values of the image from number from on.
func crop(dst []float32, channels, side, dy, dx int, flip bool, source func(row []float32, from int)) {
	// Columns left … right-1 of the window lie on the image.
	left, right := max(0, Padding-dx), min(side, side+Padding-dx)
	if left >= right {
		fillBlack(dst)
		return
	}
	for c := range channels {
		for y := range side {
			row := dst[(c*side+y)*side:][:side]
			sourceRow := y + dy - Padding
			if sourceRow < 0 || sourceRow >= side {
				fillBlack(row)
				continue
			}
			fillBlack(row[:left])
			fillBlack(row[right:])
			source(row[left:right], (c*side+sourceRow)*side+left+dx-Padding)
			if flip {
				slices.Reverse(row)
			}
		}
	}
}

func fillBlack(row []float32) {
	for i := range row {
		row[i] = -1
	}
}

// normalised holds (x/255 − 0.5)/0.5 for every x, rounded to float32 after each
// operation, as PyTorch does it.
var normalised = func() (table [256]float32) {
	for x := range table {
		table[x] = (float32(x)/255 - 0.5) / 0.5
	}
	return table
}()

func normalise(dst []float32, pixels []uint8) {
	for i, x := range pixels {
		dst[i] = normalised[x]
	}
}
