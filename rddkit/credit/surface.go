package credit

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/weightalign/lab/rddkit/invalid"
)

// UpdateField asks in which direction estimators would move the weights of a pair,
// at fixed weights on a grid, and how far that is from descending the cost.
type UpdateField struct {
	Population Population        // a pair; its Weights are replaced
	Cost       BlockCost         // default Valley
	Estimators []EffectEstimator // default ObservedDependence() and SpikeDiscontinuity{Window: 0.1}
	Weights    []float64         // of the grid, for both neurons; default 2, 3, …, 20
	Rates      RateCurve         // μ(W); default PublishedModelRates
	Seconds    float64           // of one run; default 100
	Repeats    int               // runs per point; default 10
	Seed       uint64
}

// Field is an UpdateField computed.
type Field struct {
	Weights []float64
	Cost    [][]float64 // mean cost, [weight 1][weight 2]
	Surface Surface     // a polynomial through Cost
	Optimum [2]float64  // where Surface is lowest on the grid's square
	// True holds the update vectors β·μ(W) by the true effect (Δ_s put on the
	// carried-over train); learning goes against them.
	True    FieldUpdate
	Updates []FieldUpdate // [estimator]
}

// FieldUpdate compares one estimator's update vectors β̂·μ(W) with the truth.
// Relative measures are medians over the grid.
type FieldUpdate struct {
	Mean         [][][2]float64 // update, over runs, [weight 1][weight 2][neuron]
	Angle        float64        // between the mean update and the gradient of Surface, degrees
	SingleAngle  float64        // between one run's update and that gradient, degrees
	GradientGain float64        // (mean update · gradient)/|gradient|²: about Δ_s
	Bias         float64        // of the effects of both neurons: |mean β̂ − β| / |β|
	SD           float64        // s.d. of one run's effects / |β|
	GlobalBias   float64        // root of Σ|mean β̂ − β|² / Σ|β|² over the grid
}

