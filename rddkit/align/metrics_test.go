package align

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Two estimates that are weights times 2, a common error of variance 0.5 and
// errors of their own of variance 1.
func TestParts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	a := Layer{In: 400, Out: 50}
	b := a
	for range a.In * a.Out {
		a.Forward = append(a.Forward, float32(random.NormFloat64()))
	}
	b.Forward = a.Forward
	for i := range a.In {
		for j := range a.Out {
			both := 2*float64(a.Forward[j*a.In+i]) + math.Sqrt(0.5)*random.NormFloat64()
			a.Feedback = append(a.Feedback, float32(both+random.NormFloat64()))
			b.Feedback = append(b.Feedback, float32(both+random.NormFloat64()))
		}
	}
	signal, bias, noise := Parts(a, b)
	for name, got := range map[string][2]float64{"signal": {signal, 4 / 5.5}, "bias": {bias, 0.5 / 5.5}, "noise": {noise, 1 / 5.5}} {
		if math.Abs(got[0]-got[1]) > 0.02 {
			t.Errorf("%s is %.3f, want %.3f", name, got[0], got[1])
		}
	}
	if sum := signal + bias + noise; math.Abs(sum-1) > 1e-12 {
		t.Errorf("the parts add up to %g", sum)
	}
}

func TestMajority(t *testing.T) {
	l := Layer{In: 4, Out: 2, Forward: []float32{1, 2, 3, -1, -1, -2, 3, 4}}
	if got := Majority(l); got != 62.5 {
		t.Errorf("%v, want 62.5", got)
	}
}
