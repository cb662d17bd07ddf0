package rd

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/invalid"
)

// A Side tells what one side of the cutoff contributed.
type Side struct {
	N             int     // points
	Unique        int     // distinct x; N if Options.IgnoreMassPoints
	Effective     int     // points of positive weight at Bandwidth
	EffectiveBias int     // points of positive weight at BiasBandwidth
	Distinct      int     // distinct x of positive weight at Bandwidth
	Clusters      int     // clusters with points of positive weight at the wider bandwidth; 0 without clusters
	Bandwidth     float64 // h, units of x
	BiasBandwidth float64 // b, units of x
	Order         int     // p, of the estimate
	BiasOrder     int     // q, of its bias

	Limit          float64   // of the outcome (or its derivative) at the cutoff
	LimitCorrected float64   // less its estimated bias
	Coefficients   []float64 // of 1, z, …, z^p: the fitted curve within the bandwidth
}

// Result is the outcome of Sharp.
type Result struct {
	Options     Options // as used, defaults filled in
	Left, Right Side
	Jump                   // of y: the effect at the cutoff
	Selection   *Selection // nil if H was given
	Gamma       []float64  // coefficients of the covariates, nil without any
	Warnings    []error    // why to doubt a result that could be computed

	// clusterScores are what each cluster adds to the conventional and to the robust
	// estimate's error, by the sample's own numbers.
	clusterScores [2]map[int]float64
}

// Sharp estimates the jump of E[y|x] at the cutoff by local polynomials on each
// side (Hahn, Todd & van der Klaauw 2001; Imbens & Lemieux 2008) with robust
// bias correction (Calonico, Cattaneo & Titiunik 2014). x and y are [point], in
// any order, of equal length and finite. The error names what is wrong with an
// input, or which side has too few distinct values of x for the order.
func Sharp(x, y []float64, o Options) (*Result, error) { return Sample{X: x, Y: y}.Sharp(o) }

// Sharp is the function Sharp for a sample that may also have covariates, weights
// and clusters. D is not used.
func (s Sample) Sharp(o Options) (*Result, error) {
	s.D = nil
	d, err := s.prepare(o, false)
	if err != nil {
		return nil, err
	}
	r, fits, err := d.estimate()
	if err != nil {
		return nil, err
	}
	if err := r.take(fits); err != nil {
		return nil, err
	}
	if s.Cluster != nil {
		r.clusterScores = d.clusterScores(fits, s.Cluster)
	}
	return r, nil
}

// A design is a sample parted at the cutoff and how to estimate from it.
type design struct {
	sides [2]side
	o     Options
	fuzzy bool
}

// prepare checks the sample and parts it.
func (s Sample) prepare(o Options, fuzzy bool) (*design, error) {
	o, err := o.forSample(s)
	if err != nil {
		return nil, err
	}
	if fuzzy {
		if err := required("d", s.D, s.X); err != nil {
			return nil, err
		}
	}
	if err := required("y", s.Y, s.X); err != nil {
		return nil, err
	}
	sides, err := s.split(o)
	if err != nil {
		return nil, err
	}
	if s.Cluster != nil {
		for i := range sides {
			for _, g := range sides[i].cluster {
				o.clusters = max(o.clusters, int(g)+1)
			}
		}
		if o.SplitClusters {
			o.clusters = splitClusters(sides, o.clusters)
		}
	}
	return &design{sides, o, fuzzy}, nil
}

// forSelection returns the sides that bandwidths are selected on: without the
// treatment if it is not the ratio that they are for, or hangs on one side.
func (d *design) forSelection() [2]side {
	sides := d.sides
	if d.fuzzy && (d.o.SharpBandwidth || constant(sides[0].d) || constant(sides[1].d)) {
		sides[0].d, sides[1].d = nil, nil
	}
	return sides
}

// A sideFit is everything of a side that does not depend on outcomes: weights
// a of the limit and a* of the bias-corrected limit over the wider window.
type sideFit struct {
	*side
	local, bias   *fit
	lo, hi        int       // the wider of the two windows
	plain, robust []float64 // a, a* over [lo, hi)
}

