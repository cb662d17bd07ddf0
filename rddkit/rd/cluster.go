package rd

// clusteredVariances sums scores over both sides of the cutoff, since a trial or
// a cell has windows on both:
//
//	V = G/(G−1) · (n−1)/(n−k) · Σ_g (Σ_{i∈g} ±a_i e_i)²
//
// with G clusters, n points and k coefficients on both sides (CR1; CR0 without the
// factors; Liang & Zeger 1986), and Student's t with G − 1 degrees of freedom
// (Bell & McCaffrey 2002 on why the normal distribution is too short). Where no
// cluster has points on both sides, the sides are independent: each has factors of
// its own, and the degrees of freedom are Welch and Satterthwaite's.
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
		p.df = all - 1
	} else {
		p.v[0] *= factor(groups[0], l.n, l.terms)
		p.v[1] *= factor(groups[1], r.n, r.terms)
		total := p.v[0] + p.v[1]
		p.df = total * total / (p.v[0]*p.v[0]/(groups[0]-1) + p.v[1]*p.v[1]/(groups[1]-1))
	}
	if o.NormalQuantiles {
		p.df = 0
	}
	return p
}

// apart is clusteredVariances of two sides that are looked at one by one.
func (o Options) apart(scores [2]score) pair {
	var p pair
	for i := range scores {
		other := score{sums: make([]float64, o.clusters), present: make([]bool, o.clusters)}
		p.v[i] = o.clusteredVariances(&scores[i], &other).v[0]
	}
	return p
}

// splitClusters parts every cluster at the cutoff, as if its points on the two sides had
// nothing to do with each other.
func splitClusters(sides [2]side, clusters int) int {
	for i := range sides[1].cluster {
		sides[1].cluster[i] += int32(clusters)
	}
	return 2 * clusters
}
