// Command fullscale runs the training experiments of package feedback at the
// reference's length and stores each as a JSON file. Runs that are stored
// already, and are long enough, are left out, so that the same command continues
// after a stop:
//
//	go run ./rddkit/feedback/fullscale -dataset mnist -seeds 3
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show"
)

func main() {
	dir := flag.String("dir", filepath.Join("data", "results", "feedback-learning"), "folder of the results")
	dataset := flag.String("dataset", "mnist", "data set (rdd data list shows them)")
	seeds := flag.Int("seeds", 3, "seeds 0 to n-1")
	tasks := flag.String("tasks", "classifier,large,autoencoder", "what to train: classifier (50-20), large (512-200), autoencoder")
	batches := flag.Int("batches", 0, "batches of each run (0 for the reference's number)")
	only := flag.String("method", "", "only this method")
	flag.Parse()
	if err := run(*dir, *dataset, *seeds, *batches, feedback.Method(*only), strings.Split(*tasks, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "fullscale:", err)
		var wrong *invalid.Error
		if errors.As(err, &wrong) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func run(dir, dataset string, seeds, batches int, only feedback.Method, tasks []string) error {
	switch {
	case only != "" && !slices.Contains(feedback.Methods, only):
		return invalid.Newf("method", string(only), "one of %q", feedback.Methods)
	case seeds < 1:
		return invalid.New("seeds", seeds, "at least 1")
	case batches < 0:
		return invalid.New("batches", batches, "at least 1, or 0 for the reference's number")
	}
	for _, task := range tasks {
		if !slices.Contains([]string{"classifier", "large", "autoencoder"}, task) {
			return invalid.New("tasks", task, "classifier, large or autoencoder")
		}
	}
	ctx, stop := show.Context()
	defer stop()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, task := range tasks {
		for seed := range uint64(seeds) {
			for _, method := range feedback.Methods {
				wanted := batches
				if wanted == 0 {
					wanted = map[string]int{"classifier": 20000, "large": 4000, "autoencoder": 30000}[task]
				}
				runner, to := experiment(task, feedback.Training{Dataset: dataset, Method: method, Batches: wanted, Seed: seed})
				if runner == nil || only != "" && method != only {
					continue
				}
				if stored(dir, to, wanted) {
					continue
				}
				started := time.Now()
				progress := show.NewProgress(to.Name())
				curve, err := runner.Run(ctx, progress.Update)
				progress.Done()
				if err != nil {
					return err
				}
				to.TrainingCurve, to.Seconds, to.Machine = *curve, time.Since(started).Seconds(), rddkit.ThisMachine()
				if err := to.Write(dir); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// stored reports whether a run of so many batches, or more, is in the folder.
func stored(dir string, run feedback.Stored, batches int) bool {
	there, err := feedback.Read(dir, run.Task, run.Dataset)
	return err == nil && slices.ContainsFunc(there, func(s feedback.Stored) bool {
		return s.Name() == run.Name() && s.Batches[len(s.Batches)-1] >= batches
	})
}

// experiment returns nil for a method that the reference did not run.
func experiment(task string, t feedback.Training) (feedback.Runner[*feedback.TrainingCurve], feedback.Stored) {
	to := feedback.Stored{Task: task, Dataset: t.Dataset}
	to.Method, to.Seed = t.Method, t.Seed
	switch {
	case task == "classifier" && t.Method != feedback.Adam:
		to.Hidden = []int{50, 20}
		t.Records = []int{312, 1000, 2000, 3120, 5000, 10000}
	case task == "large" && t.Method != feedback.Adam:
		to.Task, to.Hidden = "classifier", []int{512, 200}
		t.FeedbackRate = 1e-4
		if t.Method == feedback.LeastSquares {
			t.WarmUp = 300
		}
		t.Records = []int{300, 1000, 2000}
	case task == "autoencoder" && t.Method != feedback.LeastSquares && t.Method != feedback.Reinforcement:
		to.Hidden = []int{200, 2}
		return feedback.Autoencoder{Hidden: to.Hidden, Training: t}, to
	default:
		return nil, to
	}
	return feedback.Classifier{Hidden: to.Hidden, Training: t}, to
}
