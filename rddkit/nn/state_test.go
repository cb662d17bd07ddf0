package nn

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

// saved writes a network's tensors, changed, as Save does.
func saved(t *testing.T, n *Network, write func(archive *zip.Writer, tensor Tensor)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.npz")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	for _, tensor := range n.Tensors() {
		write(archive, tensor)
	}
	if err := errors.Join(archive.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func put[T npy.Number](t *testing.T, archive *zip.Writer, name string, data []T, shape ...int) {
	t.Helper()
	to, err := archive.Create(name + ".npy")
	if err != nil {
		t.Fatal(err)
	}
	if err := npy.Write(to, data, shape...); err != nil {
		t.Fatal(err)
	}
}

func TestTensorsOfOtherShapesOrTypesAreRefused(t *testing.T) {
	network := func() *Network {
		n, err := New(Shape{Channels: 1, Rows: 4, Columns: 4}, Softmax, 1, Affine{Units: 5, Activation: ReLU}, Affine{Units: 3})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for what, c := range map[string]struct {
		write func(archive *zip.Writer, tensor Tensor)
		says  string
	}{
		"transposed": {func(w *zip.Writer, x Tensor) { put(t, w, x.Name, x.Data, x.Shape[1], x.Shape[0]) },
			"fc1.weight.npy is float32 [16][5]: want float32 [5][16]"},
		"flat": {func(w *zip.Writer, x Tensor) { put(t, w, x.Name, x.Data, len(x.Data)) },
			"fc1.weight.npy is float32 [80]: want float32 [5][16]"},
		"whole numbers": {func(w *zip.Writer, x Tensor) { put(t, w, x.Name, make([]int64, len(x.Data)), x.Shape...) },
			"fc1.weight.npy is int64 [5][16]: want float32 [5][16]"},
		"more of them": {func(w *zip.Writer, x Tensor) { put(t, w, x.Name, make([]float32, 160), 10, 16) },
			"fc1.weight.npy is float32 [10][16]: want float32 [5][16]"},
		"another name": {func(w *zip.Writer, x Tensor) { put(t, w, "fc7.weight", x.Data, x.Shape...) },
			"fc7.weight.npy is float32 [5][16]: want no tensor of this name, as the network has none"},
	} {
		path := saved(t, network(), func(w *zip.Writer, x Tensor) {
			if x.Name == "fc1.weight" {
				c.write(w, x)
			} else {
				put(t, w, x.Name, x.Data, x.Shape...)
			}
		})
		n := network()
		err := n.Load(path)
		if wrong := new(invalid.Error); !errors.As(err, &wrong) || err.Error() != path+":"+c.says {
			t.Errorf("%s: %v, want %s:%s", what, err, path, c.says)
		}
		sameBits(t, n, network())
	}
	// Other programs keep float64.
	path := saved(t, network(), func(w *zip.Writer, x Tensor) {
		wide := make([]float64, len(x.Data))
		for i, v := range x.Data {
			wide[i] = float64(v)
		}
		put(t, w, x.Name, wide, x.Shape...)
	})
	n := network()
	if err := n.Load(path); err != nil {
		t.Error(err)
	}
	sameBits(t, n, network())
}
