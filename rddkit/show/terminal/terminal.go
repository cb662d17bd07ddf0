// Package terminal shows progress as a bar on a terminal. It stands apart from
// package show because its library would add a fifth of a second to the
// linking of every notebook cell.
package terminal

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/weightalign/lab/rddkit/show"
)

// NewProgress returns a bar called title that is updated in place, with
// elapsed and remaining time, if standard error is a terminal, and
// [show.NewProgress] otherwise.
func NewProgress(title string) show.Progress {
	if show.InNotebook() || !term.IsTerminal(int(os.Stderr.Fd())) {
		return show.NewProgress(title)
	}
	return newBar(title, os.Stderr)
}

func newBar(title string, w io.Writer) show.Progress {
	return &bar{w: w, title: title, bar: progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(title),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionShowElapsedTimeOnFinish(),
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
	)}
}

type bar struct {
	w           io.Writer
	mutex       sync.Mutex
	bar         *progressbar.ProgressBar
	title, text string
	done, total int
	shown       time.Time
	over        bool
}

func (b *bar) Update(done, total int, text string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.over {
		return
	}
	b.done, b.total, b.text = done, total, text
	// The library's own throttle would drop either the text or the number.
	if now := time.Now(); now.Sub(b.shown) >= 100*time.Millisecond {
		b.shown = now
		b.draw()
	}
}

func (b *bar) draw() {
	if b.total > 0 && b.bar.GetMax() != b.total {
		b.bar.ChangeMax(b.total)
	}
	b.bar.Describe(b.title + " " + b.text)
	b.bar.Set(b.done)
}

func (b *bar) Done() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.over {
		return
	}
	b.over = true
	b.draw()
	b.bar.Exit()
	io.WriteString(b.w, "\n")
}
