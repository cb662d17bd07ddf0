package rd

import "math"

// An Online estimator takes points one at a time in constant time and memory.
// Feed it from one goroutine.
type Online interface {
	Add(x, y float64) // x: running variable, y: outcome
	Jump() float64    // the estimate from the points so far; NaN while there is none
}

// inWindow reports whether z counts within w; 0 means no window.
func inWindow(z, w float64) bool { return w == 0 || math.Abs(z) <= w }

// OnlineLeastSquares fits one line per side of the cutoff by exact running
// least squares (Welford's updates, centred on the running means). Its jump
// equals LeastSquares with the uniform kernel. The zero value, or one with
// Cutoff and Window set, is ready.
type OnlineLeastSquares struct {
	Cutoff float64
	Window float64 // points with |x − Cutoff| > Window are passed over; 0 means none is

	sides [2]moments
}

// moments are the running sums of one side, about its means.
type moments struct {
	n, z, y       float64 // count and means
	szz, szy, syy float64
}

// Add takes one point.
func (l *OnlineLeastSquares) Add(x, y float64) {
	z := x - l.Cutoff
	if !inWindow(z, l.Window) {
		return
	}
	m := &l.sides[0]
	if z >= 0 {
		m = &l.sides[1]
	}
	m.n++
	dz, dy := z-m.z, y-m.y
	m.z += dz / m.n
	m.y += dy / m.n
	m.szz += dz * (z - m.z)
	m.szy += dz * (y - m.y)
	m.syy += dy * (y - m.y)
}

// N returns how many points each side has used, [left, right].
func (l *OnlineLeastSquares) N() [2]int { return [2]int{int(l.sides[0].n), int(l.sides[1].n)} }

// Lines returns the fitted line of each side, [left, right], in z = x − Cutoff:
// intercepts are the limits at the cutoff. A side without two distinct x has
// NaNs.
func (l *OnlineLeastSquares) Lines() [2]Line {
	return [2]Line{l.sides[0].line(), l.sides[1].line()}
}

func (m *moments) line() Line {
	if !(m.szz > 0) {
		return Line{math.NaN(), math.NaN()}
	}
	slope := m.szy / m.szz
	return Line{m.y - slope*m.z, slope}
}

// Jump returns the difference of the two lines at the cutoff.
func (l *OnlineLeastSquares) Jump() float64 {
	lines := l.Lines()
	return lines[1].Intercept - lines[0].Intercept
}

// StdErr returns the textbook standard error of the jump, with one residual
// variance for both sides: Σe²/(n − 4).
func (l *OnlineLeastSquares) StdErr() float64 {
	var n, sse, gram float64
	for i := range l.sides {
		m := &l.sides[i]
		n += m.n
		sse += m.syy - m.szy*m.szy/m.szz
		gram += 1/m.n + m.z*m.z/m.szz
	}
	if !(n > 4) {
		return math.NaN()
	}
	return math.Sqrt(gram * max(sse, 0) / (n - 4))
}

// OnlineMeans takes the difference of the mean outcomes on the two sides
// within a window: the piecewise constant estimator. The zero value, or one with
// Cutoff and Window set, is ready.
type OnlineMeans struct {
	Cutoff float64
	Window float64 // points with |x − Cutoff| > Window are passed over; 0 means none is

	sides [2]moments
}

// Add takes one point.
func (o *OnlineMeans) Add(x, y float64) {
	z := x - o.Cutoff
	if !inWindow(z, o.Window) {
		return
	}
	m := &o.sides[0]
	if z >= 0 {
		m = &o.sides[1]
	}
	m.n++
	dy := y - m.y
	m.y += dy / m.n
	m.syy += dy * (y - m.y)
}

// N returns how many points each side has used, [left, right].
func (o *OnlineMeans) N() [2]int { return [2]int{int(o.sides[0].n), int(o.sides[1].n)} }

