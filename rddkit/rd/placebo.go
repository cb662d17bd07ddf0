package rd

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Placebo estimates jumps at false cutoffs, where there should be none, by Sharp
// with the options o, whose Cutoff is the true one. Each estimate uses only the
// points on its own side of the true cutoff, which the true jump cannot touch.
// Without cutoffs it takes the median of x on each side (Imbens & Lemieux 2008,
// section 4.2). The results are in the order of the cutoffs; Options.Cutoff of
// each is its own.
func Placebo(x, y []float64, o Options, cutoffs ...float64) ([]*Result, error) {
	if err := required("y", y, x); err != nil {
		return nil, err
	}
	sides, err := split(x, y, nil, o.Cutoff)
	if err != nil {
		return nil, err
	}
	if len(cutoffs) == 0 {
		for i := range sides {
			cutoffs = append(cutoffs, sides[i].x[len(sides[i].x)/2])
		}
	}
	var results []*Result
	for _, c := range cutoffs {
		if c == o.Cutoff {
			return nil, invalid.New("cutoffs", c, "other than the true cutoff")
		}
		s := &sides[0]
		if c > o.Cutoff {
			s = &sides[1]
		}
		at := o
		at.Cutoff = c
		r, err := Sharp(s.x, s.y, at)
		if err != nil {
			return nil, fmt.Errorf("placebo cutoff %v: %w", c, err)
		}
		results = append(results, r)
	}
	return results, nil
}
