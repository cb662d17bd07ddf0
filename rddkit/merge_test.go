package rddkit

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/lock"
)

func TestMerge(t *testing.T) {
	ctx := context.Background()
	e := little
	e.Method, e.Epochs = FeedbackAlignment, 3
	name, err := e.Name()
	if err != nil {
		t.Fatal(err)
	}
	whole := t.TempDir()
	if _, err := (&Runner{Dir: whole}).Run(ctx, e); err != nil {
		t.Fatal(err)
	}
	part := t.TempDir() // some of the three epochs
	within, cancel := context.WithCancel(ctx)
	r := Runner{Dir: part, Progress: func(done, total int, _ string) {
		if 3*done > 2*total {
			cancel()
		}
	}}
	if _, err := r.Run(within, e); err == nil {
		t.Fatal("it was not interrupted")
	}
	n := opened(t, filepath.Join(part, name)).EpochsDone()
	if n < 1 || n > 2 {
		t.Fatalf("interrupted after %d epochs", n)
	}
	merge := func(to, from string) Merged {
		t.Helper()
		all, err := Merge(ctx, to, from)
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		if left, _ := filepath.Glob(filepath.Join(to, ".merge-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		return all[0]
	}
	epochs := func(dir string) int {
		t.Helper()
		return opened(t, filepath.Join(dir, name)).EpochsDone()
	}
	to := filepath.Join(t.TempDir(), "new")
	if m := merge(to, part); !m.Copied || m.Err != nil || m.Before != -1 || m.Epochs != n || epochs(to) != n {
		t.Errorf("into an empty folder: %+v", m)
	}
	if m := merge(to, part); m.Copied || m.Err != nil || m.Before != n {
		t.Errorf("again: %+v", m)
	}
	if m := merge(to, whole); !m.Copied || m.Err != nil || m.Before != n || m.Epochs != 3 || epochs(to) != 3 {
		t.Errorf("a longer one: %+v", m)
	}
	if m := merge(to, part); m.Copied || m.Err != nil || m.Before != 3 || epochs(to) != 3 {
		t.Errorf("a shorter one: %+v", m)
	}
	// What goes on from a merged record is what goes on from the original.
	if record, err := (&Runner{Dir: part}).Run(ctx, e); err != nil || record.TrainError[3] != opened(t, filepath.Join(whole, name)).TrainError[3] {
		t.Errorf("%v, %v", record, err)
	}

	other := t.TempDir() // the same experiment with other numbers
	record := opened(t, filepath.Join(whole, name))
	record.Dir = filepath.Join(other, name)
	record.TestError[1] += 1e-9
	if err := os.Mkdir(record.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var weights []Weights
	for layer := 1; layer <= record.Layers(); layer++ {
		w, err := record.Weights(layer)
		if err != nil {
			t.Fatal(err)
		}
		weights = append(weights, w)
	}
	if err := record.write(weights, nil); err != nil {
		t.Fatal(err)
	}
	if m := merge(to, other); m.Copied || m.Err == nil || !strings.Contains(m.Err.Error(), "conflict: TestError") {
		t.Errorf("another: %+v", m)
	}
	weights[0].Forward[0] += 1
	record.TestError[1] = opened(t, filepath.Join(whole, name)).TestError[1]
	if err := record.write(weights, nil); err != nil {
		t.Fatal(err)
	}
	if m := merge(to, other); m.Copied || m.Err == nil || !strings.Contains(m.Err.Error(), "weights of FC1") {
		t.Errorf("other weights: %+v", m)
	}

	held, err := lock.Acquire(ctx, lockOf(filepath.Join(whole, name)), lock.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m := merge(t.TempDir(), whole); m.Copied || m.Err == nil || !strings.Contains(m.Err.Error(), "at work") {
		t.Errorf("at work: %+v", m)
	}
	held.Release()
	misplaced := t.TempDir()
	if err := os.Rename(filepath.Join(part, name), filepath.Join(misplaced, name+"1")); err != nil {
		t.Fatal(err)
	}
	if m := merge(to, misplaced); m.Copied || m.Err == nil || !strings.Contains(m.Err.Error(), "renamed") {
		t.Errorf("misplaced: %+v", m)
	}
	damaged := t.TempDir()
	if err := os.Rename(filepath.Join(other, name), filepath.Join(damaged, name)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(damaged, name, "test_err.npy"), 100); err != nil {
		t.Fatal(err)
	}
	if m := merge(t.TempDir(), damaged); m.Copied || m.Err == nil {
		t.Errorf("damaged: %+v", m)
	}

	stored, copies := t.TempDir(), t.TempDir()
	if _, err := Store(opened(t, filepath.Join(whole, name)), stored, 10); err != nil {
		t.Fatal(err)
	}
	if m := merge(copies, stored); !m.Copied || m.Err != nil || m.Epochs != 3 {
		t.Errorf("a stored run: %+v", m)
	}
	if m := merge(copies, stored); m.Copied || m.Err != nil {
		t.Errorf("a stored run again: %+v", m)
	}
	for _, wrong := range [][]string{nil, {filepath.Join(to, "missing")}, {to}} {
		if _, err := Merge(ctx, to, wrong...); err == nil {
			t.Errorf("from %v: no error", wrong)
		}
	}
}

func opened(t *testing.T, dir string) *Record {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
