package rd

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/weightalign/lab/rddkit/invalid"
)

// A fit is the weighted polynomial regression of one side at the cutoff, kept as
// the linear map A from outcomes to coefficients,
//
//	A = (R'WR)^(−1) R'W,  R with rows (1, u, …, u^k),  u = z/h,  W = diag(w K(u)),
//
// through polynomials p_0, p_1, … that are orthonormal under the weights
// (Stieltjes' procedure; Gautschi 2004, Orthogonal Polynomials, section 2.2). No
// matrix of the size of the data is kept, and columns that are nearly alike, as
// powers of x are where it has outliers, cost no digits.
type fit struct {
	order  int
	h      float64
	kernel Kernel
	lo, hi int       // the points of positive weight, of the side's
	z, w   []float64 // of those points; w is nil if all are 1

	center, ratio, scale [maxTerms]float64 // recurrence of the p_j
	// gram is the factor of Σ w p_i p_j, which is the identity up to rounding.
	gram mat.Cholesky
	// basis [ν][j] are the coefficients of u^ν in p_j, inverse those times gram^(−1).
	basis, inverse [maxTerms][maxTerms]float64
}

// maxTerms is the number of coefficients of the selector's highest polynomial,
// of order q + 2.
const maxTerms = maxOrder + 4

// block is how many points are worked on at once, and blocks the memory for them.
const block = 256

type blocks struct {
	u, w, current, previous [block]float64
	values                  [maxTerms][block]float64
}

var blockPool = sync.Pool{New: func() any { return new(blocks) }}

// fit regresses at the given order over the side's points within h. The error
// tells that there are too few of them.
func (s *side) fit(k Kernel, order int, h float64) (*fit, error) {
	lo, hi := s.window(k, h)
	terms := order + 1
	distinct := 0
	for i := lo; i < hi && distinct < terms; i++ {
		if i == lo || s.z[i] != s.z[i-1] {
			distinct++
		}
	}
	if distinct < terms {
		return nil, tooFew(s, distinct, order, h)
	}
	f := &fit{order: order, h: h, kernel: k, lo: lo, hi: hi, z: s.z[lo:hi]}
	if s.w != nil {
		f.w = s.w[lo:hi]
	}
	// Monic polynomials first: each pass finds the next one's two coefficients.
	last := 0.0
	for j := range terms {
		var sum, moment, power float64 // Σ w p_j², Σ w u p_j², Σ w u^(2j)
		f.eachMonic(j, func(_ int, u, w, p []float64) {
			for i, v := range p {
				v *= w[i] * v
				sum += v
				moment += u[i] * v
			}
			for i, v := range u {
				v2, t := v*v, w[i]
				for range j {
					t *= v2
				}
				power += t
			}
		})
		if !(sum > 1e-26*power) {
			return nil, alike(s, order, h)
		}
		f.center[j] = moment / sum
		f.scale[j] = 1 / math.Sqrt(sum)
		if j > 0 {
			f.ratio[j] = sum / last
		}
		last = sum
	}
	gram := mat.NewSymDense(terms, nil)
	var sums [maxTerms][maxTerms]float64
	f.each(func(_ int, _, w []float64, p [][]float64) {
		for i := range terms {
			for j := i; j < terms; j++ {
				sum := 0.0
				for n, v := range p[i] {
					sum += w[n] * v * p[j][n]
				}
				sums[i][j] += sum
			}
		}
	})
	for i := range terms {
		for j := i; j < terms; j++ {
			gram.SetSym(i, j, sums[i][j])
		}
	}
	if !f.gram.Factorize(gram) {
		return nil, alike(s, order, h)
	}
	// Coefficients of the p_j by the same recurrence.
	coefficients := mat.NewDense(terms, terms, nil) // [ν][j]
	var previous, current [maxTerms]float64
	current[0] = 1
	for j := range terms {
		for nu := 0; nu <= j; nu++ {
			f.basis[nu][j] = current[nu] * f.scale[j]
			coefficients.Set(nu, j, f.basis[nu][j])
		}
		var next [maxTerms]float64
		for nu := 0; nu <= j+1 && nu < terms; nu++ {
			if nu > 0 {
				next[nu] = current[nu-1]
			}
			next[nu] -= f.center[j]*current[nu] + f.ratio[j]*previous[nu]
		}
		previous, current = current, next
	}
	var solved mat.Dense
	if err := f.gram.SolveTo(&solved, coefficients.T()); err != nil {
		return nil, alike(s, order, h)
	}
	for nu := range terms {
		for j := range terms {
			f.inverse[nu][j] = solved.At(j, nu)
		}
	}
	return f, nil
}

func tooFew(s *side, distinct, order int, h float64) error {
	return invalid.Newf("distinct x on the "+s.name()+" within the bandwidth", distinct,
		"at least %d for order %d (bandwidth %.6g, %d points on this side)", order+1, order, h, len(s.z))
}

func alike(s *side, order int, h float64) error {
	return invalid.Newf("x on the "+s.name()+" within the bandwidth", h,
		"spread out enough for order %d: all but a few points are alike to rounding; are there outliers?", order)
}

