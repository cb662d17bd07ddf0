package rd

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/lapack/lapack64"

	"github.com/weightalign/lab/rddkit/invalid"
)

// A fit is the weighted polynomial regression of one side at the cutoff, kept as
// the linear map A from outcomes to coefficients,
//
//	A = (R'WR)^(−1) R'W,  R with rows (1, u, …, u^k),  u = z/h,  W = diag(K(u)),
//
// through the QR factorisation of W^½R: its columns stay well scaled whatever
// the units of x, and nothing is squared.
type fit struct {
	order  int
	h      float64
	lo, hi int       // the points of positive weight, of the side's
	u      []float64 // [hi−lo]
	root   []float64 // [hi−lo], square roots of the kernel weights
	q      blas64.General
	r      blas64.Triangular
}

// fit regresses at the given order over the side's points within h. The error
// tells that there are too few of them.
func (s *side) fit(k Kernel, order int, h float64) (*fit, error) {
	lo, hi := s.window(k, h)
	n, terms := hi-lo, order+1
	distinct := 0
	for i := lo; i < hi && distinct < terms; i++ {
		if i == lo || s.z[i] != s.z[i-1] {
			distinct++
		}
	}
	if distinct < terms {
		return nil, tooFew(s, distinct, order, h)
	}
	f := &fit{order: order, h: h, lo: lo, hi: hi, u: make([]float64, n), root: make([]float64, n)}
	f.q = blas64.General{Rows: n, Cols: terms, Stride: terms, Data: make([]float64, n*terms)}
	for i, z := range s.z[lo:hi] {
		f.u[i] = z / h
		f.root[i] = math.Sqrt(k.Weight(f.u[i]))
		term := f.root[i]
		for j := range terms {
			f.q.Data[i*terms+j] = term
			term *= f.u[i]
		}
	}
	tau, work := make([]float64, terms), make([]float64, 64*terms)
	lapack64.Geqrf(f.q, tau, work, len(work))
	f.r = blas64.Triangular{N: terms, Stride: terms, Uplo: blas.Upper, Diag: blas.NonUnit, Data: make([]float64, terms*terms)}
	for j := range terms {
		copy(f.r.Data[j*terms+j:(j+1)*terms], f.q.Data[j*terms+j:(j+1)*terms])
	}
	for j := range terms {
		column := 0.0
		for i := range j + 1 {
			column = math.Hypot(column, f.r.Data[i*terms+j])
		}
		if !(math.Abs(f.r.Data[j*terms+j]) > 1e-13*column) {
			return nil, tooFew(s, j, order, h)
		}
	}
	lapack64.Orgqr(f.q, tau, work, len(work))
	return f, nil
}

func tooFew(s *side, distinct, order int, h float64) error {
	return invalid.Newf("distinct x on the "+s.name()+" within the bandwidth", distinct,
		"at least %d for order %d (bandwidth %.6g, %d points on this side)", order+1, order, h, len(s.z))
}

// weights returns row nu of A: the weights of the outcomes in the coefficient
// of u^nu. Divide by h^nu for that of z^nu.
func (f *fit) weights(nu int) []float64 {
	terms := f.order + 1
	g := make([]float64, terms)
	g[nu] = 1
	blas64.Trsv(blas.Trans, f.r, blas64.Vector{N: terms, Inc: 1, Data: g})
	a := make([]float64, f.hi-f.lo)
	for i := range a {
		a[i] = f.root[i] * floats.Dot(f.q.Data[i*terms:(i+1)*terms], g)
	}
	return a
}

// coefficients returns those of 1, u, …, u^order for the side's outcomes y.
func (f *fit) coefficients(y []float64) []float64 {
	terms := f.order + 1
	c := make([]float64, terms)
	for i, v := range y[f.lo:f.hi] {
		floats.AddScaled(c, f.root[i]*v, f.q.Data[i*terms:(i+1)*terms])
	}
	blas64.Trsv(blas.NoTrans, f.r, blas64.Vector{N: terms, Inc: 1, Data: c})
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

// leverage returns w_i r_i'(R'WR)^(−1) r_i of the i-th point of the window.
func (f *fit) leverage(i int) float64 {
	terms := f.order + 1
	row := f.q.Data[i*terms : (i+1)*terms]
	return floats.Dot(row, row)
}

// at evaluates coefficients of 1, u, u², … at u.
func at(c []float64, u float64) float64 {
	v := 0.0
	for j := len(c) - 1; j >= 0; j-- {
		v = v*u + c[j]
	}
	return v
}
