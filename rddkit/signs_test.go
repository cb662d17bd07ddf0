package rddkit

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/invalid"
)

// Feedback weights that are the feedforward weights plus normal noise of size s
// have the sign of a weight w with probability Φ(|w|/s).
func TestSignsBySizeOfNoisyCopies(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	const n, noise = 100000, 0.5
	forward, feedback := make([]float64, n), make([]float64, n)
	for i := range forward {
		forward[i] = 0.03 * (2*random.Float64() - 1) * math.Sqrt(3) // root mean square 0.03
		feedback[i] = forward[i]/0.03 + noise*random.NormFloat64()
	}
	size, right, err := SignsBySize(forward, feedback, 20)
	if err != nil {
		t.Fatal(err)
	}
	if len(size) != 20 || len(right) != 20 {
		t.Fatalf("%d and %d groups, want 20", len(size), len(right))
	}
	for g := range size {
		wantSize := math.Sqrt(3) * (float64(g) + 0.5) / 20
		want := 100 * 0.5 * math.Erfc(-size[g]/noise/math.Sqrt2)
		if math.Abs(size[g]-wantSize) > 0.02 || math.Abs(right[g]-want) > 2.5 {
			t.Errorf("group %d: size %.3f, %.1f %% right; want %.3f, %.1f %%", g, size[g], right[g], wantSize, want)
		}
	}
	var bad *invalid.Error
	for _, groups := range []int{0, n + 1} {
		if _, _, err := SignsBySize(forward, feedback, groups); !errors.As(err, &bad) {
			t.Errorf("%d groups: %v", groups, err)
		}
	}
	if _, _, err := SignsBySize(forward, feedback[1:], 2); !errors.As(err, &bad) {
		t.Errorf("slices of two lengths: %v", err)
	}
}

func ExampleSignsBySize() {
	size, right, _ := SignsBySize([]float64{-0.1, 0.1, 2, -2}, []float64{0.3, 0.2, 1, -1}, 2)
	fmt.Printf("%.2f %.0f\n", size, right)
	// Output: [0.07 1.41] [50 100]
}
