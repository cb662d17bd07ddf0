package feedback

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/invalid"
)

// A Runner is an experiment of this package.
type Runner[T any] interface {
	Run(ctx context.Context, progress Progress) (T, error)
}

// Sweep runs several experiments, as many at once as there are cores; results
// come in the order of the experiments, whatever the number of cores. The first
// error stops the others. It is an *invalid.Error to run none.
func Sweep[T any, R Runner[T]](ctx context.Context, progress Progress, experiments ...R) ([]T, error) {
	if len(experiments) == 0 {
		return nil, invalid.New("experiments", 0, "at least 1, as Seeds(n, …) gives for n of at least 1")
	}
	results := make([]T, len(experiments))
	sum := jobs.NewSum(len(experiments), progress)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, e := range experiments {
		group.Go(func() (err error) {
			results[i], err = e.Run(ctx, sum.Part(i))
			return err
		})
	}
	return results, group.Wait()
}

// Seeds returns n copies of an experiment, made by with for the seeds 0 to n−1;
// none, of which Sweep makes an error, if n is below 1.
func Seeds[R any](n int, with func(seed uint64) R) []R {
	copies := make([]R, max(n, 0))
	for i := range copies {
		copies[i] = with(uint64(i))
	}
	return copies
}

// Over gathers one quantity of several runs, [run][point].
func Over[T any](runs []T, of func(T) []float64) [][]float64 {
	values := make([][]float64, len(runs))
	for i, run := range runs {
		values[i] = of(run)
	}
	return values
}

// Mean is the mean over runs of equal length, [run][point]; nil of no runs.
func Mean(values [][]float64) []float64 {
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
