package rd

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit/invalid"
)

// McCraryOptions says how to run McCrary's test. The zero value: cutoff 0, bin
// width and bandwidth from the data.
type McCraryOptions struct {
	Cutoff float64
	Bin    float64 // width of the histogram's bins; 0 means 2 s.d./√n
	H      float64 // bandwidth; 0: chosen from the data
}

// McCraryResult is the outcome of McCrary.
type McCraryResult struct {
	Options McCraryOptions
	N       [2]int
	Bin, H  float64
	Sides   [2]float64   // bandwidth chosen on each side, of which H is the mean; zero if H was given
	Density [2]float64   // at the cutoff, [left, right], per unit of x
	Theta   float64      // ln right − ln left
	StdErr  float64      // of Theta
	Z, P    float64      // two-sided, standard normal
	Bins    []DensityBin // the histogram, ascending
}

// A DensityBin is one bar of McCrary's histogram.
type DensityBin struct{ Middle, Height float64 }

// McCrary tests for a jump of the density of x at the cutoff (McCrary 2008): a
// histogram no bin of which straddles the cutoff, smoothed on each side by local
// linear regression with the triangular kernel; the jump is in logarithms. x is
// [point], in any order, finite. DensityTest is its successor.
func McCrary(x []float64, o McCraryOptions) (*McCraryResult, error) {
	if !finite(o.Cutoff) {
		return nil, invalid.New("Cutoff", o.Cutoff, "a finite number")
	}
	if !(o.Bin >= 0) || math.IsInf(o.Bin, 1) {
		return nil, invalid.New("Bin", o.Bin, "positive, or 0 for one from the data")
	}
	if !(o.H >= 0) || math.IsInf(o.H, 1) {
		return nil, invalid.New("H", o.H, "positive, or 0 for one from the data")
	}
	sides, err := split(x, nil, nil, o.Cutoff)
	if err != nil {
		return nil, err
	}
	n := len(x)
	r := &McCraryResult{Options: o, N: [2]int{len(sides[0].x), len(sides[1].x)}, Bin: o.Bin, H: o.H}
	if r.Bin == 0 {
		r.Bin = 2 * stat.StdDev(x, nil) / math.Sqrt(float64(n))
	}
	if !(r.Bin > 0) {
		return nil, invalid.New("x", "constant", "at least two values")
	}
	const most = 1 << 20
	lowest, highest := sides[0].z[0], sides[1].z[len(sides[1].z)-1]
	if bins := (highest - lowest) / r.Bin; bins > most {
		return nil, invalid.Newf("Bin", r.Bin, "at least the range of x over %d", most)
	}
	first := int(math.Floor(lowest / r.Bin))
	count := int(math.Floor((highest-lowest)/r.Bin)) + 2
	r.Bins = make([]DensityBin, count)
	for i := range r.Bins {
		r.Bins[i].Middle = o.Cutoff + (float64(first+i)+0.5)*r.Bin
	}
	last := 0
	for i := range sides {
		for _, z := range sides[i].z {
			j := int(math.Floor(z/r.Bin)) - first
			r.Bins[j].Height += 1 / (float64(n) * r.Bin)
			last = max(last, j)
		}
	}

	if r.H == 0 {
		left := histogramSide(r.Bins[:-first], o.Cutoff, false)
		right := histogramSide(r.Bins[-first:], o.Cutoff, true)
		ranges := [2]float64{o.Cutoff - r.Bins[0].Middle, r.Bins[last].Middle - o.Cutoff}
		for i, s := range []*side{left, right} {
			if r.Sides[i], err = s.ruleOfThumb(ranges[i]); err != nil {
				return nil, fmt.Errorf("bandwidth selection: %w", err)
			}
		}
		r.H = (r.Sides[0] + r.Sides[1]) / 2
	}

	// Within the bandwidth, bins beyond the data count as zeros.
	for i := range r.Density {
		bins := int(math.Ceil(r.H / r.Bin))
		if bins > most {
			return nil, invalid.Newf("H", r.H, "at most %d bins of %v", most, r.Bin)
		}
		window := make([]DensityBin, bins)
		for j := range window {
			at := j
			if i == 0 {
				at = j - bins
			}
			window[j].Middle = o.Cutoff + (float64(at)+0.5)*r.Bin
			if k := at - first; k >= 0 && k < count {
				window[j].Height = r.Bins[k].Height
			}
		}
		s := histogramSide(window, o.Cutoff, i == 1)
		f, err := s.fit(Triangular, 1, r.H)
		if err != nil {
			return nil, err
		}
		r.Density[i] = f.coefficients(s.y)[0]
		if !(r.Density[i] > 0) {
			return nil, invalid.New("estimated density on the "+s.name(), r.Density[i], "positive, for its logarithm; choose another H")
		}
	}
	r.Theta = math.Log(r.Density[1]) - math.Log(r.Density[0])
	r.StdErr = math.Sqrt(24. / 5 * (1/r.Density[1] + 1/r.Density[0]) / (float64(n) * r.H))
	r.Z = r.Theta / r.StdErr
	r.P = pvalue(r.Z)
	return r, nil
}

// histogramSide makes bins on one side into points to regress on.
func histogramSide(bins []DensityBin, cutoff float64, right bool) *side {
	s := &side{right: right}
	for _, b := range bins {
		s.z = append(s.z, b.Middle-cutoff)
		s.y = append(s.y, b.Height)
	}
	return s
}

// ruleOfThumb returns 3.348 (σ² range / Σ f”²)^(1/5), with σ² and the second
// derivative f” from a quartic through the side's heights, unweighted (McCrary
// 2008, section 3.2).
func (s *side) ruleOfThumb(reach float64) (float64, error) {
	if len(s.z) < 6 {
		return 0, invalid.New("bins on the "+s.name(), len(s.z), "at least 6; choose a smaller Bin, or H")
	}
	// The window is the whole side, and the uniform kernel weighs alike.
	f, err := s.fit(Uniform, 4, s.reach())
	if err != nil {
		return 0, err
	}
	e := f.residuals(s, s.y, f.lo, f.hi, HC0)
	variance := floats.Dot(e, e) / float64(len(e)-5)
	c := f.inUnitsOfX(f.coefficients(s.y))
	bend := []float64{2 * c[2], 6 * c[3], 12 * c[4]}
	sum := 0.0
	for _, z := range s.z {
		v := at(bend, z)
		sum += v * v
	}
	h := 3.348 * math.Pow(variance*reach/sum, 0.2)
	if !(h > 0) || math.IsInf(h, 1) {
		return 0, invalid.New("curvature of the histogram on the "+s.name(), sum, "positive; give H")
	}
	return h, nil
}
