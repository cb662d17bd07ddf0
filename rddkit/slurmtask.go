package rddkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/invalid"
)

// planVariable and taskVariable are set in the environment of a task.
const (
	planVariable = "RDDKIT_TASK_PLAN"
	taskVariable = "RDDKIT_TASK"
)

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
