package rd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// LocalConstant as Options.Order asks for order 0: the difference of weighted
// means on the two sides.
const LocalConstant = -1

// maxOrder bounds the polynomial order: beyond it, fits at a boundary are noise.
const maxOrder = 5

// Options says how to estimate. The zero value is the field's default: local
// linear, triangular kernel, mserd bandwidth, nearest-neighbour variance with
// three neighbours, 95 % intervals, cutoff 0.
type Options struct {
	Cutoff float64 // c, in the units of x; units with x >= c are treated
	Kernel Kernel  // default Triangular

	// Order p of the local polynomial, 1 to 5; 0 means 1 (local linear), and
	// LocalConstant means order 0. The bias is estimated at order p+1.
	Order int

	// H and B are the bandwidths of the estimate and of its bias, [left, right],
	// in the units of x. H zero: chosen by Selector. B zero with H given: B = H.
	H, B     [2]float64
	Selector Selector // default MSERD; not used when H is given

	Variance   Variance // default NearestNeighbour
	Neighbours int      // least number of neighbours of the nearest-neighbour variance; 0 means 3

	Level float64 // confidence level, between 0 and 1; 0 means 0.95

	// NoRegularisation drops the term that keeps a tiny estimated curvature
	// from making the bandwidth huge.
	NoRegularisation bool
	// IgnoreMassPoints counts points rather than distinct values of x in the
	// selector's pilot bandwidth.
	IgnoreMassPoints bool
	// SharpBandwidth makes Fuzzy choose its bandwidths for the outcome alone
	// rather than for the ratio.
	SharpBandwidth bool
}

// Both returns [v, v], for a bandwidth that is the same on both sides.
func Both(v float64) [2]float64 { return [2]float64{v, v} }

// A Variance is an estimator of the standard errors.
type Variance int

const (
	// NearestNeighbour takes residuals from the mean outcome of the nearest
	// points on the same side (Abadie & Imbens 2006), not from the fit.
	NearestNeighbour Variance = iota
	HC0                       // squared residuals of the fit
	HC1                       // HC0 with each side's part times n_s/(n_s − p − 1)
	HC1Pooled                 // HC0 times n/(n − 2(p+1)), n the points of both sides
	HC2                       // squared residuals over 1 − leverage
	HC3                       // squared residuals over (1 − leverage)²
)

var varianceNames = []string{"nn", "hc0", "hc1", "hc1-pooled", "hc2", "hc3"}

func (v Variance) String() string { return name(varianceNames, int(v)) }

// ParseVariance is the inverse of String.
func ParseVariance(s string) (Variance, error) {
	i, err := parse("variance", s, varianceNames)
	return Variance(i), err
}

// A Selector chooses the bandwidths from the data.
type Selector int

const (
	MSERD  Selector = iota // one bandwidth, least mean squared error of the jump
	MSESum                 // one bandwidth, least mean squared error of the sum of the two limits
	MSETwo                 // one bandwidth per side, for each limit by itself
	CERRD                  // MSERD shrunk for least coverage error of the robust interval
	CERSum                 // MSESum shrunk likewise
	CERTwo                 // MSETwo shrunk likewise
)

var selectorNames = []string{"mserd", "msesum", "msetwo", "cerrd", "cersum", "certwo"}

func (s Selector) String() string { return name(selectorNames, int(s)) }

// ParseSelector is the inverse of String.
func ParseSelector(s string) (Selector, error) {
	i, err := parse("selector", s, selectorNames)
	return Selector(i), err
}

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("unknown (%d)", i)
	}
	return names[i]
}

func parse(field, s string, names []string) (int, error) {
	i := slices.Index(names, s)
	if i < 0 {
		return 0, invalid.New(field, s, strings.Join(names, ", "))
	}
	return i, nil
}

// order returns p.
func (o Options) order() int {
	switch o.Order {
	case 0:
		return 1
	case LocalConstant:
		return 0
	}
	return o.Order
}

// resolve fills in the defaults and refuses what is not allowed.
func (o Options) resolve() (Options, error) {
	if !finite(o.Cutoff) {
		return o, invalid.New("Cutoff", o.Cutoff, "a finite number")
	}
	if o.Kernel < Triangular || o.Kernel > Epanechnikov {
		return o, invalid.New("Kernel", int(o.Kernel), "Triangular, Uniform or Epanechnikov")
	}
	if o.Order < LocalConstant || o.Order > maxOrder {
		return o, invalid.Newf("Order", o.Order, "1 to %d, or LocalConstant", maxOrder)
	}
	if o.Order == 0 {
		o.Order = 1
	}
	if o.Variance < NearestNeighbour || o.Variance > HC3 {
		return o, invalid.New("Variance", int(o.Variance), "NearestNeighbour or HC0 to HC3")
	}
	if o.Selector < MSERD || o.Selector > CERTwo {
		return o, invalid.New("Selector", int(o.Selector), "MSERD to CERTwo")
	}
	if o.Neighbours < 0 {
		return o, invalid.New("Neighbours", o.Neighbours, "at least 1, or 0 for 3")
	}
	if o.Neighbours == 0 {
		o.Neighbours = 3
	}
	var err error
	if o.Level, err = resolveLevel(o.Level); err != nil {
		return o, err
	}
	if err := checkBandwidth("H", o.H); err != nil {
		return o, err
	}
	if err := checkBandwidth("B", o.B); err != nil {
		return o, err
	}
	switch {
	case o.H == [2]float64{} && o.B != [2]float64{}:
		return o, invalid.New("B", o.B, "given only together with H")
	case o.B == [2]float64{}:
		o.B = o.H
	}
	return o, nil
}

func resolveLevel(level float64) (float64, error) {
	if level == 0 {
		return 0.95, nil
	}
	if !(level > 0 && level < 1) {
		return 0, invalid.New("Level", level, "between 0 and 1, or 0 for 0.95")
	}
	return level, nil
}

// checkBandwidth accepts two positive numbers, or two zeros for "not given".
func checkBandwidth(field string, h [2]float64) error {
	if h == [2]float64{} {
		return nil
	}
	for _, v := range h {
		if !(v > 0) || math.IsInf(v, 1) {
			return invalid.New(field, h, "two positive numbers, [left, right]")
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
