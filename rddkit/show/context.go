package show

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"github.com/weightalign/lab/rddkit/invalid"
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
//
// In a notebook, unless $GOGC or $GOMEMLIMIT says otherwise, it also has garbage
// collected earlier, the more so as the cell's memory nears 160 MiB: a notebook's
// server often has little.
func Context() (ctx context.Context, stop context.CancelFunc) {
	if InNotebook() && os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(40)
		debug.SetMemoryLimit(160 << 20)
	}
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

// Check ends the program if err is not nil: what was shown so far arrives, then
// err's text stands on standard error, in one line, and the exit code is 2 for
// bad input and 1 for anything else. For the last line of a cell:
//
//	show.Check(chart.SignAlignment(records...).Show())
func Check(err error) {
	if err == nil {
		return
	}
	gonbui.Sync()
	fmt.Fprintln(os.Stderr, explain(err))
	os.Exit(exitCode(err))
}

// explain is err's text; of one that says no more than that the work was stopped,
// what that means.
func explain(err error) string {
	if errors.Is(err, context.Canceled) {
		return "stopped; run again, it goes on from what was saved"
	}
	return err.Error()
}

func exitCode(err error) int {
	var bad *invalid.Error
	if errors.As(err, &bad) {
		return 2
	}
	return 1
}
