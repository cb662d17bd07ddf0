package lock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Silence is after how many beats without a sign of life a claim is stale.
const Silence = 6

// watchBeats is for how many beats it must not move while it is watched, too: a
// file server that was away lets every claim look old.
const watchBeats = 2

// Options say how a lock is acquired. The zero value does not wait.
type Options struct {
	// Wait lets Acquire wait for as long as another holds the lock.
	Wait bool
	// Beat is the time between two signs of life. Default 10 s.
	Beat time.Duration
	// Tell, if set, is told in a sentence who is waited for, once for each
	// holder, and whose stale claim was taken over.
	Tell func(text string)

	// For tests: another name than this machine's, what is known of a holder's
	// process, and a call between any two steps that others see.
	host  string
	state func(Holder) int
	step  func()
}

// HeldError says that another holds a lock.
type HeldError struct {
	Path   string
	Holder Holder
	Silent time.Duration // since the last sign of life, by the file system's clock
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is locked by %s", e.Path, e.Holder.describe(e.Silent))
}

func (h Holder) describe(silent time.Duration) string {
	if h.PID == 0 {
		return fmt.Sprintf("a claim that cannot be read, made %v ago", silent.Round(time.Second))
	}
	text := fmt.Sprintf("process %d on %s since %s", h.PID, h.Host, h.Since.Format(time.RFC3339))
	if silent > watchBeats*h.Beat {
		text += fmt.Sprintf(" (no sign of life for %v)", silent.Round(time.Second))
	}
	return text
}

// ErrLost means that another took a lock over, which happens to a holder that
// gave no sign of life for long.
var ErrLost = errors.New("another process took the lock over, since this one had given no sign of life")

// Lock is a lock that is held.
type Lock struct {
	dir   string
	claim claim
	beat  time.Duration

	stop    chan struct{} // closed by Release
	stopped chan struct{} // closed when no more beats come
	lost    chan struct{}
	once    sync.Once
	err     error // of Release
}

