package rd

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/weightalign/lab/rddkit/invalid"
)

// jackknifed returns the variances of the jump, conventional and bias-corrected,
// from the estimates τ_(g) without each cluster in turn, at the same bandwidths:
//
//	V = Σ_g (τ_(g) − τ)²
//
// (CR3 of Bell & McCaffrey 2002, as rdrobust has it; MacKinnon, Nielsen & Webb 2023
// find the jackknife the one that few or unequal clusters mislead least), with
// Student's t with the degrees of freedom that degrees gives. A cluster is left out on both
// sides at once; where none has points on both, the sides are independent.
func (o Options) jackknifed(fits [2]*sideFit, outcome func(*side) []float64) (plain, robust spread2, err error) {
	var apart [2][][2]float64 // [side][cluster]: how far its limits move without the cluster
	var present [2][]bool
	var noise [2]bool
	var weights [2][2]clusterWeights // [kind][side]
	if err := both(func(i int) (err error) {
		f := fits[i]
		y := outcome(f.side)
		e := f.residuals(f.bias, y, f.lo, f.hi, o)
		noise[i] = f.score(f.robust, e, y, f.lo, 0, o).noise
		weights[0][i] = f.clusterWeights(f.plain, f.lo, o.clusters)
		weights[1][i] = f.clusterWeights(f.robust, f.lo, o.clusters)
		apart[i], present[i], err = f.without(y, o)
		return err
	}); err != nil {
		return plain, robust, err
	}
	if !noise[0] && !noise[1] {
		return plain, robust, nil
	}
	var groups [2]float64
	all, straddling := 0.0, false
	var alone [2][2]float64 // [kind][side]
	var joint [2]float64
	for g := range present[0] {
		l, r := present[0][g], present[1][g]
		for i, p := range []bool{l, r} {
			if p {
				groups[i]++
			}
		}
		if l || r {
			all++
		}
		straddling = straddling || l && r
		for k := range joint {
			joint[k] += math.Pow(apart[1][g][k]-apart[0][g][k], 2)
			alone[k][0] += apart[0][g][k] * apart[0][g][k]
			alone[k][1] += apart[1][g][k] * apart[1][g][k]
		}
	}
	if all < 2 || !straddling && (groups[0] < 2 || groups[1] < 2) {
		return plain, robust, invalid.New("clusters within the bandwidth", groups, "at least 2 (on each side, where none has points on both)")
	}
	for k, to := range []*spread2{&plain, &robust} {
		if straddling {
			*to = spread2{joint[k], degrees(weights[k][0], weights[k][1])}
		} else {
			v := alone[k]
			*to = spread2{v[0] + v[1], welch(v, weights[k])}
		}
		if o.NormalQuantiles {
			to.df = 0
		}
	}
	return plain, robust, nil
}

// without returns, for every cluster, how the limit and the bias-corrected limit
// of the outcome move when the cluster is left out.
func (f *sideFit) without(y []float64, o Options) (moved [][2]float64, present []bool, err error) {
	p, nu := o.order(), o.Derivative
	local, bias := f.local.byCluster(f.side, y, o.clusters, p+1), f.bias.byCluster(f.side, y, o.clusters, 0)
	factor := math.Gamma(float64(nu+1)) / math.Pow(f.local.h, float64(nu))
	ratio := math.Pow(f.local.h/f.bias.h, float64(p+1))
	limits := func(g int) (plain, corrected float64, ok bool) {
		a, b, okLocal := local.solve(g)
		c, _, okBias := bias.solve(g)
		if !okLocal || !okBias {
			return 0, 0, false
		}
		plain = factor * floats.Dot(f.local.basis[nu][:p+1], a)
		lead := factor * floats.Dot(f.local.basis[nu][:p+1], b) * ratio
		return plain, plain - lead*floats.Dot(f.bias.basis[p+1][:o.BiasOrder+1], c), true
	}
	plain, corrected, _ := limits(-1)
	moved, present = make([][2]float64, o.clusters), make([]bool, o.clusters)
	for _, g := range f.cluster[f.lo:f.hi] {
		present[g] = true
	}
	for g, here := range present {
		if !here {
			continue
		}
		without, correctedWithout, ok := limits(g)
		if !ok {
			return nil, nil, invalid.New("clusters on the "+f.name()+" within the bandwidth", g, "none without which the rest cannot be fitted; choose CR1, or a wider bandwidth")
		}
		moved[g] = [2]float64{without - plain, correctedWithout - corrected}
	}
	return moved, present, nil
}

// clusterFits are the normal equations of a fit, whole and each cluster's part:
// Σ w p_j p_k, Σ w p_j y and Σ w p_j u^power.
type clusterFits struct {
	terms int
	whole []float64
	parts map[int32][]float64
}

func (f *fit) byCluster(s *side, y []float64, clusters, power int) clusterFits {
	terms := f.order + 1
	c := clusterFits{terms: terms, whole: make([]float64, terms*(terms+2)), parts: map[int32][]float64{}}
	f.each(func(first int, u, w []float64, p [][]float64) {
		for i := range u {
			g := s.cluster[f.lo+first+i]
			part := c.parts[g]
			if part == nil {
				part = make([]float64, len(c.whole))
				c.parts[g] = part
			}
			outcome, ahead := y[f.lo+first+i], math.Pow(u[i], float64(power))
			for j := range terms {
				wp := w[i] * p[j][i]
				row := part[j*(terms+2) : (j+1)*(terms+2)]
				for k := range terms {
					row[k] += wp * p[k][i]
				}
				row[terms] += wp * outcome
				row[terms+1] += wp * ahead
			}
		}
	})
	for g := range clusters { // in order, so that rounding is the same each time
		if part := c.parts[int32(g)]; part != nil {
			floats.Add(c.whole, part)
		}
	}
	return c
}

// solve returns the coefficients in the p_j of outcome and power without cluster
// g, or of all for −1.
func (c clusterFits) solve(g int) (y, power []float64, ok bool) {
	left := c.whole
	if part := c.parts[int32(g)]; part != nil {
		left = append([]float64(nil), c.whole...)
		floats.Sub(left, part)
	}
	n := c.terms
	gram, right := mat.NewSymDense(n, nil), mat.NewDense(n, 2, nil)
	for i := range n {
		for j := i; j < n; j++ {
			gram.SetSym(i, j, left[i*(n+2)+j])
		}
		right.Set(i, 0, left[i*(n+2)+n])
		right.Set(i, 1, left[i*(n+2)+n+1])
	}
	var factor mat.Cholesky
	var solved mat.Dense
	if !factor.Factorize(gram) || factor.Cond() > 1e12 || factor.SolveTo(&solved, right) != nil {
		return nil, nil, false
	}
	return mat.Col(nil, 0, &solved), mat.Col(nil, 1, &solved), true
}
