package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

// augmentReplayer replays the folder augment of the convolutional network's
// fixtures: images.npy, the cases in table.npy (image, dy, dx, flip), and what
// comes out, expected.npy. The manifest that lists them lies beside them or in
// the parent folder.
var augmentReplayer = Replayer{
	Kind: "convnet/augment",
	Recognises: func(dir string) bool {
		for _, folder := range []string{dir, filepath.Join(dir, "..")} {
			var manifest struct {
				Files map[string]any `json:"files"`
			}
			text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
			if err != nil || json.Unmarshal(text, &manifest) != nil {
				continue
			}
			if _, listed := manifest.Files["augment/table.npy"]; listed && fileExists(dir, "table.npy") {
				return true
			}
		}
		return false
	},
	Replay: replayAugment,
}

func fileExists(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

// augmentTolerance is absolute; pixels are mapped to −1…1.
const augmentTolerance = 1e-6

func replayAugment(_ context.Context, dir string) ([]Row, error) {
	images, err := readShaped[[]uint8](dir, "images.npy", -1, -1, -1, -1)
	if err != nil {
		return nil, err
	}
	channels, side := images.Shape[1], images.Shape[2]
	table, err := readShaped[[]int64](dir, "table.npy", -1, 4)
	if err != nil {
		return nil, err
	}
	cases := table.Shape[0]
	expected, err := readShaped[[]float32](dir, "expected.npy", cases, channels, side, side)
	if err != nil {
		return nil, err
	}

	each := channels * side * side
	pixels, want := images.Data.([]uint8), expected.Data.([]float32)
	got := make([]float32, each)
	worst := 0.0
	for i, row := range slices.Collect(slices.Chunk(table.Int(), 4)) {
		image, dy, dx, flip := row[0], row[1], row[2], row[3]
		if image < 0 || image >= images.Shape[0] || min(dy, dx) < 0 || max(dy, dx) > 2*dataset.Padding || flip < 0 || flip > 1 {
			return nil, invalid.Newf(filepath.Join(dir, "table.npy"), row, "image below %d, dy and dx in 0…%d, flip 0 or 1", images.Shape[0], 2*dataset.Padding)
		}
		dataset.Augment(got, pixels[image*each:][:each], channels, side, dy, dx, flip == 1)
		for j, g := range got {
			worst = max(worst, math.Abs(float64(g)-float64(want[i*each+j])))
		}
	}
	return []Row{{Quantity: fmt.Sprintf("%d augmented images", cases), Measure: "absolute", Deviation: worst, Tolerance: augmentTolerance}}, nil
}

// readShaped reads dir/name and checks its type and shape; −1 is any length.
// Images, which have four axes, must be square.
func readShaped[T any](dir, name string, shape ...int) (npy.Array, error) {
	path := filepath.Join(dir, name)
	a, err := npy.ReadFile(path)
	if err != nil {
		return a, err
	}
	_, typed := a.Data.(T)
	fits := slices.EqualFunc(a.Shape, shape, func(got, want int) bool { return want == -1 || got == want })
	if !typed || !fits || (len(shape) == 4 && a.Shape[2] != a.Shape[3]) {
		var want T
		return a, invalid.Newf(path, fmt.Sprintf("%T of shape %v", a.Data, a.Shape), "%T of shape %v (-1: any length)", want, shape)
	}
	return a, nil
}
