package feedback

import (
	"fmt"
	"testing"

	"github.com/weightalign/lab/rddkit"
)

func TestTablesOfTraining(t *testing.T) {
	run := func(by Algorithm, seed uint64, accuracy ...float64) *TrainingCurve {
		return &TrainingCurve{Algorithm: by, Seed: seed, Batches: []int{10, 20}, Accuracy: accuracy}
	}
	runs := []*TrainingCurve{run(FA, 0, 10, 20), run(FA, 1, 20, 40), run(BP, 1, 30, 50), run(NPGradient, 0)}
	header, rows := AfterTable(runs, Accuracy, 10, 20)
	if got := fmt.Sprint(header, rows); got != "[test accuracy, %, ± s.e. after 10 batches after 20 batches] [[BP 30.00 50.00] [FA 15.00 ± 5.00 30.00 ± 10.00]]" {
		t.Error(got)
	}
	for want, got := range map[string]rddkit.Estimate{
		"30.00 ± 10.00": Over(runs, FA, Accuracy.At(20)),
		"–":             Over(runs, NPGradient, Accuracy.At(10)),
		"10.00":         Paired(runs, BP, FA, Accuracy.At(20)), // of seed 1 alone
	} {
		if got.String() != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	_, rows = Beside(runs, Accuracy, "source", map[Algorithm]Published{FA: {31, 1.25}})
	if got := fmt.Sprint(rows); got != "[[FA 30.00 ± 10.00 20 2 31.0 ± 1.2]]" {
		t.Error(got)
	}
	if got := BatchLoss.At(20)(&TrainingCurve{Batches: []int{10, 20}, TestLoss: []float64{2, 3}}); got != 64 {
		t.Errorf("%g per batch at least, want 64", got)
	}
	if got := Common(runs); got != 20 {
		t.Errorf("all have %d batches, want 20", got)
	}
	runs[1].Batches = []int{10, 30}
	if got := fmt.Sprint(Common(runs), Common(nil), Common(runs, BP), Common(runs, BPAdam)); got != "10 0 20 0" {
		t.Errorf("in common %s, want 10 0 20 0", got)
	}
}

func TestTableOfAMeeting(t *testing.T) {
	m := &MeetingCurve{Seconds: []float64{0, 10, 20}, Images: []int{0, 320, 640},
		RDD:          [][]Symmetry{{{SignAgreement: 50}, {SignAgreement: 60}, {SignAgreement: 70}}},
		Perturbation: [][]Symmetry{{{Angle: 90}, {Angle: 50}, {Angle: 40}}}}
	_, rows := m.Table()
	if got := fmt.Sprint(rows); got != "[[1 0 50 0 0 0 90] [1 0 50 0 320 0 50] [1 10 60 0 640 0 40] [1 20 70 0 640 0 40]]" {
		t.Error(got)
	}
}
