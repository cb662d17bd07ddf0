package rddkit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/gemm"
	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/spike"
)

var writePinned = flag.Bool("write-pinned", false, "write testdata/pinned.json anew: the results of every record change")

// pinnedFiles are the files of a record whose numbers no change of the code may
// move, unless the results version of the method says so.
func pinnedFiles(layers int) []string {
	files := []string{"train_err.npy", "test_err.npy", "train_cost.npy", "test_cost.npy"}
	for layer := 1; layer <= layers; layer++ {
		for _, name := range []string{"correct", "self", "decay", "sparse", "amp", "info", "symm", "weight", "fb_weight", "beta"} {
			files = append(files, fmt.Sprintf("%s_%d.npy", name, layer))
		}
	}
	return files
}

// digestRecord is the SHA-256 of the shapes and numbers of a record's files.
// A file that is not there counts as empty.
func digestRecord(t *testing.T, dir string, layers int) string {
	t.Helper()
	sum := sha256.New()
	for _, name := range pinnedFiles(layers) {
		fmt.Fprintf(sum, "%s:", name)
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		a, err := npy.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(sum, a.Shape)
		if err := json.NewEncoder(sum).Encode(a.Float64()); err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// Short runs of every method that existed when this was written, with both
// drives, give the names and bits that they gave then, on the pure Go backend of
// matrix products.
func TestPinnedBits(t *testing.T) {
	if err := gemm.Use(gemm.PureGo); err != nil {
		t.Fatal(err)
	}
	defer gemm.Use(os.Getenv(gemm.Variable))
	var experiments []Experiment
	for _, method := range []Method{"rdd", "fuzzy-rdd", "fuzzy-wald"} {
		for _, drive := range []string{"accumulating", "fresh"} {
			e := little
			e.Method = method
			setDrive(&e, drive)
			experiments = append(experiments, e)
		}
	}
	for _, method := range []Method{"fa", "sign-symmetry", "dfa", "bp"} {
		e := little
		e.Method = method
		experiments = append(experiments, e)
	}
	for _, method := range []Method{"node-perturbation", "dfa-node-perturbation"} {
		e := little
		e.Method, e.BatchSize, e.TrainLimit = method, 2, 44 // so that both solve for feedback weights
		experiments = append(experiments, e)
	}
	decay := little
	decay.WeightDecay, decay.Dataset, decay.Seed = 0.001, "fashion-mnist-10k", 7
	early := little
	early.RDDEpochs, early.Carry, early.RDDRate, early.Interval, early.EscapeWidth, early.RefractorySteps = 1, "driven", 0.002, 3, 0.05, 2
	setDrive(&early, "fresh")
	still := little
	still.TrainEpochs = 1
	still.Method, still.Momentum, still.Augment = "fuzzy-rdd", None, "off"
	experiments = append(experiments, decay, early, still)

	got := make(map[string]string)
	for _, e := range experiments {
		r, err := (&Runner{Dir: t.TempDir()}).Run(context.Background(), e)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(r.Dir)] = digestRecord(t, r.Dir, 3)
	}
	path := filepath.Join("testdata", "pinned.json")
	if *writePinned {
		text, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
	for name, digest := range got {
		if want[name] != digest {
			t.Errorf("%s has digest %s, want %q", name, digest, want[name])
		}
	}
}

// setDrive is the one place that knows the type of Experiment.Drive.
func setDrive(e *Experiment, name string) { e.Drive = spike.Drive(name) }
