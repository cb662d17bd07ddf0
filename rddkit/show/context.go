package show

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ErrOrphan is the cause of a cancelled [Context] whose notebook kernel is
// gone.
var ErrOrphan = errors.New("the notebook's kernel has ended")

// Context returns the context in which a cell or a command computes. It is
// cancelled by the notebook's stop and restart buttons (SIGINT; a stopped cell
// has 5 s to save its work), by SIGTERM, and when the parent process changes:
// a kernel that is killed leaves its cell running without a signal. SIGPIPE is
// ignored from then on, as a restart closes standard output before the work
// is saved. [context.Cause] tells which it was.
//
// Call stop when the work is over; the signals then act as before.
func Context() (ctx context.Context, stop context.CancelFunc) {
	return withParent(os.Getppid, time.Second)
}

func withParent(parent func() int, every time.Duration) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancelCause(ctx)
	first := parent()
	go func() {
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
				if parent() != first {
					cancel(ErrOrphan)
					return
				}
			}
		}
	}()
	return ctx, func() {
		cancel(context.Canceled)
		stop()
	}
}
