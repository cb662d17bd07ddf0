package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show/terminal"
)

// slurmFlags are the flags of a sweep on Slurm.
type slurmFlags struct {
	on      bool
	options []string
}

func (f *slurmFlags) define(set *flag.FlagSet) {
	set.BoolVar(&f.on, "slurm", false, "run as a job array of Slurm, or attach to one")
	set.Func("slurm-options", "options for sbatch, such as \"--partition=short --time=2:00:00\"; may be repeated", func(text string) error {
		f.options = append(f.options, strings.Fields(text)...)
		return nil
	})
}

// apply sets what the flags say in a runner, and refuses those that do not go
// together.
func (f *slurmFlags) apply(set *flag.FlagSet, runner *rddkit.Runner, cores int, stderr io.Writer) error {
	if !f.on {
		if f.options != nil {
			return invalid.New("-slurm-options", strings.Join(f.options, " "), "none without -slurm")
		}
		return nil
	}
	runner.Slurm = &rddkit.SlurmOptions{Options: f.options, Tell: func(text string) { fmt.Fprintln(stderr, text) }}
	var err error
	set.Visit(func(given *flag.Flag) {
		switch given.Name {
		case "cores":
			runner.Slurm.Cores = cores
		case "part":
			err = invalid.New("-part", given.Value.String(), "none with -slurm, which shares the work out itself")
		case "memory":
			err = invalid.New("-memory", given.Value.String(), "none with -slurm: what a task may use is in -slurm-options --mem=…")
		}
	})
	return err
}

// sweepOnSlurm is Runner.Sweep by tasks of Slurm. Ctrl-C leaves the jobs alone; a
// second one, while it is told what to do then, cancels them.
func sweepOnSlurm(ctx context.Context, runner *rddkit.Runner, experiments []rddkit.Experiment, lines *terminal.Lines, stderr io.Writer) ([]*rddkit.Record, error) {
	interrupts := make(chan os.Signal, 2) // the first one ended ctx
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	records, err := runner.Sweep(ctx, experiments...)
	lines.Close()
	var detached *rddkit.DetachedError
	if !errors.As(err, &detached) || len(detached.Jobs) == 0 {
		return records, err
	}
	const patience = 5 * time.Second
	fmt.Fprintf(stderr, "%v. Ctrl-C within %v cancels it.\n", detached, patience)
	select { // the first is there, if it was Ctrl-C
	case <-interrupts:
	case <-time.After(100 * time.Millisecond):
		return records, context.Canceled
	}
	select {
	case <-interrupts:
	case <-time.After(patience):
		return records, context.Canceled
	}
	within, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := detached.Cancel(within); err != nil {
		return records, err
	}
	fmt.Fprintln(stderr, "cancelled; the same command goes on from there")
	return records, context.Canceled
}

// printFailures prints what is known of runs whose tasks failed, and returns what
// is left to say.
func printFailures(w io.Writer, err error) error {
	failed := 0
	walk(err, func(e *rddkit.TaskError) {
		if failed++; failed == 1 {
			fmt.Fprintln(w, "failed:")
		}
		fmt.Fprintln(w, e)
	})
	if failed == 0 {
		return err
	}
	return fmt.Errorf("%d failed; the same command tries them again", failed)
}

// walk visits the failed tasks that errors.Join joined.
func walk(err error, visit func(*rddkit.TaskError)) {
	switch e := err.(type) {
	case *rddkit.TaskError:
		visit(e)
	case interface{ Unwrap() []error }:
		for _, e := range e.Unwrap() {
			walk(e, visit)
		}
	}
}
