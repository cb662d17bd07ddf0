package rddkit

import (
	"math"
	"testing"
)

func TestMeansOfOneMethod(t *testing.T) {
	records := []*Record{
		{Experiment: Experiment{Method: RDD}, Series: Series{TestError: []float64{90, 20}}},
		{Experiment: Experiment{Method: FeedbackAlignment}, Series: Series{TestError: []float64{90, 50}}},
		{Experiment: Experiment{Method: RDD}, Series: Series{TestError: []float64{90, 24}}},
	}
	last := TestErrors.At(-1)
	// By hand: mean 22, sample s.d. √8, divided by √2.
	if got := Mean(Only(records, RDD), last); got != (Estimate{22, 2, 2}) {
		t.Errorf("RDD: %+v, want 22 ± 2 of 2", got)
	}
	if got := Mean(Only(records, FeedbackAlignment), last); got.Mean != 50 || !math.IsNaN(got.StandardError) {
		t.Errorf("one seed: %+v, want 50 ± NaN", got)
	}
	if got := Mean(Only(records, Backpropagation), last); !math.IsNaN(got.Mean) || got.Seeds != 0 {
		t.Errorf("no records: %+v, want NaN", got)
	}
	if len(records) != 3 || records[1].Experiment.Method != FeedbackAlignment {
		t.Error("Only changed the caller's records")
	}
}
