package rddkit

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Methods that learn in training have a state between epochs: a run of two
// epochs is that of one and then one, and their feedback weights moved.
func TestLearningInTrainingGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("trains the report's network six times, some seconds")
	}
	for _, method := range []Method{NodePerturbation, DirectNodePerturbation} {
		e := Experiment{Method: method, Epochs: 2, TrainLimit: 200, TestLimit: 16, BatchSize: 8}
		whole := mustRun(t, t.TempDir(), e)
		dir := t.TempDir()
		e.Epochs = 1
		first := mustRun(t, dir, e)
		e.Epochs = 2
		same(t, string(method), whole, mustRun(t, dir, e))

		plain := e
		plain.Epochs = 1
		plain.Method = map[Method]Method{NodePerturbation: FeedbackAlignment, DirectNodePerturbation: DirectFeedbackAlignment}[method]
		other := mustRun(t, t.TempDir(), plain)
		if first.TrainCost[0] != other.TrainCost[0] {
			t.Errorf("%s starts at a cost of %v, %s at %v", method, first.TrainCost[0], plain.Method, other.TrainCost[0])
		}
		a, err := npy.ReadFile(first.Dir + "/weight_1.npy")
		if err != nil {
			t.Fatal(err)
		}
		b, err := npy.ReadFile(other.Dir + "/weight_1.npy")
		if err != nil {
			t.Fatal(err)
		}
		equal := true
		for i, v := range a.Float32() {
			equal = equal && v == b.Float32()[i]
		}
		if equal {
			t.Errorf("%s trained FC1 to the bits of %s: its feedback weights were of no use", method, plain.Method)
		}
	}
}

// Nothing but the data set says how many classes there are: with CIFAR-100's
// hundred, every way of the error trains, and FC3 has a hundred neurons. The
// images are made up, of the smallest side that the network takes.
func TestAHundredClasses(t *testing.T) {
	set := &dataset.Set{Name: "cifar100", Channels: 3, Side: 16, Classes: 100}
	random := stream.New(1, "images")
	for _, split := range []*dataset.Split{&set.Train, &set.Test} {
		*split = dataset.Split{Channels: 3, Side: 16, Labels: make([]uint8, 100), Pixels: make([]uint8, 100*3*16*16)}
		for i := range split.Pixels {
			split.Pixels[i] = uint8(random.IntN(256))
		}
		for i := range split.Labels {
			split.Labels[i] = uint8(i)
		}
	}
	for _, method := range []Method{RDD, NodePerturbation, DirectNodePerturbation} {
		e := Experiment{Dataset: "cifar100", Method: method, Epochs: 1, BatchSize: 20, RDDTime: 3, Interval: 3}
		runner := Runner{Dir: t.TempDir()}
		r, err := runner.run(t.Context(), e, &sets{loaded: map[string]*dataset.Set{fmt.Sprint("cifar100", 0, 0): set}}, nil)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		w, err := npy.ReadFile(r.Dir + "/weight_3.npy")
		if err != nil {
			t.Fatal(err)
		}
		if w.Shape[0] != 100 {
			t.Errorf("%s: FC3's weights are %v, want 100 neurons", method, w.Shape)
		}
		// The initial guesses are about as good as chance.
		if e := r.TestError[0]; e < 90 {
			t.Errorf("%s: an initial test error of %v %% for 100 classes", method, e)
		}
		if r.TrainCost[1] == r.TrainCost[0] || math.Abs(r.TrainCost[0]-math.Log(100)) > 0.1 {
			t.Errorf("%s: costs %v, want to begin near log 100 and to move", method, r.TrainCost)
		}
	}
}

// Sign symmetry is complete after every call of the learner.
func TestSignSymmetryIsComplete(t *testing.T) {
	e := little
	e.Method = SignSymmetry
	r := mustRun(t, t.TempDir(), e)
	for layer := 1; layer <= r.Layers(); layer++ {
		for epoch, percent := range r.SignAlignment(layer) {
			if percent != 100 {
				t.Errorf("FC%d, epoch %d: %v %% of the signs agree", layer, epoch, percent)
			}
		}
	}
}

// Noise is a part of the name of methods that use it, and of no other's.
func TestNoiseNamesPerturbationsOnly(t *testing.T) {
	for _, method := range Methods() {
		a, b := Experiment{Method: method}, Experiment{Method: method, Noise: 0.5}
		nameA, errA := a.Name()
		nameB, errB := b.Name()
		row, _ := method.row()
		if errA != nil || errB != nil || (nameA != nameB) != row.usesField("noise") {
			t.Errorf("%s: names %q and %q (%v, %v)", method, nameA, nameB, errA, errB)
		}
	}
	var wrong *invalid.Error
	if _, err := (Experiment{Method: NodePerturbation, Noise: -1}).Resolve(); !errors.As(err, &wrong) {
		t.Errorf("a negative noise: %v", err)
	}
	if _, err := (Experiment{Method: NodePerturbation, TrainEpochs: 1}).Resolve(); !errors.As(err, &wrong) || wrong.Field != "TrainEpochs" {
		t.Errorf("learning from batches without training: %v", err)
	}
}
