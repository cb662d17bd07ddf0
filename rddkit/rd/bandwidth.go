package rd

import (
	"fmt"
	"math"
	"sort"

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
	Pilot  [2]float64 // v
	// Stages are those of the bandwidths d (for the curvature of the bias), b, h; of
	// MSERD where the selector combines several.
	Stages [3]Stage
}

// A Stage minimises the mean squared error of the Derivative-th coefficient of
// a polynomial of order Order, whose bias comes from one of order Order+1
// (BiasOrder in the last stage) fitted at the bandwidth Input:
//
//	Result = [(V_− + V_+) / ((B_+ − B_−)² + R_− + R_+)]^(1/(2 Order + 3))
//
// With clusters on both sides, V and R also have a covariance of the two sides.
type Stage struct {
	Order, Derivative int
	Input             [2]float64 // bandwidth of the bias fit
	V, B, R           [2]float64 // variance, bias and regularisation, [left, right]
	Result            [2]float64 // bandwidth, [left, right]
}

// SelectBandwidth returns the bandwidths that Sharp would use for the same
// options.
func SelectBandwidth(x, y []float64, o Options) (*Selection, error) {
	return Sample{X: x, Y: y}.SelectBandwidth(o)
}

// SelectBandwidth returns the bandwidths that Sharp would use for the same
// options, or Fuzzy if there is a D.
func (s Sample) SelectBandwidth(o Options) (*Selection, error) {
	d, err := s.prepare(o, s.D != nil)
	if err != nil {
		return nil, err
	}
	selection, _, err := selectBandwidth(d.forSelection(), d.o)
	return selection, err
}

// fewest is how many points a bandwidth is selected from at least.
const fewest = 20

// selectBandwidth runs the selector, for the ratio of the jumps of y and d if
// the sides have a d.
func selectBandwidth(sides [2]side, o Options) (*Selection, []error, error) {
	var warnings []error
	p, q := o.order(), o.BiasOrder
	reach := [2]float64{sides[0].reach(), sides[1].reach()}
	if !(reach[0] > 0 && reach[1] > 0) {
		return nil, nil, invalid.New("distance of x from the cutoff", reach, "positive on both sides, to select a bandwidth")
	}
	longest := max(reach[0], reach[1])

	sel := &Selection{Unique: sides[0].unique + sides[1].unique}
	n := len(sides[0].z) + len(sides[1].z)
	counted := sel.Unique
	if o.IgnoreMassPoints {
		counted = n
	}
	var err error
	if sel.Spread, err = spread(sides); err != nil {
		return nil, nil, err
	}
	least := o.Distinct
	for i := range sides {
		if s := &sides[i]; float64(len(s.z)-s.unique) >= 0.2*float64(len(s.z)) {
			warnings = append(warnings, fmt.Errorf("%d of %d points on the %s repeat a value of x", len(s.z)-s.unique, len(s.z), s.name()))
			if !o.IgnoreMassPoints && least == 0 {
				least = 10
			}
		}
	}
	// A window must hold so many distinct values and a little more, by which the
	// last of them has a weight.
	var floor [2]float64
	if least > 0 {
		for i := range sides {
			floor[i] = sides[i].distance(least) * (1 + alikeDistance)
		}
	}
	highest := max(floor[0], floor[1])
	v := o.Kernel.pilotConstant() * sel.Spread * math.Pow(float64(counted), -0.2)
	sel.Pilot = Both(max(min(v, longest), highest))

	cascade := func(target Selector) (stages [3]Stage, err error) {
		limit, lowest := Both(longest), Both(highest)
		if target == MSETwo {
			limit, lowest = reach, floor
		}
		input := [2]float64{reach[0] * (1 + o.beyond), reach[1] * (1 + o.beyond)}
		for i, t := range [3]struct{ order, bias, derivative int }{{q + 1, q + 2, q + 1}, {q, q + 1, p + 1}, {p, q, o.Derivative}} {
			stage, err := selectStage(sides, o, target, t.order, t.bias, t.derivative, sel.Pilot, input, i > 0 && !o.NoRegularisation)
			if err != nil {
				return stages, err
			}
			for k := range stage.Result {
				if !(stage.Result[k] < limit[k]) { // also when there is no curvature to speak of
					stage.Result[k] = limit[k]
					if i == 2 {
						warnings = append(warnings, fmt.Errorf("selected bandwidth is the whole range of x on the %s", sides[k].name()))
					}
				}
				if i == 0 {
					stage.Result[k] = max(stage.Result[k], lowest[k])
				}
			}
			stages[i] = stage
			input = stage.Result
		}
		return stages, nil
	}
	base, shrunk := o.Selector, o.Selector >= CERRD
	if shrunk {
		base -= CERRD
	}
	parts := []Selector{base}
	switch base {
	case MSEComb1:
		parts = []Selector{MSERD, MSESum}
	case MSEComb2:
		parts = []Selector{MSERD, MSESum, MSETwo}
	}
	var h, b [2][]float64
	for i, part := range parts {
		stages, err := cascade(part)
		if err != nil {
			return nil, nil, err
		}
		if i == 0 {
			sel.Stages = stages
		}
		for k := range h {
			b[k] = append(b[k], stages[1].Result[k])
			h[k] = append(h[k], stages[2].Result[k])
		}
	}
	for k := range h {
		sel.H[k], sel.B[k] = lowerMedian(h[k]), lowerMedian(b[k])
	}
	if shrunk {
		if o.clustered() {
			n = clustersOf(sides, o.clusters)
		}
		shrink := math.Pow(float64(n), -float64(p)/float64((3+p)*(3+2*p)))
		sel.H[0] *= shrink
		sel.H[1] *= shrink
	}
	if o.Rho > 0 {
		sel.B = [2]float64{sel.H[0] / o.Rho, sel.H[1] / o.Rho}
	}
	return sel, warnings, nil
}

