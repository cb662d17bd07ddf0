// Package parallel spreads independent work over the processor's cores.
//
// Results must not depend on how many cores there are: callers split the work
// by the problem (a batch, a neuron, a seed), never by the number of workers,
// and each piece writes its own part of the result.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// For calls do(0), …, do(n-1), each once, on up to GOMAXPROCS goroutines, and
// returns when all have returned. The order of the calls is not fixed. If a
// call panics, For panics with the same value after the others have stopped.
func For(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var (
		next   atomic.Int64
		group  sync.WaitGroup
		once   sync.Once
		caught any
	)
	for range workers {
		group.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					once.Do(func() { caught = r })
					next.Store(int64(n))
				}
			}()
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	group.Wait()
	if caught != nil {
		panic(caught)
	}
}
