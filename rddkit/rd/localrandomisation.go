package rd

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// RandomisationOptions says which points to treat as if randomised.
type RandomisationOptions struct {
	Cutoff float64
	Window [2]float64 // lowest and highest x taken, both included; around the cutoff
	Draws  int        // permutations; 0 means 10 000
	Seed   uint64     // of the permutations
}

// RandomisationResult is the outcome of LocalRandomisation.
type RandomisationResult struct {
	Options RandomisationOptions
	N       [2]int     // points in the window, [left, right]
	Mean    [2]float64 // of y
	StdDev  [2]float64 // of y, divisor n − 1

	Difference Inference // of the means, Neyman's standard error, normal, 95 %

	KolmogorovSmirnov float64 // largest distance of the two distributions
	RankSumZ          float64 // Wilcoxon's rank sum of the left side, standardised
	RankSumP          float64 // two-sided, standard normal

	// AsExtreme of the draws had a difference of means at least as large in
	// absolute value; PermutationP is (AsExtreme + 1)/(Draws + 1), which holds
	// its level at any number of draws.
	AsExtreme    int
	PermutationP float64
}

// LocalRandomisation compares outcomes in a window around the cutoff that is so
// small that on which side a point falls is as good as random (Cattaneo,
// Frandsen & Titiunik 2015): by the difference of means, by ranks, and by
// permuting the sides with their sizes fixed. x and y are [point], in any order,
// of equal length and finite. The same seed gives the same permutations.
func LocalRandomisation(x, y []float64, o RandomisationOptions) (*RandomisationResult, error) {
	if !finite(o.Cutoff) {
		return nil, invalid.New("Cutoff", o.Cutoff, "a finite number")
	}
	if !(o.Window[0] < o.Cutoff && o.Cutoff <= o.Window[1]) {
		return nil, invalid.Newf("Window", o.Window, "[low, high] around the cutoff %v", o.Cutoff)
	}
	if o.Draws < 0 {
		return nil, invalid.New("Draws", o.Draws, "at least 1, or 0 for 10000")
	}
	if o.Draws == 0 {
		o.Draws = 10_000
	}
	if err := required("y", y, x); err != nil {
		return nil, err
	}
	if err := (Sample{X: x, Y: y}).check(); err != nil {
		return nil, err
	}
	r := &RandomisationResult{Options: o}
	var in [2][]float64
	for i, v := range x {
		if v >= o.Window[0] && v <= o.Window[1] {
			k := sideOf(v - o.Cutoff)
			in[k] = append(in[k], y[i])
		}
	}
	for i := range in {
		sort.Float64s(in[i])
		r.N[i] = len(in[i])
		if r.N[i] < 2 {
			return nil, invalid.New("points in the window on the "+(&side{right: i == 1}).name(), r.N[i], "at least 2")
		}
		r.Mean[i], r.StdDev[i] = stat.MeanStdDev(in[i], nil)
	}
	left, right := float64(r.N[0]), float64(r.N[1])
	r.Difference = infer(r.Mean[1]-r.Mean[0],
		math.Sqrt(r.StdDev[0]*r.StdDev[0]/left+r.StdDev[1]*r.StdDev[1]/right), 0.95)

	all := append(append([]float64(nil), in[0]...), in[1]...)
	sum, ties := leftRankSum(all, r.N[0])
	n := left + right
	variance := left * right / 12 * (n + 1 - ties/(n*(n-1)))
	r.RankSumZ = (sum - left*(n+1)/2) / math.Sqrt(variance)
	r.RankSumP = pvalue(r.RankSumZ)

	r.KolmogorovSmirnov = stat.KolmogorovSmirnov(in[0], nil, in[1], nil)

	// The difference of means is monotone in the right side's sum.
	total := 0.0
	for _, v := range all {
		total += v
	}
	observed := math.Abs(r.Difference.Estimate) * (1 - 1e-12) // equal up to rounding counts
	draw := stream.New(o.Seed, "local randomisation")
	fewer := min(r.N[0], r.N[1])
	for range o.Draws {
		sum := 0.0
		for i := range fewer { // the first few of a shuffle
			j := i + draw.IntN(len(all)-i)
			all[i], all[j] = all[j], all[i]
			sum += all[i]
		}
		if math.Abs(sum/float64(fewer)-(total-sum)/(n-float64(fewer))) >= observed {
			r.AsExtreme++
		}
	}
	r.PermutationP = float64(r.AsExtreme+1) / float64(o.Draws+1)
	return r, nil
}

// leftRankSum returns the sum of the ranks of the first n values, ties taking
// their mean rank, and Σ(t³ − t) over the sizes t of the ties.
func leftRankSum(values []float64, n int) (sum, ties float64) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return values[order[a]] < values[order[b]] })
	for i := 0; i < len(order); {
		end := i
		for end < len(order) && values[order[end]] == values[order[i]] {
			end++
		}
		rank := float64(i+end+1) / 2
		for _, j := range order[i:end] {
			if j < n {
				sum += rank
			}
		}
		t := float64(end - i)
		ties += t*t*t - t
		i = end
	}
	return sum, ties
}
