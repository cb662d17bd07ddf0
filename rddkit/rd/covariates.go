package rd

import "gonum.org/v1/gonum/mat"

// partial returns the coefficients γ [covariate] of the covariates in the
// regression of an outcome on them and on the fits' polynomials, one on each side,
// with one γ for all sides (Calonico, Cattaneo, Farrell & Titiunik 2019): from
// what the polynomials leave of outcome and covariates. Of collinear covariates it
// takes the smallest γ.
func partial(sides []*side, fits []*fit, outcome func(*side) []float64) []float64 {
	n := len(sides[0].covs)
	zz, zy := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
	for k, s := range sides {
		f := fits[k]
		left := make([][]float64, n+1) // what is left over, the outcome's last
		for i, column := range append(append([][]float64(nil), s.covs...), outcome(s)) {
			c := f.coefficients(column)
			left[i] = make([]float64, f.hi-f.lo)
			for j := range left[i] {
				left[i][j] = column[f.lo+j] - polynomialAt(c, f.z[j]/f.h)
			}
		}
		f.each(func(first int, _, w []float64, _ [][]float64) {
			for i := range n {
				for j := i; j <= n; j++ {
					sum := 0.0
					for m, v := range w {
						sum += v / f.h * left[i][first+m] * left[j][first+m]
					}
					if j < n {
						zz.SetSym(i, j, zz.At(i, j)+sum)
					} else {
						zy.SetVec(i, zy.AtVec(i)+sum)
					}
				}
			}
		})
	}
	gamma := mat.NewDense(n, 1, nil)
	var svd mat.SVD
	if svd.Factorize(zz, mat.SVDThin) {
		if rank := svd.Rank(1e-12); rank > 0 {
			svd.SolveTo(gamma, zy, rank)
		}
	}
	return gamma.RawMatrix().Data
}

// adjusted returns the outcomes less what the covariates explain of them.
func (s *side) adjusted(y, gamma []float64) []float64 {
	out := append([]float64(nil), y...)
	for k, g := range gamma {
		for i, v := range s.covs[k] {
			out[i] -= g * v
		}
	}
	return out
}
