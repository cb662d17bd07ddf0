package rddkit

import (
	"reflect"
	"testing"
)

// Where training ends the feedforward weights and the errors stay as they are,
// and feedback weights are learned on.
func TestTrainingEnds(t *testing.T) {
	dir := t.TempDir()
	e := little
	e.Epochs = 1
	one := mustRun(t, dir, e)
	e.Epochs, e.TrainEpochs = 2, 1
	two := mustRun(t, t.TempDir(), e)
	for layer := 1; layer <= two.Layers(); layer++ {
		v, err := one.Weights(layer)
		if err != nil {
			t.Fatal(err)
		}
		w, err := two.Weights(layer)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(v.Forward, w.Forward) {
			t.Errorf("FC%d: feedforward weights moved after training had ended", layer)
		}
		if reflect.DeepEqual(v.Feedback, w.Feedback) {
			t.Errorf("FC%d: feedback weights stayed", layer)
		}
	}
	if len(two.TrainError) != 3 || two.TrainError[2] != one.TrainError[1] || two.TestCost[2] != one.TestCost[1] {
		t.Errorf("errors %v and costs %v, want those of one epoch, %v and %v, to stay", two.TrainError, two.TestCost, one.TrainError, one.TestCost)
	}
	e.Epochs = 1
	none := mustRun(t, t.TempDir(), e.AtRest())
	if none.TrainError[1] != none.TrainError[0] {
		t.Errorf("errors %v without training", none.TrainError)
	}
}

// Where RDD ends the feedback weights stay as they are, but for training's
// weight decay, and training goes on.
func TestRDDEnds(t *testing.T) {
	e := little
	e.Epochs = 1
	one := mustRun(t, t.TempDir(), e)
	e.Epochs, e.RDDEpochs = 2, 1
	two := mustRun(t, t.TempDir(), e)
	for layer := 1; layer <= two.Layers(); layer++ {
		v, err := one.Weights(layer)
		if err != nil {
			t.Fatal(err)
		}
		w, err := two.Weights(layer)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(v.Feedback, w.Feedback) {
			t.Errorf("FC%d: feedback weights moved after RDD had ended", layer)
		}
		if reflect.DeepEqual(v.Forward, w.Forward) {
			t.Errorf("FC%d: feedforward weights stayed", layer)
		}
	}
	if read, err := Open(two.Dir); err != nil || !reflect.DeepEqual(read.Symmetry, two.Symmetry) {
		t.Errorf("read back %+v, %v", read, err)
	}
}

// On weights that do not move, an epoch that starts from nothing is a fresh
// sample of the same, and one that starts from all knows more.
func TestWhatIsCarriedOverMatters(t *testing.T) {
	e := little
	e.Epochs, e.TrainEpochs = 2, None
	all := mustRun(t, t.TempDir(), e)
	for _, carry := range []Carry{CarryRegressions, CarryDriven, CarryNothing} {
		e.Carry = carry
		r := mustRun(t, t.TempDir(), e)
		if !reflect.DeepEqual(r.Symmetry[0][0], all.Symmetry[0][0]) {
			t.Errorf("carry %s changes the first epoch", carry)
		}
		if reflect.DeepEqual(r.Symmetry[0][1], all.Symmetry[0][1]) {
			t.Errorf("carry %s is no different from all in the second epoch", carry)
		}
	}
}
