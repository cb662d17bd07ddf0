package align

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/weightalign/lab/rddkit/spike"
)

func TestReachLearnsAndLeavesTheLayerAlone(t *testing.T) {
	layers, err := Random(1, 30, 10)
	if err != nil {
		t.Fatal(err)
	}
	l := layers[0]
	before := slices.Clone(l.Feedback)
	m, err := Reach(context.Background(), l, RDDOptions{Time: 30, Drive: spike.Fresh}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if m.SignAlignment < 70 {
		t.Errorf("%.0f %% of the signs are right", m.SignAlignment)
	}
	if !slices.Equal(before, l.Feedback) {
		t.Error("the layer's feedback weights have changed")
	}
}

func TestAddMeansShiftsTheMeanOnly(t *testing.T) {
	layers, err := Random(2, 8, 3)
	if err != nil {
		t.Fatal(err)
	}
	l := layers[0]
	mean := func(l Layer, j int) (sum float64) {
		for _, w := range l.Forward[j*8 : (j+1)*8] {
			sum += float64(w) / 8
		}
		return sum
	}
	zero := AddMeans(l, l, -1)
	back := AddMeans(zero, l, 1)
	for j := range 3 {
		if math.Abs(mean(zero, j)) > 1e-7 || math.Abs(mean(back, j)-mean(l, j)) > 1e-7 {
			t.Errorf("neuron %d: mean %g without, %g back, want 0 and %g", j, mean(zero, j), mean(back, j), mean(l, j))
		}
	}
	for k := range l.Forward {
		if math.Abs(float64(back.Forward[k]-l.Forward[k])) > 1e-6 {
			t.Fatalf("weight %d: %g, want %g", k, back.Forward[k], l.Forward[k])
		}
	}
}