// Acquire takes the lock whose folder is path, making the folder and those above
// it where they are missing. If another holds the lock, it waits as the options
// say, or fails with a *HeldError. A stale claim is taken over, after watching it
// for two of its holder's beats where only its silence speaks against it. When ctx
// ends, Acquire returns its error.
func Acquire(ctx context.Context, path string, o Options) (*Lock, error) {
	if o.Beat <= 0 {
		o.Beat = 10 * time.Second
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	if o.state == nil {
		o.state = state
	}
	if o.step == nil {
		o.step = func() {}
	}
	draft, err := newDraft(path, o)
	if err != nil {
		return nil, err
	}
	defer func() { draft.remove() }()
	pause, watch := newPause(o.Beat), new(watch)
	for {
		o.step()
		last, err := highest(path)
		if err != nil {
			return nil, err
		}
		now, err := draft.now()
		if errors.Is(err, fs.ErrNotExist) { // used up, or swept as too old
			if draft, err = newDraft(path, o); err != nil {
				return nil, err
			}
			continue
		} else if err != nil {
			return nil, err
		}
		free, sure := last.free, true
		if !free {
			free, sure = watch.stale(last, now, o)
		}
		switch {
		case free && sure:
			lock, err := take(path, last, draft, o)
			if lock != nil || err != nil {
				return lock, err
			}
			continue
		case !free && !o.Wait:
			return nil, &HeldError{path, last.holder, watch.silent}
		case !free:
			watch.tell(o.Tell, path, last)
		}
		if err := pause.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// take claims the number after last, and returns nil if another was faster.
func take(dir string, last claim, draft *draft, o Options) (*Lock, error) {
	own := claim{number: last.number + 1, text: draft.text}
	o.step()
	first, err := draft.claim(dir, own.number)
	if errors.Is(err, fs.ErrNotExist) { // the draft was swept
		return nil, nil
	} else if err != nil || !first {
		return nil, err
	}
	o.step()
	numbers, drafts, err := list(dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(numbers)
	if len(numbers) == 0 || slices.Max(numbers) != own.number { // they went on while this process slept
		draft.remove() // a nonce is for one claim
		os.Remove(own.path(dir))
		return nil, nil
	}
	o.step()
	if before, err := readClaim(dir, last.number); last.number > 0 && (err != nil || !before.same(last)) {
		// Somebody tidied up by hand. The highest claim stays: it is given back.
		draft.remove()
		return nil, rewrite(own.path(dir), free)
	}
	if !last.free {
		o.Tell(fmt.Sprintf("%s: took over from %s, which is gone", dir, last.holder.describe(0)))
	}
	for _, n := range numbers[:len(numbers)-1] {
		o.step()
		os.Remove(claim{number: n}.path(dir))
	}
	sweep(dir, drafts, draft, o.Beat)
	l := &Lock{dir: dir, claim: own, beat: o.Beat,
		stop: make(chan struct{}), stopped: make(chan struct{}), lost: make(chan struct{})}
	go l.keepAlive()
	return l, nil
}

// sweep removes drafts of those that were killed while they waited.
func sweep(dir string, drafts []fs.DirEntry, own *draft, beat time.Duration) {
	if len(drafts) == 0 {
		return
	}
	now, err := own.now()
	if err != nil {
		return
	}
	for _, d := range drafts {
		if info, err := d.Info(); err == nil && now.Sub(info.ModTime()) > max(Silence*beat, time.Minute) {
			os.Remove(filepath.Join(dir, d.Name()))
		}
	}
}

// watch remembers since when a claim was seen without a sign of life.
type watch struct {
	claim  claim
	since  time.Time // of the monotonic clock
	silent time.Duration
	told   claim
}

// stale says whether a claim looks stale, and whether that is sure.
func (w *watch) stale(c claim, now time.Time, o Options) (stale, sure bool) {
	if !w.claim.same(c) || !w.claim.modified.Equal(c.modified) {
		w.claim, w.since = c, time.Now()
	}
	w.silent = max(now.Sub(c.modified), 0)
	switch o.state(c.holder) {
	case processGone:
		return true, true
	case processLives:
		return false, true
	}
	beat := c.holder.Beat
	if beat <= 0 {
		beat = o.Beat
	}
	return w.silent > Silence*beat, time.Since(w.since) > watchBeats*beat
}

func (w *watch) tell(tell func(string), path string, c claim) {
	if w.told.text == nil || !w.told.same(c) {
		w.told = c
		tell(fmt.Sprintf("waiting for %s, locked by %s", path, c.holder.describe(w.silent)))
	}
}

const (
	processUnknown = iota
	processLives
	processGone
)

const gone = "gone"

// state says what is known of a holder's process.
func state(h Holder) int {
	if h.PID == 0 || h.Place == "" || h.Process == "" || h.Place != place() {
		return processUnknown
	}
	switch processStart(h.PID) {
	case "":
		return processUnknown
	case h.Process:
		return processLives
	}
	return processGone // or another process has its id
}

// pause waits longer and longer, up to a beat.
type pause struct{ next, most time.Duration }

func newPause(beat time.Duration) *pause {
	return &pause{min(5*time.Millisecond, beat/4), min(beat, time.Second)}
}

func (p *pause) wait(ctx context.Context) error {
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	p.next = min(2*p.next, p.most)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (l *Lock) keepAlive() {
	defer close(l.stopped)
	ticker := time.NewTicker(l.beat)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
		}
		if errors.Is(l.Check(), ErrLost) {
			close(l.lost)
			return
		}
		_ = rewrite(l.claim.path(l.dir), held) // a full disk or an absent server may pass
	}
}

// Lost is closed when a beat found that another took the lock over.
func (l *Lock) Lost() <-chan struct{} { return l.lost }

// Check fails with [ErrLost] if another took the lock over, and with the file
// system's error if that cannot be told. It costs two look-ups: call it before
// every write that the lock protects.
func (l *Lock) Check() error {
	own, err := readClaim(l.dir, l.claim.number)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrLost
	case err != nil:
		return err
	case !own.same(l.claim) || own.free:
		return ErrLost
	}
	next := claim{number: l.claim.number + 1}
	_, err = os.Stat(next.path(l.dir))
	switch {
	case err == nil:
		return ErrLost
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// Release gives the lock back. It fails with [ErrLost] if another has it. Later
// calls return what the first did.
func (l *Lock) Release() error {
	l.once.Do(func() {
		close(l.stop)
		<-l.stopped
		if l.err = l.Check(); l.err == nil {
			l.err = rewrite(l.claim.path(l.dir), free)
		}
	})
	return l.err
}

// Held returns who holds the lock whose folder is path, as far as its claims
// tell, and whether anybody does. It writes nothing.
func Held(path string) (Holder, bool, error) {
	c, err := highest(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Holder{}, false, nil
	} else if err != nil || c.free {
		return Holder{}, false, err
	}
	return c.holder, state(c.holder) != processGone, nil
}
