package verify

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
)

const augmentFixture = "testdata/convnet/augment"

// PyTorch's numbers come out exactly: the table of normalised pixels is rounded
// operation by operation.
func TestAugmentFixtureIsMetExactly(t *testing.T) {
	report, err := Dir(t.Context(), augmentFixture)
	if err != nil {
		t.Fatal(err)
	}
	if report.Kind != "convnet/augment" || len(report.Rows) != 1 || report.Rows[0].Deviation != 0 {
		t.Errorf("%+v, want one row without deviation", report)
	}
}

func TestAugmentReplayNoticesAChange(t *testing.T) {
	dir := copyFolder(t, augmentFixture)
	path := filepath.Join(dir, "expected.npy")
	a, err := npy.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	values := a.Data.([]float32)
	values[len(values)-1] += 1e-3
	if err := npy.WriteFile(path, values, a.Shape...); err != nil {
		t.Fatal(err)
	}
	report, err := Dir(t.Context(), dir)
	if err != nil || report.OK() {
		t.Errorf("an altered expectation passed: %+v, %v", report, err)
	}
}

func TestAugmentReplayRefusesDamagedFixtures(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"window outside": func(dir string) error {
			return npy.WriteFile(filepath.Join(dir, "table.npy"), []int64{0, 9, 0, 0}, 1, 4)
		},
		"image outside": func(dir string) error {
			return npy.WriteFile(filepath.Join(dir, "table.npy"), []int64{6, 0, 0, 0}, 1, 4)
		},
		"too few results":   func(dir string) error { return npy.WriteFile(filepath.Join(dir, "expected.npy"), []float32{1}, 1) },
		"another type":      func(dir string) error { return npy.WriteFile(filepath.Join(dir, "images.npy"), []int32{1}, 1, 1, 1, 1) },
		"truncated images":  func(dir string) error { return os.Truncate(filepath.Join(dir, "images.npy"), 1000) },
		"no expected image": func(dir string) error { return os.Remove(filepath.Join(dir, "expected.npy")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyFolder(t, augmentFixture)
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Dir(t.Context(), dir); err == nil {
				t.Error("no error")
			}
		})
	}
}

func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(from))
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}
