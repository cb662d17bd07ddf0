package feedback

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// The authors' numbers are those that were recorded from their notebooks.
func TestAuthorsNumbersAreTheRecorded(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "feedback_learning", "feedback_learning.json"))
	if err != nil {
		t.Fatal(err)
	}
	type rows struct {
		Accuracy [][2]float64 `json:"acc"`
		Loss     []float64    `json:"test_loss_mean"`
		SD       []float64    `json:"test_loss_sd"`
	}
	var file struct {
		Small       map[string]json.RawMessage `json:"classifier_784_50_20_10"`
		Wide        map[string]json.RawMessage `json:"classifier_784_512_200_10"`
		Autoencoder map[string]json.RawMessage `json:"autoencoder_784_200_2_200_784"`
		Reference   struct {
			MeanImage float64 `json:"mean_image"`
		} `json:"autoencoder_reference_losses"`
		Published struct {
			Losses map[string][2]float64 `json:"stored_notebook_autoencoder_min_test_loss_per_batch32"`
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for algorithm, name := range map[Algorithm]string{BP: "bp", BPAdam: "adam", FA: "fa", NPGradient: "np"} {
		if got, want := AuthorsAutoencoder()[algorithm], file.Published.Losses[name]; got.Mean != want[0] || got.SD != want[1] {
			t.Errorf("%v: %v, recorded %v", algorithm, got, want)
		}
	}
	if file.Reference.MeanImage != MeanImageLoss {
		t.Errorf("loss of the mean image %v, recorded %v", MeanImageLoss, file.Reference.MeanImage)
	}
	if len(AuthorsAutoencoder()) != 4 {
		t.Error("numbers that are not compared")
	}
	for _, c := range []struct {
		ours  map[Algorithm]Published
		names map[Algorithm]string
		in    map[string]json.RawMessage
	}{
		{Reference("classifier", 50, 20), map[Algorithm]string{BP: "bp", FA: "fa", NPLeastSquares: "np_ls_0.01", NPGradient: "np_sgd_0.05", Reinforcement: "np_direct_lr4e-4"}, file.Small},
		{Reference("classifier", 512, 200), map[Algorithm]string{BP: "bp", FA: "fa", NPLeastSquares: "np_ls", NPGradient: "np_sgd", Reinforcement: "np_direct"}, file.Wide},
		{Reference("autoencoder", 200, 2), map[Algorithm]string{BP: "bp_0.0001", BPAdam: "adam_0.000141", FA: "fa_0.0001", NPGradient: "np_0.0001"}, file.Autoencoder},
	} {
		for algorithm, name := range c.names {
			var r rows
			if err := json.Unmarshal(c.in[name], &r); err != nil {
				t.Fatal(name, err)
			}
			want := Published{}
			if r.Accuracy != nil {
				last := r.Accuracy[len(r.Accuracy)-1]
				want = Published{100 * last[0], 100 * last[1]}
			} else {
				want = Published{r.Loss[len(r.Loss)-1], r.SD[len(r.SD)-1]}
			}
			if got := c.ours[algorithm]; math.Abs(got.Mean-want.Mean) > 0.0051 || math.Abs(got.SD-want.SD) > 0.0051 {
				t.Errorf("%s: %v, recorded %v", name, got, want)
			}
		}
		if len(c.ours) != len(c.names) {
			t.Error("reference numbers that are not compared")
		}
	}
}

func TestWarmUpIsCounted(t *testing.T) {
	c := &TrainingCurve{WarmUp: 1000, Batches: []int{300, 2000}, Layers: [][]Symmetry{{{Angle: 80}, {Angle: 30}}}}
	if got := c.Seen(); got[0] != 1300 || got[1] != 3000 {
		t.Errorf("seen %v", got)
	}
	if got := c.Angles(0); got[0] != 80 || got[1] != 30 {
		t.Errorf("angles %v", got)
	}
	if (&TrainingCurve{}).Angles(0) != nil {
		t.Error("angles without feedback weights")
	}
}
