package figures

import (
	"testing"

	"github.com/weightalign/lab/rddkit/feedback"
)

// Each method has its curve, the mean over its runs; a method without the
// quantity has none.
func TestTrainingCurvesByMethod(t *testing.T) {
	run := func(m feedback.Algorithm, accuracy ...float64) *feedback.TrainingCurve {
		return &feedback.TrainingCurve{Algorithm: m, Batches: []int{10, 20}, Accuracy: accuracy}
	}
	f := TrainingRuns("", []*feedback.TrainingCurve{
		run(feedback.FA, 1, 2), run(feedback.BP, 3, 4), run(feedback.BP, 5, 8), run(feedback.NPGradient),
	}, feedback.Accuracy)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	s := f.Panels[0].Series
	if len(s) != 2 || s[0].Name != "BP" || s[0].Y[0] != 4 || s[0].Y[1] != 6 || s[0].X[1] != 20 || s[1].Name != "FA" || s[1].Y[1] != 2 || s[1].Error != nil {
		t.Errorf("series %+v", s)
	}
	none := TrainingRuns("", nil, feedback.TestLoss)
	if none.Validate() == nil {
		t.Error("a figure of no runs can be drawn")
	}
}
