package rd

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit/invalid"
)

// PlotOptions says what a regression discontinuity plot shows. The zero value:
// cutoff 0, all points, the IMSE-optimal number of evenly spaced bins, quartics.
type PlotOptions struct {
	Cutoff  float64
	Bins    [2]int     // evenly spaced bins, [left, right]; a zero is replaced by the number that Binning chooses
	Binning Binning    // default IMSEOptimal
	H       [2]float64 // how far from the cutoff to look, [left, right]; zero: everywhere
	Order   int        // of the fitted polynomials, 1 to 5; 0 means 4
	Points  int        // of each drawn curve; 0 means 200
}

// A Binning chooses the number of bins from the data (Calonico, Cattaneo &
// Titiunik 2015).
type Binning int

const (
	IMSEOptimal   Binning = iota // few bins, that trace the regression function (es)
	MimicVariance                // more bins, whose means scatter as the outcomes do (esmv)
)

var binningNames = []string{"es", "esmv"}

func (b Binning) String() string { return name(binningNames, int(b)) }

// PlotData is what a regression discontinuity plot draws.
type PlotData struct {
	Options     PlotOptions // as used: the numbers of bins filled in
	Left, Right PlotSide
}

// A PlotSide is one side's bins, in ascending order, and fitted curve.
type PlotSide struct {
	N            int // points shown
	Bins         []Bin
	Curve        []Point
	Coefficients []float64 // of the curve in 1, z, …, z^Order
}

// A Bin is the points with From <= x < To (of the last one, x <= To), up to a
// relative 2⁻³⁰ of its width. Bins
// without points are left out.
type Bin struct {
	From, To float64
	N        int
	X, Y     float64 // means
	StdErr   float64 // of Y: s.d./√N; NaN for a single point
}

// A Point is one point of a curve.
type Point struct{ X, Y float64 }

// Plot bins the data and fits a global polynomial on each side of the cutoff,
// unweighted. x and y are [point], in any order, of equal length and finite.
//
// The IMSE-optimal number of bins on a side of length L balances the bins'
// squared bias against their variance (Calonico, Cattaneo & Titiunik 2015):
//
//	J = ⌈(2 B n / V)^(1/3)⌉,  B = L²/12 · Σ μ'(x_i)²/n,  V = 1/L · ∫ σ²(x) dx
//
// with μ' from the fitted polynomial and σ² from the differences of the mean
// outcomes at neighbouring x; the number that mimics the outcomes' variance s² is
// J = ⌈s²/V · n/(ln n)²⌉.
func Plot(x, y []float64, o PlotOptions) (*PlotData, error) {
	if !finite(o.Cutoff) {
		return nil, invalid.New("Cutoff", o.Cutoff, "a finite number")
	}
	if o.Bins[0] < 0 || o.Bins[1] < 0 {
		return nil, invalid.New("Bins", o.Bins, "at least 1 on each side, or 0 for the optimal number")
	}
	if err := checkBandwidth("H", o.H); err != nil {
		return nil, err
	}
	if o.Order < 0 || o.Order > maxOrder {
		return nil, invalid.Newf("Order", o.Order, "1 to %d, or 0 for 4", maxOrder)
	}
	if o.Order == 0 {
		o.Order = 4
	}
	if o.Points < 0 || o.Points == 1 {
		return nil, invalid.New("Points", o.Points, "at least 2, or 0 for 200")
	}
	if o.Points == 0 {
		o.Points = 200
	}
	if o.Binning < IMSEOptimal || o.Binning > MimicVariance {
		return nil, invalid.New("Binning", int(o.Binning), "IMSEOptimal or MimicVariance")
	}
	if err := required("y", y, x); err != nil {
		return nil, err
	}
	sides, err := Sample{X: x, Y: y}.split(Options{Cutoff: o.Cutoff})
	if err != nil {
		return nil, err
	}
	data := &PlotData{Options: o}
	for i := range sides {
		s := &sides[i]
		h := o.H[i]
		if h == 0 {
			h = s.reach()
		}
		if !(h > 0) {
			return nil, tooFew(s, 1, o.Order, h)
		}
		f, err := s.fit(Uniform, o.Order, h)
		if err != nil {
			return nil, fmt.Errorf("fitted curve: %w", err)
		}
		shown := PlotSide{N: f.hi - f.lo, Coefficients: f.inUnitsOfX(f.coefficients(s.y))}
		from, to := s.z[f.lo], 0.0
		if s.right {
			from, to = 0, s.z[f.hi-1]
		}
		bins := o.Bins[i]
		if bins == 0 {
			bins = o.Binning.bins(s, f, shown.Coefficients, to-from, len(x))
		}
		data.Options.Bins[i] = bins
		shown.Bins = bin(s, f.lo, f.hi, from, to, bins, o.Cutoff)
		shown.Curve = curve(shown.Coefficients, from, to, o.Points, o.Cutoff)
		if i == 0 {
			data.Left = shown
		} else {
			data.Right = shown
		}
	}
	return data, nil
}

