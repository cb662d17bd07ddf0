package credit

import (
	"fmt"
	"math"
)

// An Estimator estimates a neuron's causal effect from what the neuron can know:
// its drive U and the cost C of every block.
type Estimator interface {
	// Estimate needs drive and cost of equal length, [block], and a threshold.
	Estimate(drive, cost []float64, threshold float64) Estimate
	String() string // its name in tables and figures
}

// Estimate is what an Estimator finds. Effect is NaN if a side of the threshold has
// too few blocks.
type Estimate struct {
	Effect       float64
	StdErr       float64 // as if blocks were independent; NaN if unknown
	Low, High    float64 // 95 % interval
	Window       float64 // of drive, on each side of the threshold; +Inf: all blocks
	Below, Above int     // blocks used on each side
}

// Discontinuity compares the blocks on the two sides of the threshold. Its zero
// value is the observed dependence: mean cost of all blocks with U ≥ θ less that of
// all others.
type Discontinuity struct {
	// Window p keeps blocks with θ−p < U < θ and θ < U < θ+p; 0 means all.
	Window float64
	// Linear fits a least-squares line on each side and compares them at θ,
	// instead of comparing means.
	Linear bool
	// WindowBelowOnly keeps all blocks above the threshold, as in the published
	// supplement: its bias does not vanish with the window.
	WindowBelowOnly bool
}

// ObservedDependence is the naive estimator: how cost goes with spiking.
func ObservedDependence() Discontinuity { return Discontinuity{} }

func (d Discontinuity) String() string {
	switch {
	case d.Window == 0 && !d.Linear:
		return "observed dependence"
	case d.WindowBelowOnly:
		return fmt.Sprintf("discontinuity, window %g below only", d.Window)
	case d.Linear:
		return fmt.Sprintf("discontinuity, linear, window %g", d.Window)
	}
	return fmt.Sprintf("discontinuity, constant, window %g", d.Window)
}

// Estimate implements Estimator. Sources: Lansdell and Kording 2023, equations of
// the piecewise constant and the piecewise linear model.
func (d Discontinuity) Estimate(drive, cost []float64, threshold float64) Estimate {
	if len(drive) != len(cost) {
		panic("credit: drive and cost differ in length")
	}
	window := d.Window
	if window == 0 {
		window = math.Inf(1)
	}
	var below, above side
	for b, u := range drive {
		switch x := u - threshold; {
		case x < 0 && x > -window:
			below.add(x, cost[b])
		case x > 0 && (x < window || d.WindowBelowOnly):
			above.add(x, cost[b])
		case x == 0 && d.Window == 0:
			above.add(x, cost[b])
		}
	}
	low, lowVariance := below.atThreshold(d.Linear)
	high, highVariance := above.atThreshold(d.Linear)
	e := Estimate{Effect: high - low, StdErr: math.Sqrt(lowVariance + highVariance),
		Window: window, Below: int(below.n), Above: int(above.n)}
	const z = 1.959963984540054
	e.Low, e.High = e.Effect-float64(z*e.StdErr), e.Effect+float64(z*e.StdErr)
	return e
}

// side gathers the moments of a least-squares fit; x is the drive from the
// threshold.
type side struct{ n, x, c, xx, xc, cc float64 }

func (s *side) add(x, c float64) {
	s.n++
	s.x += x
	s.c += c
	s.xx += float64(x * x)
	s.xc += float64(x * c)
	s.cc += float64(c * c)
}

// atThreshold returns the fit at x = 0, a mean or a line, and its variance.
func (s *side) atThreshold(linear bool) (value, variance float64) {
	mean := s.c / s.n
	scatter := max(s.cc-float64(mean*s.c), 0)
	if !linear {
		return mean, scatter / (s.n - 1) / s.n
	}
	middle := s.x / s.n
	width := s.xx - float64(middle*s.x)
	if s.n < 3 || !(width > 0) {
		return math.NaN(), math.NaN()
	}
	together := s.xc - float64(middle*s.c)
	slope := together / width
	residual := max(scatter-float64(slope*together), 0) / (s.n - 2)
	return mean - float64(slope*middle), residual * (1/s.n + middle*middle/width)
}
