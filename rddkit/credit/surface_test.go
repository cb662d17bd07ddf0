package credit

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestSurfaceIsExactOnPolynomials(t *testing.T) {
	weights := []float64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64Range(-1, 1).Draw(t, "a"), rapid.Float64Range(-1, 1).Draw(t, "b")
		f := func(x, y float64) float64 { return a*math.Pow((x-11)/9, 3)*math.Pow((y-11)/9, 4) + b*x - y*y }
		cost := table[float64](len(weights), len(weights))
		for i, x := range weights {
			for j, y := range weights {
				cost[i][j] = f(x, y)
			}
		}
		s, err := fitSurface(weights, cost)
		if err != nil {
			t.Fatal(err)
		}
		x, y := rapid.Float64Range(2, 20).Draw(t, "x"), rapid.Float64Range(2, 20).Draw(t, "y")
		if got, want := s.At(x, y), f(x, y); math.Abs(got-want) > 1e-7*(1+math.Abs(want)) {
			t.Fatalf("surface at (%v, %v) is %v, want %v", x, y, got, want)
		}
		const h = 1e-4
		g := s.Gradient(x, y)
		byDifference := [2]float64{(s.At(x+h, y) - s.At(x-h, y)) / (2 * h), (s.At(x, y+h) - s.At(x, y-h)) / (2 * h)}
		for k := range g {
			if math.Abs(g[k]-byDifference[k]) > 1e-5*(1+math.Abs(g[k])) {
				t.Fatalf("gradient %v, by differences %v", g, byDifference)
			}
		}
	})
}

func TestContourIsALevel(t *testing.T) {
	weights := []float64{2, 4, 6, 8, 10, 12, 14, 16, 18, 20}
	cost := table[float64](len(weights), len(weights))
	for i, x := range weights {
		for j, y := range weights {
			cost[i][j] = math.Hypot(x-11, y-9) * math.Hypot(x-11, y-9)
		}
	}
	s, err := fitSurface(weights, cost)
	if err != nil {
		t.Fatal(err)
	}
	w1, w2 := s.Contour([2]float64{11, 9}, 16, 12)
	for k := range w1 {
		if r := math.Hypot(w1[k]-11, w2[k]-9); math.Abs(r-4) > 0.03 {
			t.Errorf("point %d is %v from the centre, want 4", k, r)
		}
	}
	if len(w1) != 13 || math.Abs(w1[0]-w1[12]) > 1e-9 {
		t.Error("the contour is not closed")
	}
	// A circle of radius 8 leaves the square below, where it is 7 from the centre.
	w1, w2 = s.Contour([2]float64{11, 9}, 64, 360)
	for k := range w1 {
		below := math.Sin(2*math.Pi*float64(k)/360) < -7.05/8
		if math.IsNaN(w1[k]) || math.IsNaN(w2[k]) != below {
			t.Errorf("at %d degrees the contour is at (%v, %v), outside the square: %v", k, w1[k], w2[k], below)
		}
	}
}

// Reference, from 19 × 19 points of ten runs: the true effect's update is 1.5° off
// the gradient, the observed dependence at c = 0.99 25°. The map here is coarse: five
// seeds put the true effect at 4.5 ± 1.5°.
func TestUpdateField(t *testing.T) {
	p := LearningPair(0.99)
	p.SeparateBlocks = true
	f := UpdateField{Population: p, Weights: []float64{4, 6, 8, 10, 12, 14, 16, 18, 20}, Repeats: 2}
	field, err := f.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	naive, discontinuity := field.Updates[0], field.Updates[1]
	if field.True.Angle > 9 || naive.Angle < 15 || discontinuity.Angle > naive.Angle {
		t.Errorf("angles to the gradient: true %.1f, discontinuity %.1f, observed dependence %.1f degrees",
			field.True.Angle, discontinuity.Angle, naive.Angle)
	}
	if field.True.Bias != 0 || math.Abs(field.True.GradientGain/0.00206-1) > 0.15 {
		t.Errorf("the true effect's bias is %v, its gain %v", field.True.Bias, field.True.GradientGain)
	}
	if math.Abs(field.Optimum[0]-11.7) > 1.5 || math.Abs(field.Optimum[1]-10.05) > 2 {
		t.Errorf("optimum at %v, want near (11.7, 10.05)", field.Optimum)
	}
	_, err = UpdateField{Weights: []float64{1, 2, 3}}.Run(context.Background(), nil)
	requireInvalid(t, "Weights", err)
}