// estimate selects the bandwidths and finds the weights, and takes what the
// covariates explain from the outcomes; the result lacks only what depends on
// these.
func (d *design) estimate() (r *Result, fits [2]*sideFit, err error) {
	o := d.o
	r = &Result{}
	h, b := o.H, o.B
	n := len(d.sides[0].z) + len(d.sides[1].z)
	switch {
	case h != [2]float64{}:
	case n < fewest:
		h = Both(max(d.sides[0].reach(), d.sides[1].reach()))
		b = h
		if o.Rho > 0 {
			b = Both(h[0] / o.Rho)
		}
		r.Warnings = append(r.Warnings, fmt.Errorf("%d points are too few to select a bandwidth from: all are used", n))
	default:
		if r.Selection, r.Warnings, err = selectBandwidth(d.forSelection(), o); err != nil {
			return nil, fits, err
		}
		h, b = r.Selection.H, r.Selection.B
	}
	r.Options = o
	if err := both(func(i int) (err error) {
		fits[i], err = d.sides[i].prepare(o, h[i], b[i])
		return err
	}); err != nil {
		if r.Selection != nil {
			err = fmt.Errorf("at the selected bandwidth (give H for another, or see Honest if x has few values): %w", err)
		}
		return nil, fits, err
	}
	for i, f := range fits {
		about := f.about(o, h[i], b[i])
		if i == 0 {
			r.Left = about
		} else {
			r.Right = about
		}
		r.Warnings = append(r.Warnings, f.doubts(about)...)
	}
	if d.sides[0].covs != nil {
		locals, sides := []*fit{fits[0].local, fits[1].local}, []*side{&d.sides[0], &d.sides[1]}
		r.Gamma = partial(sides, locals, func(s *side) []float64 { return s.y })
		var onD []float64
		if d.fuzzy {
			onD = partial(sides, locals, func(s *side) []float64 { return s.d })
		}
		for _, s := range sides {
			s.y = s.adjusted(s.y, r.Gamma)
			if d.fuzzy {
				s.d = s.adjusted(s.d, onD)
			}
		}
	}
	return r, fits, nil
}

func (f *sideFit) about(o Options, h, b float64) Side {
	about := Side{
		N: len(f.z), Unique: f.unique, Distinct: f.distinct(f.local.lo, f.local.hi),
		Effective: f.local.hi - f.local.lo, EffectiveBias: f.bias.hi - f.bias.lo,
		Bandwidth: h, BiasBandwidth: b, Order: o.order(), BiasOrder: o.BiasOrder,
	}
	if o.IgnoreMassPoints {
		about.Unique = about.N
	}
	if o.clustered() {
		groups := slices.Clone(f.cluster[f.lo:f.hi])
		slices.Sort(groups)
		about.Clusters = len(slices.Compact(groups))
	}
	return about
}

// doubts are the warnings that a side's numbers give rise to.
func (f *sideFit) doubts(s Side) []error {
	var doubts []error
	if few := 10 * (s.Order + 1); s.Effective < few {
		doubts = append(doubts, fmt.Errorf("only %d points within the bandwidth on the %s: normal intervals may be too short", s.Effective, f.name()))
	}
	if s.Distinct < 20 && s.Distinct < 4*s.Effective/5 {
		doubts = append(doubts, fmt.Errorf("the %d points within the bandwidth on the %s have %d distinct values of x: intervals that take it for continuous are too short; see Honest", s.Effective, f.name(), s.Distinct))
	}
	if s.Clusters > 0 && s.Clusters < 10 {
		doubts = append(doubts, fmt.Errorf("only %d clusters within the bandwidth on the %s: their standard errors are not reliable", s.Clusters, f.name()))
	}
	return doubts
}

func (s *side) prepare(o Options, h, b float64) (*sideFit, error) {
	p, q, nu := o.order(), o.BiasOrder, o.Derivative
	local, err := s.fit(o.Kernel, p, h)
	if err != nil {
		return nil, err
	}
	bias, err := s.fit(o.Kernel, q, b)
	if err != nil {
		return nil, err
	}
	f := &sideFit{side: s, local: local, bias: bias, lo: min(local.lo, bias.lo), hi: max(local.hi, bias.hi)}
	f.plain = s.scratch.take(1, f.hi-f.lo)
	factor := math.Gamma(float64(nu+1)) / math.Pow(h, float64(nu))
	local.addWeights(f.plain[local.lo-f.lo:local.hi-f.lo], nu, factor)
	// L = Σ a_i z_i^(p+1) is the leading bias per unit of β_(p+1); both in units
	// of b here.
	lead := factor * local.lead(nu, p+1) * math.Pow(h/b, float64(p+1))
	f.robust = s.scratch.take(2, f.hi-f.lo)
	copy(f.robust, f.plain)
	bias.addWeights(f.robust[bias.lo-f.lo:bias.hi-f.lo], p+1, -lead)
	return f, nil
}

