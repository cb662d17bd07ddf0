package rddkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/lock"
	"github.com/weightalign/lab/rddkit/invalid"
)

// tiny is an experiment of a tenth of a second.
var tiny = Experiment{Method: FeedbackAlignment, Network: "6", Epochs: 3, TrainLimit: 24, TestLimit: 8, BatchSize: 8}

func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// Whatever bit of whatever file of a record is flipped, whatever file is cut short
// or lost: reading it gives the record as it was, or an error, and never other
// numbers; and running the experiment again restores it to the bit.
func TestDamageIsNeverBelieved(t *testing.T) {
	original := mustRun(t, t.TempDir(), tiny)
	weights, err := original.Weights(1)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(original.Dir)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	silent, told, restored := 0, 0, 0
	for _, f := range files {
		if f.IsDir() { // the lock
			continue
		}
		for kind := range 6 {
			root := t.TempDir()
			dir := filepath.Join(root, original.Name())
			copyFolder(t, dir, original.Dir)
			path := filepath.Join(dir, f.Name())
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch kind {
			case 0:
				text = text[:len(text)/2]
			case 1:
				text = nil
			case 2:
				text = append(text, 0)
			default:
				text[random.IntN(len(text))] ^= 1 << random.IntN(8)
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s, damage %d", f.Name(), kind)
			if r, err := Open(dir); err == nil {
				w, err := r.Weights(1)
				if err == nil && (!reflect.DeepEqual(r.Series, original.Series) || !reflect.DeepEqual(w, weights) || r.Experiment != original.Experiment) {
					silent++
					t.Errorf("%s was believed", what)
				}
			} else {
				told++
			}
			var notices []string
			runner := &Runner{Dir: root, Notice: func(text string) { notices = append(notices, text) }}
			r, err := runner.Run(context.Background(), tiny)
			if err != nil {
				t.Errorf("%s: running it again: %v", what, err)
				continue
			}
			_, first := r.Weights(1)
			_, second := r.Weights(2)
			if errors.As(errors.Join(first, second), new(*damageError)) {
				// Weights are looked at when they are read: do what the error says.
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if r, err = runner.Run(context.Background(), tiny); err != nil {
					t.Errorf("%s: without the file: %v", what, err)
					continue
				}
			}
			same(t, what, r, original)
			if err := r.complete(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			restored++
		}
	}
	t.Logf("%d damages: %d told when opened, %d believed, %d restored", 6*(len(files)-1), told, silent, restored)
}

// A damaged state is told and kept; the run goes on from the one before it.
func TestADamagedStateIsToldAndTheOneBeforeGoesOn(t *testing.T) {
	dir := t.TempDir()
	r := mustRun(t, dir, tiny)
	path := filepath.Join(r.Dir, stateFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 4
	for _, name := range []string{stateFile, "run.json"} { // so that it is not complete
		if err := os.WriteFile(filepath.Join(r.Dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var notices []string
	again, err := (&Runner{Dir: dir, Notice: func(text string) { notices = append(notices, text) }}).Run(context.Background(), tiny)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "after the state was damaged", again, r)
	if len(notices) != 1 || !strings.Contains(notices[0], "damaged") {
		t.Errorf("notices %q", notices)
	}
	if kept, err := os.ReadFile(filepath.Join(r.Dir, damagedFile)); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("the damaged file was not kept: %v", err)
	}
	if s := again.Provenance.Sessions; len(s) != 2 || s[1].FirstEpoch == 0 {
		t.Errorf("sessions %+v: want the second to go on from an epoch above 0", s)
	}
}

// The folder of one experiment under the name of another is neither believed nor
// gone on with.
func TestACopiedFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := mustRun(t, dir, tiny)
	other := tiny
	other.Seed = 5
	name, err := other.Name()
	if err != nil {
		t.Fatal(err)
	}
	copyFolder(t, filepath.Join(dir, name), first.Dir)
	var wrong *invalid.Error
	if _, err := (&Runner{Dir: dir}).Run(context.Background(), other); !errors.As(err, &wrong) || !strings.Contains(err.Error(), first.Name()) {
		t.Errorf("a copied record: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, name, "run.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Runner{Dir: dir}).Run(context.Background(), other); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("a copied state: %v", err)
	}
	longer := tiny // a stray folder and a state of another seed beside it do no harm
	longer.Epochs = 4
	if err := os.WriteFile(filepath.Join(dir, strings.TrimSuffix(first.Name(), "3")+"notes"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := mustRun(t, dir, longer); r.Provenance.Sessions[len(r.Provenance.Sessions)-1].FirstEpoch != 3 {
		t.Errorf("sessions %+v: the longer run did not go on", r.Provenance.Sessions)
	}
}

// What lies beside a record under a name like its own, or in a shorter one's place,
// does not stop a run; what is no file does not hold it.
func TestWhatLiesBesideARecordDoesNoHarm(t *testing.T) {
	want := mustRun(t, t.TempDir(), tiny)
	stem := strings.TrimSuffix(want.Name(), "3")
	for what, put := range map[string]func(dir string) error{
		"a file":               func(dir string) error { return os.WriteFile(filepath.Join(dir, stem+"2"), nil, 0o644) },
		"an empty folder":      func(dir string) error { return os.Mkdir(filepath.Join(dir, stem+"2"), 0o755) },
		"a link to nowhere":    func(dir string) error { return os.Symlink("nowhere", filepath.Join(dir, stem+"2")) },
		"a folder of a number": func(dir string) error { return os.Mkdir(filepath.Join(dir, stem+"99999999999999999999"), 0o755) },
		"a folder for a state": func(dir string) error { return os.MkdirAll(filepath.Join(dir, stem+"2", stateFile), 0o755) },
		"a state of rubbish": func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, stem+"2"), 0o755), os.WriteFile(filepath.Join(dir, stem+"2", stateFile), []byte("rddkit state 2 {"), 0o644))
		},
		"a copy": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, stem+"3 (copy)"), []byte("x"), 0o644)
		},
		"a temporary file of a killed save": func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, stem+"3"), 0o755), os.WriteFile(filepath.Join(dir, stem+"3", "."+stateFile+"-1.tmp"), nil, 0o644))
		},
	} {
		dir := t.TempDir()
		if err := put(dir); err != nil {
			t.Fatal(err)
		}
		r, err := (&Runner{Dir: dir, Notice: func(string) {}}).Run(context.Background(), tiny)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		same(t, what, r, want)
		if left, err := filepath.Glob(filepath.Join(r.Dir, ".*.tmp")); err != nil || len(left) > 0 {
			t.Errorf("%s: %q are left, %v", what, left, err)
		}
	}
}

