package rd

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit/invalid"
)

// A Selection is a pair of data-driven bandwidths and how they came about:
// from a pilot width v through three stages of one form (Calonico, Cattaneo &
// Titiunik 2014; Calonico, Cattaneo & Farrell 2020).
type Selection struct {
	H, B   [2]float64 // [left, right], units of x
	Spread float64    // min(s.d., IQR/1.349) of x
	Unique int        // distinct x, on both sides
	Pilot  [2]float64 // v; one value unless the selector works on each side by itself
	Stages [3]Stage   // of the bandwidths d (for the curvature of the bias), b, h
}

// A Stage minimises the mean squared error of the Derivative-th coefficient of
// a polynomial of order Order, whose bias comes from one of order Order+1
// fitted at the bandwidth Input:
//
//	Result = [(V_− + V_+) / ((B_+ − B_−)² + R_− + R_+)]^(1/(2 Order + 3))
type Stage struct {
	Order, Derivative int
	Input             [2]float64 // bandwidth of the bias fit
	V, B, R           [2]float64 // variance, bias and regularisation, [left, right]
	Result            [2]float64 // bandwidth, [left, right]
}

// SelectBandwidth returns the bandwidths that Sharp would use for the same
// options. Residuals in the selector are always those of the nearest-neighbour
// variance, whatever o.Variance is.
func SelectBandwidth(x, y []float64, o Options) (*Selection, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	if err := required("y", y, x); err != nil {
		return nil, err
	}
	sides, err := split(x, y, nil, o.Cutoff)
	if err != nil {
		return nil, err
	}
	selection, _, err := selectBandwidth(sides, o)
	return selection, err
}

// selectBandwidth runs the selector, for the ratio of the jumps of y and d if
// the sides have a d.
func selectBandwidth(sides [2]side, o Options) (*Selection, []error, error) {
	var warnings []error
	p := o.order()
	q := p + 1
	reach := [2]float64{sides[0].reach(), sides[1].reach()}
	if !(reach[0] > 0 && reach[1] > 0) {
		return nil, nil, invalid.New("distance of x from the cutoff", reach, "positive on both sides, to select a bandwidth")
	}
	limit := reach
	alone := o.Selector == MSETwo || o.Selector == CERTwo
	if !alone {
		limit = Both(max(reach[0], reach[1]))
	}

	sel := &Selection{Unique: sides[0].unique + sides[1].unique}
	n := len(sides[0].x) + len(sides[1].x)
	counted := sel.Unique
	if o.IgnoreMassPoints {
		counted = n
	}
	var err error
	if sel.Spread, err = spread(sides); err != nil {
		return nil, nil, err
	}
	// Where many points share their x, a window must hold ten distinct values and
	// a little more. (The published rule adds 1e-8 whatever the unit of x is; h
	// would then not scale with x.)
	floor := 0.0
	for i := range sides {
		if s := &sides[i]; float64(len(s.x)-s.unique) >= 0.2*float64(len(s.x)) {
			warnings = append(warnings, fmt.Errorf("%d of %d points on the %s repeat a value of x", len(s.x)-s.unique, len(s.x), s.name()))
			if !o.IgnoreMassPoints {
				floor = max(sides[0].distance(10), sides[1].distance(10)) + 1e-8*sel.Spread
			}
		}
	}
	v := o.Kernel.pilotConstant() * sel.Spread * math.Pow(float64(counted), -0.2)
	for i := range sel.Pilot {
		sel.Pilot[i] = max(min(v, limit[i]), floor)
	}

	inputs := reach
	for i, target := range [3]struct{ order, derivative int }{{q + 1, q + 1}, {q, p + 1}, {p, 0}} {
		stage, err := selectStage(sides, o, target.order, target.derivative, sel.Pilot, inputs, i > 0 && !o.NoRegularisation)
		if err != nil {
			return nil, nil, err
		}
		for k := range stage.Result {
			if stage.Result[k] == 0 {
				return nil, nil, invalid.New("variation of y around its fit", 0, "some, to select a bandwidth; give H")
			}
			if !(stage.Result[k] < limit[k]) { // also when there is no curvature to speak of
				stage.Result[k] = limit[k]
				if i == 2 {
					warnings = append(warnings, fmt.Errorf("selected bandwidth is the whole range of x on the %s", sides[k].name()))
				}
			}
			if i == 0 {
				stage.Result[k] = max(stage.Result[k], floor)
			}
		}
		sel.Stages[i] = stage
		inputs = stage.Result
	}
	sel.B, sel.H = sel.Stages[1].Result, sel.Stages[2].Result
	if o.Selector >= CERRD {
		shrink := math.Pow(float64(n), -float64(p)/float64((3+p)*(3+2*p)))
		sel.H[0] *= shrink
		sel.H[1] *= shrink
	}
	return sel, warnings, nil
}

