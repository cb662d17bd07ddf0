package rd

import "math"

// neighbourResiduals returns for each point of a window, sorted by x,
//
//	e_i = sqrt(J/(J+1)) (y_i − mean of y over i's J neighbours)
//
// (Abadie & Imbens 2006). Neighbours are first every other point of the same x,
// then, until there are least of them, the nearest further distinct x with all
// its points, or both the nearest on the left and on the right if equally far.
func neighbourResiduals(x, y []float64, least int) []float64 {
	n := len(x)
	e := make([]float64, n)
	type group struct { // the points of one x
		first, end int
		sum        float64
	}
	groups := make([]group, 0, n)
	for i := 0; i < n; {
		g := group{first: i}
		for ; i < n && x[i] == x[g.first]; i++ {
			g.sum += y[i]
		}
		g.end = i
		groups = append(groups, g)
	}
	least = min(least, n-1)
	for g, own := range groups {
		size := own.end - own.first
		neighbours, sum := size-1, 0.0 // sum over the other groups
		left, right := g-1, g+1        // the nearest groups not yet taken
		for neighbours < least {
			toLeft, toRight := math.Inf(1), math.Inf(1)
			if left >= 0 {
				toLeft = x[own.first] - x[groups[left].first]
			}
			if right < len(groups) {
				toRight = x[groups[right].first] - x[own.first]
			}
			if toLeft <= toRight {
				sum += groups[left].sum
				neighbours += groups[left].end - groups[left].first
				left--
			}
			if toRight <= toLeft {
				sum += groups[right].sum
				neighbours += groups[right].end - groups[right].first
				right++
			}
		}
		j := float64(neighbours)
		scale := math.Sqrt(j / (j + 1))
		for i := own.first; i < own.end; i++ {
			e[i] = scale * (y[i] - (sum+own.sum-y[i])/j)
		}
	}
	return e
}

// residuals returns those of the side's points [lo, hi) from the fit f of their
// outcomes y, divided as the HC2 and HC3 variances have it; points outside the
// fit's window have no leverage.
func (f *fit) residuals(s *side, y []float64, lo, hi int, v Variance) []float64 {
	c := f.coefficients(y)
	e := make([]float64, hi-lo)
	for i := lo; i < hi; i++ {
		e[i-lo] = y[i] - at(c, s.z[i]/f.h)
		if i < f.lo || i >= f.hi {
			continue
		}
		switch v {
		case HC2:
			e[i-lo] /= math.Sqrt(1 - f.leverage(i-f.lo))
		case HC3:
			e[i-lo] /= 1 - f.leverage(i-f.lo)
		}
	}
	return e
}

// sumSquares returns Σ (a_i e_i)².
func sumSquares(a, e []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += (v * e[i]) * (v * e[i])
	}
	return sum
}