// eachMonic calls do for every block of the window with its first point's place
// in the window, u, the weights, and the monic p_j.
func (f *fit) eachMonic(j int, do func(first int, u, w, p []float64)) {
	b := blockPool.Get().(*blocks)
	defer blockPool.Put(b)
	for first := 0; first < len(f.z); first += block {
		n := min(block, len(f.z)-first)
		u, w := b.u[:n], b.w[:n]
		f.load(first, u, w)
		p, q := b.current[:n], b.previous[:n]
		for i := range p {
			p[i], q[i] = 1, 0
		}
		for k := range j {
			center, ratio := f.center[k], f.ratio[k]
			for i, v := range u {
				p[i], q[i] = (v-center)*p[i]-ratio*q[i], p[i]
			}
		}
		do(first, u, w, p)
	}
}

// each calls do for every block of the window with its first point's place in
// the window, u, the weights, and the orthonormal p_0, …, p_k.
func (f *fit) each(do func(first int, u, w []float64, p [][]float64)) {
	b := blockPool.Get().(*blocks)
	defer blockPool.Put(b)
	var p [maxTerms][]float64
	for first := 0; first < len(f.z); first += block {
		n := min(block, len(f.z)-first)
		u, w := b.u[:n], b.w[:n]
		f.load(first, u, w)
		for j := range f.order + 1 {
			p[j] = b.values[j][:n]
			f.next(u, p[:j+1])
		}
		do(first, u, w, p[:f.order+1])
	}
}

// next fills in the last of the orthonormal polynomials from those before it.
func (f *fit) next(u []float64, p [][]float64) {
	j := len(p) - 1
	last := p[j]
	switch j {
	case 0:
		for i := range u {
			last[i] = f.scale[0]
		}
	case 1:
		center, scale := f.center[0], f.scale[1]
		for i, v := range u {
			last[i] = (v - center) * scale
		}
	default:
		center := f.center[j-1]
		a := f.scale[j] / f.scale[j-1]
		b := f.ratio[j-1] * f.scale[j] / f.scale[j-2]
		p1, p2 := p[j-1], p[j-2]
		for i, v := range u {
			last[i] = (v-center)*a*p1[i] - b*p2[i]
		}
	}
}

// load fills in u and the weights of the points from first.
func (f *fit) load(first int, u, w []float64) {
	z := f.z[first : first+len(u)]
	for i, v := range z {
		u[i] = v / f.h
	}
	switch f.kernel {
	case Triangular:
		for i, v := range u {
			w[i] = 1 - math.Abs(v)
		}
	default:
		for i, v := range u {
			w[i] = f.kernel.Weight(v)
		}
	}
	if f.w != nil {
		for i, v := range f.w[first : first+len(u)] {
			w[i] *= v
		}
	}
}

// weights returns row nu of A: the weights of the outcomes in the coefficient
// of u^nu. Divide by h^nu for that of z^nu.
func (f *fit) weights(nu int) []float64 {
	return f.addWeights(make([]float64, f.hi-f.lo), nu, 1)
}

// addWeights adds factor times row nu of A to a, [hi−lo], and returns it.
func (f *fit) addWeights(a []float64, nu int, factor float64) []float64 {
	row := f.inverse[nu][:f.order+1]
	f.each(func(first int, _, w []float64, p [][]float64) {
		part := a[first : first+len(w)]
		for j, g := range row {
			g *= factor
			for i, v := range p[j] {
				part[i] += g * w[i] * v
			}
		}
	})
	return a
}

// coefficients returns those of 1, u, …, u^order for the side's outcomes y.
func (f *fit) coefficients(y []float64) []float64 {
	var sums [maxTerms]float64
	f.each(func(first int, _, w []float64, p [][]float64) {
		part := y[f.lo+first : f.lo+first+len(w)]
		for j := range p {
			sum := 0.0
			for i, v := range p[j] {
				sum += w[i] * v * part[i]
			}
			sums[j] += sum
		}
	})
	c := make([]float64, f.order+1)
	for nu := range c {
		for j := range c {
			c[nu] += f.inverse[nu][j] * sums[j]
		}
	}
	return c
}

// inUnitsOfX turns coefficients of u^j into those of z^j, in place.
func (f *fit) inUnitsOfX(c []float64) []float64 {
	scale := 1.0
	for j := range c {
		c[j] /= scale
		scale *= f.h
	}
	return c
}

// leverages returns w_i r_i'(R'WR)^(−1) r_i of the points of the window.
func (f *fit) leverages() []float64 {
	out := make([]float64, f.hi-f.lo)
	terms := f.order + 1
	var inverse mat.SymDense
	if err := f.gram.InverseTo(&inverse); err != nil {
		panic("rd: Gram matrix of orthonormal polynomials is singular")
	}
	f.each(func(first int, _, w []float64, p [][]float64) {
		for i := range w {
			sum := 0.0
			for j := range terms {
				for k := range terms {
					sum += inverse.At(j, k) * p[j][i] * p[k][i]
				}
			}
			out[first+i] = w[i] * sum
		}
	})
	return out
}

// lead returns Σ a_i u_i^k for the row nu of A.
func (f *fit) lead(nu, k int) float64 {
	row := f.inverse[nu][:f.order+1]
	sum := 0.0
	f.each(func(_ int, u, w []float64, p [][]float64) {
		for i, v := range u {
			a := 0.0
			for j, g := range row {
				a += g * p[j][i]
			}
			a *= w[i]
			for range k {
				a *= v
			}
			sum += a
		}
	})
	return sum
}

// polynomialAt evaluates coefficients of 1, u, u², … at u.
func polynomialAt(c []float64, u float64) float64 {
	v := 0.0
	for j := len(c) - 1; j >= 0; j-- {
		v = v*u + c[j]
	}
	return v
}
