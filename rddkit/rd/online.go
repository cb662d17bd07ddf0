package rd

import (
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
)

// An Online estimator takes points one at a time in constant time and memory.
// Feed it from one goroutine.
type Online interface {
	Add(x, y float64) // x: running variable, y: outcome
	Jump() float64    // the estimate from the points so far; NaN while there is none
}

// inWindow reports whether z counts within w, as it does for the uniform kernel; 0
// means no window.
func inWindow(z, w float64) bool { return w == 0 || math.Abs(z) <= w*(1+edge) }

// OnlineLeastSquares fits one line per side of the cutoff by exact running
// least squares (Welford's updates, centred on the running means). Its jump is
// that of Sharp with the uniform kernel at H = Window, and so are the standard
// errors that Robust and Clustered give, from sums whose number does not grow.
// Several estimators, each fed a part of the points, merge into one. The zero
// value, or one with Cutoff and Window set, is ready.
type OnlineLeastSquares struct {
	Cutoff float64
	Window float64 // points with |x − Cutoff| > Window are passed over; 0 means none is

	sides    [2]moments
	sums     [2]powerSums
	clusters clusterSums
	skipped  int
}

// moments are the running sums of one side, about its means.
type moments struct {
	n, z, y       float64 // count and means
	szz, szy, syy float64
}

