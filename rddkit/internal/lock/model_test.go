package lock

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Whatever the order in which claimants take their steps, however long some sleep
// between two of them, and whoever dies: no two hold the lock of whom neither was
// judged stale, and one that was finds out when another holds it.
func TestNoTwoHoldInAnyOrderOfSteps(t *testing.T) {
	root, schedules := t.TempDir(), 60
	if testing.Short() {
		schedules = 20
	}
	var saw seen
	for seed := range schedules {
		dir := filepath.Join(root, strconv.Itoa(seed))
		saw.schedule(t, dir, rand.New(rand.NewPCG(uint64(seed), 0)))
		if t.Failed() {
			t.Fatalf("in schedule %d", seed)
		}
		os.RemoveAll(dir)
	}
	if saw.held == 0 || saw.after == 0 || saw.lost == 0 {
		t.Errorf("the test saw nothing: %+v", saw)
	}
	t.Logf("%+v", saw)
}

// seen counts states after a step.
type seen struct{ held, after, lost int }

// actor is one who wants the lock; it takes a step when it is told to.
type actor struct {
	goOn, arrived chan struct{}
	dead          bool // never takes another step
	over          bool // its goroutine ended
	lock          *Lock
}

// schedule lets actors take some hundred steps in a random order.
func (saw *seen) schedule(t *testing.T, dir string, random *rand.Rand) {
	names := []string{"a", "b", "c", "d"}[:2+random.IntN(3)]
	actors := make(map[string]*actor)
	var mutex sync.Mutex
	asleep := make(map[string]bool)  // actors of whom nothing is heard
	doubted := make(map[string]bool) // claims that were judged stale
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer func() {
		cancel()
		for _, a := range actors {
			close(a.goOn)
		}
		all.Wait()
	}()
	judge := func(h Holder) int {
		mutex.Lock()
		defer mutex.Unlock()
		if actors[h.Host].dead || asleep[h.Host] {
			doubted[h.Nonce] = true
			return processGone
		}
		return processLives
	}
	for _, name := range names {
		a := &actor{goOn: make(chan struct{}), arrived: make(chan struct{})}
		actors[name] = a
		arrive := func() {
			select {
			case a.arrived <- struct{}{}:
			case <-ctx.Done():
			}
		}
		step := func() { arrive(); <-a.goOn }
		all.Go(func() {
			defer func() { a.over = true; arrive() }()
			for range 9 {
				l, err := Acquire(ctx, dir, Options{Wait: true, Beat: time.Millisecond, host: name, step: step, state: judge})
				if err != nil {
					return
				}
				a.lock = l
				step()
				a.lock = nil
				l.Release()
			}
		})
		<-a.arrived
	}
	dying, dozing := 100*random.IntN(2), 20*random.IntN(2) // in some schedules nobody does
	var a *actor
	burst := 0 // steps that one takes while the others sleep
	for range 150 {
		if burst--; burst < 0 {
			a, burst = actors[names[random.IntN(len(names))]], []int{0, 0, 1, 2, 10, 25}[random.IntN(6)]
		}
		if a.dead || a.over {
			burst = 0
			continue
		}
		mutex.Lock()
		for _, other := range names {
			asleep[other] = dozing > 0 && actors[other] != a && random.IntN(dozing) == 0
		}
		a.dead = dying > 0 && random.IntN(dying) == 0
		mutex.Unlock()
		if a.dead {
			continue
		}
		a.goOn <- struct{}{}
		<-a.arrived
		var sure, unsure []*Lock
		mutex.Lock()
		for _, a := range actors {
			if a.lock == nil || a.dead {
				continue
			}
			if own, err := readClaim(dir, a.lock.claim.number); err != nil || !own.same(a.lock.claim) || doubted[own.holder.Nonce] {
				unsure = append(unsure, a.lock)
			} else {
				sure = append(sure, a.lock)
			}
		}
		mutex.Unlock()
		saw.held += len(sure)
		if len(sure) > 1 {
			t.Errorf("%d hold the lock", len(sure))
		}
		for _, l := range sure {
			if err := l.Check(); err != nil {
				t.Errorf("a holder that nobody doubts is told %v", err)
			}
			if l.claim.number > 1 {
				saw.after++
			}
		}
		for _, l := range unsure {
			if err := l.Check(); errors.Is(err, ErrLost) {
				saw.lost++
			} else if len(sure) > 0 {
				t.Errorf("another holds the lock, and its former holder is told %v", err)
			}
		}
	}
}
