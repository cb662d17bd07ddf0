// Package slurm hands arrays of tasks to Slurm and tells what becomes of them, by
// the commands that every site has: sbatch, squeue, scontrol and scancel. (sacct
// needs a data base that small sites lack.)
package slurm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Error is a command of Slurm's that failed, in Slurm's own words.
type Error struct {
	Command string
	Says    string
}

func (e *Error) Error() string { return fmt.Sprintf("Slurm's %s: %s", e.Command, e.Says) }

// ErrAbsent means that this machine has no Slurm.
var ErrAbsent = errors.New("no sbatch here: this is no login node of a Slurm cluster")

// Available fails with ErrAbsent where Slurm's commands are not installed.
func Available() error {
	for _, command := range []string{"sbatch", "squeue", "scontrol", "scancel"} {
		if _, err := exec.LookPath(command); err != nil {
			return ErrAbsent
		}
	}
	return nil
}

// Array is a list of equal tasks.
type Array struct {
	// Folder holds the tasks' logs. The nodes must see it.
	Folder string
	// Name is the jobs' name, by which Tasks finds them.
	Name string
	// Tasks is their number.
	Tasks int
	// Command is the program and arguments of every task. The variable Index,
	// in its environment, is the task's number from 0.
	Command []string
	Index   string
	// Environment has more variables, as "NAME=value".
	Environment []string
	// Cores and Memory, in bytes, are of one task.
	Cores  int
	Memory int64
	// Options are for sbatch, and come after, so that they prevail.
	Options []string
}

// Submit hands the tasks over, in as many job arrays as Slurm's largest array
// takes, and returns the arrays' job ids. Of several arrays, those that were
// submitted before one failed are cancelled. The error is Slurm's.
func (a Array) Submit(ctx context.Context) (ids []string, err error) {
	most, err := largestArray(ctx)
	if err != nil {
		return nil, err
	}
	for first := 0; first < a.Tasks; first += most {
		count := min(most, a.Tasks-first)
		id, err := submit(ctx, a.script(first), append([]string{
			"--job-name=" + a.jobName(first), fmt.Sprintf("--array=0-%d", count-1),
			"--output=" + escape(a.log(first)) + "%a", "--open-mode=append", "--requeue",
			fmt.Sprintf("--cpus-per-task=%d", max(a.Cores, 1)), fmt.Sprintf("--mem=%dM", max(a.Memory+1<<20-1, 1<<20)>>20),
		}, a.Options...))
		if err != nil {
			return nil, errors.Join(err, a.takeBack(context.WithoutCancel(ctx)))
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// takeBack cancels what was submitted, also an array whose id nobody knows: sbatch
// may have been interrupted.
func (a Array) takeBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	all, err := Tasks(ctx, a.Name)
	if err != nil || len(all[a.Name]) == 0 {
		return nil // what sbatch said is told
	}
	ids := make(map[string]bool)
	for _, t := range all[a.Name] {
		ids[t.Job] = true
	}
	return Cancel(ctx, slices.Collect(maps.Keys(ids))...)
}

// jobName tells which tasks an array has.
func (a Array) jobName(first int) string { return fmt.Sprintf("%s.%d", a.Name, first) }

func (a Array) log(first int) string { return filepath.Join(a.Folder, fmt.Sprintf("log.%d.", first)) }

func (a Array) script(first int) string {
	var s strings.Builder
	s.WriteString("#!/bin/sh\n")
	for _, v := range a.Environment {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&s, "export %s=%s\n", name, quote(value))
	}
	fmt.Fprintf(&s, "export %s=$((SLURM_ARRAY_TASK_ID + %d))\n", a.Index, first)
	fmt.Fprintf(&s, "export GOMAXPROCS=${SLURM_CPUS_PER_TASK:-%d}\n", max(a.Cores, 1))
	s.WriteString("exec")
	for _, word := range a.Command {
		s.WriteString(" " + quote(word))
	}
	return s.String() + "\n"
}

func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// escape keeps sbatch from filling in what looks like a pattern in a file's name.
func escape(path string) string { return strings.ReplaceAll(path, "%", "%%") }

func submit(ctx context.Context, script string, flags []string) (id string, err error) {
	c := exec.CommandContext(ctx, "sbatch", append([]string{"--parsable"}, flags...)...)
	c.Stdin = strings.NewReader(script)
	c.Env = environment()
	out, err := run(ctx, c)
	if err != nil {
		return "", err
	}
	id, _, _ = strings.Cut(strings.TrimSpace(out), ";") // a cluster's name may follow
	if _, err := strconv.Atoi(id); err != nil {
		return "", &Error{"sbatch", fmt.Sprintf("%q where a job's id was expected", out)}
	}
	return id, nil
}

// foreign are variables of a notebook cell, or of the task that this process may
// be: tasks would take them for theirs.
var foreign = []string{"GONB_", "SLURM_ARRAY_", "SLURM_JOB", "SLURM_CPUS_", "SLURM_MEM_", "SLURM_TASK", "SLURM_NTASKS"}

func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc(foreign, func(prefix string) bool { return strings.HasPrefix(v, prefix) })
	})
}

