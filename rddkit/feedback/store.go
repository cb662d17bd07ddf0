package feedback

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/machine"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/invalid"
)

// TrainingRun is a training run as a file holds it.
type TrainingRun struct {
	Task    string // "classifier" or "autoencoder"
	Dataset string
	Hidden  []int
	TrainingCurve
	Seconds float64 // of one core or more, whatever was free
	Machine machine.Machine
}

// Name is the file's, e.g. "classifier-mnist-50-20-fa-seed0.json".
func (s TrainingRun) Name() string {
	sizes := strings.ReplaceAll(strings.Trim(fmt.Sprint(s.Hidden), "[]"), " ", "-")
	return fmt.Sprintf("%s-%s-%s-%s-seed%d.json", s.Task, s.Dataset, sizes, string(s.Algorithm), s.Seed)
}

// Write stores the run in a folder. The file appears whole or not at all.
func (s TrainingRun) Write(dir string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, s.Name()), append(text, '\n'))
}

// ReadRuns returns the runs stored in a folder for a task and a data set, by
// method and seed. The error is an *invalid.Error, naming the file, if one is
// damaged.
func ReadRuns(dir, task, dataset string) ([]TrainingRun, error) {
	files, err := os.ReadDir(dir) // in the order of their names
	if err != nil {
		return nil, err
	}
	var list []TrainingRun
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), task+"-"+dataset+"-") || !strings.HasSuffix(file.Name(), ".json") {
			continue
		}
		path := filepath.Join(dir, file.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var s TrainingRun
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, invalid.New(path, err.Error(), "a training run that TrainingRun.Write wrote")
		}
		if err := s.validate(); err != nil {
			return nil, invalid.New(path, err.Error(), "a training run that TrainingRun.Write wrote")
		}
		if s.Task == task && s.Dataset == dataset { // not of a data set whose name only begins like this one
			list = append(list, s)
		}
	}
	return list, nil
}

// StoredRuns returns the runs that travel with the checkout, of a task ("classifier"
// or "autoencoder") on MNIST.
func StoredRuns(task string) ([]TrainingRun, error) {
	root, ok := place.Checkout()
	if !ok {
		return nil, errors.New("feedback: the stored runs are in a checkout only")
	}
	return ReadRuns(filepath.Join(root, "data", "results", "feedback-learning"), task, "mnist")
}

// Stored returns the curves of StoredRuns whose networks have such hidden layers.
func Stored(task string, hidden ...int) (curves []*TrainingCurve, err error) {
	runs, err := StoredRuns(task)
	for _, r := range runs {
		if slices.Equal(r.Hidden, hidden) {
			curves = append(curves, &r.TrainingCurve)
		}
	}
	return curves, err
}

func (s TrainingRun) validate() error {
	points := len(s.Batches)
	switch {
	case points == 0 || len(s.TestLoss) != points || s.Accuracy != nil && len(s.Accuracy) != points:
		return invalid.New("Batches, TestLoss, Accuracy", []int{points, len(s.TestLoss), len(s.Accuracy)}, "lists of one length")
	case !slices.Contains(Algorithms, s.Algorithm):
		return invalid.Newf("Method", string(s.Algorithm), "one of %q", Algorithms)
	}
	for _, l := range s.Layers {
		if len(l) != points {
			return invalid.New("Layers", len(l), "as many entries as Batches")
		}
	}
	return nil
}
