package rd

import (
	"fmt"
	"math"
	"sort"

	"golang.org/x/sync/errgroup"

	"github.com/weightalign/lab/rddkit/invalid"
)

// A Sample is a data set, one value for each point (unit, window, trial) in each
// column, in any order. X and Y are needed; the other columns may be nil. Those
// that are given must be as long as X, and finite. No function changes them.
type Sample struct {
	X []float64 // running variable
	Y []float64 // outcome
	D []float64 // treatment received, 0 or 1 or any dose: for Fuzzy

	// Covariates are [covariate][point]: variables that the treatment cannot have
	// changed, such as a baseline rate. They make the estimate more precise; its
	// meaning stays.
	Covariates [][]float64

	// Weights multiply the kernel's, for points that stand for several. They are
	// not negative; a point of weight zero is left out.
	Weights []float64

	// Cluster says which points belong together (a trial, a cell): equal numbers,
	// one cluster. Standard errors then allow for any dependence within clusters.
	Cluster []int
}

// where returns the points for which keep holds, in their order.
func (s Sample) where(keep func(i int) bool) Sample {
	var index []int
	for i := range s.X {
		if keep(i) {
			index = append(index, i)
		}
	}
	out := Sample{X: at(s.X, index), Y: at(s.Y, index), D: at(s.D, index), Weights: at(s.Weights, index), Cluster: at(s.Cluster, index)}
	for _, c := range s.Covariates {
		out.Covariates = append(out.Covariates, at(c, index))
	}
	return out
}

func at[T any](values []T, index []int) []T {
	if values == nil {
		return nil
	}
	out := make([]T, len(index))
	for i, j := range index {
		out[i] = values[j]
	}
	return out
}

// largest bounds what numbers may be, so that no square or power overflows.
const (
	largest  = 1e100 // of outcomes, treatments, covariates and weights
	farthest = 1e30  // of x − cutoff
)

// check refuses columns of unequal length and numbers that cannot be used.
func (s Sample) check() error {
	columns := []struct {
		name   string
		values []float64
	}{{"x", s.X}, {"y", s.Y}, {"d", s.D}, {"Weights", s.Weights}}
	for i, c := range s.Covariates {
		columns = append(columns, struct {
			name   string
			values []float64
		}{fmt.Sprintf("Covariates[%d]", i), c})
		if c == nil {
			return invalid.Newf(fmt.Sprintf("len(Covariates[%d])", i), 0, "len(x) = %d", len(s.X))
		}
	}
	for _, c := range columns {
		if c.values == nil && c.name != "x" {
			continue
		}
		if len(c.values) != len(s.X) {
			return invalid.Newf("len("+c.name+")", len(c.values), "len(x) = %d", len(s.X))
		}
		for i, v := range c.values {
			if !finite(v) {
				return invalid.New(fmt.Sprintf("%s[%d]", c.name, i), v, "a finite number")
			}
			if math.Abs(v) > largest {
				return invalid.Newf(fmt.Sprintf("%s[%d]", c.name, i), v, "at most %g in size, so that squares do not overflow; choose another unit", float64(largest))
			}
			if v < 0 && c.name == "Weights" {
				return invalid.New(fmt.Sprintf("%s[%d]", c.name, i), v, "at least 0")
			}
		}
	}
	if s.Cluster != nil && len(s.Cluster) != len(s.X) {
		return invalid.Newf("len(Cluster)", len(s.Cluster), "len(x) = %d", len(s.X))
	}
	return nil
}

// required refuses a column that is missing; split takes nil for one that is
// not wanted.
func required(name string, column, x []float64) error {
	if column == nil {
		return invalid.Newf("len("+name+")", 0, "len(x) = %d", len(x))
	}
	return nil
}

// A side holds the points on one side of the cutoff in ascending order.
type side struct {
	z       []float64   // x − cutoff
	y, d    []float64   // outcome; treatment received (nil in a sharp design)
	covs    [][]float64 // [covariate][point]
	w       []float64   // weights, nil if all are 1
	cluster []int32     // 0, 1, …, nil if every point is its own
	unique  int         // distinct values of x
	right   bool

	scratch *scratch
}

