package rddkit

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

func TestAStoredRecordIsReadBack(t *testing.T) {
	e := little
	e.Epochs = 1
	r := mustRun(t, t.TempDir(), e)
	description := filepath.Join(r.Dir, "run.json")
	text, err := os.ReadFile(description)
	if err != nil {
		t.Fatal(err)
	}
	withPath := regexp.MustCompile(`"blas": ".*"`).ReplaceAll(text, []byte(`"blas": "OpenBLAS 1 (/home/ada/lib/libopenblas.so)"`))
	if err := os.WriteFile(description, withPath, 0o644); err != nil {
		t.Fatal(err)
	}
	results := t.TempDir()
	for range 2 { // the second replaces the first
		stored, err := Store(r, results, PairsStored)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(stored.Series, r.Series) || stored.Experiment != r.Experiment {
			t.Errorf("stored\n%+v, want\n%+v", stored, r)
		}
		for layer := 1; layer <= r.Layers(); layer++ {
			checkSample(t, r, stored, layer)
		}
	}
	folders, err := os.ReadDir(results)
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := e.Name(); len(folders) != 1 || folders[0].Name() != name {
		t.Errorf("%v in the results' folder, want %s alone", folders, name)
	}
	text, err = os.ReadFile(filepath.Join(results, folders[0].Name(), "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{os.TempDir(), "/home", r.Dir} {
		if strings.Contains(string(text), path) {
			t.Errorf("run.json holds the path %s:\n%s", path, text)
		}
	}
	if !strings.Contains(string(text), "OpenBLAS 1 (libopenblas.so)") {
		t.Errorf("run.json does not name the backend:\n%s", text)
	}
	if !strings.Contains(string(text), "rdd train -epochs 1 -rdd-time 12") {
		t.Errorf("run.json lacks the command:\n%s", text)
	}
}

// checkSample compares a stored sample with all of the record's pairs.
func checkSample(t *testing.T, r, stored *Record, layer int) {
	t.Helper()
	forward, feedback, err := r.Pairs(layer)
	if err != nil {
		t.Fatal(err)
	}
	all := map[[2]float64]int{}
	for k := range forward {
		all[[2]float64{forward[k], feedback[k]}]++
	}
	w, b, err := stored.Pairs(layer)
	if err != nil {
		t.Fatal(err)
	}
	if want := min(PairsStored, len(forward)); len(w) != want || len(b) != want {
		t.Errorf("FC%d: %d and %d weights, want %d pairs", layer, len(w), len(b), want)
	}
	for k := range w {
		pair := [2]float64{w[k], b[k]}
		if all[pair]--; all[pair] < 0 {
			t.Fatalf("FC%d: the pair %v is not one of the record's, or too often there", layer, pair)
		}
	}
	// The sample is of the whole matrix: its spread is that of all weights.
	spread := func(values []float64) float64 {
		sum := 0.0
		for _, v := range values {
			sum += v * v
		}
		return math.Sqrt(sum / float64(len(values)))
	}
	if a, b := spread(w), spread(forward); math.Abs(a/b-1) > 0.05 {
		t.Errorf("FC%d: sampled weights have the size %g, all %g", layer, a, b)
	}
}

func TestStoredRunsAreFound(t *testing.T) {
	runs, results := t.TempDir(), t.TempDir()
	short := little
	short.Epochs, short.Method = 1, FeedbackAlignment
	long := short
	long.Epochs = 2
	for _, e := range []Experiment{short, long} {
		if _, err := Store(mustRun(t, runs, e), results, 0); err != nil {
			t.Fatal(err)
		}
	}
	asked, other := short, short
	asked.Epochs, other.Seed = 100, 9
	records, absent, err := storedIn(results, []Experiment{asked, other})
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 1 || records[0].EpochsDone() != 2 || !slices.Equal(absent, []Experiment{other}) {
		t.Errorf("found %v, absent %v; want the record of 2 epochs, and %v absent", records, absent, other)
	}
	if records, absent, err := storedIn(results, nil); err != nil || len(records) != 2 || absent != nil {
		t.Errorf("asked for all: %d records, absent %v, %v", len(records), absent, err)
	}
	if records, absent, err := storedIn(filepath.Join(results, "nowhere"), []Experiment{asked}); err != nil || records != nil || len(absent) != 1 {
		t.Errorf("from no folder: %v, %v, %v", records, absent, err)
	}
	var bad *invalid.Error
	if _, _, err := storedIn(results, []Experiment{{Epochs: -1}}); !errors.As(err, &bad) {
		t.Errorf("a bad experiment: %v", err)
	}
	if _, _, err := records[0].Pairs(1); !errors.As(err, &bad) || bad.Value != "without weights" {
		t.Errorf("pairs of a record that was stored without: %v", err)
	}
	dir := records[0].Dir
	if err := npy.WriteFile(filepath.Join(dir, "pairs_2.npy"), []float32{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := records[0].Pairs(2); !errors.As(err, &bad) || !strings.Contains(bad.Field, "pairs_2.npy") {
		t.Errorf("damaged pairs: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "correct_1.npy")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := storedIn(results, nil); err == nil {
		t.Error("a stored record without one of its files was read")
	}
}

// The command's flags give the experiment back.
func TestTheCommandIsTheExperiments(t *testing.T) {
	for _, method := range Methods() {
		want := Experiment{Method: method, Dataset: "usps", Epochs: 7, Seed: 3, Drive: "fresh", Momentum: None, TrainEpochs: None, Carry: "driven", EscapeWidth: 0.25, BatchSize: 16}
		args := strings.Fields(strings.TrimPrefix(want.Command(), "go run ./rddkit/cmd/rdd train"))
		var got Experiment
		set := flag.NewFlagSet("", flag.ContinueOnError)
		got.Flags(set)
		if err := set.Parse(args); err != nil || got.filled() != want.filled() {
			t.Errorf("%v gave %+v, %v; want %+v", args, got, err, want)
		}
	}
}

func ExampleExperiment_Command() {
	e := Experiment{Dataset: "cifar10", Method: FuzzyRDD, RDDTime: 180, Epochs: 60, Drive: "accumulating"}
	fmt.Println(e.Command())
	// Output: go run ./rddkit/cmd/rdd train -dataset cifar10 -method fuzzy-rdd -epochs 60 -rdd-time 180
}
