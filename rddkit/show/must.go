package show

import "context"

// Must returns v, and ends the program as [Check] does if err is not nil:
//
//	record := show.Must(rddkit.Run(ctx, rddkit.Experiment{Epochs: 5}))
func Must[T any](v T, err error) T {
	Check(err)
	return v
}

// Running returns the context in which a cell computes, [Context]'s, for as long
// as the cell's program runs: nothing is to be stopped.
func Running() context.Context {
	ctx, _ := Context()
	return ctx
}
