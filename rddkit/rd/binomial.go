package rd

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/weightalign/lab/rddkit/invalid"
)

// BinomialResult is the outcome of Binomial.
type BinomialResult struct {
	Cutoff, HalfWindow float64
	N                  [2]int  // points in [c − w, c) and [c, c + w]
	P                  float64 // exact, two-sided
}

// Binomial tests whether points near the cutoff are as likely to fall on either
// side: the exact two-sided binomial test of one half within cutoff ± halfWindow.
// x is [point], in any order, finite.
func Binomial(x []float64, cutoff, halfWindow float64) (*BinomialResult, error) {
	if !finite(cutoff) {
		return nil, invalid.New("cutoff", cutoff, "a finite number")
	}
	if !(halfWindow > 0) {
		return nil, invalid.New("halfWindow", halfWindow, "positive")
	}
	if err := (Sample{X: x}).check(); err != nil {
		return nil, err
	}
	r := &BinomialResult{Cutoff: cutoff, HalfWindow: halfWindow}
	for _, v := range x {
		if z := v - cutoff; Uniform.Weight(z/halfWindow) > 0 {
			r.N[sideOf(z)]++
		}
	}
	n := r.N[0] + r.N[1]
	if n == 0 {
		return nil, invalid.New("points in the window", 0, "at least 1")
	}
	fair := distuv.Binomial{N: float64(n), P: 0.5}
	r.P = math.Min(1, 2*fair.CDF(float64(min(r.N[0], r.N[1]))))
	return r, nil
}
