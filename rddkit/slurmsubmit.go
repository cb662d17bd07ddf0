package rddkit

import (
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
	"github.com/weightalign/lab/rddkit/internal/lock"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/internal/slurm"
	"github.com/weightalign/lab/rddkit/invalid"
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
		tell := r.Data.Progress
		if tell == nil && r.Progress != nil {
			tell = func(file string, done, total int64) {
				r.Progress(0, 0, fmt.Sprintf("fetching %s: %d of %d MB", file, done/1e6, total/1e6))
			}
		}
		if err := dataset.Fetch(ctx, name, dataset.FetchOptions{Dir: r.Data.Dir, Offline: r.Data.Offline, Progress: tell}); err != nil {
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

func sortedKeys(set map[string]bool) []string {
	var keys []string
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