func run(ctx context.Context, c *exec.Cmd) (string, error) {
	var out, says bytes.Buffer
	c.Stdout, c.Stderr = &out, &says
	if err := c.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if errors.Is(err, exec.ErrNotFound) {
			return "", ErrAbsent
		}
		name := filepath.Base(c.Path)
		text := strings.ReplaceAll(strings.TrimSpace(says.String()), name+": error: ", "")
		if text == "" {
			text = err.Error()
		}
		return "", &Error{name, strings.ReplaceAll(text, "\n", "; ")}
	}
	return out.String(), nil
}

var maxArraySize = regexp.MustCompile(`(?m)^MaxArraySize\s*=\s*(\d+)`)

// largestArray is the number of tasks that one array may have.
func largestArray(ctx context.Context) (int, error) {
	out, err := run(ctx, exec.CommandContext(ctx, "scontrol", "show", "config"))
	if err != nil {
		return 0, err
	}
	if m := maxArraySize.FindStringSubmatch(out); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 1 {
			return n - 1, nil // the largest index is below it
		}
	}
	return 1000, nil
}

// Task is what Slurm says of a task that it has, or had until some minutes ago.
type Task struct {
	Job    string // the array's id
	State  string // such as PENDING, RUNNING or COMPLETED
	Reason string // why it is pending, or ended
	Node   string
}

// Live says whether the task may still come to run, or runs.
func (t Task) Live() bool {
	switch t.State {
	case "", "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT":
		return false
	}
	return true
}

// Tasks returns, for each array name of those given, what Slurm knows of this
// user's tasks of it, by their numbers. Of tasks that ended a while ago it knows
// nothing.
func Tasks(ctx context.Context, names ...string) (map[string]map[int]Task, error) {
	me, err := user.Current() // the queue of all may be long
	if err != nil {
		return nil, err
	}
	out, err := run(ctx, exec.CommandContext(ctx, "squeue", "-h", "-r", "-t", "all", "-u", me.Username, "-o", "%j|%F|%K|%T|%r|%N"))
	if err != nil {
		return nil, err
	}
	all := make(map[string]map[int]Task)
	for _, name := range names {
		all[name] = make(map[int]Task)
	}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 6 {
			continue
		}
		at := strings.LastIndexByte(f[0], '.')
		tasks := all[f[0][:max(at, 0)]]
		first, err1 := strconv.Atoi(f[0][at+1:])
		index, err2 := strconv.Atoi(f[2])
		if tasks == nil || err1 != nil || err2 != nil {
			continue
		}
		t := Task{Job: f[1], State: f[3], Reason: f[4], Node: f[5]}
		// A task that was requeued by hand may be listed with its former self.
		if before, ok := tasks[first+index]; !ok || !before.Live() {
			tasks[first+index] = t
		}
	}
	return all, nil
}

