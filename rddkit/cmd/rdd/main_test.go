package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rdd runs the command and returns its exit code and what it printed.
func rdd(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = exitCode(dispatch(context.Background(), args, &out, &err), &err)
	return code, out.String(), err.String()
}

// A command that cannot print what it found has failed, whichever it is.
func TestAFullDiskIsAFailure(t *testing.T) {
	t.Setenv("RDDKIT_RUNS", t.TempDir())
	full := errors.New("no space left on device")
	small := []string{"-method", "fa", "-network", "6", "-epochs", "1", "-train-limit", "24", "-test-limit", "8", "-batch-size", "8"}
	name := func() string {
		runs, err := os.ReadDir(os.Getenv("RDDKIT_RUNS"))
		if err != nil || len(runs) != 1 {
			t.Fatal(runs, err)
		}
		return filepath.Join(os.Getenv("RDDKIT_RUNS"), runs[0].Name())
	}
	for _, args := range []func() []string{
		func() []string { return append([]string{"train"}, small...) },
		func() []string { return append([]string{"sweep"}, small...) },
		func() []string { return append([]string{"sweep", "-json"}, small...) },
		func() []string { return append([]string{"sweep", "-list"}, small...) },
		func() []string { return []string{"train", "-methods"} },
		func() []string { return []string{"store", "-out", t.TempDir(), name()} },
		func() []string { return []string{"merge", t.TempDir(), name()} },
		func() []string { return []string{"data", "list"} },
		func() []string { return []string{"data", "verify", "fashion-mnist-10k"} },
		func() []string { return []string{"data", "-h"} },
		func() []string { return []string{"version"} },
		func() []string { return []string{"help"} },
	} {
		args := args()
		var stderr bytes.Buffer
		err := dispatch(context.Background(), args, failing{full}, &stderr)
		if code := exitCode(err, &stderr); code != 1 || !errors.Is(err, full) {
			t.Errorf("rdd %s on a full disk: exit code %d, %v", strings.Join(args, " "), code, err)
		}
	}
}

// failing is a writer that fails.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWrongInputExitsWithTwoAndSaysWhatIsAllowed(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("RDDKIT_RUNS", filepath.Join(empty, "runs"))
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "usage"},
		{[]string{"learn"}, `command is "learn"`},
		{[]string{"train", "-dataset", "imagenet"}, "cifar10"},
		{[]string{"train", "-method", "hebb"}, "rdd"},
		{[]string{"train", "-rdd-time", "0.0005"}, "0.0005"},
		{[]string{"train", "-rdd-time", "-90"}, "-90"},
		{[]string{"train", "-epochs", "many"}, "many"},
		{[]string{"train", "-learning-rate", "NaN"}, "LearningRate"},
		{[]string{"train", "now"}, "now"},
		{[]string{"train", "-epochs", "0"}, "-epochs is \"0\""},
		{[]string{"train", "-momentum", "0"}, "default, 0.9"},
		{[]string{"train", "-method", "node-perturbation", "-noise", "0"}, "-noise"},
		{[]string{"train", "-rdd-time", "100"}, "0.003"},
		{[]string{"train", "-seeds", "-1"}, "at least 1"},
		{[]string{"train", "-seeds", "0"}, "at least 1"},
		{[]string{"train", "-seeds", "1000000000"}, "at most 10000"},
		{[]string{"train", "-epochs", "1000000000000"}, "1 to 1000000"},
		{[]string{"train", "-batch-size", "1000000000"}, "to 100000"},
		{[]string{"train", "-interval", "1e9"}, "at most 1.07"},
		{[]string{"train", "-rdd-time", "300000", "-interval", "0.001"}, "less than 1048576 observations"},
		{[]string{"sweep", "-seeds", "300000000"}, "at most 10000"},
		{[]string{"sweep", "-list", "-seeds", "10000", "-epochs", strings.Repeat("1,", 20) + "1"}, "at most 100000"},
		{[]string{"talk", "-seeds", "1000000000"}, "at most 10000"},
		{[]string{"talk", "-batches", "1000000000000"}, "-batches"},
		{[]string{"bench", "-repeat", "1000000000000"}, "-repeat"},
		{[]string{"sweep", "-method", "fa,hebb"}, "hebb"},
		{[]string{"sweep", "-epochs", "1,many"}, "many"},
		{[]string{"sweep", "-epochs", "5,0"}, "-epochs is \"0\""},
		{[]string{"sweep", "-seeds", "0"}, "-seeds"},
		{[]string{"sweep", "-cores", "0"}, "-cores"},
		{[]string{"sweep", "-memory", "-5"}, "-memory"},
		{[]string{"sweep", "-memory", "20"}, "Runner.Memory"},
		{[]string{"sweep", "now"}, "now"},
		{[]string{"figures"}, "at least one run"},
		{[]string{"figures", empty}, "run.json"},
		{[]string{"store"}, "at least one run"},
		{[]string{"store", "-out", filepath.Join(empty, "results"), empty}, "run.json"},
		{[]string{"bench", "-repeat", "0"}, "repeat"},
		{[]string{"verdicts", "-items", "12"}, "numbers from 1 to 11"},
		{[]string{"verdicts", "-items", "1,,2"}, "numbers from 1 to 11"},
		{[]string{"verdicts", "R1"}, "R1"},
	} {
		code, _, stderr := rdd(c.args...)
		if code != 2 || !strings.Contains(stderr, c.says) {
			t.Errorf("rdd %s: exit code %d, %q; want 2 and %q", strings.Join(c.args, " "), code, stderr, c.says)
		}
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("wrong input left %v behind, %v", left, err)
	}
}

