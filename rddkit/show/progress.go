package show

import (
	"fmt"
	"html"
	"io"
	"os"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"github.com/weightalign/lab/rddkit/internal/pace"
)

// Progress tells a reader how far long work has come. Its methods may be
// called from several goroutines.
//
// A method value is the callback that the library's long functions take:
//
//	progress := show.NewProgress("meeting")
//	defer progress.Done()
//	result, err := feedback.Meeting{}.Run(ctx, progress.Update)
type Progress interface {
	// Update says that done of total steps are behind, and in a few words
	// what is at work. A total of 0 means that the end is not known. It
	// returns quickly; most calls show nothing.
	Update(done, total int, text string)
	// Done shows the final state: finished if the last Update had done equal
	// to total, else stopped; nothing if there was no Update. Later calls of
	// either method do nothing.
	Done()
}

// NewProgress returns a progress display called title: in a notebook one
// output that is updated in place, of work that takes more than half a second; elsewhere a line on standard error now and
// then (at first every 2 s, later less often). Package show/terminal has a bar
// for terminals.
func NewProgress(title string) Progress {
	if InNotebook() {
		id := "progress-" + gonbui.UniqueId() // a fresh one: an id of an earlier run would show nothing
		return &progress{title: title, now: time.Now, wait: notebookWait, quiet: notebookQuiet, paint: func(s state) {
			gonbui.UpdateHTML(id, s.html())
			if s.pace.Over {
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

// notebookQuiet is how long work may take without a display: a cell that only
// reads records shows what it read, not that it did.
const notebookQuiet = 500 * time.Millisecond

// logWait lets the lines of a log grow with the logarithm of the time.
func logWait(elapsed time.Duration) time.Duration { return max(2*time.Second, elapsed/5) }

type progress struct {
	title string
	now   func() time.Time
	wait  func(elapsed time.Duration) time.Duration // until the next picture
	paint func(state)
	quiet time.Duration // work that is shorter shows nothing

	mutex sync.Mutex
	shown time.Time
	text  string
	pace  pace.Pace
}

func (p *progress) Update(done, total int, text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.pace.Over {
		return
	}
	now := p.now()
	p.pace.Update(now, done, total)
	p.text = text
	if p.pace.Elapsed < p.quiet {
		return
	}
	if p.shown.IsZero() || now.Sub(p.shown) >= p.wait(p.pace.Elapsed) {
		p.shown = now
		p.paint(state{p.title, p.text, p.pace})
	}
}

func (p *progress) Done() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.pace.Over {
		return
	}
	p.pace.End(p.now())
	if p.pace.Begun() && (p.quiet == 0 || !p.shown.IsZero()) {
		p.paint(state{p.title, p.text, p.pace})
	}
}

// state is one moment of the work.
type state struct {
	title, text string
	pace        pace.Pace
}

// line describes the state in one line of text.
func (s state) line() string {
	line := s.title
	if s.pace.Total > 0 {
		line += fmt.Sprintf(" %3.0f %%", 100*s.pace.Fraction())
	}
	if s.text != "" {
		line += "  " + s.text
	}
	return line + "  " + s.pace.String()
}

// html draws the state without scripts or style sheets, so that any viewer
// shows it, and without colours, so that it can be read in any theme.
func (s state) html() string {
	bar := ""
	if fraction := s.pace.Fraction(); s.pace.Total > 0 {
		bar = fmt.Sprintf(`<progress max="1" value="%.4g" style="width:16em;vertical-align:middle"></progress> %.0f %% `, fraction, 100*fraction)
	}
	return fmt.Sprintf(`<div style="font-family:sans-serif;font-size:13px"><b>%s</b> %s<span>%s</span> <span style="opacity:0.7">%s</span></div>`,
		html.EscapeString(s.title), bar, html.EscapeString(s.text), s.pace.String())
}
