package rd

import "math"

// alikeDistance is the relative difference up to which two distances count as
// equal: those of a grid are, whatever the unit of x makes of their last digits.
const alikeDistance = 1. / (1 << 26)

// neighbourResiduals returns for each point of a window, z ascending,
//
//	e_i = sqrt(J/(J+1)) (y_i − mean of y over i's J neighbours)
//
// (Abadie & Imbens 2006). Neighbours are first every other point of the same x,
// then, until there are least of them, the nearest further distinct x with all
// its points, or both the nearest on the left and on the right if they are
// equally far up to a relative 2⁻²⁶.
func neighbourResiduals(e, z, y []float64, least int) {
	n := len(z)
	least = min(least, n-1)
	for first, end := 0, 0; first < n; first = end {
		// Outcomes relative to the group's first: equal ones leave exactly nothing.
		base, own := y[first], 0.0
		for end = first + 1; end < n && z[end] == z[first]; end++ {
			own += y[end] - base
		}
		others := 0.0
		left, right := first, end // taken so far: [left, right)
		for right-left-1 < least {
			toLeft, toRight := left > 0, right < n
			if toLeft && toRight {
				l, r := z[first]-z[left-1], z[right]-z[first]
				tolerance := alikeDistance * max(l, r)
				toLeft, toRight = l-r <= tolerance, r-l <= tolerance
			}
			if toLeft {
				for at := z[left-1]; left > 0 && z[left-1] == at; left-- {
					others += y[left-1] - base
				}
			}
			if toRight {
				for at := z[right]; right < n && z[right] == at; right++ {
					others += y[right] - base
				}
			}
		}
		j := float64(right - left - 1)
		if j == 0 {
			e[first] = 0 // alone in its window: nothing to compare with
			continue
		}
		scale := math.Sqrt(j / (j + 1))
		for i := first; i < end; i++ {
			own := own - (y[i] - base)
			e[i] = scale * (y[i] - base - (others+own)/j)
		}
	}
}

// residuals returns those of the side's points [lo, hi) that the variance v takes
// for the outcomes y: from neighbours, or from the fit f. Points outside the fit's
// window have no leverage. They are overwritten by the next ones.
func (s *side) residuals(f *fit, y []float64, lo, hi int, o Options) []float64 {
	e := s.scratch.take(0, hi-lo)
	if o.Variance == NearestNeighbour {
		neighbourResiduals(e, s.z[lo:hi], y[lo:hi], o.Neighbours)
		return e
	}
	c := f.coefficients(y)
	for i := range e {
		e[i] = y[lo+i] - polynomialAt(c, s.z[lo+i]/f.h)
	}
	if o.Variance != HC2 && o.Variance != HC3 {
		return e
	}
	part := e[f.lo-lo : f.hi-lo]
	for i, l := range f.leverages() {
		free := max(1-l, 1e-8) // a point that the fit must pass through
		if o.Variance == HC2 {
			part[i] /= math.Sqrt(free)
		} else {
			part[i] /= free
		}
	}
	return e
}

// rounding is how small residuals may be, relative to the outcomes, before they
// are taken for what rounding leaves of none.
const rounding = 1e-13

// A score is what one side adds to an estimate's variance: Σ (a_i e_i)², or with
// clusters the sums of a_i e_i in each.
type score struct {
	n, terms int     // points in the window, coefficients of the regression behind e
	squares  float64 // Σ (a_i e_i)²
	sums     []float64
	weights  clusterWeights
	present  []bool // clusters with points in the window
	noise    bool   // residuals are more than rounding
}

// score makes one of weights a and residuals e of the points from lo.
func (s *side) score(a, e, y []float64, lo, terms int, o Options) score {
	c := s.newScore(terms, o)
	c.add(s, a, e, y, lo)
	return c.score
}

// scoreOf makes one of factor times the weights of u^nu in a fit and the residuals
// from it, without a list of the weights.
func (s *side) scoreOf(f *fit, nu int, factor float64, y []float64, o Options) score {
	c := s.newScore(f.order+1, o)
	e := s.residuals(f, y, f.lo, f.hi, o)
	row := f.inverse[nu][:f.order+1]
	a := make([]float64, block)
	f.each(func(first int, _, w []float64, p [][]float64) {
		a := a[:len(w)]
		clear(a)
		for j, g := range row {
			g *= factor
			for i, v := range p[j] {
				a[i] += g * w[i] * v
			}
		}
		c.add(s, a, e[first:first+len(a)], y, f.lo+first)
	})
	return c.score
}

// A scoring is a score in the making.
type scoring struct {
	score
	size, residual float64 // the largest of the outcomes and of the residuals
}

func (s *side) newScore(terms int, o Options) scoring {
	c := scoring{score: score{terms: terms}}
	if s.cluster != nil && o.clustered() {
		c.sums, c.present = make([]float64, o.clusters), make([]bool, o.clusters)
		c.weights = clusterWeights{make([]float64, o.clusters), make([]float64, o.clusters)}
	}
	return c
}

func (c *scoring) add(s *side, a, e, y []float64, lo int) {
	c.n += len(a)
	for i, v := range a {
		c.squares += (v * e[i]) * (v * e[i])
		if v != 0 {
			c.size, c.residual = max(c.size, math.Abs(y[lo+i])), max(c.residual, math.Abs(e[i]))
		}
	}
	c.noise = c.residual > rounding*c.size
	if c.sums == nil {
		return
	}
	for i, v := range a {
		g := s.cluster[lo+i]
		c.sums[g] += v * e[i]
		c.weights.squares[g] += v * v
		c.weights.sums[g] += v
		c.present[g] = true
	}
}

// A pair holds the variances of the two sides' parts of an estimate, and their
// covariance, which only clusters on both sides make.
type pair struct {
	v     [2]float64
	cross float64
	df    float64 // of the difference; 0: normal
}

// difference and sum are the variances of right − left and right + left.
func (p pair) difference() float64 { return p.v[0] + p.v[1] - 2*p.cross }
func (p pair) sum() float64        { return p.v[0] + p.v[1] + 2*p.cross }

// variances makes variances of scores, with the factor for few points or clusters
// of the variance asked for.
func (o Options) variances(scores [2]score) pair {
	l, r := &scores[0], &scores[1]
	var p pair
	if !l.noise && !r.noise {
		return p
	}
	if o.clustered() {
		return o.clusteredVariances(l, r)
	}
	all := float64(l.n + r.n)
	for i, s := range []*score{l, r} {
		p.v[i] = s.squares
		n := float64(s.n)
		switch o.Variance {
		case HC1:
			p.v[i] *= n / (n - float64(s.terms))
		case HC1Pooled:
			p.v[i] *= all / (all - float64(l.terms+r.terms))
		}
	}
	return p
}