func TestHelpExitsWithZero(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"help"}, {"train", "-h"}, {"sweep", "-h"}, {"store", "-h"}, {"figures", "-h"}, {"bench", "-h"}, {"data", "-h"}, {"verdicts", "-h"}} {
		if code, stdout, stderr := rdd(args...); code != 0 || !strings.Contains(stdout+stderr, "usage") {
			t.Errorf("rdd %s: exit code %d, %q", strings.Join(args, " "), code, stdout+stderr)
		}
	}
}

func TestTrainWritesARunThatFiguresDraws(t *testing.T) {
	dir := t.TempDir()
	code, stdout, stderr := rdd("train", "-method", "fa", "-epochs", "2", "-train-limit", "32", "-test-limit", "16", "-batch-size", "16", "-out", filepath.Join(dir, "runs"))
	if code != 0 || !strings.Contains(stdout, "FA on fashion-mnist-10k, seed 0, 2 epochs") {
		t.Fatalf("train: exit code %d\n%s%s", code, stdout, stderr)
	}
	runs, err := filepath.Glob(filepath.Join(dir, "runs", "fa-*"))
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs %v, %v", runs, err)
	}
	if code, stdout, stderr := rdd("figures", "-out", filepath.Join(dir, "figures"), runs[0]); code != 0 {
		t.Fatalf("figures: exit code %d\n%s%s", code, stdout, stderr)
	}
	for _, kind := range []string{"png", "svg", "pdf", "html", "tsv"} {
		if files, _ := filepath.Glob(filepath.Join(dir, "figures", "*."+kind)); len(files) != 5 {
			t.Errorf("%d files of kind %s, want 5", len(files), kind)
		}
	}
	if code, stdout, stderr := rdd("store", "-out", filepath.Join(dir, "results"), runs[0]); code != 0 || !strings.Contains(stdout, "2 of 2 epochs") {
		t.Fatalf("store: exit code %d\n%s%s", code, stdout, stderr)
	}
	stored := filepath.Join(dir, "results", filepath.Base(runs[0])+".npz")
	if code, stdout, stderr := rdd("figures", "-out", filepath.Join(dir, "of stored"), stored); code != 0 {
		t.Fatalf("figures of a stored run: exit code %d\n%s%s", code, stdout, stderr)
	}
	// It is not on CIFAR-10, as the report's are.
	if code, stdout, stderr := rdd("figures", "-report", stored); code != 0 || strings.Count(stdout, "| not run |  |") != 6 {
		t.Errorf("comparison with the report: exit code %d\n%s%s", code, stdout, stderr)
	}
	if err := os.WriteFile(filepath.Join(runs[0], "train_err.npy"), []byte("not NumPy"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := rdd("figures", runs[0]); code != 2 || !strings.Contains(stderr, "train_err.npy") {
		t.Errorf("a damaged run: exit code %d, %q", code, stderr)
	}
}