// Run computes the field on all cores. progress may be nil.
func (f UpdateField) Run(ctx context.Context, progress func(done, total int, text string)) (*Field, error) {
	if f.Cost == nil {
		f.Cost = Valley
	}
	if f.Estimators == nil {
		f.Estimators = []EffectEstimator{ObservedDependence(), SpikeDiscontinuity{Window: 0.1}}
	}
	if f.Weights == nil {
		for w := 2.0; w <= 20; w++ {
			f.Weights = append(f.Weights, w)
		}
	}
	if f.Rates.Weight == nil {
		f.Rates = PublishedModelRates()
	}
	if f.Seconds == 0 {
		f.Seconds = 100
	}
	if f.Repeats == 0 {
		f.Repeats = 10
	}
	switch {
	case len(f.Weights) < surfaceDegree+1:
		return nil, invalid.Newf("Weights", f.Weights, "at least %d of them", surfaceDegree+1)
	case !slices.IsSorted(f.Weights):
		return nil, invalid.New("Weights", f.Weights, "increasing")
	case f.Repeats < 2:
		return nil, invalid.New("Repeats", f.Repeats, "at least 2")
	}
	if err := f.Cost.check(2); err != nil {
		return nil, invalid.New("Cost", err, "a cost of two neurons")
	}
	n := len(f.Weights)
	p, err := f.Population.resolve()
	if err != nil {
		return nil, err
	}
	rise := p.rise().Mean
	type point struct {
		cost    []float64      // [run]
		effects [][][2]float64 // β̂, [estimator, the truth first][run][neuron]
	}
	points := make([]point, n*n)
	err = each(ctx, n*n, "update field", progress, func(at int) error {
		w := [2]float64{f.Weights[at/n], f.Weights[at%n]}
		p := f.Population
		p.Weights = w[:]
		pt := point{effects: table[[2]float64](1+len(f.Estimators), f.Repeats)}
		for r := range f.Repeats {
			run, err := p.Simulate(ctx, f.Seconds, f.Seed+uint64(at*f.Repeats+r))
			if err != nil {
				return err
			}
			costs := run.Costs(f.Cost)
			pt.cost = append(pt.cost, Summarise(costs).Mean)
			for i := range w {
				pt.effects[0][r][i] = run.meanRise(f.Cost, i, rise)
				for e, estimator := range f.Estimators {
					// Too few blocks on a side: the neuron learns nothing from them.
					if b := estimator.Estimate(run.Drive[i], costs, run.Population.Threshold).Effect; !math.IsNaN(b) {
						pt.effects[1+e][r][i] = b
					}
				}
			}
		}
		points[at] = pt
		return nil
	})
	if err != nil {
		return nil, err
	}
	field := &Field{Weights: f.Weights, Cost: table[float64](n, n)}
	for at, pt := range points {
		field.Cost[at/n][at%n] = Summarise(pt.cost).Mean
	}
	if field.Surface, err = fitSurface(f.Weights, field.Cost); err != nil {
		return nil, err
	}
	field.Optimum = field.Surface.lowest()
	all := make([]FieldUpdate, 1+len(f.Estimators))
	for e := range all {
		u := FieldUpdate{Mean: table[[2]float64](n, n)}
		var bias, sd, angle, single, gain []float64
		var biases, truths float64
		for at, pt := range points {
			x, y := at/n, at%n
			slopes := [2]float64{f.Rates.SlopeAt(f.Weights[x]), f.Rates.SlopeAt(f.Weights[y])}
			gradient := field.Surface.Gradient(f.Weights[x], f.Weights[y])
			mean, want := meanVector(pt.effects[e]), meanVector(pt.effects[0])
			update := [2]float64{mean[0] * slopes[0], mean[1] * slopes[1]}
			u.Mean[x][y] = update
			var variance float64
			for _, v := range pt.effects[e] {
				variance += ((v[0]-mean[0])*(v[0]-mean[0]) + (v[1]-mean[1])*(v[1]-mean[1])) / float64(f.Repeats-1)
				single = append(single, degrees([2]float64{v[0] * slopes[0], v[1] * slopes[1]}, gradient))
			}
			size, off := math.Hypot(want[0], want[1]), math.Hypot(mean[0]-want[0], mean[1]-want[1])
			bias = append(bias, off/size)
			sd = append(sd, math.Sqrt(variance)/size)
			angle = append(angle, degrees(update, gradient))
			gain = append(gain, (update[0]*gradient[0]+update[1]*gradient[1])/(gradient[0]*gradient[0]+gradient[1]*gradient[1]))
			biases += off * off
			truths += size * size
		}
		u.Bias, u.SD, u.Angle, u.SingleAngle, u.GradientGain = median(bias), median(sd), median(angle), median(single), median(gain)
		u.GlobalBias = math.Sqrt(biases / truths)
		all[e] = u
	}
	field.True, field.Updates = all[0], all[1:]
	return field, nil
}

// meanRise is the mean over blocks of what rise on the neuron's carried-over train
// does to the cost.
func (r *SimulatedBlocks) meanRise(cost BlockCost, neuron int, rise float64) float64 {
	s := make([]float64, len(r.Filtered))
	var sum float64
	for b := range r.Blocks {
		for i := range s {
			s[i] = r.Filtered[i][b]
		}
		s[neuron] -= r.Own[neuron][b]
		without := cost(s)
		s[neuron] += rise
		sum += cost(s) - without
	}
	return sum / float64(r.Blocks)
}

func meanVector(vectors [][2]float64) (mean [2]float64) {
	for _, v := range vectors {
		mean[0] += v[0] / float64(len(vectors))
		mean[1] += v[1] / float64(len(vectors))
	}
	return mean
}

func degrees(a, b [2]float64) float64 {
	return math.Abs(math.Atan2(a[0]*b[1]-a[1]*b[0], a[0]*b[0]+a[1]*b[1])) * 180 / math.Pi
}

