package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
)

func TestAllJobsAreDoneAndTold(t *testing.T) {
	var did [20]int
	var last int
	err := Run(t.Context(), len(did), func(done, total int, _ string) { last = done * 100 / total }, func(_ context.Context, i int, tell func(int, int, string)) error {
		did[i]++
		tell(2, 2, fmt.Sprint(i))
		return nil
	})
	if err != nil || last != 100 {
		t.Fatalf("%d %% told, %v", last, err)
	}
	for i, times := range did {
		if times != 1 {
			t.Errorf("job %d was done %d times", i, times)
		}
	}
	if err := Run(t.Context(), 0, nil, nil); err != nil {
		t.Errorf("no jobs: %v", err)
	}
}

// The first failure ends the others; that they were cancelled is not the reason.
func TestTheFirstFailureEndsTheOthers(t *testing.T) {
	wrong := errors.New("wrong")
	var begun atomic.Int32
	err := Run(t.Context(), 1000, nil, func(ctx context.Context, i int, _ func(int, int, string)) error {
		if begun.Add(1) == 3 {
			return wrong
		}
		if begun.Load() >= 3 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	if !errors.Is(err, wrong) || begun.Load() > 500 {
		t.Errorf("%v after %d jobs", err, begun.Load())
	}
}

func TestAnEndedContextIsTheError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var begun atomic.Int32
	err := Run(ctx, 100, nil, func(ctx context.Context, _ int, _ func(int, int, string)) error {
		begun.Add(1)
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || begun.Load() == 100 {
		t.Errorf("%v after %d jobs", err, begun.Load())
	}
}