// Add takes one point. One that is not finite is passed over, and counted by
// Skipped.
func (l *OnlineLeastSquares) Add(x, y float64) {
	z := x - l.Cutoff
	if !finite(z) || !finite(y) {
		l.skipped++
		return
	}
	if !inWindow(z, l.Window) {
		return
	}
	side := sideOf(z)
	l.sums[side].add(z, y, 0)
	l.clusters.open[side].addFirst(z, y, 0)
	m := &l.sides[side]
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

// EndCluster says that the points since the last call are one cluster, of which no
// more will come: a trial or a cell, on both sides of the cutoff. Clustered needs
// it after each.
func (l *OnlineLeastSquares) EndCluster() { l.clusters.close(&l.sums) }

// Merge adds the points that another estimator has seen. Both must have the same
// Cutoff and Window. Clusters that are open in either are closed first.
func (l *OnlineLeastSquares) Merge(other *OnlineLeastSquares) error {
	if err := mergeable(l.Cutoff, l.Window, other.Cutoff, other.Window); err != nil {
		return err
	}
	theirs := *other
	if l.clusters.n > 0 || theirs.clusters.n > 0 {
		l.EndCluster()
		theirs.EndCluster()
	}
	for i := range l.sides {
		l.sides[i].merge(theirs.sides[i])
		l.sums[i].merge(theirs.sums[i])
		l.clusters.open[i].merge(theirs.clusters.open[i])
	}
	l.clusters.merge(theirs.clusters, &l.sums)
	l.skipped += theirs.skipped
	return nil
}

// Skipped returns how many points were passed over because they were not finite.
func (l *OnlineLeastSquares) Skipped() int { return l.skipped }

// Robust infers from the sandwich variance HC1Pooled, which allows for noise that
// differs from point to point, at the given level (0 means 0.95).
func (l *OnlineLeastSquares) Robust(level float64) (Inference, error) {
	return robustLine(&l.sums, 1, 0, level)
}

// Clustered infers from CR1, summed over both sides of the cutoff, for the
// clusters that EndCluster parted, at the given level (0 means 0.95). Points since
// its last call are one more cluster.
func (l *OnlineLeastSquares) Clustered(level float64) (Inference, error) {
	return clusteredLine(&l.sums, l.clusters, 1, 0, level)
}

// mergeable refuses estimators of different settings.
func mergeable(cutoff, window, otherCutoff, otherWindow float64) error {
	if cutoff != otherCutoff || window != otherWindow {
		return invalid.Newf("Cutoff and Window of the other", [2]float64{otherCutoff, otherWindow}, "%v and %v, those of this estimator", cutoff, window)
	}
	return nil
}

// merge is Chan, Golub & LeVeque's (1983) update.
func (m *moments) merge(other moments) {
	if other.n == 0 {
		return
	}
	if m.n == 0 {
		*m = other
		return
	}
	n := m.n + other.n
	dz, dy, share := other.z-m.z, other.y-m.y, m.n*other.n/n
	m.szz += other.szz + dz*dz*share
	m.szy += other.szy + dz*dy*share
	m.syy += other.syy + dy*dy*share
	m.z += dz * other.n / n
	m.y += dy * other.n / n
	m.n = n
}

// robustLine infers the jump of onY·y + onD·d.
func robustLine(sums *[2]powerSums, onY, onD, level float64) (Inference, error) {
	level, fits, err := jumpOf(sums, onY, onD, level)
	if err != nil {
		return Inference{}, err
	}
	v, n := 0.0, 0.0
	for i := range sums {
		v += sums[i].squares(fits[i], onY, onD)
		n += fits[i].n
	}
	return infer(fits[1].limit-fits[0].limit, math.Sqrt(v*n/(n-4)), level), nil
}

func clusteredLine(sums *[2]powerSums, c clusterSums, onY, onD, level float64) (Inference, error) {
	level, fits, err := jumpOf(sums, onY, onD, level)
	if err != nil {
		return Inference{}, err
	}
	c.close(sums)
	c.rebase([2][3]float64{sums[0].origin, sums[1].origin})
	if c.n < 2 || !c.both {
		return Inference{}, invalid.New("clusters", c.n, "at least 2, some with points on both sides; call EndCluster after each")
	}
	g, n := float64(c.n), fits[0].n+fits[1].n
	v := c.squares(fits, onY, onD) * g / (g - 1) * (n - 1) / (n - 4)
	return inferT(fits[1].limit-fits[0].limit, math.Sqrt(v), level, g-1), nil
}

func jumpOf(sums *[2]powerSums, onY, onD, level float64) (float64, [2]lineFit, error) {
	var fits [2]lineFit
	level, err := resolveLevel(level)
	if err != nil {
		return 0, fits, err
	}
	n := 0.0
	for i := range sums {
		var ok bool
		if fits[i], ok = sums[i].line(onY, onD); !ok {
			return 0, fits, invalid.New("points on the "+(&side{right: i == 1}).name(), int(fits[i].n), "at least 2 of different x")
		}
		n += fits[i].n
	}
	if n <= 4 {
		return 0, fits, invalid.New("points", int(n), "more than 4, for a standard error")
	}
	return level, fits, nil
}

// OnlineMeans takes the difference of the mean outcomes on the two sides
// within a window: the piecewise constant estimator. The zero value, or one with
// Cutoff and Window set, is ready.
type OnlineMeans struct {
	Cutoff float64
	Window float64 // points with |x − Cutoff| > Window are passed over; 0 means none is

	sides   [2]moments
	skipped int
}

// Add takes one point. One that is not finite is passed over, and counted by
// Skipped.
func (o *OnlineMeans) Add(x, y float64) {
	z := x - o.Cutoff
	if !finite(z) || !finite(y) {
		o.skipped++
		return
	}
	if !inWindow(z, o.Window) {
		return
	}
	m := &o.sides[sideOf(z)]
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

// Skipped returns how many points were passed over because they were not finite.
func (o *OnlineMeans) Skipped() int { return o.skipped }

// Merge adds the points that another estimator of the same Cutoff and Window has
// seen.
func (o *OnlineMeans) Merge(other *OnlineMeans) error {
	if err := mergeable(o.Cutoff, o.Window, other.Cutoff, other.Window); err != nil {
		return err
	}
	for i := range o.sides {
		o.sides[i].merge(other.sides[i])
	}
	o.skipped += other.skipped
	return nil
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

	lines   [2]Line
	n       [2]int
	skipped int
}

// Skipped returns how many points were passed over because they were not finite.
func (d *OnlineDescent) Skipped() int { return d.skipped }

// Add takes one point. One that is not finite is passed over, and counted by
// Skipped.
func (d *OnlineDescent) Add(x, y float64) {
	z := x - d.Cutoff
	if !finite(z) || !finite(y) {
		d.skipped++
		return
	}
	if !inWindow(z, d.Window) {
		return
	}
	side := sideOf(z)
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

// OnlineFuzzy is the ratio of the jumps of the outcome and of the treatment
// received, each from a line per side by running least squares (Hahn, Todd & van
// der Klaauw 2001). The zero value, or one with Cutoff and Window set, is ready.
type OnlineFuzzy struct {
	Cutoff float64
	Window float64 // points with |x − Cutoff| > Window are passed over; 0 means none is

	sums     [2]powerSums
	clusters clusterSums
	skipped  int
}

// Add takes one point: running variable, treatment received, outcome. One that is
// not finite is passed over, and counted by Skipped.
func (f *OnlineFuzzy) Add(x, d, y float64) {
	z := x - f.Cutoff
	if !finite(z) || !finite(d) || !finite(y) {
		f.skipped++
		return
	}
	if !inWindow(z, f.Window) {
		return
	}
	side := sideOf(z)
	f.sums[side].add(z, y, d)
	f.clusters.open[side].addFirst(z, y, d)
}

// N returns how many points each side has used, [left, right].
func (f *OnlineFuzzy) N() [2]int { return [2]int{int(f.sums[0].n()), int(f.sums[1].n())} }

// Skipped returns how many points were passed over because they were not finite.
func (f *OnlineFuzzy) Skipped() int { return f.skipped }

// EndCluster is that of OnlineLeastSquares.
func (f *OnlineFuzzy) EndCluster() { f.clusters.close(&f.sums) }

// Merge is that of OnlineLeastSquares.
func (f *OnlineFuzzy) Merge(other *OnlineFuzzy) error {
	if err := mergeable(f.Cutoff, f.Window, other.Cutoff, other.Window); err != nil {
		return err
	}
	theirs := *other
	if f.clusters.n > 0 || theirs.clusters.n > 0 {
		f.EndCluster()
		theirs.EndCluster()
	}
	for i := range f.sums {
		f.sums[i].merge(theirs.sums[i])
		f.clusters.open[i].merge(theirs.clusters.open[i])
	}
	f.clusters.merge(theirs.clusters, &f.sums)
	f.skipped += theirs.skipped
	return nil
}

// jumps returns those of the outcome and of the treatment, NaN while a side has no
// line.
func (f *OnlineFuzzy) jumps() (outcome, treatment float64) {
	var y, d [2]lineFit
	for i := range f.sums {
		y[i], _ = f.sums[i].line(1, 0)
		d[i], _ = f.sums[i].line(0, 1)
	}
	return y[1].limit - y[0].limit, d[1].limit - d[0].limit
}

// Effect returns the ratio; it is NaN or infinite while d does not jump.
func (f *OnlineFuzzy) Effect() float64 {
	outcome, treatment := f.jumps()
	return outcome / treatment
}

// Robust infers the ratio by the delta method from HC1Pooled, at the given level
// (0 means 0.95).
func (f *OnlineFuzzy) Robust(level float64) (Inference, error) {
	return f.ratio(level, func(onY, onD float64) (Inference, error) { return robustLine(&f.sums, onY, onD, level) })
}

// Clustered infers the ratio by the delta method from CR1, as that of
// OnlineLeastSquares.
func (f *OnlineFuzzy) Clustered(level float64) (Inference, error) {
	return f.ratio(level, func(onY, onD float64) (Inference, error) {
		return clusteredLine(&f.sums, f.clusters, onY, onD, level)
	})
}

// ratio has the standard error of the jump of (y − τd)/π.
func (f *OnlineFuzzy) ratio(level float64, jump func(onY, onD float64) (Inference, error)) (Inference, error) {
	outcome, treatment := f.jumps()
	if treatment == 0 {
		return Inference{}, invalid.New("jump of d at the cutoff", 0.0, "a treatment whose probability changes at the cutoff")
	}
	tau := outcome / treatment
	i, err := jump(1/treatment, -tau/treatment)
	if err != nil {
		return i, err
	}
	level, err = resolveLevel(level)
	return inferT(tau, i.StdErr, level, i.DF), err
}
