package rd

import "math"

// powerSums are the sums that one side of a straight-line fit needs for its
// standard errors, of up to two outcomes (y, and the treatment d of a fuzzy
// design), about an origin near the middle of the points:
//
//	z[j] = Σ z^j,  zy[k][j] = Σ z^j y_k,  zyy[k][j] = Σ z^j y_a y_b  (ab = yy, yd, dd)
//
// The origin follows the mean as points come in, so that large means cost no
// digits.
type powerSums struct {
	origin [3]float64 // of z, y, d
	z      [5]float64
	zy     [2][4]float64
	zyy    [3][3]float64
}

func (p *powerSums) n() float64 { return p.z[0] }

// add takes one point. The origin is moved to the mean whenever the number of
// points reaches a power of two.
func (p *powerSums) add(z, y, d float64) {
	if p.z[0] == 0 {
		p.origin = [3]float64{z, y, d}
	}
	z, y, d = z-p.origin[0], y-p.origin[1], d-p.origin[2]
	z2 := z * z
	p.z[0]++
	p.z[1] += z
	p.z[2] += z2
	p.z[3] += z2 * z
	p.z[4] += z2 * z2
	for k, v := range [2]float64{y, d} {
		p.zy[k][0] += v
		p.zy[k][1] += v * z
		p.zy[k][2] += v * z2
		p.zy[k][3] += v * z2 * z
	}
	for k, v := range [3]float64{y * y, y * d, d * d} {
		p.zyy[k][0] += v
		p.zyy[k][1] += v * z
		p.zyy[k][2] += v * z2
	}
	if n := uint64(p.z[0]); n&(n-1) == 0 {
		p.recentre()
	}
}

// addFirst is add for the few points of a cluster, of which only the lower sums
// are asked for.
func (p *powerSums) addFirst(z, y, d float64) {
	if p.z[0] == 0 {
		p.origin = [3]float64{z, y, d}
	}
	z, y, d = z-p.origin[0], y-p.origin[1], d-p.origin[2]
	p.z[0]++
	p.z[1] += z
	p.z[2] += z * z
	p.zy[0][0] += y
	p.zy[0][1] += y * z
	p.zy[1][0] += d
	p.zy[1][1] += d * z
}

func (p *powerSums) recentre() {
	n := p.z[0]
	p.shift([3]float64{p.origin[0] + p.z[1]/n, p.origin[1] + p.zy[0][0]/n, p.origin[2] + p.zy[1][0]/n})
}

// shift moves the origin, by the binomial theorem.
func (p *powerSums) shift(origin [3]float64) {
	a, b, c := p.origin[0]-origin[0], p.origin[1]-origin[1], p.origin[2]-origin[2]
	// First y → y + b, d → d + c, from the highest products down.
	for j := range p.zyy[0] {
		p.zyy[0][j] += 2*b*p.zy[0][j] + b*b*p.z[j]
		p.zyy[1][j] += c*p.zy[0][j] + b*p.zy[1][j] + b*c*p.z[j]
		p.zyy[2][j] += 2*c*p.zy[1][j] + c*c*p.z[j]
	}
	for j := range p.zy[0] {
		p.zy[0][j] += b * p.z[j]
		p.zy[1][j] += c * p.z[j]
	}
	// Then z → z + a.
	shiftPowers(p.z[:], a)
	for k := range p.zy {
		shiftPowers(p.zy[k][:], a)
	}
	for k := range p.zyy {
		shiftPowers(p.zyy[k][:], a)
	}
	p.origin = origin
}

// shiftPowers turns Σ v z^j into Σ v (z + a)^j, j = 0, 1, …, by Horner's scheme.
func shiftPowers(m []float64, a float64) {
	for i := 1; i < len(m); i++ {
		for j := len(m) - 1; j >= i; j-- {
			m[j] += a * m[j-1]
		}
	}
}

// merge adds what another has seen.
func (p *powerSums) merge(other powerSums) {
	if other.z[0] == 0 {
		return
	}
	if p.z[0] == 0 {
		*p = other
		return
	}
	other.shift(p.origin)
	for j := range p.z {
		p.z[j] += other.z[j]
	}
	for k := range p.zy {
		for j := range p.zy[k] {
			p.zy[k][j] += other.zy[k][j]
		}
	}
	for k := range p.zyy {
		for j := range p.zyy[k] {
			p.zyy[k][j] += other.zyy[k][j]
		}
	}
	p.recentre()
}

// A lineFit is the least squares line through one outcome's points on a side, the
// weights of the outcomes in its value at the cutoff, a_i = a[0] + a[1] z_i, and
// its parameters about the origin: y_i − b[0] − b[1] z_i is a residual.
type lineFit struct {
	limit, slope float64
	a, b         [2]float64
	n            float64
}

// line fits onY·y + onD·d.
func (p *powerSums) line(onY, onD float64) (lineFit, bool) {
	n := p.z[0]
	mean := p.z[1] / n
	szz := p.z[2] - p.z[1]*mean
	if !(n >= 2 && szz > 1e-14*p.z[2]) {
		return lineFit{limit: math.NaN(), slope: math.NaN(), n: n}, false
	}
	y0 := onY*p.zy[0][0] + onD*p.zy[1][0]
	slope := (onY*p.zy[0][1] + onD*p.zy[1][1] - mean*y0) / szz
	f := lineFit{slope: slope, n: n}
	f.b = [2]float64{y0/n - slope*mean, slope}
	at := -p.origin[0] // the cutoff, about the origin
	f.limit = f.b[0] + slope*at + onY*p.origin[1] + onD*p.origin[2]
	f.a[1] = (at - mean) / szz
	f.a[0] = 1/n - f.a[1]*mean
	return f, true
}

