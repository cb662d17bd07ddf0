package align

import (
	"context"
	"math"
	"slices"
	"testing"
)

func TestPairIsUnbalancedByItsStandardDeviation(t *testing.T) {
	l, err := Pair{In: 500, Out: 4, Imbalance: 0.5}.Layer(1)
	if err != nil {
		t.Fatal(err)
	}
	for j := range l.Out {
		sum, squares := 0.0, 0.0
		for _, w := range l.Forward[j*l.In : (j+1)*l.In] {
			sum += float64(w)
			squares += float64(w) * float64(w)
		}
		mean := sum / float64(l.In)
		deviation := math.Sqrt(squares/float64(l.In) - mean*mean)
		if want := 0.5 - float64(j%2); math.Abs(mean/deviation-want) > 0.1 {
			t.Errorf("neuron %d: mean %.2f standard deviations, want about %.1f", j, mean/deviation, want)
		}
	}
}

func TestPairRunsAgainOnTheSameWeights(t *testing.T) {
	p := Pair{In: 40, Out: 8, Seconds: 4, Rules: []RuleOptions{RDDOptions{}}}
	var runs []*Course
	for again := range uint64(2) {
		c, err := p.Run(context.Background(), 3, again)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, c)
	}
	a, b := runs[0].Layers[0][0], runs[1].Layers[0][0]
	if !slices.Equal(a.Forward, b.Forward) || slices.Equal(a.Feedback, b.Feedback) {
		t.Error("want the same feedforward and other feedback weights")
	}
}

// With so much noise on uniform weights, so many signs are right.
func TestSignsAtNoise(t *testing.T) {
	random := Stream(1, "test")
	for _, noise := range []float64{0.05, 0.7, 5} {
		right := 0
		const draws = 200_000
		for range draws {
			w := 2*random.Float64() - 1
			if w*(w+math.Sqrt(noise/3)*random.NormFloat64()) > 0 {
				right++
			}
		}
		if got, want := SignsAtNoise(noise), 100*float64(right)/draws; math.Abs(got-want) > 0.5 {
			t.Errorf("noise %g: %.2f %%, drawn %.2f %%", noise, got, want)
		}
	}
}

// The law holds where it was not fitted: another η, fraction and number of neurons.
func TestNoiseLaw(t *testing.T) {
	law, err := FitNoiseLaw(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Pair{In: 800, Out: 16, Driven: 0.05, Seconds: 150, Rules: []RuleOptions{RDDOptions{LearningRate: 0.008}, RDDOptions{LearningRate: 1e-5}}}.Run(context.Background(), 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	for rule, eta := range []float64{0.008, 1e-5} {
		got, want := c.Last(rule, 0).Noise(), law.At(eta, 40, 800, 150)
		if math.Abs(math.Log(got/want)) > 0.15 {
			t.Errorf("η = %g: noise for signal %.3f, the law says %.3f", eta, got, want)
		}
	}
}
