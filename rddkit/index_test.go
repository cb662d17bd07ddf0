package rddkit

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// manyRecords makes a folder with n finished records that differ in their seeds.
func manyRecords(t testing.TB, n int) (dir string, experiments []Experiment) {
	t.Helper()
	dir = t.TempDir()
	e := Experiment{Method: FeedbackAlignment, Epochs: 2, TrainLimit: 32, TestLimit: 16, BatchSize: 16}
	experiments = Seeds(n, e)
	made, err := (&Runner{Dir: t.TempDir()}).Run(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(made.Dir)
	if err != nil {
		t.Fatal(err)
	}
	run := made.description()
	run.Files = made.digests
	for _, e := range experiments {
		if run.Experiment, err = e.Resolve(); err != nil {
			t.Fatal(err)
		}
		if run.Name, err = e.Name(); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, run.Name)
		if err := os.Mkdir(to, 0o777); err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if f.Type().IsRegular() && f.Name() != stateFile && f.Name() != previousFile {
				if err := os.Link(filepath.Join(made.Dir, f.Name()), filepath.Join(to, f.Name())); err != nil {
					t.Fatal(err)
				}
			}
		}
		text, err := run.encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(to, "run.json")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, "run.json"), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir, experiments
}

// What the index has is what Open reads, in one file of at most 10 kB a record.
func TestTheIndexIsWhatOpenReads(t *testing.T) {
	dir, experiments := manyRecords(t, indexFrom)
	r := &Runner{Dir: dir}
	for _, what := range []string{"without an index", "from the index", "deleted", "damaged"} {
		path := filepath.Join(dir, indexFile)
		switch what {
		case "deleted":
			os.Remove(path)
		case "damaged":
			if err := os.Truncate(path, 999); err != nil {
				t.Fatal(err)
			}
		case "from the index":
			x := readIndex(dir)
			if len(x.known) != len(experiments) {
				t.Fatalf("%d records in the index", len(x.known))
			}
			info, err := os.Stat(path)
			if err != nil || info.Size() > int64(10_000*len(experiments)) {
				t.Errorf("%d bytes for %d records, %v", info.Size(), len(experiments), err)
			}
		}
		records, err := r.Sweep(context.Background(), experiments...)
		if err != nil {
			t.Fatal(err)
		}
		for i, got := range records {
			want, err := Open(got.Dir)
			if err != nil {
				t.Fatal(err)
			}
			if got.Experiment.Seed != experiments[i].Seed || fmt.Sprint(got.Series) != fmt.Sprint(want.Series) || got.Name() != want.Name() || got.Label() != want.Label() ||
				asJSON(t, got.Experiment) != asJSON(t, want.Experiment) || asJSON(t, got.Provenance) != asJSON(t, want.Provenance) {
				t.Fatalf("%s: record %d is\n%+v\nwant\n%+v", what, i, got, want)
			}
			if _, err := got.Weights(1); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A record that changed, lost a file, or whose weights were cut short is not taken
// from the index.
func TestTheIndexFollowsItsRecords(t *testing.T) {
	dir, experiments := manyRecords(t, indexFrom)
	names := make([]string, len(experiments))
	for i, e := range experiments {
		names[i], _ = e.Name()
	}
	readIndex(dir).finished(names)
	x := readIndex(dir)
	at := func(i int, name string) string { return filepath.Join(dir, names[i], name) }
	if err := os.Remove(at(0, "train_err.npy")); err != nil {
		t.Fatal(err)
	}
	replace := func(path string, text []byte) { // the files are links
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(at(1, "weight_1.npy"))
	if err != nil {
		t.Fatal(err)
	}
	replace(at(1, "weight_1.npy"), text[:len(text)-4])
	text, err = os.ReadFile(at(3, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	replace(at(2, "run.json"), text) // of another experiment
	for i := range 5 {
		if got := x.lookUp(filepath.Join(dir, names[i])); (got != nil) != (i > 2) {
			t.Errorf("record %d: %v", i, got)
		}
	}
	if got := x.finished(names[:5]); got[0] != nil || got[1] != nil || got[2] != nil || got[3] == nil || got[4] == nil {
		t.Errorf("finished: %v", got)
	}
}

// What 5000 finished records cost a sweep, once the index is there.
func BenchmarkSweepOfFinishedRecords(b *testing.B) {
	if testing.Short() {
		b.Skip("minutes, for many records")
	}
	dir, experiments := manyRecords(b, 5000)
	r := &Runner{Dir: dir}
	sweep := func() {
		if _, err := r.Sweep(context.Background(), experiments...); err != nil {
			b.Fatal(err)
		}
	}
	sweep()
	info, err := os.Stat(filepath.Join(dir, indexFile))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		sweep()
	}
	b.ReportMetric(float64(info.Size())/float64(len(experiments)), "bytes/record")
}
