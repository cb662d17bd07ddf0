// Package terminal shows progress as bars on a terminal. It stands apart from
// package show because its library would add to the linking of every notebook
// cell.
package terminal

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/weightalign/lab/rddkit/internal/pace"
	"github.com/weightalign/lab/rddkit/show"
)

// NewProgress returns a bar called title that is updated in place, with
// elapsed and remaining time, if standard error is a terminal, and
// [show.NewProgress] otherwise.
func NewProgress(title string) show.Progress {
	lines := NewLines()
	return &single{Progress: lines.Add(title), lines: lines}
}

// single is a line that closes its Lines when it is done.
type single struct {
	show.Progress
	lines *Lines
}

func (s *single) Done() {
	s.Progress.Done()
	s.lines.Close()
}

// Lines shows several works at once, with a line for each: bars below each other
// on a terminal, lines of a log elsewhere.
type Lines struct {
	bars *mpb.Progress // nil where there is no terminal
}

// NewLines returns a display without lines.
func NewLines() *Lines {
	if show.InNotebook() || !term.IsTerminal(int(os.Stderr.Fd())) {
		return &Lines{}
	}
	return newLines(os.Stderr)
}

func newLines(w io.Writer) *Lines {
	// Lines that are done scroll up, so that there may be more of them than rows.
	return &Lines{mpb.New(mpb.WithOutput(w), mpb.WithRefreshRate(100*time.Millisecond), mpb.WithAutoRefresh(), mpb.PopCompletedMode())}
}

// Add begins a line called title below those that are there. It may be called
// from several goroutines.
func (l *Lines) Add(title string) show.Progress {
	if l.bars == nil {
		return show.NewProgress(title)
	}
	return &line{lines: l, title: title}
}

// Close waits until every line is drawn as it ended. All must be done.
func (l *Lines) Close() {
	if l.bars != nil {
		l.bars.Wait()
	}
}

type line struct {
	lines *Lines
	title string

	mutex sync.Mutex
	bar   *mpb.Bar // nil before the first Update
	text  string
	pace  pace.Pace
}

func (l *line) Update(done, total int, text string) {
	l.mutex.Lock()
	if l.pace.Over {
		l.mutex.Unlock()
		return
	}
	if l.bar == nil {
		// What is cut off where the terminal is narrow is the text.
		times := func(decor.Statistics) string { return l.read(l.pace.String) }
		text := func(decor.Statistics) string { return l.read(func() string { return l.text }) }
		l.bar = l.lines.bars.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"), mpb.BarWidth(20),
			mpb.PrependDecorators(decor.Name(l.title, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Name("  "), decor.Any(times, decor.WCSyncSpaceR), decor.Any(text)))
	}
	l.pace.Update(time.Now(), done, total)
	l.text = text
	bar := l.bar
	l.mutex.Unlock() // the bar asks for what it draws
	bar.SetTotal(int64(total), false)
	bar.SetCurrent(int64(done))
}

// read calls f while nothing is updated.
func (l *line) read(f func() string) string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return f()
}

func (l *line) Done() {
	l.mutex.Lock()
	if l.pace.Over {
		l.mutex.Unlock()
		return
	}
	l.pace.End(time.Now())
	bar, finished := l.bar, l.pace.Finished()
	l.mutex.Unlock()
	switch {
	case bar == nil:
	case finished:
		bar.SetTotal(-1, true)
	default:
		bar.Abort(false)
	}
}
