// Command fullscale runs the training experiments of package feedback at the
// reference's length and stores each as a JSON file. Runs that are stored
// already are left out, so that the same command continues after a stop:
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
	"github.com/weightalign/lab/rddkit/internal/invalid"
	"github.com/weightalign/lab/rddkit/show"
)

func main() {
	dir := flag.String("dir", filepath.Join("data", "results", "feedback-learning"), "folder of the results")
	dataset := flag.String("dataset", "mnist", "data set (rdd data list shows them)")
	seeds := flag.Int("seeds", 3, "seeds 0 to n-1")
	tasks := flag.String("tasks", "classifier,large,autoencoder", "what to train: classifier (50-20), large (512-200), autoencoder")
	flag.Parse()
	if err := run(*dir, *dataset, *seeds, strings.Split(*tasks, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "fullscale:", err)
		var wrong *invalid.Error
		if errors.As(err, &wrong) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func run(dir, dataset string, seeds int, tasks []string) error {
	ctx, stop := show.Context()
	defer stop()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, task := range tasks {
		if !slices.Contains([]string{"classifier", "large", "autoencoder"}, task) {
			return invalid.New("tasks", task, "classifier, large or autoencoder")
		}
		for seed := range uint64(seeds) {
			for _, method := range feedback.Methods {
				runner, to := experiment(task, dataset, method, seed)
				if runner == nil {
					continue
				}
				if _, err := os.Stat(filepath.Join(dir, to.Name())); err == nil {
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

// experiment returns nil for a method that the reference did not run.
func experiment(task, dataset string, method feedback.Method, seed uint64) (feedback.Runner[*feedback.TrainingCurve], feedback.Stored) {
	to := feedback.Stored{Task: task, Dataset: dataset}
	to.Method, to.Seed = method, seed
	training := feedback.Training{Dataset: dataset, Method: method, Seed: seed}
	switch {
	case task == "classifier" && method != feedback.Adam:
		to.Hidden = []int{50, 20}
		training.Records = []int{312, 1000, 2000, 3120, 5000, 10000}
	case task == "large" && method != feedback.Adam:
		to.Task, to.Hidden = "classifier", []int{512, 200}
		training.Batches, training.FeedbackRate = 4000, 1e-4
		if method == feedback.LeastSquares {
			training.WarmUp = 300
		}
		training.Records = []int{300, 1000, 2000}
	case task == "autoencoder" && method != feedback.LeastSquares && method != feedback.Reinforcement:
		to.Hidden = []int{200, 2}
		return feedback.Autoencoder{Hidden: to.Hidden, Training: training}, to
	default:
		return nil, to
	}
	return feedback.Classifier{Hidden: to.Hidden, Training: training}, to
}
