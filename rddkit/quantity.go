package rddkit

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Quantity is something of which a record has one number for each epoch, such as
// its test errors. Of some an entry stands for what was before the first epoch,
// as [Series] says.
type Quantity func(*Record) []float64

// TrainErrors and TestErrors are percent, [epochs done + 1], the first before training.
var (
	TrainErrors Quantity = func(r *Record) []float64 { return r.TrainError }
	TestErrors  Quantity = func(r *Record) []float64 { return r.TestError }
)

// Signs is the sign alignment of fully connected layer 1, 2, …, percent, before
// each epoch's training.
func Signs(layer int) Quantity {
	return func(r *Record) []float64 { return r.SignAlignment(layer) }
}

// Angles is the angle between feedback and feedforward weights of fully connected
// layer 1, 2, …, degrees, before each epoch's training; NaN in records that are
// older than this measure.
func Angles(layer int) Quantity {
	return func(r *Record) []float64 { return r.Angle(layer) }
}

// RSelfs is R_self = −trace(B W) of fully connected layer 1, 2, …, before each
// epoch's training.
func RSelfs(layer int) Quantity {
	return func(r *Record) []float64 { return r.RSelf(layer) }
}

// At is the quantity's entry number epoch, from 0; negative numbers count from the
// end, -1 is the last. It is NaN of records that do not go that far.
func (q Quantity) At(epoch int) func(*Record) float64 {
	return func(r *Record) float64 {
		values := q(r)
		k := epoch
		if k < 0 {
			k += len(values)
		}
		if k < 0 || k >= len(values) {
			return math.NaN()
		}
		return values[k]
	}
}

// Between is the mean of entries from to to, both included; NaN of records that
// do not go that far.
func (q Quantity) Between(from, to int) func(*Record) float64 {
	return func(r *Record) float64 {
		values := q(r)
		if from < 0 || from > to || to >= len(values) {
			return math.NaN()
		}
		return stat.Mean(values[from:to+1], nil)
	}
}

// Since is how much the quantity has changed from entry number epoch to the last;
// NaN of records that do not go that far.
func (q Quantity) Since(epoch int) func(*Record) float64 {
	return func(r *Record) float64 { return q.At(-1)(r) - q.At(epoch)(r) }
}

// Less is the quantity of record a less that of b, entry by entry as far as both go.
func (q Quantity) Less(a, b *Record) []float64 {
	x, y := q(a), q(b)
	difference := make([]float64, min(len(x), len(y)))
	for i := range difference {
		difference[i] = x[i] - y[i]
	}
	return difference
}

// EstimateOf is the mean of some values with its standard error. Values that are
// NaN are left out.
func EstimateOf(values ...float64) Estimate {
	var known []float64
	for _, v := range values {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	if len(known) == 0 {
		return Estimate{math.NaN(), math.NaN(), 0}
	}
	mean, deviation := stat.MeanStdDev(known, nil)
	return Estimate{mean, deviation / math.Sqrt(float64(len(known))), len(known)}
}

// P is the p-value of a mean difference: how likely one as far from 0, on either side,
// is by chance, by Student's t with Seeds − 1 degrees of freedom; NaN of one seed.
func (e Estimate) P() float64 {
	if math.IsNaN(e.StandardError) {
		return math.NaN()
	}
	return 2 * distuv.StudentsT{Sigma: 1, Nu: float64(e.Seeds - 1)}.CDF(-math.Abs(e.Mean)/e.StandardError)
}

// OverSeeds is the mean of a number of each of the seeds 0, 1, …, so many.
func OverSeeds(seeds int, of func(seed uint64) float64) Estimate {
	var values []float64
	for seed := range uint64(seeds) {
		values = append(values, of(seed))
	}
	return EstimateOf(values...)
}

// Mean is the mean of a number of each record, with its standard error.
func Mean(records []*Record, of func(*Record) float64) Estimate {
	var values []float64
	for _, r := range records {
		values = append(values, of(r))
	}
	return EstimateOf(values...)
}

// Paired is the mean difference a less b of a number of each record, over the
// seeds that both have: runs of one seed start from the same weights and see the
// same images in the same order, so differences vary less than the runs.
func Paired(a, b []*Record, of func(*Record) float64) Estimate {
	var differences []float64
	bySeed(func(r []*Record) { differences = append(differences, of(r[0])-of(r[1])) }, a, b)
	return EstimateOf(differences...)
}

// PairedValues is the mean difference a less b of values of the same seeds in the
// same order.
func PairedValues(a, b []float64) Estimate {
	differences := make([]float64, min(len(a), len(b)))
	for i := range differences {
		differences[i] = a[i] - b[i]
	}
	return EstimateOf(differences...)
}

// GapClosed is the share of the gap between the worst and the best records that a
// method closes, 0 none and 1 all of it, in each seed that all three have.
func GapClosed(worst, method, best []*Record, of func(*Record) float64) Estimate {
	var shares []float64
	bySeed(func(r []*Record) {
		shares = append(shares, (of(r[0])-of(r[1]))/(of(r[0])-of(r[2])))
	}, worst, method, best)
	return EstimateOf(shares...)
}

// bySeed calls do with the records of each seed that all sets have, one of each set.
func bySeed(do func([]*Record), sets ...[]*Record) {
	for _, first := range sets[0] {
		same := []*Record{first}
		for _, set := range sets[1:] {
			for _, r := range set {
				if r.Experiment.Seed == first.Experiment.Seed {
					same = append(same, r)
					break
				}
			}
		}
		if len(same) == len(sets) {
			do(same)
		}
	}
}

// String is the mean ± the standard error, with two decimals; of one seed the
// value alone, of none a dash.
func (e Estimate) String() string { return e.text("%.2f") }

// Signed is String with a sign: for differences.
func (e Estimate) Signed() string { return e.text("%+.2f") }

func (e Estimate) text(format string) string {
	switch {
	case e.Seeds == 0 || math.IsNaN(e.Mean):
		return "–"
	case math.IsNaN(e.StandardError):
		return fmt.Sprintf(format, e.Mean)
	}
	return fmt.Sprintf(format+" ± %.2f", e.Mean, e.StandardError)
}

// Ranges is a table of paired differences a less b over ranges of so many epochs,
// from 1 to the last that the first records of both have: a row for each range,
// with the quantities' mean differences in their order.
func Ranges(a, b []*Record, epochs int, of ...Quantity) (rows [][]any) {
	if len(a) == 0 || len(b) == 0 || epochs < 1 {
		return nil
	}
	last := min(a[0].EpochsDone(), b[0].EpochsDone()) - 1
	for from := 1; from <= last; from += epochs {
		to := min(from+epochs-1, last)
		row := []any{fmt.Sprintf("%d to %d", from, to)}
		for _, q := range of {
			row = append(row, Paired(a, b, q.Between(from, to)).Signed())
		}
		rows = append(rows, row)
	}
	return rows
}

// StoredSeeds is what is stored of an experiment's first seeds, however many of
// the n there are: none is no error.
func StoredSeeds(n int, e Experiment) ([]*Record, error) {
	records, _, err := StoredOf(Seeds(n, e)...)
	return records, err
}

// SameSigns counts the pairs of numbers that have the same sign; pairs with a zero
// do not.
func SameSigns(x, y []float64) (n int) {
	for i := range min(len(x), len(y)) {
		if x[i]*y[i] > 0 {
			n++
		}
	}
	return n
}
