package rddkit

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

func TestAStoredRecordIsReadBack(t *testing.T) {
	e := little
	e.Epochs = 1
	r := mustRun(t, t.TempDir(), e)
	r.Provenance.Sessions[0].BLAS = "OpenBLAS 1 (/home/ada/lib/libopenblas.so)"
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
	if name, _ := e.Name(); len(folders) != 1 || folders[0].Name() != name+".npz" {
		t.Errorf("%v in the results' folder, want %s.npz alone", folders, name)
	}
	a, err := openArchive(filepath.Join(results, folders[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	text, err := a.read("run.json")
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
	if len(records) != 1 || records[0].EpochsDone() != 2 || len(absent) != 1 || absent[0].Seed != other.Seed {
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
	path := records[0].Dir
	whole, err := openArchive(path)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, f := range whole.File {
		if files[f.Name], err = whole.read(f.Name); err != nil {
			t.Fatal(err)
		}
	}
	for what, change := range map[string]func(){
		"correct_1.npy": func() { delete(files, "correct_1.npy") },
		"train_err.npy": func() { files["train_err.npy"][len(files["train_err.npy"])-3] ^= 1 },
		"run.json": func() {
			files["run.json"] = bytes.Replace(files["run.json"], []byte(`"seed": 0`), []byte(`"seed": 4`), 1)
		},
	} {
		kept := maps.Clone(files)
		for name := range kept {
			kept[name] = bytes.Clone(kept[name])
		}
		change()
		if err := writeArchive(path, files); err != nil {
			t.Fatal(err)
		}
		if _, _, err := storedIn(results, nil); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("a stored record with a damaged %s: %v", what, err)
		}
		files = kept
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