// Means returns the mean outcome of each side, [left, right].
func (o *OnlineMeans) Means() [2]float64 {
	means := [2]float64{math.NaN(), math.NaN()}
	for i := range means {
		if o.sides[i].n > 0 {
			means[i] = o.sides[i].y
		}
	}
	return means
}

// Jump returns the difference of the means.
func (o *OnlineMeans) Jump() float64 {
	means := o.Means()
	return means[1] - means[0]
}

// StdErr returns the standard error of Jump, each side with a variance of its
// own (divisor n − 1).
func (o *OnlineMeans) StdErr() float64 {
	v := 0.0
	for i := range o.sides {
		m := &o.sides[i]
		v += m.syy / ((m.n - 1) * m.n)
	}
	return math.Sqrt(v)
}

// A Line is Intercept + Slope·x.
type Line struct{ Intercept, Slope float64 }

// At returns the line's value at x.
func (l Line) At(x float64) float64 { return float64(l.Slope*x) + l.Intercept }

// Descend moves the line against the gradient of half its squared error at one
// point, with the error taken once, before both updates:
//
//	e = Slope·x + Intercept − y
//	Slope −= (rate·e)·x,  Intercept −= rate·e
//
// Products are rounded by themselves, so that every machine takes the same path.
func (l *Line) Descend(x, y, rate float64) {
	step := rate * (float64(l.Slope*x) + l.Intercept - y)
	l.Slope -= float64(step * x)
	l.Intercept -= step
}

// DefaultRate is the learning rate of OnlineDescent: the published one of
// spike-based causal inference (Guerguiev, Kording & Richards 2020).
const DefaultRate = 0.001

// OnlineDescent fits one line per side of the cutoff by stochastic gradient
// descent from zero, as a neuron could: no sums are kept, early points fade, and
// while the intercepts still move the jump may pass the truth on its way. For
// the loss e² rather than e²/2 double the Rate. The zero value, or one with its
// fields set, is ready.
type OnlineDescent struct {
	Cutoff float64
	Window float64 // points with |x − Cutoff| > Window are passed over; 0 means none is
	Rate   float64 // learning rate; 0 means DefaultRate
	// Centred takes x − Cutoff for the lines' feature, not x. The two descend
	// along different paths.
	Centred bool

	lines [2]Line
	n     [2]int
}

// Add takes one point.
func (d *OnlineDescent) Add(x, y float64) {
	z := x - d.Cutoff
	if !inWindow(z, d.Window) {
		return
	}
	side := 0
	if z >= 0 {
		side = 1
	}
	if d.Centred {
		x = z
	}
	rate := d.Rate
	if rate == 0 {
		rate = DefaultRate
	}
	d.lines[side].Descend(x, y, rate)
	d.n[side]++
}

// N returns how many updates each side has made, [left, right].
func (d *OnlineDescent) N() [2]int { return d.n }

// Lines returns the lines, [left, right], in x, or in x − Cutoff if Centred.
func (d *OnlineDescent) Lines() [2]Line { return d.lines }

// Jump returns the difference of the two lines at the cutoff.
func (d *OnlineDescent) Jump() float64 {
	at := d.Cutoff
	if d.Centred {
		at = 0
	}
	return d.lines[1].At(at) - d.lines[0].At(at)
}

// OnlineFuzzy is the ratio of two online jumps, of the outcome and of the
// treatment received (Hahn, Todd & van der Klaauw 2001). Outcome and Treatment
// are estimators of one kind and the same settings.
type OnlineFuzzy struct {
	Outcome, Treatment Online
}

// Add takes one point: running variable, treatment received, outcome.
func (f *OnlineFuzzy) Add(x, d, y float64) {
	f.Outcome.Add(x, y)
	f.Treatment.Add(x, d)
}

// Effect returns the ratio; it is NaN or infinite while d does not jump.
func (f *OnlineFuzzy) Effect() float64 { return f.Outcome.Jump() / f.Treatment.Jump() }
