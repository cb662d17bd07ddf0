package rd

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/weightalign/lab/rddkit/invalid"
)

// A side holds the points on one side of the cutoff in ascending order of x.
type side struct {
	x, z   []float64 // running variable; x − cutoff
	y, d   []float64 // outcome; treatment received (nil in a sharp design)
	unique int       // distinct values of x
	right  bool
}

func (s *side) name() string {
	if s.right {
		return "right"
	}
	return "left"
}

// reach is the distance from the cutoff to the side's farthest point.
func (s *side) reach() float64 {
	if s.right {
		return s.z[len(s.z)-1]
	}
	return -s.z[0]
}

// window returns the half-open range of the points of positive kernel weight.
func (s *side) window(k Kernel, h float64) (lo, hi int) {
	if s.right {
		return 0, sort.Search(len(s.z), func(i int) bool { return k.Weight(s.z[i]/h) == 0 })
	}
	return sort.Search(len(s.z), func(i int) bool { return k.Weight(s.z[i]/h) > 0 }), len(s.z)
}

// distance returns how far from the cutoff the side's n-th distinct value is,
// or its last one if it has fewer.
func (s *side) distance(n int) float64 {
	seen, i, step := 0, 0, 1
	if !s.right {
		i, step = len(s.z)-1, -1
	}
	for last := math.NaN(); ; i += step {
		if s.z[i] != last {
			last = s.z[i]
			seen++
		}
		if seen == n || i+step < 0 || i+step == len(s.z) {
			return math.Abs(last)
		}
	}
}

// required refuses a column that is missing; split takes nil for one that is
// not wanted.
func required(name string, column, x []float64) error {
	if column == nil {
		return invalid.Newf("len("+name+")", 0, "len(x) = %d", len(x))
	}
	return nil
}

// split sorts the sample and parts it at the cutoff. Columns y and d may be
// nil; those given must be as long as x, and all must be finite.
func split(x, y, d []float64, cutoff float64) (sides [2]side, err error) {
	for _, c := range []struct {
		name   string
		values []float64
	}{{"x", x}, {"y", y}, {"d", d}} {
		if c.values == nil && c.name != "x" {
			continue
		}
		if len(c.values) != len(x) {
			return sides, invalid.Newf("len("+c.name+")", len(c.values), "len(x) = %d", len(x))
		}
		for i, v := range c.values {
			if !finite(v) {
				return sides, invalid.New(fmt.Sprintf("%s[%d]", c.name, i), v, "a finite number")
			}
		}
	}
	order := make([]ranked, len(x))
	for i, v := range x {
		order[i] = ranked{v, i}
	}
	slices.SortFunc(order, ranked.compare)
	first := sort.Search(len(order), func(i int) bool { return order[i].x >= cutoff })
	for i, part := range [2][]ranked{order[:first], order[first:]} {
		s := &sides[i]
		s.right = i == 1
		if len(part) == 0 {
			return sides, invalid.Newf("points on the "+s.name(), 0, "at least 1 on each side of the cutoff %v", cutoff)
		}
		s.x = pick(x, part)
		s.y = pick(y, part)
		s.d = pick(d, part)
		s.z = make([]float64, len(part))
		for j, v := range s.x {
			s.z[j] = v - cutoff
			if j == 0 || v != s.x[j-1] {
				s.unique++
			}
		}
	}
	return sides, nil
}

// ranked is a value and its place in the sample, which orders equal values.
type ranked struct {
	x     float64
	index int
}

func (a ranked) compare(b ranked) int {
	switch {
	case a.x < b.x:
		return -1
	case a.x > b.x:
		return 1
	}
	return a.index - b.index
}

func pick(values []float64, order []ranked) []float64 {
	if values == nil {
		return nil
	}
	out := make([]float64, len(order))
	for i, r := range order {
		out[i] = values[r.index]
	}
	return out
}
