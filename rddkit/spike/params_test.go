package spike

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// What a user writes in decimals is a whole number of steps, and nothing between.
func TestStepsOfATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1_000_000).Draw(t, "steps")
		if got, ok := (Params{}).Steps(float64(n) / 1000); !ok || got != n {
			t.Errorf("%d ms are %d steps, %v", n, got, ok)
		}
		between := float64(n) + rapid.Float64Range(0.01, 0.99).Draw(t, "part")
		if got, ok := (Params{}).Steps(between / 1000); ok {
			t.Errorf("%g ms are %d steps", between, got)
		}
	})
	for _, seconds := range []float64{0, -1, 0.0004, 2e6, math.Inf(1), math.NaN()} {
		if got, ok := (Params{}).Steps(seconds); ok {
			t.Errorf("%g s are %d steps", seconds, got)
		}
	}
}
