package rddkit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/internal/lock"
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

// planVariable and taskVariable are set in the environment of a task.
const (
	planVariable = "RDDKIT_TASK_PLAN"
	taskVariable = "RDDKIT_TASK"
)

// submission is a folder in a run folder's .slurm: what was handed to Slurm at
// once.
type submission struct {
	dir   string
	Tasks []task `json:"tasks"`
}

// task names the records of a chain.
type task []string

func (s *submission) array() string { return "rdd-" + filepath.Base(s.dir) }

func (s *submission) program() string { return filepath.Join(s.dir, "program") }

func (s *submission) plan() string { return filepath.Join(s.dir, "plan.json") }

func (s *submission) statusFile(task int) string {
	return filepath.Join(s.dir, fmt.Sprintf("task-%d.json", task))
}

func readSubmission(dir string) (*submission, error) {
	s := &submission{dir: dir}
	text, err := os.ReadFile(s.plan())
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, invalid.New(s.plan(), err.Error(), "a plan of tasks")
	}
	return s, nil
}

// submissions are those of a run folder, the oldest first.
func submissions(root string) ([]*submission, error) {
	plans, err := filepath.Glob(filepath.Join(globbed(root), ".slurm", "*", "plan.json"))
	if err != nil {
		return nil, err
	}
	slices.Sort(plans)
	var all []*submission
	for _, plan := range plans {
		s, err := readSubmission(filepath.Dir(plan))
		if errors.Is(err, os.ErrNotExist) {
			continue // another process tidied up
		} else if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// globbed is a path that a pattern takes as it is.
func globbed(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// status is what a task tells of itself.
type status struct {
	Run   string `json:"run"` // the experiment at work
	Done  int    `json:"done"`
	Total int    `json:"total"`
	Text  string `json:"text"`
	Host  string `json:"host"`
	State string `json:"state"` // running, done or failed
	Error string `json:"error,omitempty"`
}

func (s *submission) status(task int) status {
	var now status
	if text, err := os.ReadFile(s.statusFile(task)); err == nil {
		_ = json.Unmarshal(text, &now) // written whole; what is not is nothing
	}
	return now
}

func (s *submission) tell(task int, now status) error {
	now.Host, _ = os.Hostname()
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(s.statusFile(task), text)
}

// asTask carries out a task if this process is one, and ends the process.
func (r *Runner) asTask(ctx context.Context, chains []*chain) error {
	plan := os.Getenv(planVariable)
	if plan == "" {
		return nil
	}
	s, err := readSubmission(filepath.Dir(plan))
	if err != nil {
		return err
	}
	var index int
	if _, err := fmt.Sscan(os.Getenv(taskVariable), &index); err != nil || index < 0 || index >= len(s.Tasks) {
		return invalid.Newf(taskVariable, os.Getenv(taskVariable), "the number of a task, from 0 to %d", len(s.Tasks)-1)
	}
	c := &chain{names: s.Tasks[index]}
	for _, name := range c.names {
		for _, all := range chains {
			if k := slices.Index(all.names, name); k >= 0 {
				c.experiments = append(c.experiments, all.experiments[k])
			}
		}
	}
	if len(c.experiments) != len(c.names) {
		return nil // this program comes to several sweeps
	}
	own := *r
	own.Dir = filepath.Dir(filepath.Dir(s.dir)) // wherever a task starts
	if err := own.carryOut(ctx, s, index, c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
	return nil
}

// carryOut runs a chain and leaves word of it.
func (r *Runner) carryOut(ctx context.Context, s *submission, task int, c *chain) error {
	const pause = 2 * time.Second
	sets := new(sets)
	sets.expect(c.experiments)
	var told time.Time
	var now status
	for k, e := range c.experiments {
		now = status{Run: c.names[k], State: "running"}
		_ = s.tell(task, now) // a full disk stops the run where it must
		_, err := r.run(ctx, e, sets, func(done, total int, text string) {
			now.Done, now.Total, now.Text = done, total, text
			if time.Since(told) > pause {
				told = time.Now()
				_ = s.tell(task, now)
			}
		})
		sets.release(e)
		if err != nil && ctx.Err() != nil { // preempted: Slurm requeues it, or an attach does
			return err
		} else if err != nil {
			now.State, now.Error = "failed", err.Error()
			return errors.Join(err, s.tell(task, now))
		}
	}
	now.State = "done"
	return s.tell(task, now)
}

// watched is a chain that a task has, or had.
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
	if err := slurm.Available(); err != nil {
		return nil, invalid.New("Runner.Slurm", err.Error(), "a login node, with sbatch, squeue, scontrol and scancel on the PATH; rdd sweep -part serves other engines")
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
	tidy(context.WithoutCancel(ctx), root)
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

func sortedKeys(set map[string]bool) []string {
	var keys []string
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// root is the folder of the run folders.
func (r *Runner) root() (string, error) {
	if r.Dir != "" {
		return r.Dir, nil
	}
	return place.Runs()
}

// attach finds the tasks that have the chains and submits those that none has.
func (r *Runner) attach(ctx context.Context, root string, open []*watchedChain, o SlurmOptions) error {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	// Two who attach at once would submit the same.
	l, err := lock.Acquire(ctx, filepath.Join(root, ".slurm", "lock"), lock.Options{Wait: true, Tell: o.Tell})
	if err != nil {
		return err
	}
	defer l.Release()
	earlier, err := submissions(root)
	if err != nil {
		return err
	}
	type had struct {
		by    *submission
		index int
	}
	latest := make(map[string]had) // by the name of a record
	var names []string
	for _, s := range earlier {
		names = append(names, s.array())
	}
	states, err := slurm.Tasks(ctx, names...)
	if err != nil {
		return err
	}
	for _, s := range earlier {
		for i, t := range s.Tasks {
			for _, name := range t {
				if states[s.array()][i].Live() {
					latest[name] = had{s, i}
				}
			}
		}
	}
	attached := make(map[string]bool)
	var fresh []*watchedChain
	for _, w := range open {
		if t, ok := latest[w.names[len(w.names)-1]]; ok {
			w.from, w.index = t.by, t.index
			attached[states[t.by.array()][t.index].Job] = true
		} else {
			fresh = append(fresh, w)
		}
	}
	if len(attached) > 0 {
		o.Tell(fmt.Sprintf("attached to job %s: %d tasks", strings.Join(sortedKeys(attached), ", "), len(open)-len(fresh)))
	}
	if len(fresh) == 0 {
		return nil
	}
	return r.submit(ctx, root, fresh, o)
}

// submit hands chains over, after fetching their images, once, and after a task
// that tried whether nodes see the folders.
func (r *Runner) submit(ctx context.Context, root string, fresh []*watchedChain, o SlurmOptions) error {
	var memory int64
	known := make(map[string]bool)
	for _, w := range fresh {
		for _, e := range w.experiments {
			need, err := e.Memory()
			if err != nil {
				return err
			}
			memory = max(memory, need)
			known[e.Dataset] = true
		}
	}
	for _, name := range sortedKeys(known) {
		if own, err := dataset.Identity(name); err != nil {
			return err
		} else if own != "" {
			continue // the user's own are there
		}
		if err := dataset.Fetch(ctx, name, dataset.FetchOptions{Dir: r.Data.Dir, Offline: r.Data.Offline, Progress: r.Data.Progress}); err != nil {
			return err
		}
	}
	data, err := r.dataFolder(known)
	if err != nil {
		return err
	}
	s, err := newSubmission(root, fresh)
	if err != nil {
		return err
	}
	if err := r.probe(ctx, s, data, o); err != nil {
		_ = os.RemoveAll(s.dir)
		return slurmHint(err)
	}
	array := slurm.Array{Folder: s.dir, Name: s.array(), Tasks: len(s.Tasks), Command: append([]string{s.program()}, os.Args[1:]...),
		Index: taskVariable, Environment: []string{planVariable + "=" + s.plan(), "RDDKIT_OFFLINE=1"},
		Cores: o.Cores, Memory: memory, Options: o.Options}
	if data != "" {
		array.Environment = append(array.Environment, "RDDKIT_DATA="+data)
	}
	ids, err := array.Submit(ctx)
	if err != nil {
		_ = os.RemoveAll(s.dir)
		return slurmHint(err)
	}
	for i, w := range fresh {
		w.from, w.index = s, i
	}
	o.Tell(fmt.Sprintf("submitted job %s: %d tasks of %d core(s) and %d MB", strings.Join(ids, ", "), len(fresh), max(o.Cores, 1), memory/1e6))
	return nil
}

// dataFolder is where nodes must find the data sets, "" if all are embedded.
func (r *Runner) dataFolder(names map[string]bool) (string, error) {
	for name := range names {
		if info, err := dataset.Describe(name); err != nil {
			return "", err
		} else if info.Embedded {
			continue
		}
		if r.Data.Dir != "" {
			return filepath.Abs(r.Data.Dir)
		}
		return place.Datasets()
	}
	return "", nil
}

// probe lets a task try whether nodes see the folders. A try counts for a day, for
// the same options and data.
func (r *Runner) probe(ctx context.Context, s *submission, data string, o SlurmOptions) error {
	path := filepath.Join(filepath.Dir(s.dir), "probed")
	tried := strings.Join(append([]string{data}, o.Options...), "\n")
	if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) < 24*time.Hour {
		if text, err := os.ReadFile(path); err == nil && string(text) == tried {
			return nil
		}
	}
	tell := func(text string) {
		if r.Progress != nil {
			r.Progress(0, 0, text)
		}
	}
	if err := slurm.Probe(ctx, s.dir, s.program(), data, o.Options, min(o.Pause, time.Second), tell); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, []byte(tried))
}

// slurmHint says what to change where Slurm refuses.
func slurmHint(err error) error {
	if refused := new(slurm.Error); errors.As(err, &refused) {
		return fmt.Errorf("%w (what sbatch is given is in SlurmOptions.Options, or -slurm-options)", err)
	}
	return err
}

// newSubmission writes the plan and copies this program beside it.
func newSubmission(root string, chains []*watchedChain) (*submission, error) {
	base := filepath.Join(root, ".slurm")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base, time.Now().UTC().Format("20060102-150405-"))
	if err != nil {
		return nil, err
	}
	s := &submission{dir: dir}
	for _, w := range chains {
		s.Tasks = append(s.Tasks, w.names)
	}
	plan, err := json.Marshal(s)
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), copyProgram(s.program()), atomicfile.WriteFile(s.plan(), plan))
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

// copyProgram copies this program, so that nodes run what was submitted whatever
// is built in the meantime.
func copyProgram(to string) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Close())
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

// tidy removes submissions whose records are all complete.
func tidy(ctx context.Context, root string) {
	all, err := submissions(root)
	if err != nil || len(all) == 0 {
		return
	}
	var arrays []string
	for _, s := range all {
		arrays = append(arrays, s.array())
	}
	states, err := slurm.Tasks(ctx, arrays...)
	if err != nil {
		return
	}
	for _, s := range all {
		live := false
		for _, t := range states[s.array()] {
			live = live || t.Live()
		}
		var names []string
		for _, t := range s.Tasks {
			names = append(names, t...)
		}
		if !live && !slices.Contains(readIndex(root).finished(names), nil) {
			_ = os.RemoveAll(s.dir)
		}
	}
}
