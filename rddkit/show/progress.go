package show

import (
	"fmt"
	"html"
	"io"
	"os"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
)

// Progress tells a reader how far long work has come. Its methods may be
// called from several goroutines.
//
// A method value is the callback that the library's long functions take:
//
//	progress := show.NewProgress("RDD")
//	defer progress.Done()
//	record, err := rddkit.Run(ctx, experiment, progress.Update)
type Progress interface {
	// Update says that done of total steps are behind, and in a few words
	// what is at work. A total of 0 means that the end is not known. It
	// returns quickly; most calls show nothing.
	Update(done, total int, text string)
	// Done shows the final state: finished if the last Update had done equal
	// to total, else stopped. Later calls of either method do nothing.
	Done()
}

// NewProgress returns a progress display called title: in a notebook one
// output that is updated in place; elsewhere a line on standard error now and
// then (at first every 2 s, later less often). Package show/terminal has a bar
// for terminals.
func NewProgress(title string) Progress {
	if InNotebook() {
		id := "progress-" + gonbui.UniqueId() // a fresh one: an id of an earlier run would show nothing
		return &progress{title: title, now: time.Now, wait: notebookWait, paint: func(s state) {
			gonbui.UpdateHTML(id, s.html())
			if s.over {
				gonbui.Sync()
			}
		}}
	}
	return newLog(title, os.Stderr, time.Now)
}

func newLog(title string, w io.Writer, now func() time.Time) *progress {
	return &progress{title: title, now: now, wait: logWait, paint: func(s state) {
		fmt.Fprintln(w, s.line())
	}}
}

// notebookWait is short enough to look alive and long enough that the browser
// has little to do.
func notebookWait(time.Duration) time.Duration { return 200 * time.Millisecond }

// logWait lets the lines of a log grow with the logarithm of the time.
func logWait(elapsed time.Duration) time.Duration { return max(2*time.Second, elapsed/5) }

type progress struct {
	title string
	now   func() time.Time
	wait  func(elapsed time.Duration) time.Duration // until the next picture
	paint func(state)

	mutex        sync.Mutex
	start, shown time.Time
	from         int // done at the first Update: what an earlier session did took none of this one's time
	last         state
}

func (p *progress) Update(done, total int, text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.last.over {
		return
	}
	now := p.now()
	if p.start.IsZero() {
		p.start, p.from = now, done
	}
	elapsed := now.Sub(p.start)
	p.last = state{title: p.title, from: p.from, done: done, total: total, text: text, elapsed: elapsed}
	if p.shown.IsZero() || now.Sub(p.shown) >= p.wait(elapsed) {
		p.shown = now
		p.paint(p.last)
	}
}

func (p *progress) Done() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.last.over {
		return
	}
	if !p.start.IsZero() {
		p.last.elapsed = p.now().Sub(p.start)
	}
	p.last.title, p.last.over = p.title, true
	p.paint(p.last)
}

// state is one moment of the work.
type state struct {
	title, text       string
	from, done, total int
	elapsed           time.Duration
	over              bool
}

func (s state) finished() bool { return s.done >= s.total }

func (s state) fraction() float64 {
	if s.total <= 0 {
		return 0
	}
	return min(1, float64(max(s.done, 0))/float64(s.total))
}

// line describes the state in one line of text.
func (s state) line() string {
	line := s.title
	if s.total > 0 {
		line += fmt.Sprintf(" %3.0f %%", 100*s.fraction())
	}
	if s.text != "" {
		line += "  " + s.text
	}
	return line + "  " + s.times()
}

// times says how long the work took, or has taken and may still take.
func (s state) times() string {
	switch {
	case s.over && s.finished():
		return "done in " + clock(s.elapsed)
	case s.over:
		return "stopped after " + clock(s.elapsed)
	case s.total > 0 && s.done > s.from && s.elapsed >= time.Second:
		rest := time.Duration(float64(s.elapsed) * float64(max(s.total-s.done, 0)) / float64(s.done-s.from))
		return clock(s.elapsed) + ", about " + clock(rest) + " left"
	}
	return clock(s.elapsed)
}

// html draws the state without scripts or style sheets, so that any viewer
// shows it.
func (s state) html() string {
	bar := ""
	if s.total > 0 {
		bar = fmt.Sprintf(`<progress max="1" value="%.4g" style="width:16em;vertical-align:middle"></progress> %.0f %% `, s.fraction(), 100*s.fraction())
	}
	return fmt.Sprintf(`<div style="font-family:sans-serif;font-size:13px"><b>%s</b> %s<span>%s</span> <span style="color:#777">%s</span></div>`,
		html.EscapeString(s.title), bar, html.EscapeString(s.text), s.times())
}

// clock formats a duration to what a reader needs of it.
func clock(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
