package dataset

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// plainAugment does what the report says, step by step and slowly.
func plainAugment(image []uint8, channels, side, dy, dx int, flip bool) []float32 {
	wide := side + 2*Padding
	padded := make([]uint8, channels*wide*wide)
	for c := range channels {
		for y := range side {
			for x := range side {
				padded[(c*wide+y+Padding)*wide+x+Padding] = image[(c*side+y)*side+x]
			}
		}
	}
	var out []float32
	for c := range channels {
		for y := range side {
			row := slices.Clone(padded[(c*wide+y+dy)*wide+dx:][:side])
			if flip {
				slices.Reverse(row)
			}
			for _, x := range row {
				out = append(out, (float32(x)/255-0.5)/0.5)
			}
		}
	}
	return out
}

func randomSplit(r *rand.Rand, images, channels, side int) Split {
	s := Split{Channels: channels, Side: side}
	for range images {
		s.Labels = append(s.Labels, uint8(r.IntN(10)))
	}
	s.Pixels = make([]uint8, images*s.ImageLen())
	for i := range s.Pixels {
		s.Pixels[i] = uint8(r.IntN(256))
	}
	return s
}

func TestAugmentDoesWhatTheReportSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		channels, side := rapid.IntRange(1, 3).Draw(t, "channels"), rapid.IntRange(1, 20).Draw(t, "side")
		dy, dx := rapid.IntRange(0, 2*Padding).Draw(t, "dy"), rapid.IntRange(0, 2*Padding).Draw(t, "dx")
		flip := rapid.Bool().Draw(t, "flip")
		s := randomSplit(stream.New(rapid.Uint64().Draw(t, "seed"), "image"), 1, channels, side)
		got := make([]float32, s.ImageLen())
		Augment(got, s.Pixels, channels, side, dy, dx, flip)
		if want := plainAugment(s.Pixels, channels, side, dy, dx, flip); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestBatchNormalises(t *testing.T) {
	s := Split{Channels: 1, Side: 2, Labels: []uint8{4, 5}, Pixels: []uint8{0, 255, 51, 204, 1, 2, 3, 4}}
	images, labels := make([]float32, 8), make([]uint8, 2)
	s.Batch(images, labels, []int{1, 0}, nil)
	mustEqual(t, "labels", labels, []uint8{5, 4})
	mustEqual(t, "image 0", images[4:], []float32{-1, 1, -0.6, 0.6})
}

// The draws are dy, dx, flip for each image in turn.
func TestBatchAugmentsWithTheStream(t *testing.T) {
	s := randomSplit(stream.New(1, "images"), 5, 3, 8)
	indices := []int{4, 0, 0, 2}
	n := s.ImageLen()
	got, labels := make([]float32, len(indices)*n), make([]uint8, len(indices))
	s.Batch(got, labels, indices, stream.New(2, "augment"))
	r := stream.New(2, "augment")
	for b, i := range indices {
		dy, dx := r.IntN(9), r.IntN(9)
		want := plainAugment(s.Pixels[i*n:(i+1)*n], 3, 8, dy, dx, r.IntN(2) == 1)
		if !slices.Equal(got[b*n:(b+1)*n], want) {
			t.Errorf("image %d of the batch differs", b)
		}
	}
}

// Real values and pixels that mean the same are augmented alike.
func TestRealValuesAreAugmentedAsPixelsAre(t *testing.T) {
	pixels := randomSplit(stream.New(3, "images"), 4, 1, 16)
	values := Split{Channels: 1, Side: 16, Labels: pixels.Labels}
	for _, x := range pixels.Pixels {
		values.Values = append(values.Values, normalised[x])
	}
	indices := []int{0, 1, 2, 3, 3, 2, 1, 0}
	a, b := make([]float32, len(indices)*256), make([]float32, len(indices)*256)
	labels := make([]uint8, len(indices))
	pixels.Batch(a, labels, indices, stream.New(4, "augment"))
	values.Batch(b, labels, indices, stream.New(4, "augment"))
	if !slices.Equal(a, b) {
		t.Error("they differ")
	}
}

// Windows and mirrors are uniform: each of 9·9·2 cases comes up about equally
// often. With 162 cases of 100 expected draws each, chi-squared has mean 161 and
// standard deviation 18; a stream that leaves out one case would exceed 250.
func TestWindowsAreUniform(t *testing.T) {
	const side, each = 20, 100
	s := Split{Channels: 1, Side: side, Labels: make([]uint8, 1), Pixels: make([]uint8, side*side)}
	s.Pixels[10*side+4] = 255 // its place tells the window, its half the mirror
	count := make(map[int]int)
	image, label := make([]float32, side*side), make([]uint8, 1)
	r := stream.New(5, "augment")
	for range 162 * each {
		s.Batch(image, label, []int{0}, r)
		count[slices.Index(image, 1)]++
	}
	if len(count) != 162 {
		t.Fatalf("%d cases, want 162", len(count))
	}
	chi := 0.0
	for _, n := range count {
		chi += float64((n-each)*(n-each)) / each
	}
	if chi < 100 || chi > 250 {
		t.Errorf("chi-squared %.0f with 161 degrees of freedom", chi)
	}
}

func TestBatchDoesNotAllocate(t *testing.T) {
	s := randomSplit(stream.New(6, "images"), 8, 3, 32)
	indices := []int{0, 1, 2, 3, 4, 5, 6, 7}
	images, labels, r := make([]float32, 8*s.ImageLen()), make([]uint8, 8), stream.New(7, "augment")
	if n := testing.AllocsPerRun(10, func() { s.Batch(images, labels, indices, r); s.Batch(images, labels, indices, nil) }); n > 0 {
		t.Errorf("%g allocations", n)
	}
}

func TestMisfitsPanic(t *testing.T) {
	s := randomSplit(stream.New(8, "images"), 2, 1, 4)
	for what, call := range map[string]func(){
		"dst too short":   func() { s.Batch(make([]float32, 15), make([]uint8, 1), []int{0}, nil) },
		"labels too many": func() { s.Batch(make([]float32, 16), make([]uint8, 2), []int{0}, nil) },
		"window outside":  func() { Augment(make([]float32, 16), s.Pixels[:16], 1, 4, 9, 0, false) },
		"image too long":  func() { Augment(make([]float32, 16), s.Pixels, 1, 4, 0, 0, false) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			call()
		}()
	}
}

func BenchmarkBatch(b *testing.B) {
	for _, c := range []struct {
		name    string
		augment *rand.Rand
	}{{"plain", nil}, {"augmented", stream.New(9, "augment")}} {
		b.Run("128 CIFAR-10 images "+c.name, func(b *testing.B) {
			s := randomSplit(stream.New(10, "images"), 5000, 3, 32)
			r := stream.New(11, "indices")
			indices := make([]int, 128)
			for i := range indices {
				indices[i] = r.IntN(s.Len())
			}
			images, labels := make([]float32, 128*s.ImageLen()), make([]uint8, 128)
			b.ReportAllocs()
			for b.Loop() {
				s.Batch(images, labels, indices, c.augment)
			}
		})
	}
}
