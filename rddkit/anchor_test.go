package rddkit

import (
	"context"
	"os"
	"testing"

	"github.com/weightalign/lab/rddkit/dataset"
)

// The reference runs in PyTorch of the first 10,000 training and 2,000 test
// images of Fashion-MNIST, 5 epochs, without augmentation, ended with errors
// between these bounds over their seeds (3 of BP, 4 of FA). Generators differ
// between libraries, so only ranges can be compared: each of our seeds must
// fall into the range widened by its own width on both sides.
func TestRunsMeetTheRangesOfPyTorch(t *testing.T) {
	if testing.Short() {
		t.Skip("several minutes of training")
	}
	if missing, err := dataset.Missing("fashion-mnist", os.Getenv("RDDKIT_DATA")); os.Getenv("RDDKIT_DATA") == "" || err != nil || len(missing) > 0 {
		t.Skip("RDDKIT_DATA does not name a folder with the full Fashion-MNIST")
	}
	for _, c := range []struct {
		method      Method
		train, test [2]float64 // percent, smallest and largest over PyTorch's seeds
	}{
		{Backpropagation, [2]float64{7.79, 8.95}, [2]float64{12.3, 12.75}},
		{FeedbackAlignment, [2]float64{13.81, 18.39}, [2]float64{15.6, 20.0}},
	} {
		e := Experiment{Dataset: "fashion-mnist", Method: c.method, Epochs: 5, TrainLimit: 10000, TestLimit: 2000, Augment: "off"}
		records, err := (&Runner{Dir: t.TempDir(), Data: dataset.Options{Offline: true}}).Sweep(context.Background(), Seeds(2, e)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			t.Logf("%v seed %d: train %.2f %%, test %.2f %%", c.method, r.Experiment.Seed, Last(r.TrainError), Last(r.TestError))
			for what, x := range map[string]struct {
				got   float64
				bound [2]float64
			}{"train": {Last(r.TrainError), c.train}, "test": {Last(r.TestError), c.test}} {
				// The test error of 2,000 images has a sampling error of 0.8 %.
				width := max(x.bound[1]-x.bound[0], 1.6)
				if x.got < x.bound[0]-width || x.got > x.bound[1]+width {
					t.Errorf("%v seed %d: %s error %.2f %%, PyTorch's seeds %.2f to %.2f", c.method, r.Experiment.Seed, what, x.got, x.bound[0], x.bound[1])
				}
			}
		}
	}
}
