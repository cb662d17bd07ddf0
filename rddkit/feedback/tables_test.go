package feedback

import (
	"fmt"
	"math"
	"testing"
)

func TestTablesOfTraining(t *testing.T) {
	run := func(by Algorithm, accuracy ...float64) *TrainingCurve {
		return &TrainingCurve{Algorithm: by, Batches: []int{10, 20}, Accuracy: accuracy}
	}
	runs := []*TrainingCurve{run(FA, 10, 20), run(FA, 20, 40), run(BP, 30, 50), run(NPGradient)}
	accuracy := func(c *TrainingCurve) []float64 { return c.Accuracy }
	header, rows := AfterTable("accuracy", runs, accuracy, 10, 20)
	if got := fmt.Sprint(header, rows); got != "[accuracy, ± s.e. after 10 batches after 20 batches] [[BP 30.0 50.0] [FA 15.0 ± 5.0 30.0 ± 10.0]]" {
		t.Error(got)
	}
	if mean, stderr := After(runs, NPGradient, 10, accuracy); !math.IsNaN(mean) || !math.IsNaN(stderr) {
		t.Errorf("%v ± %v of nothing", mean, stderr)
	}
	var stored []TrainingRun
	for seed := range uint64(2) {
		s := TrainingRun{Hidden: []int{5}}
		s.Algorithm, s.Seed, s.Accuracy = FA, seed, []float64{float64(10 * (seed + 1))}
		stored = append(stored, s)
	}
	last := func(s TrainingRun) float64 { return s.Accuracy[0] }
	for want, got := range map[string]string{
		"15.0 ± 5.0 (2 seeds)": AcrossSeedsText(stored, []int{5}, FA, last),
		"10.0 (1 seed)":        AcrossSeedsText(stored[:1], []int{5}, FA, last),
		"–":                    AcrossSeedsText(stored, []int{6}, FA, last),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
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