// However long the pause between two saves, the first epoch after every start is
// saved: a run that is stopped within the pause each time gets on.
func TestEveryStartGetsOn(t *testing.T) {
	dir := t.TempDir()
	e, err := tiny.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	e.Epochs = 6
	name, err := e.Name()
	if err != nil {
		t.Fatal(err)
	}
	stem, err := e.stem()
	if err != nil {
		t.Fatal(err)
	}
	set, err := new(sets).load(context.Background(), e, dataset.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	for start := range 3 {
		held, err := lock.Acquire(context.Background(), lockOf(path), lock.Options{})
		if err != nil {
			t.Fatal(err)
		}
		run, err := (&Runner{Dir: dir}).begin(context.Background(), e, set, path, stem, held, nil)
		if err != nil {
			t.Fatal(err)
		}
		if done := run.record.EpochsDone(); done != start {
			t.Fatalf("start %d goes on after %d epochs", start, done)
		}
		for range 2 { // the second is lost
			run.pause = time.Hour
			if err := run.epoch(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if h, err := readHeader(filepath.Join(path, stateFile)); err != nil || h.Epochs != start+1 {
			t.Errorf("start %d saved %d epochs, %v", start, h.Epochs, err)
		}
		if err := held.Release(); err != nil {
			t.Fatal(err)
		}
	}
	want := mustRun(t, t.TempDir(), e)
	same(t, "stopped again and again", mustRun(t, dir, e), want)
}

// Several at work on one record, some of which are stopped, leave the record of
// one: epochs never go backwards for a reader.
func TestManyWritersLeaveOneRecord(t *testing.T) {
	e := tiny
	e.Epochs = 12
	want := mustRun(t, t.TempDir(), e)
	dir := t.TempDir()
	name, err := e.Name()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var watching, writing sync.WaitGroup
	watching.Go(func() {
		furthest := 0
		for {
			select {
			case <-done:
				return
			default:
			}
			if r, err := Open(filepath.Join(dir, name)); err == nil {
				if r.EpochsDone() < furthest {
					t.Errorf("epochs went from %d to %d", furthest, r.EpochsDone())
				}
				furthest = r.EpochsDone()
			} else if errors.As(err, new(*damageError)) {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		}
	})
	for k := range 6 {
		writing.Go(func() {
			for try := 0; ; try++ {
				ctx, cancel := context.WithCancel(context.Background())
				if k%2 == 0 && try < 4 {
					time.AfterFunc(time.Duration(20+10*k)*time.Millisecond, cancel)
				}
				r, err := (&Runner{Dir: dir}).Run(ctx, e)
				cancel()
				if err == nil {
					same(t, "of several writers", r, want)
					return
				}
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
	close(done)
	watching.Wait()
	r, err := Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	epochs := 0
	for _, s := range r.Provenance.Sessions {
		if s.FirstEpoch != epochs && s.Epochs > 0 {
			t.Errorf("sessions %+v: an epoch was done twice, or not at all", r.Provenance.Sessions)
		}
		epochs += s.Epochs
	}
	if epochs != e.Epochs {
		t.Errorf("%d epochs in the sessions, want %d", epochs, e.Epochs)
	}
	if _, err := (&Runner{Dir: dir, NoWait: true}).Run(context.Background(), e); err != nil {
		t.Errorf("a finished record, without waiting: %v", err)
	}
}

// A run that diverges ends with an error that says what to change, and leaves no
// record that could not be read.
func TestDivergenceEndsTheRun(t *testing.T) {
	for what, e := range map[string]Experiment{
		"RDDRate":      {RDDRate: 1, Network: "60-30", RDDTime: 12, Epochs: 9, TrainLimit: 24, TestLimit: 8, BatchSize: 8},
		"LearningRate": {Method: Backpropagation, Network: "60n-60n", LearningRate: 1e5, Loss: Softmax, Epochs: 9, TrainLimit: 24, TestLimit: 8, BatchSize: 8},
	} {
		dir := t.TempDir()
		_, err := (&Runner{Dir: dir}).Run(context.Background(), e)
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
			continue
		}
		name, _ := e.Name()
		if r, err := Open(filepath.Join(dir, name)); err == nil {
			if err := r.finite(); err != nil {
				t.Errorf("%s: a record was left with %v", what, err)
			}
		}
	}
}