// limits are what one side's fits say of one outcome.
type limits struct {
	plain, corrected float64
	coefficients     []float64
}

func (f *sideFit) limits(y []float64, o Options) limits {
	c := f.local.inUnitsOfX(f.local.coefficients(y))
	corrected := 0.0
	for i, a := range f.robust {
		corrected += a * y[f.lo+i]
	}
	return limits{math.Gamma(float64(o.Derivative+1)) * c[o.Derivative], corrected, c}
}

func (s *Side) take(l limits) {
	s.Limit, s.LimitCorrected, s.Coefficients = l.plain, l.corrected, l.coefficients
}

// take fills in what depends on the outcomes.
func (r *Result) take(fits [2]*sideFit) (err error) {
	left, right := fits[0].limits(fits[0].y, r.Options), fits[1].limits(fits[1].y, r.Options)
	r.Left.take(left)
	r.Right.take(right)
	if r.Jump, err = r.jump(left, right, fits, func(s *side) []float64 { return s.y }); err != nil {
		return err
	}
	r.warnOfNoNoise()
	return nil
}

func (r *Result) warnOfNoNoise() {
	if r.Robust.StdErr == 0 {
		r.Warnings = append(r.Warnings, errors.New("the outcome does not vary around its fit beyond rounding: there is no noise to compare the estimate with"))
	}
}

// jump infers from the two sides' limits and residuals of one outcome.
func (r *Result) jump(left, right limits, fits [2]*sideFit, outcome func(*side) []float64) (Jump, error) {
	plain, robust, err := r.Options.spreads(fits, outcome)
	return r.Options.threeFold(right.plain-left.plain, right.corrected-left.corrected, plain, robust), err
}

// spreads returns the variances of the jump by the weights a and a*.
func (o Options) spreads(fits [2]*sideFit, outcome func(*side) []float64) (plain, robust spread2, err error) {
	p, q := o.order(), o.BiasOrder
	if o.Variance != NearestNeighbour {
		for _, f := range fits {
			if n := [2]int{f.local.hi - f.local.lo, f.bias.hi - f.bias.lo}; n[0] <= p+1 || n[1] <= q+1 {
				return plain, robust, invalid.Newf("points within the bandwidths h and b on the "+f.name(), n,
					"at least %d and %d for residuals of the fits, which Variance %v is made of", p+2, q+2, o.Variance)
			}
		}
	}
	if o.Variance == CR3 {
		return o.jackknifed(fits, outcome)
	}
	var scores [2][2]score // [plain, robust][side]
	_ = both(func(i int) error {
		f := fits[i]
		y := outcome(f.side)
		e := f.residuals(f.local, y, f.lo, f.hi, o)
		scores[0][i] = f.score(f.plain, e, y, f.lo, p+1, o)
		if o.Variance != NearestNeighbour {
			e = f.residuals(f.bias, y, f.lo, f.hi, o)
		}
		scores[1][i] = f.score(f.robust, e, y, f.lo, q+1, o)
		return nil
	})
	for k, to := range []*spread2{&plain, &robust} {
		v := o.variances(scores[k])
		*to = spread2{v.difference(), v.df}
		if !finite(to.variance) || to.variance < 0 {
			if o.clustered() {
				return plain, robust, invalid.New("clusters within the bandwidth", scores[k][0].groups()+scores[k][1].groups(), "at least 2 (on each side, where none has points on both)")
			}
			return plain, robust, invalid.Newf("points within the bandwidth", [2]int{scores[k][0].n, scores[k][1].n},
				"more than the coefficients of the fits, for Variance %v at order %d", o.Variance, p)
		}
	}
	return plain, robust, nil
}

func (s *score) groups() int {
	n := 0
	for _, present := range s.present {
		if present {
			n++
		}
	}
	return n
}
