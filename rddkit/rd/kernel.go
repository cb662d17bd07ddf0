package rd

import "math"

// A Kernel weighs points by their distance from the cutoff in units of the
// bandwidth, u = z/h; every kernel is zero for |u| > 1.
type Kernel int

const (
	Triangular   Kernel = iota // 1 − |u|, the default: optimal at a boundary for order 1
	Uniform                    // 1/2; includes |u| = 1
	Epanechnikov               // 3/4 (1 − u²)
)

var kernelNames = []string{"triangular", "uniform", "epanechnikov"}

func (k Kernel) String() string { return name(kernelNames, int(k)) }

// ParseKernel is the inverse of String.
func ParseKernel(s string) (Kernel, error) {
	i, err := parse("kernel", s, kernelNames)
	return Kernel(i), err
}

// edge is how far |u| may be from 1 and still count as 1. Without it whether a
// point of a grid lies on the edge of a window would hang on the unit of x.
const edge = 1. / (1 << 30)

// Weight returns K(u). A |u| within 2⁻³⁰ of 1 counts as 1.
func (k Kernel) Weight(u float64) float64 {
	u = math.Abs(u)
	switch {
	case u > 1+edge:
		return 0
	case k == Uniform:
		return 0.5
	case u >= 1-edge:
		return 0
	case k == Epanechnikov:
		return 0.75 * (1 - u*u)
	}
	return 1 - u
}

// polynomial returns the coefficients of K on [0, 1] in ascending powers of u.
func (k Kernel) polynomial() []float64 {
	switch k {
	case Uniform:
		return []float64{0.5}
	case Epanechnikov:
		return []float64{0.75, 0, -0.75}
	default:
		return []float64{1, -1}
	}
}

// pilotConstant is C_K of the pilot bandwidth C_K·spread·n^(−1/5): Silverman's
// rule of thumb for the kernel (Calonico, Cattaneo & Titiunik 2014, supplement).
func (k Kernel) pilotConstant() float64 {
	switch k {
	case Uniform:
		return 1.843
	case Epanechnikov:
		return 2.34
	default:
		return 2.576
	}
}
