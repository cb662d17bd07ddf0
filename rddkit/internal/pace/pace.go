// Package pace tells how long work has taken and may still take.
package pace

import (
	"fmt"
	"time"
)

// Pace is how far work has come. Its zero value is that of work not begun.
type Pace struct {
	Done, Total int  // steps; a Total of 0 means that the end is not known
	Over        bool // nothing more is done
	Elapsed     time.Duration

	start time.Time
	from  int // Done at the first Update: what an earlier session did took none of this one's time
}

// Update notes that done of total steps are behind at the time now.
func (p *Pace) Update(now time.Time, done, total int) {
	if p.start.IsZero() {
		p.start, p.from = now, done
	}
	p.Done, p.Total, p.Elapsed = done, total, now.Sub(p.start)
}

// End notes that the work ended at the time now.
func (p *Pace) End(now time.Time) {
	if p.Begun() {
		p.Elapsed = now.Sub(p.start)
	}
	p.Over = true
}

// Begun reports whether there was an Update.
func (p *Pace) Begun() bool { return !p.start.IsZero() }

// Finished reports whether all of a known number of steps are done.
func (p *Pace) Finished() bool { return p.Begun() && p.Done >= p.Total }

// Fraction returns the part of the work that is done, from 0 to 1.
func (p *Pace) Fraction() float64 {
	if p.Total <= 0 {
		return 0
	}
	return min(1, float64(max(p.Done, 0))/float64(p.Total))
}

// String says how long the work took, or has taken and may still take.
func (p *Pace) String() string {
	switch {
	case p.Over && p.Finished():
		return "done in " + clock(p.Elapsed)
	case p.Over:
		return "stopped after " + clock(p.Elapsed)
	case p.Total > 0 && p.Done > p.from && p.Elapsed >= time.Second:
		rest := time.Duration(float64(p.Elapsed) * float64(max(p.Total-p.Done, 0)) / float64(p.Done-p.from))
		return clock(p.Elapsed) + ", about " + clock(rest) + " left"
	}
	return clock(p.Elapsed)
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
