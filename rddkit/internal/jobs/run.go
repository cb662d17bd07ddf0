package jobs

import (
	"context"

	"github.com/weightalign/lab/rddkit/internal/parallel"
)

// Heard returns tell, or, if that is nil, what tells nobody.
func Heard(tell func(done, total int, text string)) func(done, total int, text string) {
	if tell == nil {
		return func(int, int, string) {}
	}
	return tell
}

// Run carries out jobs 0 to n−1, as many at once as there are cores, and tells of
// all of them as of one; tell may be nil. After a failure, or the end of ctx, the
// jobs not begun are left out, and those at work have their context cancelled. The
// error is that of the first job, in order, that failed by itself.
func Run(ctx context.Context, n int, tell func(done, total int, text string), do func(ctx context.Context, i int, tell func(done, total int, text string)) error) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	failures := make([]error, n)
	sum := NewSum(n, tell)
	parallel.For(n, func(i int) {
		if within.Err() != nil {
			return
		}
		failure := do(within, i, sum.Part(i))
		if failure != nil && within.Err() == nil {
			failures[i] = failure
			cancel()
		}
	})
	for _, failure := range failures {
		if failure != nil {
			return failure
		}
	}
	return ctx.Err()
}