// squares returns Σ a_i² e_i², e_i the residual of onY·y + onD·d.
func (p *powerSums) squares(f lineFit, onY, onD float64) float64 {
	a2 := [3]float64{f.a[0] * f.a[0], 2 * f.a[0] * f.a[1], f.a[1] * f.a[1]}
	b2 := [3]float64{f.b[0] * f.b[0], 2 * f.b[0] * f.b[1], f.b[1] * f.b[1]}
	sum := 0.0
	for i, a := range a2 {
		sum += a * (onY*onY*p.zyy[0][i] + 2*onY*onD*p.zyy[1][i] + onD*onD*p.zyy[2][i])
		for j, b := range b2 {
			sum += a * b * p.z[i+j]
		}
		for j, b := range f.b {
			sum -= 2 * a * b * (onY*p.zy[0][i+j] + onD*p.zy[1][i+j])
		}
	}
	return max(sum, 0)
}

// clusterTerms are Σ 1, z, z², y, zy, d, zd of the points of one cluster on a
// side: what its score is made of.
const clusterTerms = 7

// clusterSums add up the products of all clusters' terms on both sides, so that
// Σ_g (Σ_{i∈g} a_i e_i)² is known whatever line is fitted in the end: a score is
// linear in the terms. Clusters come one after another; memory does not grow.
type clusterSums struct {
	n        int
	origin   [2][3]float64
	products [2 * clusterTerms][2 * clusterTerms]float64
	both     bool // some cluster had points on both sides
	open     [2]powerSums
}

// terms of one cluster about the given origins.
func (c *clusterSums) terms(origin [2][3]float64) (t [2 * clusterTerms]float64) {
	for i := range c.open {
		p := c.open[i]
		p.shift(origin[i])
		copy(t[i*clusterTerms:], []float64{p.z[0], p.z[1], p.z[2], p.zy[0][0], p.zy[0][1], p.zy[1][0], p.zy[1][1]})
	}
	return t
}

// close ends the open cluster. The origins are those of the estimator's sums.
func (c *clusterSums) close(sides *[2]powerSums) {
	if c.open[0].n() == 0 && c.open[1].n() == 0 {
		return
	}
	for i := range c.open {
		if c.open[i].n() == 0 { // an empty side has no origin of its own
			c.open[i].origin = sides[i].origin
		}
	}
	c.rebase([2][3]float64{sides[0].origin, sides[1].origin})
	t := c.terms(c.origin)
	for i, u := range t {
		for j, v := range t {
			c.products[i][j] += u * v
		}
	}
	c.both = c.both || c.open[0].n() > 0 && c.open[1].n() > 0
	c.n++
	c.open = [2]powerSums{}
}

// rebase moves the origins: terms are linear in those about another origin, so the
// products go by that matrix on both sides.
func (c *clusterSums) rebase(origin [2][3]float64) {
	if c.n == 0 || origin == c.origin {
		c.origin = origin
		return
	}
	var m [2 * clusterTerms][2 * clusterTerms]float64
	for i := range origin {
		a, b, d := c.origin[i][0]-origin[i][0], c.origin[i][1]-origin[i][1], c.origin[i][2]-origin[i][2]
		rows := [clusterTerms][clusterTerms]float64{
			//  1        z  z²   y  zy   d  zd
			{1, 0, 0, 0, 0, 0, 0},
			{a, 1, 0, 0, 0, 0, 0},
			{a * a, 2 * a, 1, 0, 0, 0, 0},
			{b, 0, 0, 1, 0, 0, 0},
			{a * b, b, 0, a, 1, 0, 0},
			{d, 0, 0, 0, 0, 1, 0},
			{a * d, d, 0, 0, 0, a, 1},
		}
		for j := range rows {
			copy(m[i*clusterTerms+j][i*clusterTerms:], rows[j][:])
		}
	}
	var half, full [2 * clusterTerms][2 * clusterTerms]float64
	for i := range m {
		for j := range m {
			for k := range m {
				half[i][j] += m[i][k] * c.products[k][j]
			}
		}
	}
	for i := range m {
		for j := range m {
			for k := range m {
				full[i][j] += half[i][k] * m[j][k]
			}
		}
	}
	c.products, c.origin = full, origin
}

// merge adds another's closed clusters, about the origins of the estimator's sums.
func (c *clusterSums) merge(other clusterSums, sides *[2]powerSums) {
	origin := [2][3]float64{sides[0].origin, sides[1].origin}
	c.rebase(origin)
	other.rebase(origin)
	for i := range c.products {
		for j := range c.products {
			c.products[i][j] += other.products[i][j]
		}
	}
	c.n += other.n
	c.both = c.both || other.both
}

// squares returns Σ_g (right score − left score)² for onY·y + onD·d.
func (c *clusterSums) squares(fits [2]lineFit, onY, onD float64) float64 {
	var q [2 * clusterTerms]float64
	for i, f := range fits {
		sign := float64(2*i - 1)
		a, b := f.a, f.b
		// Σ (a0 + a1 z)(y − b0 − b1 z)
		copy(q[i*clusterTerms:], []float64{
			-sign * a[0] * b[0], -sign * (a[0]*b[1] + a[1]*b[0]), -sign * a[1] * b[1],
			sign * a[0] * onY, sign * a[1] * onY, sign * a[0] * onD, sign * a[1] * onD,
		})
	}
	sum := 0.0
	for i, u := range q {
		for j, v := range q {
			sum += u * v * c.products[i][j]
		}
	}
	return max(sum, 0)
}
