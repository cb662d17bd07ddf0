package feedback

import (
	"context"

	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/invalid"
)

// A Runnable is an experiment of this package.
type Runnable[T any] interface {
	Run(ctx context.Context, progress func(done, total int, text string)) (T, error)
}

// RunAll runs several experiments, as many at once as there are cores; results
// come in the order of the experiments, whatever the number of cores. The first
// error stops the others. It is an *invalid.Error to run none.
func RunAll[T any, R Runnable[T]](ctx context.Context, progress func(done, total int, text string), experiments ...R) ([]T, error) {
	if len(experiments) == 0 {
		return nil, invalid.New("experiments", 0, "at least 1, as WithSeeds(n, …) gives for n of at least 1")
	}
	results := make([]T, len(experiments))
	return results, jobs.Run(ctx, len(experiments), progress, func(ctx context.Context, i int, tell func(done, total int, text string)) (err error) {
		results[i], err = experiments[i].Run(ctx, tell)
		return err
	})
}

// WithSeeds returns n copies of an experiment, made by with for the seeds 0 to n−1;
// none, of which RunAll makes an error, if n is below 1.
func WithSeeds[R any](n int, with func(seed uint64) R) []R {
	copies := make([]R, max(n, 0))
	for i := range copies {
		copies[i] = with(uint64(i))
	}
	return copies
}

// RunSeeds runs the experiment with the seeds 0 to n−1; see RunAll.
func (c Convergence) RunSeeds(ctx context.Context, n int) ([]*ConvergenceCurve, error) {
	return RunAll[*ConvergenceCurve](ctx, nil, WithSeeds(n, func(seed uint64) Convergence {
		c.Seed = seed
		return c
	})...)
}

// Compare trains the classifier by each algorithm but Adam, with the seeds 0 to n−1
// each; see RunAll.
func (c Classifier) Compare(ctx context.Context, n int) ([]*TrainingCurve, error) {
	var all []Classifier
	for _, c.Algorithm = range []Algorithm{BP, FA, NPLeastSquares, NPGradient, Reinforcement} {
		all = append(all, WithSeeds(n, func(seed uint64) Classifier { c.Seed = seed; return c })...)
	}
	return RunAll[*TrainingCurve](ctx, nil, all...)
}

// Compare trains the autoencoder by each algorithm that the talk compares; see
// Classifier.Compare.
func (a Autoencoder) Compare(ctx context.Context, n int) ([]*TrainingCurve, error) {
	var all []Autoencoder
	for _, a.Algorithm = range []Algorithm{BP, BPAdam, FA, NPGradient} {
		all = append(all, WithSeeds(n, func(seed uint64) Autoencoder { a.Seed = seed; return a })...)
	}
	return RunAll[*TrainingCurve](ctx, nil, all...)
}

// Gather gathers one quantity of several runs, [run][point].
func Gather[T any](runs []T, of func(T) []float64) [][]float64 {
	values := make([][]float64, len(runs))
	for i, run := range runs {
		values[i] = of(run)
	}
	return values
}

// MeanCurve is the mean over runs of equal length, [run][point]; nil of no runs.
func MeanCurve(values [][]float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	mean := make([]float64, len(values[0]))
	for _, run := range values {
		for i, v := range run {
			mean[i] += v / float64(len(values))
		}
	}
	return mean
}
