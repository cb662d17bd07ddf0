package dataset_test

import (
	"math"
	"slices"
	"testing"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/reference"
)

// The augmentation of images, against PyTorch's. The other sets of a fixture of
// kind convnet are package nn's.
func TestReferenceAugment(t *testing.T) { reference.Replay(t, "convnet", replayAugment) }

func TestReferenceAugmentNotices(t *testing.T) {
	reference.MustNotice(t, "testdata/convnet", replayAugment, "augment/images", "augment/table", "augment/expected")
}

func replayAugment(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	var manifest struct {
		Sets map[string]struct{ Cases, Pad int }
	}
	f.JSON(&manifest)
	f.Ignore("*.json")
	for name := range manifest.Sets {
		if name != "augment" {
			f.Ignore(name + "/*")
		}
	}
	set, there := manifest.Sets["augment"]
	if !there || !f.HasFile("augment") {
		t.Skip("the set augment is not here")
	}
	if set.Pad != dataset.Padding {
		t.Fatalf("%s pads by %d pixels, this build by %d", f.Path, set.Pad, dataset.Padding)
	}
	images := f.Array("augment/images", -1, -1, -1, -1)
	channels, side := images.Shape[1], images.Shape[2]
	each := channels * side * side
	table := f.Array("augment/table", set.Cases, 4).Int()
	want := f.Array("augment/expected", set.Cases, channels, side, side)
	pixels, got := reference.As[uint8](images), make([]float32, each)
	var all []float64
	for c := range slices.Chunk(table, 4) { // image, dy, dx, flip
		if c[0] >= images.Shape[0] || c[1] > 2*set.Pad || c[2] > 2*set.Pad {
			all = append(all, slices.Repeat([]float64{math.NaN()}, each)...)
			continue
		}
		dataset.Augment(got, pixels[c[0]*each:][:each], channels, side, c[1], c[2], c[3] == 1)
		for _, v := range got {
			all = append(all, float64(v))
		}
	}
	// PyTorch's numbers come out exactly: the table of normalised pixels is rounded
	// operation by operation.
	rows.Absolute("augmented images", 0, all, want.Float64())
}
