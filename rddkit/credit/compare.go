package credit

import (
	"context"
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Summary is a mean over repetitions.
type Summary struct {
	Mean float64
	SD   float64 // of one repetition
	N    int     // repetitions that gave a number
}

// StdErr returns the standard error of the mean.
func (s Summary) StdErr() float64 { return s.SD / math.Sqrt(float64(s.N)) }

func (s Summary) String() string { return fmt.Sprintf("%.3g ± %.2g", s.Mean, s.SD) }

// Summarise returns mean and s.d. of the values that are not NaN.
func Summarise(values []float64) Summary {
	var s Summary
	for _, v := range values {
		if !math.IsNaN(v) {
			s.Mean += v
			s.N++
		}
	}
	s.Mean /= float64(s.N)
	for _, v := range values {
		if !math.IsNaN(v) {
			s.SD += float64((v - s.Mean) * (v - s.Mean))
		}
	}
	s.SD = math.Sqrt(s.SD / float64(s.N-1))
	return s
}

// EstimatorComparison sets estimators against the true effect, at several noise
// correlations, on the same simulated blocks.
type EstimatorComparison struct {
	Population   Population        // its NoiseCorrelation is replaced
	Cost         BlockCost         // default CurvedQuadratic, of two neurons
	Correlations []float64         // default 0.01, 0.25, 0.5, 0.75, 0.99
	Estimators   []EffectEstimator // default ObservedDependence() and SpikeDiscontinuity{Window: 0.1}
	Seconds      float64           // of one repetition; default 100
	Repeats      int               // default 20
	Seed         uint64            // repetition k of every correlation has the noise of seed Seed+k
}

// Compared is the outcome of an EstimatorComparison.
type Compared struct {
	Comparison EstimatorComparison // with its defaults written in
	Cells      [][]ComparisonCell  // [correlation][neuron]
}

// ComparisonCell is what one neuron finds at one noise correlation.
type ComparisonCell struct {
	Correlation float64
	Neuron      int
	True        Summary   // effect of a spike at a uniform time
	AtCrossing  Summary   // effect of a spike at its own crossing time, near the threshold
	Estimates   []Summary // [estimator]
	Windows     []Summary // the windows that were used, [estimator]
	Coverage    []float64 // how often the 95 % interval held AtCrossing.Mean, [estimator]
	Rate        Summary   // Hz
}

// RMSError returns the root mean squared error of an estimator about a truth.
func (c ComparisonCell) RMSError(estimator int, truth float64) float64 {
	e := c.Estimates[estimator]
	return math.Hypot(e.Mean-truth, e.SD)
}

func (c EstimatorComparison) resolve() (EstimatorComparison, error) {
	if c.Cost == nil {
		c.Cost = CurvedQuadratic
	}
	if c.Correlations == nil {
		c.Correlations = []float64{0.01, 0.25, 0.5, 0.75, 0.99}
	}
	if c.Estimators == nil {
		c.Estimators = []EffectEstimator{ObservedDependence(), SpikeDiscontinuity{Window: 0.1}}
	}
	if c.Seconds == 0 {
		c.Seconds = 100
	}
	if c.Repeats == 0 {
		c.Repeats = 20
	}
	if c.Repeats < 2 {
		return c, invalid.New("Repeats", c.Repeats, "at least 2")
	}
	for _, e := range c.Estimators {
		if d, ok := e.(SpikeDiscontinuity); ok && !(d.Window >= 0) {
			return c, invalid.New("SpikeDiscontinuity.Window", d.Window, "positive, or 0 for all blocks")
		}
	}
	for _, correlation := range c.Correlations {
		p := c.Population
		p.NoiseCorrelation = correlation
		if _, err := p.resolve(); err != nil {
			return c, err
		}
	}
	var err error
	if c.Population, err = c.Population.resolve(); err != nil {
		return c, err
	}
	return c, c.Population.checkCost(c.Cost)
}

// Run makes the comparison on all cores. progress may be nil.
func (c EstimatorComparison) Run(ctx context.Context, progress func(done, total int, text string)) (*Compared, error) {
	c, err := c.resolve()
	if err != nil {
		return nil, err
	}
	neurons := len(c.Population.Weights)
	type found struct {
		true, atCrossing, rate float64
		estimates              []EffectEstimate
	}
	all := make([][][]found, len(c.Correlations)) // [correlation][neuron][repetition]
	for k := range all {
		all[k] = table[found](neurons, c.Repeats)
	}
	err = each(ctx, len(c.Correlations)*c.Repeats, "estimating", progress, func(job int) error {
		k, repeat := job/c.Repeats, job%c.Repeats
		p := c.Population
		p.NoiseCorrelation = c.Correlations[k]
		run, err := p.Simulate(ctx, c.Seconds, c.Seed+uint64(repeat))
		if err != nil {
			return err
		}
		costs := run.Costs(c.Cost)
		for i := range neurons {
			f := found{true: run.Intervene(c.Cost, i, Intervention{}).Mean,
				atCrossing: run.Intervene(c.Cost, i, NearThreshold).Mean, rate: run.Rate(i)}
			for _, e := range c.Estimators {
				f.estimates = append(f.estimates, e.Estimate(run.Drive[i], costs, p.Threshold))
			}
			all[k][i][repeat] = f
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	result := &Compared{Comparison: c, Cells: table[ComparisonCell](len(c.Correlations), neurons)}
	for k, correlation := range c.Correlations {
		for i := range neurons {
			over := func(value func(f found) float64) Summary {
				values := make([]float64, c.Repeats)
				for r, f := range all[k][i] {
					values[r] = value(f)
				}
				return Summarise(values)
			}
			cell := ComparisonCell{Correlation: correlation, Neuron: i,
				True:       over(func(f found) float64 { return f.true }),
				AtCrossing: over(func(f found) float64 { return f.atCrossing }),
				Rate:       over(func(f found) float64 { return f.rate }),
			}
			for e := range c.Estimators {
				cell.Estimates = append(cell.Estimates, over(func(f found) float64 { return f.estimates[e].Effect }))
				cell.Windows = append(cell.Windows, over(func(f found) float64 { return f.estimates[e].Window }))
				held := 0
				for _, f := range all[k][i] {
					if x := f.estimates[e]; x.Low <= cell.AtCrossing.Mean && cell.AtCrossing.Mean <= x.High {
						held++
					}
				}
				cell.Coverage = append(cell.Coverage, float64(held)/float64(c.Repeats))
			}
			result.Cells[k][i] = cell
		}
	}
	return result, nil
}

// ByCorrelation returns one of a neuron's quantities at every noise correlation,
// with its standard error, ready to be drawn.
func (c *Compared) ByCorrelation(neuron int, quantity func(ComparisonCell) Summary) (correlations, means, errs []float64) {
	for _, row := range c.Cells {
		s := quantity(row[neuron])
		correlations = append(correlations, row[neuron].Correlation)
		means = append(means, s.Mean)
		errs = append(errs, s.StdErr())
	}
	return correlations, means, errs
}

// RateCurve measures how the first neuron's firing depends on its weight: repeats
// simulations of the given time at every weight, slopes by differences
// between half a unit above and half a unit below with the same noise. progress may be nil.
func (p Population) RateCurve(ctx context.Context, weights []float64, seconds float64, repeats int, seed uint64, progress func(done, total int, text string)) (RateCurve, error) {
	if repeats < 1 {
		return RateCurve{}, invalid.New("repeats", repeats, "at least 1")
	}
	rates := table[float64](3*len(weights), repeats) // at w−½, w, w+½
	err := each(ctx, len(rates)*repeats, "rate curve", progress, func(job int) error {
		k, repeat := job/repeats, job%repeats
		one := p
		one.Weights = []float64{weights[k/3] + float64(k%3-1)/2}
		run, err := one.Simulate(ctx, seconds, seed+uint64(repeat))
		if err != nil {
			return err
		}
		rates[k][repeat] = run.Rate(0) * run.Population.Step
		return nil
	})
	if err != nil {
		return RateCurve{}, err
	}
	c := RateCurve{Weight: append([]float64(nil), weights...)}
	for k := range weights {
		slopes := make([]float64, repeats)
		for r := range slopes {
			slopes[r] = rates[3*k+2][r] - rates[3*k][r]
		}
		rate, slope := Summarise(rates[3*k+1]), Summarise(slopes)
		c.Rate, c.RateErr = append(c.Rate, rate.Mean), append(c.RateErr, rate.StdErr())
		c.Slope, c.SlopeErr = append(c.Slope, slope.Mean), append(c.SlopeErr, slope.StdErr())
	}
	return c, nil
}
