package rd

// clusteredVariances sums scores over both sides of the cutoff, since a trial or
// a cell has windows on both:
//
//	V = G/(G−1) · (n−1)/(n−k) · Σ_g (Σ_{i∈g} ±a_i e_i)²
//
// with G clusters, n points and k coefficients on both sides (CR1; CR0 without the
// factors; Liang & Zeger 1986), and Student's t with the degrees of freedom that
// degrees gives. Where no cluster has points on both sides, the sides are
// independent: each has factors of its own.
func (o Options) clusteredVariances(l, r *score) pair {
	var p pair
	var groups [2]float64
	straddling, all := false, 0.0
	for g := range l.sums {
		p.v[0] += l.sums[g] * l.sums[g]
		p.v[1] += r.sums[g] * r.sums[g]
		p.cross += l.sums[g] * r.sums[g]
		for i, present := range []bool{l.present[g], r.present[g]} {
			if present {
				groups[i]++
			}
		}
		if l.present[g] || r.present[g] {
			all++
		}
		straddling = straddling || l.present[g] && r.present[g]
	}
	factor := func(groups float64, n, terms int) float64 {
		if o.Variance == CR0 {
			return 1
		}
		return groups / (groups - 1) * float64(n-1) / float64(n-terms)
	}
	if straddling {
		f := factor(all, l.n+r.n, l.terms+r.terms)
		p.v[0] *= f
		p.v[1] *= f
		p.cross *= f
		p.df = degrees(l.weights, r.weights)
	} else {
		p.v[0] *= factor(groups[0], l.n, l.terms)
		p.v[1] *= factor(groups[1], r.n, r.terms)
		p.df = welch(p.v, [2]clusterWeights{l.weights, r.weights})
	}
	if o.NormalQuantiles {
		p.df = 0
	}
	return p
}

// clusterScores sums right less left scores of the sharp estimates by cluster.
func (d *design) clusterScores(fits [2]*sideFit, clusters []int) (scores [2]map[int]float64) {
	name := make(map[int32]int)
	for i, k := range dense(clusters) {
		name[k] = clusters[i]
	}
	for kind := range scores {
		scores[kind] = make(map[int]float64)
		for i, f := range fits {
			a, from := f.plain, f.local
			if kind == 1 {
				a, from = f.robust, f.bias
			}
			o := d.o
			o.Variance = CR1
			e := f.residuals(from, f.y, f.lo, f.hi, o)
			for j, v := range a {
				g := int(f.cluster[f.lo+j]) % len(name) // split clusters have numbers beyond
				scores[kind][name[int32(g)]] += float64(2*i-1) * v * e[j]
			}
		}
	}
	return scores
}

// clusterWeights are Σ a_i² and Σ a_i of the weights of each cluster on a side.
type clusterWeights struct{ squares, sums []float64 }

func (s *side) clusterWeights(a []float64, lo, clusters int) clusterWeights {
	w := clusterWeights{make([]float64, clusters), make([]float64, clusters)}
	for i, v := range a {
		g := s.cluster[lo+i]
		w.squares[g] += v * v
		w.sums[g] += v
	}
	return w
}

// degrees returns G* − 1, with G* = (Σγ_g)²/Σγ_g² the effective number of clusters
// (Carter, Schnepel & Steigerwald 2017): clusters of unequal weight γ_g are worth
// fewer. γ_g is the variance that a cluster would add were its points independent,
// Σ a_i², or were its effect its own, (Σ a_i)² on each side; the smaller G* is
// taken.
func degrees(sides ...clusterWeights) float64 {
	var n [2]float64
	for kind := range n {
		sum, squares := 0.0, 0.0
		for g := range sides[0].sums {
			gamma := 0.0
			for _, s := range sides {
				if kind == 0 {
					gamma += s.squares[g]
				} else {
					gamma += s.sums[g] * s.sums[g]
				}
			}
			sum += gamma
			squares += gamma * gamma
		}
		n[kind] = sum * sum / squares
	}
	return max(min(n[0], n[1])-1, 1)
}

// welch returns Welch and Satterthwaite's degrees of freedom of the sum of the
// variances of two independent sides.
func welch(v [2]float64, weights [2]clusterWeights) float64 {
	sum, parts := v[0]+v[1], 0.0
	for i := range v {
		parts += v[i] * v[i] / degrees(weights[i])
	}
	return sum * sum / parts
}

// apart is clusteredVariances of two sides that are looked at one by one.
func (o Options) apart(scores [2]score) pair {
	var p pair
	for i := range scores {
		other := score{sums: make([]float64, o.clusters), present: make([]bool, o.clusters), weights: scores[i].weights}
		p.v[i] = o.clusteredVariances(&scores[i], &other).v[0]
	}
	return p
}

// clustersOf counts the clusters that have points, of those numbered below most.
func clustersOf(sides [2]side, most int) (n int) {
	present := make([]bool, most)
	for i := range sides {
		for _, g := range sides[i].cluster {
			if !present[g] {
				present[g] = true
				n++
			}
		}
	}
	return n
}

// splitClusters parts every cluster at the cutoff, as if its points on the two sides had
// nothing to do with each other.
func splitClusters(sides [2]side, clusters int) int {
	for i := range sides[1].cluster {
		sides[1].cluster[i] += int32(clusters)
	}
	return 2 * clusters
}
