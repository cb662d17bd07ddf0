package rddkit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/internal/slurm"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show"
)

// SlurmOptions let a Sweep run on a Slurm cluster: a task for each chain of
// experiments that share a record, nothing for what is done, progress and records
// from the run folders, which the nodes must see. Each task is this very program,
// copied into the run folders' .slurm, that comes to the same call of Sweep, by way
// of all that the program does before. A task that is killed or requeued goes on
// from its record.
//
// When ctx ends, Sweep leaves the jobs alone and returns a *DetachedError; the
// same call attaches to them again, and submits again what is neither done nor
// queued. A task that fails does not stop the others.
type SlurmOptions struct {
	// Options are for sbatch, such as "--partition=short" and "--time=2:00:00".
	// They prevail over what Sweep asks for: one task's Cores, and the memory that
	// [Experiment.Memory] estimates.
	Options []string
	// Cores of one task. Default 1.
	Cores int
	// Pause is the longest time between two looks at the queue; at first they
	// follow each other faster. Default 5 s.
	Pause time.Duration
	// Tell, if set, is told what is submitted, attached to, or failed.
	Tell func(text string)
}

// DetachedError says that Sweep was interrupted while jobs are queued or run, which
// they go on with.
type DetachedError struct {
	Jobs  []string // Slurm's ids
	cause error
}

func (e *DetachedError) Error() string {
	if len(e.Jobs) == 0 {
		return e.cause.Error()
	}
	ids := strings.Join(e.Jobs, " ")
	return fmt.Sprintf("interrupted; Slurm goes on with job %s. The same again attaches to it; \"scancel %s\" ends it", strings.Join(e.Jobs, ", "), ids)
}

// Unwrap returns the context's error.
func (e *DetachedError) Unwrap() error { return e.cause }

// Cancel ends the jobs. What they have on disk stays.
func (e *DetachedError) Cancel(ctx context.Context) error { return slurm.Cancel(ctx, e.Jobs...) }

// TaskError says that a task ended without the record of an experiment.
type TaskError struct {
	Name  string   // of the experiment
	State string   // the task's, by itself or by Slurm
	Lines []string // the last it printed
}

func (e *TaskError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Name, e.State)
	for _, line := range e.Lines {
		text += "\n  | " + line
	}
	return text
}

// watchedChain is a chain that a task has, or had.
type watchedChain struct {
	*chain
	from   *submission // nil: none has it
	index  int         // of the task there
	silent int         // looks since Slurm knows it no more
	over   bool
	begun  int // experiments that have a display
	shown  show.Progress
}

// sweepSlurm is Sweep by tasks of Slurm.
func (r *Runner) sweepSlurm(ctx context.Context, n int, chains []*chain) ([]*Record, error) {
	o := *r.Slurm
	o.Pause = cmp.Or(o.Pause, 5*time.Second)
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	root, err := r.root()
	if err != nil {
		return nil, err
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	sum := jobs.NewSum(n, r.Progress)
	records, failures := make([]*Record, n), make([]error, n)
	var open []*watchedChain
	for _, c := range r.readFinished(root, chains, records, sum) {
		open = append(open, &watchedChain{chain: c})
	}
	if os.Getenv(planVariable) != "" && len(open) > 0 {
		return nil, fmt.Errorf("this is a task of another sweep, which comes to this one whose %s is not done", open[0].names[0])
	}
	if len(open) > 0 {
		if err := slurm.Available(); err != nil {
			return nil, invalid.New("Runner.Slurm", err.Error(), "a login node, with sbatch, squeue, scontrol and scancel on the PATH; rdd sweep -part serves other engines")
		}
		if err := r.attach(ctx, root, open, o); err != nil {
			return nil, err
		}
	}
	pause := min(o.Pause, time.Second)
	for misses := 0; len(open) > 0; {
		names := make(map[string]bool)
		for _, w := range open {
			names[w.from.array()] = true
		}
		tasks, err := slurm.Tasks(ctx, sortedKeys(names)...)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			if misses++; misses > 20 {
				return nil, err
			}
			o.Tell(err.Error())
		default:
			misses = 0
			waiting := make(map[string]int)
			for _, w := range open {
				if t := tasks[w.from.array()][w.index]; t.State == "PENDING" {
					waiting[fmt.Sprintf("job %s, %s", t.Job, t)]++
				} else {
					r.look(root, w, t, records, failures, sum)
				}
			}
			if len(waiting) == 1 && r.Progress != nil {
				for text, n := range waiting { // all of them wait
					if n == len(open) {
						sum.Part(open[0].indices[0])(0, 0, fmt.Sprintf("%s: %d tasks", text, n))
					}
				}
			}
			open = slices.DeleteFunc(open, func(w *watchedChain) bool { return w.over })
		}
		if len(open) == 0 {
			break
		}
		select {
		case <-time.After(pause):
			pause = min(pause*5/4, o.Pause)
		case <-ctx.Done():
			for _, w := range open {
				w.close()
			}
			return nil, &DetachedError{liveJobs(open), ctx.Err()}
		}
	}
	tidy(ctx, root)
	return records, errors.Join(failures...)
}

