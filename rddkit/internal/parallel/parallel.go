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
// returns when all have returned. The order of the calls is not fixed, but a
// goroutine keeps to neighbouring indices while it can: what lies side by side
// in memory stays with one core. If a call panics, For panics with the same
// value after the others have stopped.
func For(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers <= 1 {
		for i := range n {
			do(i)
		}
		return
	}
	var (
		shares  = make([]share, workers)
		group   sync.WaitGroup
		once    sync.Once
		stopped atomic.Bool
		caught  any
	)
	for w := range shares {
		shares[w].set(w*n/workers, (w+1)*n/workers)
	}
	for w := range shares {
		group.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					once.Do(func() { caught = r })
					stopped.Store(true)
				}
			}()
			for i, ok := shares[w].first(); ok && !stopped.Load(); i, ok = shares[w].first() {
				do(i)
			}
			for i, ok := steal(shares); ok && !stopped.Load(); i, ok = steal(shares) {
				do(i)
			}
		})
	}
	group.Wait()
	if caught != nil {
		panic(caught)
	}
}

// share is what is left of a worker's indices: it takes the first of them,
// others the last. It fills two cache lines, which are fetched together.
type share struct {
	bounds atomic.Uint64 // the first index, and in the upper half the one after the last
	_      [120]byte
}

func (s *share) set(first, end int) { s.bounds.Store(pack(first, end)) }

func pack(first, end int) uint64 { return uint64(end)<<32 | uint64(uint32(first)) }

func unpack(bounds uint64) (first, end int) { return int(uint32(bounds)), int(bounds >> 32) }

// first takes the first index, if there is one.
func (s *share) first() (i int, ok bool) {
	for {
		bounds := s.bounds.Load()
		first, end := unpack(bounds)
		if first == end {
			return 0, false
		}
		if s.bounds.CompareAndSwap(bounds, pack(first+1, end)) {
			return first, true
		}
	}
}

// steal takes the last index of the largest share, if any has one.
func steal(shares []share) (i int, ok bool) {
	for {
		var largest *share
		var bounds uint64
		most := 0
		for w := range shares {
			now := shares[w].bounds.Load()
			if first, end := unpack(now); end-first > most {
				largest, bounds, most = &shares[w], now, end-first
			}
		}
		if largest == nil {
			return 0, false
		}
		first, end := unpack(bounds)
		if largest.bounds.CompareAndSwap(bounds, pack(first, end-1)) {
			return end - 1, true
		}
	}
}
