package credit

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Learned is what one rule did: Trajectories[k] from the weights Starts[k].
type Learned struct {
	Rule         Rule
	Correlation  float64 // of the noise
	Starts       [][]float64
	Trajectories []*Trajectory
}

// LearnAll is LearnFrom with what belongs to its result.
func (l Learning) LearnAll(ctx context.Context, starts [][]float64, progress func(done, total int, text string)) (Learned, error) {
	trajectories, err := l.LearnFrom(ctx, starts, progress)
	return Learned{l.Rule, l.Population.NoiseCorrelation, starts, trajectories}, err
}

// EndsTable is a table of how far rules end from an optimum: mean with standard error and
// median over starts, and how many starts end farther than far, in units of weight.
func EndsTable(optimum []float64, far float64, learned ...Learned) (header []string, rows [][]any) {
	for _, l := range learned {
		last := Distances(l.Trajectories, optimum, -1)
		s, farther := Summarise(last), 0
		for _, d := range last {
			if d > far {
				farther++
			}
		}
		rows = append(rows, []any{l.Correlation, l.Rule.String(), s.Mean, s.StdErr(), median(last), farther})
	}
	return []string{"c", "rule", "mean distance at the end", "s.e.", "median", fmt.Sprintf("of %d farther than %g", len(learned[0].Starts), far)}, rows
}

// PairedEnds is a row of how much farther from an optimum one rule ends than another
// from the same start, with its standard error, and in units of it.
func PairedEnds(optimum []float64, a, b Learned) []any {
	s := PairedDifference(Distances(a.Trajectories, optimum, -1), Distances(b.Trajectories, optimum, -1))
	return []any{a.Correlation, a.Rule.String() + " less " + b.Rule.String(), s.Mean, s.StdErr(), s.Mean / s.StdErr()}
}

// RatesTable is a table of how fast the first neuron, which is to fire at a rate in Hz, gets
// there by each rule: its rate and the second neuron's at a time in s, when it first
// has the rate, and its rate at the end.
func RatesTable(seconds, rate float64, learned ...Learned) (header []string, rows [][]any) {
	for _, l := range learned {
		t := l.Trajectories
		at, other, end := RateAt(t, 0, seconds), RateAt(t, 1, seconds), RateAt(t, 0, t[0].Time[len(t[0].Time)-1])
		when := any("–")
		if first := TimeToRate(t, 0, rate); !math.IsInf(first, 1) {
			when = first
		}
		rows = append(rows, []any{l.Correlation, l.Rule.String(), at.WithError(), other.WithError(), when, end.WithError()})
	}
	return []string{"c", "rule", fmt.Sprintf("neuron 1 after %g s (Hz)", seconds), "neuron 2 then", fmt.Sprintf("neuron 1 at %g Hz after (s)", rate), "neuron 1 in the end"}, rows
}

// WithError is mean ± standard error with one decimal.
func (s Summary) WithError() string { return fmt.Sprintf("%.1f ± %.1f", s.Mean, s.StdErr()) }

// Errors is a table of how far each estimator is from the effect at each neuron's own
// crossing, in percent of that, with standard errors.
func (r *Compared) Errors() (header []string, rows [][]any) {
	header = []string{"c", "neuron", "truth"}
	for _, e := range r.Comparison.Estimators {
		header = append(header, e.String()+": % off")
	}
	for _, cells := range r.Cells {
		for i, cell := range cells {
			row := []any{cell.Correlation, i + 1, cell.AtCrossing.Mean}
			for _, e := range cell.Estimates {
				percent := Summary{Mean: 100 * (e.Mean/cell.AtCrossing.Mean - 1), SD: 100 * e.SD / math.Abs(cell.AtCrossing.Mean), N: e.N}
				row = append(row, percent.WithError())
			}
			rows = append(rows, row)
		}
	}
	return header, rows
}

// Coverages is a table of how wide a window each of some estimators, by their place
// in the comparison, used for a neuron, and how often its 95 % interval held the effect
// at the crossing, in percent.
func (r *Compared) Coverages(neuron int, of ...int) (header []string, rows [][]any) {
	for _, cells := range r.Cells {
		for _, k := range slices.Sorted(slices.Values(of)) {
			cell := cells[neuron]
			rows = append(rows, []any{cell.Correlation, r.Comparison.Estimators[k].String(), cell.Windows[k].Mean, 100 * cell.Coverage[k]})
		}
	}
	return []string{"c", "estimator", "window", "its interval holds the effect (%)"}, rows
}
