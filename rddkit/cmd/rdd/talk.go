package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/internal/machine"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show/terminal"
)

// talk is what rdd talk was asked for.
type talk struct {
	dir, dataset   string
	seeds, batches int
	only           feedback.Algorithm
	tasks          []string
}

func talkCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("talk", flag.ContinueOnError)
	var t talk
	set.StringVar(&t.dir, "out", "", "folder of the results (default data/results/feedback-learning of the checkout)")
	set.StringVar(&t.dataset, "dataset", "mnist", "data set (rdd data list shows them)")
	set.IntVar(&t.seeds, "seeds", 3, "seeds 0 to n-1")
	set.IntVar(&t.batches, "batches", 0, "batches of each run (0 for the reference's number)")
	only := set.String("method", "", "only this method")
	tasks := set.String("tasks", "classifier,large,autoencoder", "what to train: classifier (50-20), large (512-200), autoencoder")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), "usage: rdd talk [flags]\nTrains the networks of the talk's second half at the reference's length, a JSON file for each run.\nRuns that are stored already, and are long enough, are left out: the same command goes on after a stop.")
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if err := noArguments(set); err != nil {
		return err
	}
	t.only, t.tasks = feedback.Algorithm(*only), strings.Split(*tasks, ",")
	if err := t.validate(); err != nil {
		return err
	}
	if t.dir == "" {
		root, ok := place.Checkout()
		if !ok {
			return errors.New("not in a checkout: name a folder with -out")
		}
		t.dir = filepath.Join(root, "data", "results", "feedback-learning")
	}
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return err
	}
	for _, run := range t.runs() {
		if run.stored(t.dir) {
			continue
		}
		if err := run.carryOut(ctx, t.dir); err != nil {
			return err
		}
		fmt.Fprintln(stdout, filepath.Join(t.dir, run.to.Name()))
	}
	return nil
}

// mostBatches bounds -batches: far more than the reference's numbers.
const mostBatches = 10_000_000

func (t talk) validate() error {
	switch {
	case t.only != "" && !slices.Contains(feedback.Algorithms, t.only):
		return invalid.Newf("-method", string(t.only), "one of %q", feedback.Algorithms)
	case t.batches < 0 || t.batches > mostBatches:
		return invalid.Newf("-batches", t.batches, "at most %d, or 0 for the reference's number", mostBatches)
	}
	if err := checkSeeds(t.seeds); err != nil {
		return err
	}
	for _, task := range t.tasks {
		if !slices.Contains([]string{"classifier", "large", "autoencoder"}, task) {
			return invalid.New("-tasks", task, "classifier, large or autoencoder")
		}
	}
	return nil
}

// talkRun is one run and the file that it is written to.
type talkRun struct {
	experiment feedback.Runnable[*feedback.TrainingCurve]
	to         feedback.TrainingRun
	batches    int
}

// runs lists what was asked for, without the methods that the reference did not run.
func (t talk) runs() []talkRun {
	var runs []talkRun
	for _, task := range t.tasks {
		batches := t.batches
		if batches == 0 {
			batches = map[string]int{"classifier": 20000, "large": 4000, "autoencoder": 30000}[task]
		}
		for seed := range uint64(t.seeds) {
			for _, algorithm := range feedback.Algorithms {
				training := feedback.Training{Dataset: t.dataset, Algorithm: algorithm, Batches: batches, Seed: seed}
				experiment, to := talkExperiment(task, training)
				if experiment != nil && (t.only == "" || algorithm == t.only) {
					runs = append(runs, talkRun{experiment, to, batches})
				}
			}
		}
	}
	return runs
}

// talkExperiment returns nil for a method that the reference did not run.
func talkExperiment(task string, t feedback.Training) (feedback.Runnable[*feedback.TrainingCurve], feedback.TrainingRun) {
	to := feedback.TrainingRun{Task: task, Dataset: t.Dataset}
	to.Algorithm, to.Seed = t.Algorithm, t.Seed
	switch {
	case task == "classifier" && t.Algorithm != feedback.BPAdam:
		to.Hidden = []int{50, 20}
		t.Records = []int{312, 1000, 2000, 3120, 5000, 10000}
	case task == "large" && t.Algorithm != feedback.BPAdam:
		to.Task, to.Hidden = "classifier", []int{512, 200}
		t.FeedbackRate = 1e-4
		if t.Algorithm == feedback.NPLeastSquares {
			t.WarmUp = 300
		}
		t.Records = []int{300, 1000, 2000}
	case task == "autoencoder" && t.Algorithm != feedback.NPLeastSquares && t.Algorithm != feedback.Reinforcement:
		to.Hidden = []int{200, 2}
		return feedback.Autoencoder{Hidden: to.Hidden, Training: t}, to
	default:
		return nil, to
	}
	return feedback.Classifier{Hidden: to.Hidden, Training: t}, to
}

// stored reports whether a run as long, or longer, is in the folder.
func (r talkRun) stored(dir string) bool {
	there, err := feedback.ReadRuns(dir, r.to.Task, r.to.Dataset)
	return err == nil && slices.ContainsFunc(there, func(s feedback.TrainingRun) bool {
		return s.Name() == r.to.Name() && s.Batches[len(s.Batches)-1] >= r.batches
	})
}

func (r talkRun) carryOut(ctx context.Context, dir string) error {
	started := time.Now()
	progress := terminal.NewProgress(r.to.Name())
	curve, err := r.experiment.Run(ctx, progress.Update)
	progress.Done()
	if err != nil {
		return err
	}
	r.to.TrainingCurve, r.to.Seconds, r.to.Machine = *curve, time.Since(started).Seconds(), machine.This()
	return r.to.Write(dir)
}