// lowerMedian returns the middle of one or three values, the smaller of two.
func lowerMedian(values []float64) float64 {
	sort.Float64s(values)
	return values[(len(values)-1)/2]
}

// selectStage is one stage, for bias fits of the given order at input.
func selectStage(sides [2]side, o Options, target Selector, order, biasOrder, derivative int, pilot, input [2]float64, regularise bool) (Stage, error) {
	st := Stage{Order: order, Derivative: derivative, Input: input}
	free := float64(2 * (order + 1 - derivative))
	var variance, regular [2]score
	var kappas [2]float64
	err := both(func(i int) error {
		s, v, g := &sides[i], pilot[i], input[i]
		local, err := s.fit(o.Kernel, order, v)
		if err != nil {
			return fmt.Errorf("bandwidth selection: %w", err)
		}
		bias, err := s.fit(o.Kernel, biasOrder, g)
		if err != nil {
			return fmt.Errorf("bandwidth selection: %w", err)
		}
		y := s.linearised(local, derivative)
		variance[i] = s.scoreOf(local, derivative, 1, y, o)
		kappas[i] = local.lead(derivative, order+1)
		scale := math.Pow(g, float64(order+1)) // from coefficients of u to those of z
		st.B[i] = math.Sqrt(free) * kappas[i] * bias.coefficients(y)[order+1] / scale
		if regularise {
			regular[i] = s.scoreOf(bias, order+1, kappas[i]/scale, y, o)
		}
		return nil
	})
	if err != nil {
		return st, err
	}
	alone := target == MSETwo
	v := o.variances(variance)
	if alone && o.clustered() {
		v = o.apart(variance)
	}
	if v.v == [2]float64{} || alone && (v.v[0] == 0 || v.v[1] == 0) {
		return st, invalid.New("variation of y around its fit", 0, "some, to select a bandwidth; give H")
	}
	var r pair
	if regularise {
		r = o.variances(regular)
		if alone && o.clustered() {
			r = o.apart(regular)
		}
	}
	// v^(2ν+1) Σ (A[ν] e)², A in units of x; the rows of a fit are in those of u, and
	// the pilot bandwidth is one for both sides.
	power := float64(2*derivative+1) * pilot[0]
	for i := range st.V {
		st.V[i] = power * v.v[i]
		st.R[i] = 3 * free * r.v[i]
	}
	root := 1 / float64(2*order+3)
	if alone {
		for i := range st.Result {
			st.Result[i] = math.Pow(st.V[i]/(st.B[i]*st.B[i]+st.R[i]), root)
		}
		return st, nil
	}
	b, vs, rs := st.B[1]-st.B[0], v.difference(), r.difference()
	if target == MSESum {
		b, vs, rs = st.B[1]+st.B[0], v.sum(), r.sum()
	}
	st.Result = Both(math.Pow(power*vs/(b*b+3*free*rs), root))
	return st, nil
}

// linearised returns the outcome that the selector works on: y less what
// covariates explain of it around this side's fit, or for a ratio of jumps
// y/td − d·ty/td² with ty, td the derivative-th derivatives of y and d by that fit.
func (s *side) linearised(local *fit, derivative int) []float64 {
	y, d := s.y, s.d
	if s.covs != nil {
		gamma := partial([]*side{s}, []*fit{local}, func(s *side) []float64 { return s.y })
		y = s.adjusted(y, gamma)
		if d != nil {
			d = s.adjusted(d, partial([]*side{s}, []*fit{local}, func(s *side) []float64 { return s.d }))
		}
	}
	if d == nil {
		return y
	}
	scale := math.Gamma(float64(derivative+1)) / math.Pow(local.h, float64(derivative))
	ty := scale * local.coefficients(y)[derivative]
	td := scale * local.coefficients(d)[derivative]
	out := make([]float64, len(y))
	for i := range out {
		out[i] = y[i]/td - d[i]*ty/(td*td)
	}
	return out
}

// spread returns min(s.d., IQR/1.349) of x, or the s.d. where half the points
// share one value. Quartiles average at jumps (Hyndman & Fan 1996, type 2).
func spread(sides [2]side) (float64, error) {
	n := [2]int{len(sides[0].z), len(sides[1].z)}
	all := n[0] + n[1]
	x := func(i int) float64 {
		if i < n[0] {
			return sides[0].z[i]
		}
		return sides[1].z[i-n[0]]
	}
	quantile := func(p float64) float64 {
		k, rest := math.Modf(float64(all) * p)
		i := int(k)
		if rest == 0 && i > 0 {
			return (x(i-1) + x(i)) / 2
		}
		return x(i)
	}
	var mean, squares [2]float64
	for i := range sides {
		m, v := stat.PopMeanVariance(sides[i].z, nil)
		mean[i], squares[i] = m, v*float64(n[i])
	}
	apart := mean[1] - mean[0]
	sd := math.Sqrt((squares[0] + squares[1] + apart*apart*float64(n[0])*float64(n[1])/float64(all)) / float64(all-1))
	if !(sd > 0) {
		return 0, invalid.New("x", "constant", "at least two values")
	}
	if iqr := (quantile(0.75) - quantile(0.25)) / 1.349; iqr > 0 {
		return min(sd, iqr), nil
	}
	return sd, nil
}
