package rd

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/weightalign/lab/rddkit/invalid"
)

// LeastSquaresResult is the outcome of LeastSquares.
type LeastSquaresResult struct {
	Options     Options
	Left, Right Side // without the fields that concern the bias
	Estimate    float64
	StdErr      LeastSquaresStdErrs
}

// LeastSquaresStdErrs are the standard errors of a weighted regression. With a_i
// the weight of outcome i in its side's limit, e_i its residual and ℓ_i its
// leverage:
type LeastSquaresStdErrs struct {
	Homoskedastic float64 // textbook: σ² (R'WR)^(−1), σ² = Σ w e²/(n − 2(p+1))
	HC0           float64 // sqrt(Σ a² e²)
	HC1           float64 // HC0² times n/(n − 2(p+1)), as regression packages have it
	HC1PerSide    float64 // each side's part times n_s/(n_s − p − 1), as Options.Variance HC1
	HC2           float64 // e² over 1 − ℓ
	HC3           float64 // e² over (1 − ℓ)²
}

// LeastSquares regresses y on (1, z, …, z^p) separately on each side within the
// bandwidth o.H, which must be given, and returns the jump with the plain
// standard errors: the same as one regression with an interaction, kernel
// weights and no thought of bias. x and y are [point].
func LeastSquares(x, y []float64, o Options) (*LeastSquaresResult, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	if err := required("y", y, x); err != nil {
		return nil, err
	}
	if o.H == [2]float64{} {
		return nil, invalid.New("H", o.H, "two positive numbers, [left, right]")
	}
	o.B = [2]float64{}
	sides, err := split(x, y, nil, o.Cutoff)
	if err != nil {
		return nil, err
	}
	p := o.order()
	r := &LeastSquaresResult{Options: o}
	var n, sse, gram float64
	var hc0, hc1, hc2, hc3 float64
	for i := range sides {
		s := &sides[i]
		f, err := s.fit(o.Kernel, p, o.H[i])
		if err != nil {
			return nil, err
		}
		c := f.inUnitsOfX(f.coefficients(s.y))
		about := Side{
			N: len(s.x), Unique: s.unique, Effective: f.hi - f.lo,
			Bandwidth: o.H[i], Order: p, Limit: c[0], Coefficients: c,
		}
		if i == 0 {
			r.Left = about
			r.Estimate -= c[0]
		} else {
			r.Right = about
			r.Estimate += c[0]
		}
		a := f.weights(0)
		e := f.residuals(s, s.y, f.lo, f.hi, HC0)
		part := sumSquares(a, e)
		ns := float64(f.hi - f.lo)
		hc0 += part
		hc1 += part * ns / (ns - float64(p+1))
		hc2 += sumSquares(a, f.residuals(s, s.y, f.lo, f.hi, HC2))
		hc3 += sumSquares(a, f.residuals(s, s.y, f.lo, f.hi, HC3))
		n += ns
		for j, root := range f.root {
			sse += (root * e[j]) * (root * e[j])
		}
		gram += f.inverseGram()
	}
	free := n - float64(2*(p+1))
	r.StdErr = LeastSquaresStdErrs{
		Homoskedastic: math.Sqrt(gram * sse / free),
		HC0:           math.Sqrt(hc0), HC1: math.Sqrt(hc0 * n / free), HC1PerSide: math.Sqrt(hc1),
		HC2: math.Sqrt(hc2), HC3: math.Sqrt(hc3),
	}
	if !(free > 0) || !finite(r.StdErr.HC3) {
		return nil, invalid.Newf("points within the bandwidth", [2]int{r.Left.Effective, r.Right.Effective},
			"at least %d on each side at order %d, for standard errors", p+2, p)
	}
	return r, nil
}

// inverseGram returns [(R'WR)^(−1)]_00, the variance of the limit per unit of σ².
func (f *fit) inverseGram() float64 {
	g := make([]float64, f.order+1)
	g[0] = 1
	v := blas64.Vector{N: len(g), Inc: 1, Data: g}
	blas64.Trsv(blas.Trans, f.r, v)
	return blas64.Dot(v, v)
}