// bins is J of the side's points in f, of a sample of n.
func (b Binning) bins(s *side, f *fit, coefficients []float64, length float64, n int) int {
	slope := make([]float64, len(coefficients)-1)
	for j := range slope {
		slope[j] = float64(j+1) * coefficients[j+1]
	}
	bias, variance := 0.0, 0.0
	var last, count float64 // mean outcome at the x before, and of how many points
	for i := f.lo; i < f.hi; {
		first, mean := i, 0.0
		for ; i < f.hi && s.z[i] == s.z[first]; i++ {
			d := polynomialAt(slope, s.z[i])
			bias += d * d
			mean += s.y[i]
		}
		m := float64(i - first)
		mean /= m
		if first > f.lo {
			dy := mean - last
			variance += (s.z[first] - s.z[first-1]) * dy * dy / (1/m + 1/count)
		}
		last, count = mean, m
	}
	bias *= length * length / 12 / float64(n)
	variance /= length
	j := math.Ceil(math.Cbrt(2 * bias * float64(n) / variance))
	if b == MimicVariance {
		log := math.Log(float64(n))
		j = math.Ceil(stat.Variance(s.y[f.lo:f.hi], nil) / variance * float64(n) / (log * log))
	}
	// Without noise the formula wants infinitely many.
	if most := float64(s.unique); !(j <= most) {
		j = most
	}
	return int(max(j, 1))
}

// bin parts the points [lo, hi) of the side into evenly spaced bins of z.
func bin(s *side, lo, hi int, from, to float64, bins int, cutoff float64) []Bin {
	width := (to - from) / float64(bins)
	// A point on the edge of two bins is in the upper one, whatever rounding says.
	place := func(z float64) int { return min(int((z-from)/width+edge), bins-1) }
	var out []Bin
	for i := lo; i < hi; {
		k := place(s.z[i])
		first := i
		for i < hi && place(s.z[i]) == k {
			i++
		}
		b := Bin{
			From: cutoff + from + float64(k)*width, To: cutoff + from + float64(k+1)*width,
			N: i - first, X: cutoff + stat.Mean(s.z[first:i], nil),
		}
		mean, variance := stat.MeanVariance(s.y[first:i], nil)
		b.Y, b.StdErr = mean, math.Sqrt(variance/float64(b.N))
		out = append(out, b)
	}
	return out
}

// curve evaluates a polynomial in z at evenly spaced points from one z to another.
func curve(coefficients []float64, from, to float64, points int, cutoff float64) []Point {
	c := make([]Point, points)
	for i := range c {
		z := from + (to-from)*float64(i)/float64(points-1)
		c[i] = Point{cutoff + z, polynomialAt(coefficients, z)}
	}
	return c
}

// Curves returns the fitted local polynomials, [left, right], at the given
// number of evenly spaced points (0 means 200) from the bandwidth's edge to the
// cutoff and from there to the other edge, for a plot of what was estimated. A
// single point is the limit at the cutoff.
func (r *Result) Curves(points int) [2][]Point {
	switch {
	case points <= 0:
		points = 200
	case points == 1:
		c := r.Options.Cutoff
		return [2][]Point{{{c, r.Left.Coefficients[0]}}, {{c, r.Right.Coefficients[0]}}}
	}
	c := r.Options.Cutoff
	return [2][]Point{
		curve(r.Left.Coefficients, -r.Left.Bandwidth, 0, points, c),
		curve(r.Right.Coefficients, 0, r.Right.Bandwidth, points, c),
	}
}
