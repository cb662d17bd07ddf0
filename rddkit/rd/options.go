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
// three neighbours (CR1 with clusters), 95 % intervals, cutoff 0.
type Options struct {
	Cutoff float64 // c, in the units of x; units with x >= c are treated
	Kernel Kernel  // default Triangular

	// Order p of the local polynomial, 1 to 5; 0 means 1 (local linear), and
	// LocalConstant means order 0.
	Order int
	// BiasOrder q of the polynomial that the bias is estimated with, p + 1 to 6; 0
	// means p + 1.
	BiasOrder int
	// Derivative of the outcome whose jump is estimated, 0 to p: 0 for the jump
	// itself, 1 for a kink (order 2 is usual then).
	Derivative int

	// H and B are the bandwidths of the estimate and of its bias, [left, right],
	// in the units of x. H zero: chosen by Selector. B zero with H given: B = H.
	H, B [2]float64
	// Rho is h/b: the bias bandwidth becomes h/Rho. 0 means no such tie.
	Rho      float64
	Selector Selector // default MSERD; not used when H is given
	// Distinct is how many distinct values of x the selector's pilot windows hold
	// on each side at least; 0 means 10 where a fifth of the points repeat a value
	// of x, and no such floor elsewhere.
	Distinct int

	// Donut leaves out points nearer to the cutoff than this, [left, right], in the
	// units of x: those that an artefact at the threshold may have touched.
	Donut [2]float64

	Variance   Variance // default NearestNeighbour, or CR1 for a sample with clusters
	Neighbours int      // least number of neighbours of the nearest-neighbour variance; 0 means 3

	Level float64 // confidence level, between 0 and 1; 0 means 0.95
	// NormalQuantiles makes intervals and p-values of clustered standard errors from
	// the normal distribution rather than from Student's t.
	NormalQuantiles bool
	// SplitClusters takes the points of one cluster on the two sides of the cutoff
	// for independent, as rdrobust does; their common part then counts twice.
	SplitClusters bool

	// NoRegularisation drops the term that keeps a tiny estimated curvature
	// from making the bandwidth huge.
	NoRegularisation bool
	// IgnoreMassPoints counts points rather than distinct values of x in the
	// selector's pilot bandwidth.
	IgnoreMassPoints bool
	// SharpBandwidth makes Fuzzy choose its bandwidths for the outcome alone
	// rather than for the ratio.
	SharpBandwidth bool

	clusters int // how many the sample has, 0 for none
	// beyond stretches the first pilot's reach: rdrobust 2.1.1 takes 2⁻²⁶, which
	// gives the farthest point a weight that matters where x has outliers. The
	// rule here is R's, none; the tests take the other to compare with its numbers.
	beyond float64
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
	CR0                       // squared sums of scores by cluster, over both sides
	CR1                       // CR0 times G/(G − 1) · (n − 1)/(n − 2(p+1)), G the number of clusters
	CR3                       // jackknife: the estimate without each cluster in turn
)

var varianceNames = []string{"nn", "hc0", "hc1", "hc1-pooled", "hc2", "hc3", "cr0", "cr1", "cr3"}

func (v Variance) String() string { return name(varianceNames, int(v)) }

// ParseVariance is the inverse of String.
func ParseVariance(s string) (Variance, error) {
	i, err := parse("variance", s, varianceNames)
	return Variance(i), err
}

// A Selector chooses the bandwidths from the data.
type Selector int

const (
	MSERD    Selector = iota // one bandwidth, least mean squared error of the jump
	MSESum                   // one bandwidth, least mean squared error of the sum of the two limits
	MSETwo                   // one bandwidth per side, for each limit by itself
	MSEComb1                 // the smaller of MSERD and MSESum
	MSEComb2                 // on each side the median of MSERD, MSESum and MSETwo
	CERRD                    // MSERD shrunk for least coverage error of the robust interval
	CERSum                   // MSESum shrunk likewise
	CERTwo                   // MSETwo shrunk likewise
	CERComb1                 // MSEComb1 shrunk likewise
	CERComb2                 // MSEComb2 shrunk likewise
)

var selectorNames = []string{"mserd", "msesum", "msetwo", "msecomb1", "msecomb2", "cerrd", "cersum", "certwo", "cercomb1", "cercomb2"}

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
	p := o.order()
	if o.BiasOrder != 0 && (o.BiasOrder <= p || o.BiasOrder > maxOrder+1) {
		return o, invalid.Newf("BiasOrder", o.BiasOrder, "%d to %d, or 0 for %d", p+1, maxOrder+1, p+1)
	}
	if o.BiasOrder == 0 {
		o.BiasOrder = p + 1
	}
	if o.Derivative < 0 || o.Derivative > p {
		return o, invalid.Newf("Derivative", o.Derivative, "0 to the order %d", p)
	}
	if o.Variance < NearestNeighbour || o.Variance > CR3 {
		return o, invalid.New("Variance", int(o.Variance), "NearestNeighbour, HC0 to HC3, CR0, CR1 or CR3")
	}
	if o.Selector < MSERD || o.Selector > CERComb2 {
		return o, invalid.New("Selector", int(o.Selector), "MSERD to CERComb2")
	}
	if o.Distinct < 0 {
		return o, invalid.New("Distinct", o.Distinct, "at least 1, or 0 for the default")
	}
	for _, hole := range o.Donut {
		if !(hole >= 0) || math.IsInf(hole, 1) {
			return o, invalid.New("Donut", o.Donut, "two distances of at least 0, [left, right]")
		}
	}
	if !(o.Rho >= 0) || math.IsInf(o.Rho, 1) {
		return o, invalid.New("Rho", o.Rho, "positive, or 0 for none")
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
	case o.Rho > 0 && o.B != [2]float64{}:
		return o, invalid.New("Rho", o.Rho, "0 where B is given")
	case o.Rho > 0:
		o.B = [2]float64{o.H[0] / o.Rho, o.H[1] / o.Rho}
	case o.B == [2]float64{}:
		o.B = o.H
	}
	return o, nil
}

// clustered reports whether standard errors allow for dependence within clusters.
func (o Options) clustered() bool { return o.Variance >= CR0 }

// forSample is resolve, with what hangs on whether the sample has clusters.
func (o Options) forSample(s Sample) (Options, error) {
	o, err := o.resolve()
	if err != nil {
		return o, err
	}
	switch {
	case s.Cluster == nil && o.clustered():
		return o, invalid.New("Variance", o.Variance.String(), "nn or hc0 to hc3 for a sample without clusters")
	case s.Cluster != nil && o.Variance == NearestNeighbour:
		o.Variance = CR1
	case s.Cluster != nil && !o.clustered():
		return o, invalid.New("Variance", o.Variance.String(), "cr0, cr1 or cr3 for a sample with clusters")
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