func median(x []float64) float64 {
	x = slices.DeleteFunc(slices.Clone(x), math.IsNaN)
	slices.Sort(x)
	if len(x) == 0 {
		return math.NaN()
	}
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// surfaceDegree is the total degree of a Surface.
const surfaceDegree = 7

// Surface is a polynomial of total degree 7 in two weights, fitted by least
// squares.
type Surface struct {
	least, most  float64   // the square on which it was fitted
	coefficients []float64 // of x^i·y^j, i+j ≤ 7, on [-1, 1]², in the order of powers
}

// powers calls term for every monomial of a Surface.
func powers(term func(k, i, j int)) {
	k := 0
	for i := 0; i <= surfaceDegree; i++ {
		for j := 0; i+j <= surfaceDegree; j++ {
			term(k, i, j)
			k++
		}
	}
}

func fitSurface(weights []float64, cost [][]float64) (Surface, error) {
	s := Surface{least: weights[0], most: weights[len(weights)-1]}
	const terms = (surfaceDegree + 1) * (surfaceDegree + 2) / 2
	n := len(weights)
	design, target := mat.NewDense(n*n, terms, nil), mat.NewVecDense(n*n, nil)
	for at := range n * n {
		x, y := s.scale(weights[at/n]), s.scale(weights[at%n])
		powers(func(k, i, j int) { design.Set(at, k, math.Pow(x, float64(i))*math.Pow(y, float64(j))) })
		target.SetVec(at, cost[at/n][at%n])
	}
	var solution mat.VecDense
	if err := solution.SolveVec(design, target); err != nil {
		return s, err
	}
	s.coefficients = solution.RawVector().Data
	return s, nil
}

func (s Surface) scale(w float64) float64 { return (2*w - s.least - s.most) / (s.most - s.least) }

// At returns the fitted mean cost.
func (s Surface) At(w1, w2 float64) float64 {
	x, y := s.scale(w1), s.scale(w2)
	var sum float64
	powers(func(k, i, j int) { sum += s.coefficients[k] * math.Pow(x, float64(i)) * math.Pow(y, float64(j)) })
	return sum
}

// Gradient returns the gradient of At.
func (s Surface) Gradient(w1, w2 float64) [2]float64 {
	x, y := s.scale(w1), s.scale(w2)
	unit := 2 / (s.most - s.least)
	var g [2]float64
	powers(func(k, i, j int) {
		if i > 0 {
			g[0] += s.coefficients[k] * float64(i) * math.Pow(x, float64(i-1)) * math.Pow(y, float64(j)) * unit
		}
		if j > 0 {
			g[1] += s.coefficients[k] * float64(j) * math.Pow(x, float64(i)) * math.Pow(y, float64(j-1)) * unit
		}
	})
	return g
}

// Contour returns the points around a centre at which the surface first reaches a
// level, at equal angles and closed. Where the square ends before, w2 is NaN: a gap
// in the line.
func (s Surface) Contour(centre [2]float64, level float64, points int) (w1, w2 []float64) {
	inside := func(w float64) bool { return w >= s.least && w <= s.most }
	for k := range points + 1 {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(points))
		x, y := centre[0], centre[1]
		const step = 0.02
		for inside(x+step*cos) && inside(y+step*sin) && s.At(x, y) < level {
			x, y = x+step*cos, y+step*sin
		}
		if s.At(x, y) < level {
			y = math.NaN()
		}
		w1, w2 = append(w1, x), append(w2, y)
	}
	return w1, w2
}

// lowest searches the square in steps of 0.05 and less.
func (s Surface) lowest() (best [2]float64) {
	const steps = 360
	least := math.Inf(1)
	for i := range steps + 1 {
		for j := range steps + 1 {
			w1 := s.least + (s.most-s.least)*float64(i)/steps
			w2 := s.least + (s.most-s.least)*float64(j)/steps
			if c := s.At(w1, w2); c < least {
				least, best = c, [2]float64{w1, w2}
			}
		}
	}
	return best
}