// scratch is memory for what is as long as a window, for one thing at a time in
// each place: 0 residuals, 1 weights, 2 bias-corrected weights.
type scratch [3][]float64

// take returns n zeros.
func (s *scratch) take(place, n int) []float64 {
	if s == nil {
		return make([]float64, n)
	}
	if cap(s[place]) < n {
		s[place] = make([]float64, n)
	}
	s[place] = s[place][:n]
	clear(s[place])
	return s[place]
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

// distinct returns how many values of x there are among the points [lo, hi).
func (s *side) distinct(lo, hi int) int { return distinct(s.z[lo:hi]) }

// distinct counts the values of an ascending list.
func distinct(ascending []float64) int {
	n := 0
	for i, v := range ascending {
		if i == 0 || v != ascending[i-1] {
			n++
		}
	}
	return n
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

// split sorts the sample and parts it at the cutoff, without the donut's hole.
func (s Sample) split(o Options) (sides [2]side, err error) {
	if err := s.check(); err != nil {
		return sides, err
	}
	used := func(i int) bool {
		z := s.X[i] - o.Cutoff
		hole := o.Donut[0]
		if z >= 0 {
			hole = o.Donut[1]
		}
		return math.Abs(z) >= hole*(1-edge) && (s.Weights == nil || s.Weights[i] > 0)
	}
	var n [2]int
	for i, x := range s.X {
		z := x - o.Cutoff
		if math.Abs(z) > farthest {
			return sides, invalid.Newf(fmt.Sprintf("x[%d]", i), x, "within %g of the cutoff; choose another unit", float64(farthest))
		}
		if used(i) {
			n[sideOf(z)]++
		}
	}
	var index [2][]int32
	for k := range sides {
		sides[k].z, index[k] = make([]float64, 0, n[k]), make([]int32, 0, n[k])
	}
	for i, x := range s.X {
		if z := x - o.Cutoff; used(i) {
			k := sideOf(z)
			sides[k].z, index[k] = append(sides[k].z, z), append(index[k], int32(i))
		}
	}
	clusters := dense(s.Cluster)
	for i := range sides {
		sides[i].right, sides[i].scratch = i == 1, new(scratch)
		if n[i] == 0 {
			return sides, invalid.Newf("points on the "+sides[i].name(), 0, "at least 1 on each side of the cutoff %v", o.Cutoff)
		}
	}
	return sides, both(func(i int) error {
		part, side := index[i], &sides[i]
		sortByDistance(side.z, part)
		side.unique = distinct(side.z)
		side.y, side.d, side.w = pick(s.Y, part), pick(s.D, part), pick(s.Weights, part)
		side.cluster = pick(clusters, part)
		for _, c := range s.Covariates {
			side.covs = append(side.covs, pick(c, part))
		}
		return nil
	})
}

// sideOf returns 0 for the left, 1 for the right.
func sideOf(z float64) int {
	if z >= 0 {
		return 1
	}
	return 0
}

// both does something for each side at once. Neither sees what the other does,
// so results do not depend on the number of cores.
func both(do func(side int) error) error {
	var g errgroup.Group
	g.Go(func() error { return do(1) })
	left := do(0)
	if right := g.Wait(); left == nil {
		return right
	}
	return left
}

// dense renumbers clusters 0, 1, … in the order in which they appear.
func dense(clusters []int) []int32 {
	if clusters == nil {
		return nil
	}
	number := make(map[int]int32)
	out := make([]int32, len(clusters))
	for i, c := range clusters {
		k, ok := number[c]
		if !ok {
			k = int32(len(number))
			number[c] = k
		}
		out[i] = k
	}
	return out
}

func pick[T any](values []T, index []int32) []T {
	if values == nil {
		return nil
	}
	out := make([]T, len(index))
	for i, j := range index {
		out[i] = values[j]
	}
	return out
}