func selectStage(sides [2]side, o Options, order, derivative int, pilot, input [2]float64, regularise bool) (Stage, error) {
	st := Stage{Order: order, Derivative: derivative, Input: input}
	free := float64(2 * (order + 1 - derivative))
	for i := range sides {
		s, v, g := &sides[i], pilot[i], input[i]
		local, err := s.fit(o.Kernel, order, v)
		if err != nil {
			return st, fmt.Errorf("bandwidth selection: %w", err)
		}
		bias, err := s.fit(o.Kernel, order+1, g)
		if err != nil {
			return st, fmt.Errorf("bandwidth selection: %w", err)
		}
		outcome := linearised(s, local, derivative)
		a := local.weights(derivative)
		st.V[i] = float64(2*derivative+1) * v * sumSquares(a, outcome.residuals(s, local.lo, local.hi, o.Neighbours))
		kappa := 0.0
		for j, w := range a {
			kappa += w * math.Pow(local.u[j], float64(order+1))
		}
		scale := math.Pow(g, float64(order+1)) // from coefficients of u to those of z
		beta := outcome.of(func(y []float64) float64 { return bias.coefficients(y)[order+1] }, s)
		st.B[i] = math.Sqrt(free) * kappa * beta / scale
		if regularise {
			e := outcome.residuals(s, bias.lo, bias.hi, o.Neighbours)
			st.R[i] = 3 * free * kappa * kappa * sumSquares(bias.weights(order+1), e) / (scale * scale)
		}
	}
	root := 1 / float64(2*order+3)
	switch o.Selector {
	case MSETwo, CERTwo:
		for i := range st.Result {
			st.Result[i] = math.Pow(st.V[i]/(st.B[i]*st.B[i]+st.R[i]), root)
		}
	default:
		b := st.B[1] - st.B[0]
		if o.Selector == MSESum || o.Selector == CERSum {
			b = st.B[1] + st.B[0]
		}
		st.Result = Both(math.Pow((st.V[0]+st.V[1])/(b*b+st.R[0]+st.R[1]), root))
	}
	return st, nil
}

// A combination is the outcome the selector works on: y itself, or for a ratio
// of jumps its linearisation onY·y + onD·d around one side's own coefficients.
type combination struct{ onY, onD float64 }

// linearised returns y/td − d·ty/td² with ty, td the derivative-th derivative
// of y and d by the local fit, or y where there is no d.
func linearised(s *side, local *fit, derivative int) combination {
	if s.d == nil {
		return combination{onY: 1}
	}
	scale := math.Gamma(float64(derivative+1)) / math.Pow(local.h, float64(derivative))
	ty := scale * local.coefficients(s.y)[derivative]
	td := scale * local.coefficients(s.d)[derivative]
	return combination{onY: 1 / td, onD: -ty / (td * td)}
}

// of applies a linear functional of one column.
func (c combination) of(functional func([]float64) float64, s *side) float64 {
	v := c.onY * functional(s.y)
	if s.d != nil {
		v += c.onD * functional(s.d)
	}
	return v
}

// residuals returns the nearest-neighbour residuals of the points [lo, hi).
func (c combination) residuals(s *side, lo, hi, least int) []float64 {
	e := neighbourResiduals(s.x[lo:hi], s.y[lo:hi], least)
	if s.d == nil {
		return e
	}
	for i, v := range neighbourResiduals(s.x[lo:hi], s.d[lo:hi], least) {
		e[i] = c.onY*e[i] + c.onD*v
	}
	return e
}

// spread returns min(s.d., IQR/1.349) of x, or the s.d. where half the points
// share one value. Quartiles average at jumps (Hyndman & Fan 1996, type 2).
func spread(sides [2]side) (float64, error) {
	x := append(append([]float64(nil), sides[0].x...), sides[1].x...)
	quantile := func(p float64) float64 {
		k, rest := math.Modf(float64(len(x)) * p)
		i := int(k)
		if rest == 0 && i > 0 {
			return (x[i-1] + x[i]) / 2
		}
		return x[i]
	}
	sd := stat.StdDev(x, nil)
	if !(sd > 0) {
		return 0, invalid.New("x", "constant", "at least two values")
	}
	if iqr := (quantile(0.75) - quantile(0.25)) / 1.349; iqr > 0 {
		return min(sd, iqr), nil
	}
	return sd, nil
}