// Log returns the file that a task of an array of that folder prints into, and
// whether there is one.
func Log(folder string, task int) (path string, ok bool) {
	logs, _ := filepath.Glob(filepath.Join(folder, "log.*"))
	for _, path := range logs {
		var first, index int
		if n, _ := fmt.Sscanf(filepath.Base(path), "log.%d.%d", &first, &index); n == 2 && first+index == task {
			return path, true
		}
	}
	return "", false
}

// Cancel cancels jobs, whatever has begun of them.
func Cancel(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := run(ctx, exec.CommandContext(ctx, "scancel", ids...))
	return err
}

// Probe runs a small task on some node, which tells whether it sees a folder, may
// write there, can start a program, and sees another folder, "" for none. While it
// waits, it tells now and then why. Its error names what is missing, or is Slurm's.
// When ctx ends the task is cancelled.
func Probe(ctx context.Context, folder, program, data string, options []string, pause time.Duration, tell func(text string)) error {
	answer := filepath.Join(folder, "probe")
	script := fmt.Sprintf("#!/bin/sh\ncd %s || exit 13\n[ -x %s ] || exit 14\ncd %s || exit 16\n{ hostname > %s; } || exit 15\n",
		quote(folder), quote(program), quote(cmp.Or(data, folder)), quote(answer))
	id, err := submit(ctx, script, append([]string{"--job-name=rdd-probe", "--output=/dev/null", "--chdir=/", "--time=5", "--mem=50M", "--no-requeue"}, options...))
	if err != nil {
		return err
	}
	for {
		out, err := run(ctx, exec.CommandContext(ctx, "scontrol", "-o", "show", "job", id))
		if err == nil {
			state := Task{State: field(out, "JobState"), Reason: field(out, "Reason"), Node: field(out, "NodeList")}
			if !state.Live() {
				return probed(state, field(out, "ExitCode"), folder, program, data)
			}
			tell(fmt.Sprintf("a task (job %s) tries whether nodes see %s: %s", id, folder, state.describe()))
		} else if ctx.Err() == nil { // a controller that is busy, or has forgotten the job
			if _, seen := os.Stat(answer); seen == nil {
				return nil
			}
			if strings.Contains(err.Error(), "Invalid job id") {
				return fmt.Errorf("%s: the task that tried whether nodes see it left no answer", folder)
			}
		}
		select {
		case <-ctx.Done():
			_ = Cancel(context.WithoutCancel(ctx), id)
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func probed(t Task, exit, folder, program, data string) error {
	code, _, _ := strings.Cut(exit, ":")
	switch {
	case t.State == "COMPLETED":
		return nil
	case code == "13":
		return fmt.Errorf("node %s does not see %s: name a folder on a file system that all nodes share", t.Node, folder)
	case code == "14":
		return fmt.Errorf("node %s cannot start %s: name a folder on a file system that all nodes share and that allows programs", t.Node, program)
	case code == "15":
		return fmt.Errorf("node %s may not write in %s", t.Node, folder)
	case code == "16":
		return fmt.Errorf("node %s does not see %s, where the data sets are: name a folder on a file system that all nodes share", t.Node, data)
	}
	return fmt.Errorf("the task that tried whether nodes see %s ended: %s, exit code %s", folder, t.describe(), exit)
}

func (t Task) describe() string {
	switch {
	case t.Node != "" && t.Node != "(null)" && t.Live():
		return t.State + " on " + t.Node
	case t.Reason != "" && t.Reason != "None":
		return t.State + " (" + t.Reason + ")"
	}
	return t.State
}

func (t Task) String() string { return t.describe() }

// field is a value of what scontrol prints in one line.
func field(line, name string) string {
	for f := range strings.FieldsSeq(line) {
		if value, ok := strings.CutPrefix(f, name+"="); ok {
			return value
		}
	}
	return ""
}