func liveJobs(open []*watchedChain) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	names, ids := make(map[string]bool), make(map[string]bool)
	for _, w := range open {
		names[w.from.array()] = true
	}
	all, err := slurm.Tasks(ctx, sortedKeys(names)...)
	if err != nil {
		return nil
	}
	for _, w := range open {
		if t := all[w.from.array()][w.index]; t.Live() {
			ids[t.Job] = true
		}
	}
	return sortedKeys(ids)
}

// root is the folder of the run folders.
func (r *Runner) root() (string, error) {
	if r.Dir != "" {
		return r.Dir, nil
	}
	return place.Runs()
}

// look brings up to date what is known of a chain.
func (r *Runner) look(root string, w *watchedChain, t slurm.Task, records []*Record, failures []error, sum *jobs.Sum) {
	now := w.from.status(w.index) // a requeued task left one
	ended := !t.Live()
	if now.State == "done" || now.State == "failed" || ended {
		if r.collect(root, w, records, sum) {
			return
		}
	}
	if ended {
		// Files may come later than the queue's word.
		if w.silent++; w.silent < 3 {
			return
		}
		w.over = true
		w.close()
		r.fail(w, t, now, records, failures)
		return
	}
	w.silent = 0
	if now.State != "running" || t.State != "RUNNING" {
		return
	}
	for k, name := range w.names {
		switch {
		case name == now.Run:
			r.show(w, k).Update(now.Done, max(now.Total, now.Done), strings.TrimSpace(now.Text+" ("+cmp.Or(t.Node, now.Host)+")"))
			sum.Part(w.indices[k])(now.Done, now.Total, now.Text)
			return
		case records[w.indices[k]] == nil:
			r.arrive(root, w, k, records, sum)
		}
	}
}

// show returns the display of a chain's k-th experiment, and ends those before.
func (r *Runner) show(w *watchedChain, k int) show.Progress {
	if w.begun <= k {
		w.close()
		w.begun = k + 1
		w.shown = nothing{}
		if r.Watch != nil {
			w.shown = r.Watch(w.experiments[k])
		}
	}
	return w.shown
}

func (w *watchedChain) close() {
	if w.shown != nil {
		w.shown.Done()
	}
}

type nothing struct{}

func (nothing) Update(int, int, string) {}
func (nothing) Done()                   {}

// collect reads the records of a chain if all are complete, and says whether
// they are.
func (r *Runner) collect(root string, w *watchedChain, records []*Record, sum *jobs.Sum) bool {
	for k := range w.experiments {
		if records[w.indices[k]] == nil && !r.arrive(root, w, k, records, sum) {
			return false
		}
	}
	w.over = true
	w.close()
	return true
}

// arrive reads the record of a chain's k-th experiment, if it is complete.
func (r *Runner) arrive(root string, w *watchedChain, k int, records []*Record, sum *jobs.Sum) bool {
	record, err := openComplete(root, w.names[k])
	if err != nil {
		return false
	}
	records[w.indices[k]] = record
	text := record.Label() + ": done"
	display := r.show(w, k)
	display.Update(1, 1, text)
	display.Done()
	sum.Part(w.indices[k])(1, 1, text)
	r.arrived(record)
	return true
}

// openComplete opens a record whose epochs are all done.
func openComplete(root, name string) (*Record, error) {
	record, err := Open(filepath.Join(root, name))
	if err == nil && record.EpochsDone() != record.Experiment.Epochs {
		err = errNoState
	}
	return record, err
}

// fail notes why records of a chain are missing.
func (r *Runner) fail(w *watchedChain, t slurm.Task, now status, records []*Record, failures []error) {
	failed := false
	for k, name := range w.names {
		i := w.indices[k]
		if records[i] != nil {
			continue
		}
		if failed {
			failures[i] = &TaskError{Name: name, State: "not begun, since one before it failed"}
			continue
		}
		failed = true
		state := t.String()
		if now.State == "failed" {
			state = "failed on " + cmp.Or(t.Node, now.Host)
		} else if state == "" {
			state = "ended without a word"
		}
		failures[i] = &TaskError{Name: name, State: state, Lines: lastLines(w.from, w.index)}
	}
}

// lastLines are the last that a task printed.
func lastLines(s *submission, task int) []string {
	const most, bytesRead = 5, 1 << 13
	path, ok := slurm.Log(s.dir, task)
	if !ok {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		_, _ = file.Seek(max(0, size-bytesRead), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(file, bytesRead))
	var lines []string
	for scan := bufio.NewScanner(bytes.NewReader(text)); scan.Scan(); {
		if line := strings.TrimSpace(scan.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-most):]
}