// TwoStageResult is the outcome of TwoStageLeastSquares.
type TwoStageResult struct {
	Options   Options
	N         [2]int // points of positive weight, [left, right]
	Estimate  float64
	HC0       float64 // sandwich standard error
	HC1       float64 // HC0² times n/(n − 2(p+1))
	Inference Inference
}

// TwoStageLeastSquares estimates the fuzzy effect by instrumental variables:
// y on d and (1, z, …, z^p, T z, …, T z^p), with T = 1{x >= c} as the instrument
// of d, weighted by the kernel within the bandwidth o.H, which must be given.
// Its estimate is the ratio of jumps that Fuzzy reports, its HC0 and HC1 the
// delta method's with HC0 and HC1Pooled. Inference uses HC1.
func TwoStageLeastSquares(x, d, y []float64, o Options) (*TwoStageResult, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(required("d", d, x), required("y", y, x)); err != nil {
		return nil, err
	}
	if o.H == [2]float64{} {
		return nil, invalid.New("H", o.H, "two positive numbers, [left, right]")
	}
	o.B = [2]float64{}
	sides, err := split(x, y, d, o.Cutoff)
	if err != nil {
		return nil, err
	}
	p := o.order()
	terms := 2 * (p + 1)
	r := &TwoStageResult{Options: o}
	// Rows of regressors (d first) and instruments (T first), times √w.
	var regressors, instruments, outcome []float64
	for i := range sides {
		s := &sides[i]
		f, err := s.fit(o.Kernel, p, o.H[i]) // for its window and its errors
		if err != nil {
			return nil, err
		}
		r.N[i] = f.hi - f.lo
		for j := f.lo; j < f.hi; j++ {
			w := f.root[j-f.lo]
			row := make([]float64, terms)
			term, u := w, s.z[j]/max(o.H[0], o.H[1])
			for k := range p + 1 {
				row[1+k] = term
				if k > 0 {
					row[1+p+k] = term * float64(i)
				}
				term *= u
			}
			row[0] = w * s.d[j]
			regressors = append(regressors, row...)
			row[0] = w * float64(i)
			instruments = append(instruments, row...)
			outcome = append(outcome, w*s.y[j])
		}
	}
	n := r.N[0] + r.N[1]
	X, Z, Y := mat.NewDense(n, terms, regressors), mat.NewDense(n, terms, instruments), mat.NewVecDense(n, outcome)
	// Exactly identified: β = (Z'X)^(−1) Z'y, sandwich (Z'X)^(−1) Z'ΩZ (X'Z)^(−1).
	var cross mat.Dense
	cross.Mul(Z.T(), X)
	var zy, beta, residual mat.VecDense
	zy.MulVec(Z.T(), Y)
	if err := beta.SolveVec(&cross, &zy); err != nil {
		return nil, invalid.New("jump of d at the cutoff", "0", "a treatment whose probability changes at the cutoff")
	}
	residual.MulVec(X, &beta)
	residual.SubVec(Y, &residual)
	var influence mat.VecDense // row 0 of (Z'X)^(−1)
	first := mat.NewVecDense(terms, nil)
	first.SetVec(0, 1)
	if err := influence.SolveVec(cross.T(), first); err != nil {
		return nil, invalid.New("jump of d at the cutoff", "0", "a treatment whose probability changes at the cutoff")
	}
	var a mat.VecDense
	a.MulVec(Z, &influence)
	v := sumSquares(a.RawVector().Data, residual.RawVector().Data)
	r.Estimate = beta.AtVec(0)
	r.HC0 = math.Sqrt(v)
	if n <= terms {
		return nil, invalid.Newf("points within the bandwidth", n, "more than %d at order %d", terms, p)
	}
	r.HC1 = math.Sqrt(v * float64(n) / float64(n-terms))
	r.Inference = infer(r.Estimate, r.HC1, o.Level)
	return r, nil
}
