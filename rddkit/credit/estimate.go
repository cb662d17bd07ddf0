package credit

import (
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/rd"
)

// An EffectEstimator estimates a neuron's causal effect from what the neuron can know:
// its drive U and the cost C of every block.
type EffectEstimator interface {
	// Estimate needs drive and cost of equal length, [block], and a threshold.
	Estimate(drive, cost []float64, threshold float64) EffectEstimate
	String() string // its name in tables and figures
}

// EffectEstimate is what an EffectEstimator finds. Effect is NaN if a side of the threshold has
// too few blocks.
type EffectEstimate struct {
	Effect       float64
	StdErr       float64 // as if blocks were independent; NaN if unknown
	Low, High    float64 // 95 % interval
	Window       float64 // of drive, on each side of the threshold; +Inf: all blocks
	Below, Above int     // blocks used on each side
}

// SpikeDiscontinuity compares the blocks on the two sides of the threshold. Its zero
// value is the observed dependence: mean cost of all blocks with U ≥ θ less that of
// all others.
type SpikeDiscontinuity struct {
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
func ObservedDependence() SpikeDiscontinuity { return SpikeDiscontinuity{} }

func (d SpikeDiscontinuity) String() string {
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

// Estimate implements EffectEstimator. Sources: Lansdell and Kording 2023, equations of
// the piecewise constant and the piecewise linear model.
func (d SpikeDiscontinuity) Estimate(drive, cost []float64, threshold float64) EffectEstimate {
	if len(drive) != len(cost) {
		panic("credit: drive and cost differ in length")
	}
	var fit interface {
		rd.Online
		StdErr() float64
		N() [2]int
	} = &rd.OnlineMeans{Cutoff: threshold}
	if d.Linear {
		fit = &rd.OnlineLeastSquares{Cutoff: threshold}
	}
	window := d.Window
	if window == 0 {
		window = math.Inf(1)
	}
	for b, u := range drive {
		if x := u - threshold; x > -window && (x < window || d.WindowBelowOnly) {
			fit.Add(u, cost[b])
		}
	}
	n := fit.N()
	e := EffectEstimate{Effect: fit.Jump(), StdErr: fit.StdErr(), Window: window, Below: n[0], Above: n[1]}
	const z = 1.959963984540054
	e.Low, e.High = e.Effect-float64(z*e.StdErr), e.Effect+float64(z*e.StdErr)
	return e
}

// LocalLinear is the discontinuity estimator of rddkit/rd: local lines with a
// triangular kernel, a window chosen from the data, and an interval that allows for
// the lines' bias (Calonico, Cattaneo and Titiunik 2014). Its zero value takes
// rd's defaults.
type LocalLinear struct {
	// Options of rd.Sharp; the cutoff is set to the threshold.
	Options rd.Options
}

func (l LocalLinear) String() string { return "discontinuity, local linear, window from the data" }

// Estimate implements EffectEstimator: Effect and StdErr are the conventional estimate
// and its standard error, Low and High the robust bias-corrected interval.
func (l LocalLinear) Estimate(drive, cost []float64, threshold float64) EffectEstimate {
	o := l.Options
	o.Cutoff = threshold
	result, err := rd.Sharp(drive, cost, o)
	if err != nil {
		nan := math.NaN()
		return EffectEstimate{Effect: nan, StdErr: nan, Low: nan, High: nan, Window: nan}
	}
	return EffectEstimate{Effect: result.Conventional.Estimate, StdErr: result.Conventional.StdErr,
		Low: result.Robust.Lo, High: result.Robust.Hi, Window: result.Left.Bandwidth,
		Below: result.Left.Effective, Above: result.Right.Effective}
}
