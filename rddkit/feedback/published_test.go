package feedback

import (
	"encoding/json"
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
	var file struct {
		Reference struct {
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
