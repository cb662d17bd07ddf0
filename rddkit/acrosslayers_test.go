package rddkit

import (
	"fmt"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/align"
)

func TestAcrossLayersAndUsed(t *testing.T) {
	r := &Record{Series: Series{TrainSeconds: []float64{1, 1}, Symmetry: make([][][]align.Metrics, 2)}}
	for layer := range r.Symmetry {
		for epoch := range 2 {
			r.Symmetry[layer] = append(r.Symmetry[layer], []align.Metrics{{}, {SignAlignment: float64(50 + 10*layer + epoch)}})
		}
	}
	r.Measured = map[string][][][]float64{GradientAngle: {{{math.NaN(), 80}}, {{math.NaN(), 70}}}}
	if got := AcrossLayers(Signs)(r); fmt.Sprint(got) != "[55 56]" {
		t.Errorf("signs %v", got)
	}
	if got := AcrossLayers(MeasuredIn(GradientAngle))(r); fmt.Sprint(got) != "[80 70]" {
		t.Errorf("angles of the one layer that has them: %v", got)
	}
	operations := Used(func(c align.Cost) float64 { return float64(c.Operations) })
	if got := operations(r); fmt.Sprint(got) != "[NaN NaN]" {
		t.Errorf("a learner that does not count: %v", got)
	}
	r.Costs = [][]align.Cost{{{}, {Operations: 5}}, {{}, {Operations: 9}}}
	if got := operations(r); fmt.Sprint(got) != "[5 9]" {
		t.Errorf("operations %v", got)
	}
}
