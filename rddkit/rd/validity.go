package rd

import (
	"fmt"
	"slices"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Placebo is the method Placebo for a sample of x and y alone.
func Placebo(x, y []float64, o Options, cutoffs ...float64) ([]*Result, error) {
	return Sample{X: x, Y: y}.Placebo(o, cutoffs...)
}

// Placebo estimates jumps at false cutoffs, where there should be none, by Sharp
// with the options o, whose Cutoff is the true one. Each estimate uses only the
// points on its own side of the true cutoff, which the true jump cannot touch.
// Without cutoffs it takes the median of x on each side (Imbens & Lemieux 2008,
// section 4.2). The results are in the order of the cutoffs; Options.Cutoff of
// each is its own.
func (s Sample) Placebo(o Options, cutoffs ...float64) ([]*Result, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	var parts [2]Sample
	for i := range parts {
		parts[i] = s.where(func(j int) bool { return sideOf(s.X[j]-o.Cutoff) == i })
		if len(cutoffs) < 2 && len(parts[i].X) == 0 {
			return nil, invalid.Newf("points on the "+(&side{right: i == 1}).name(), 0, "at least 1 on each side of the cutoff %v", o.Cutoff)
		}
	}
	if len(cutoffs) == 0 {
		for i := range parts {
			ascending := slices.Clone(parts[i].X)
			slices.Sort(ascending)
			cutoffs = append(cutoffs, ascending[len(ascending)/2])
		}
	}
	var results []*Result
	for _, c := range cutoffs {
		if c == o.Cutoff {
			return nil, invalid.New("cutoffs", c, "other than the true cutoff")
		}
		at := o
		at.Cutoff, at.Donut = c, [2]float64{}
		r, err := parts[sideOf(c-o.Cutoff)].Sharp(at)
		if err != nil {
			return nil, fmt.Errorf("placebo cutoff %v: %w", c, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// Donuts estimates the jump without the points nearer to the cutoff than each of
// the radii, in the units of x: does it hang on the few points that an artefact at
// the threshold, or a hand that moved them across, has touched? The bandwidths are
// those of the whole sample unless o.H is given, so that only the hole changes.
// The results are in the order of the radii.
func (s Sample) Donuts(o Options, radii ...float64) ([]*Result, error) {
	o, err := s.fixed(o)
	if err != nil {
		return nil, err
	}
	var results []*Result
	for _, radius := range radii {
		o.Donut = Both(radius)
		r, err := s.Sharp(o)
		if err != nil {
			return nil, fmt.Errorf("donut of radius %v: %w", radius, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// Bandwidths estimates the jump at multiples of the bandwidths h and b that are
// given or selected (half and twice them, say): does it hang on the bandwidth? The
// results are in the order of the factors.
func (s Sample) Bandwidths(o Options, factors ...float64) ([]*Result, error) {
	o, err := s.fixed(o)
	if err != nil {
		return nil, err
	}
	var results []*Result
	for _, factor := range factors {
		at := o
		for i := range at.H {
			at.H[i] *= factor
			at.B[i] *= factor
		}
		r, err := s.Sharp(at)
		if err != nil {
			return nil, fmt.Errorf("%v times the bandwidth: %w", factor, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// fixed returns the options with the bandwidths that would be selected.
func (s Sample) fixed(o Options) (Options, error) {
	if o.H != [2]float64{} {
		return o, nil
	}
	s.D = nil
	r, err := s.Sharp(o)
	if err != nil {
		return o, err
	}
	o.H = [2]float64{r.Left.Bandwidth, r.Right.Bandwidth}
	o.B = [2]float64{r.Left.BiasBandwidth, r.Right.BiasBandwidth}
	o.Rho = 0
	return o, nil
}

// Validity is what a regression discontinuity is not believed without.
type Validity struct {
	Density    *DensityResult  // is the density of x continuous at the cutoff?
	Binomial   *BinomialResult // are points as likely on either side, within a quarter of the bandwidth?
	Placebo    []*Result       // at the medians of x on the two sides: no jump
	Bandwidths []*Result       // at half, one and twice the bandwidth: the same jump
	Donuts     []*Result       // without the nearest 2, 5 and 10 per cent of the bandwidth: the same jump
	Warnings   []error         // checks that this sample is too small for
}

// Check carries out the usual validity checks of a sharp design.
func (s Sample) Check(o Options) (*Validity, error) {
	fixed, err := s.fixed(o)
	if err != nil {
		return nil, err
	}
	var v Validity
	doubt := func(err error) {
		if err != nil {
			v.Warnings = append(v.Warnings, err)
		}
	}
	h := (fixed.H[0] + fixed.H[1]) / 2
	v.Density, err = DensityTest(s.X, DensityOptions{Cutoff: o.Cutoff, Kernel: o.Kernel})
	doubt(err)
	v.Binomial, err = Binomial(s.X, o.Cutoff, h/4)
	doubt(err)
	v.Placebo, err = s.Placebo(o)
	doubt(err)
	v.Bandwidths, err = s.Bandwidths(fixed, 0.5, 1, 2)
	doubt(err)
	for _, share := range []float64{0.02, 0.05, 0.1} {
		r, err := s.Donuts(fixed, share*h)
		doubt(err)
		v.Donuts = append(v.Donuts, r...)
	}
	return &v, nil
}
