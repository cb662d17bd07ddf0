package rddkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

// little is small enough that a test can run it several times.
var little = Experiment{Epochs: 2, TrainLimit: 40, TestLimit: 16, BatchSize: 16, RDDTime: 12}

func mustRun(t *testing.T, dir string, e Experiment) *Record {
	t.Helper()
	r, err := (&Runner{Dir: dir}).Run(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// same fails unless two records are equal to the bit, durations aside.
func same(t *testing.T, what string, a, b *Record) {
	t.Helper()
	x, y := a.Series, b.Series
	x.LearnSeconds, x.TrainSeconds, x.TestSeconds = nil, nil, nil
	y.LearnSeconds, y.TrainSeconds, y.TestSeconds = nil, nil, nil
	if !reflect.DeepEqual(x, y) {
		t.Errorf("%s: the series differ:\n%+v\n%+v", what, x, y)
	}
	for layer := 1; layer <= a.Layers(); layer++ {
		v, err := a.Weights(layer)
		if err != nil {
			t.Fatal(err)
		}
		w, err := b.Weights(layer)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(v, w) {
			t.Errorf("%s: the weights of FC%d differ", what, layer)
		}
	}
}

func TestARecordIsReadBack(t *testing.T) {
	for _, method := range Methods() {
		dir := t.TempDir()
		e := little
		e.Method, e.Network = method, "c4k5-30-20"
		ran := mustRun(t, dir, e)
		read, err := Open(ran.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(ran, read) {
			t.Errorf("%s: ran\n%+v, read\n%+v", method, ran, read)
		}
		var told string
		runner := Runner{Dir: dir, Progress: func(_, _ int, text string) { told = text }}
		if _, err := runner.Run(context.Background(), e); err != nil || !strings.Contains(told, "read from disk") {
			t.Errorf("%s: asked for again it said %q, %v", method, told, err)
		}
	}
}

// The last that is told of a run is that all is done, or its display would end
// as that of one that was stopped.
func TestProgressArrives(t *testing.T) {
	standing := little
	standing.TrainEpochs = None
	for what, e := range map[string]Experiment{"training": little, "without training": standing} {
		done, total := 0, -1
		runner := Runner{Dir: t.TempDir(), Progress: func(d, n int, _ string) { done, total = d, n }}
		if _, err := runner.Run(context.Background(), e); err != nil {
			t.Fatal(err)
		}
		if done != total {
			t.Errorf("%s: a finished run has told of %d of %d steps", what, done, total)
		}
	}
}

// inUse returns how many bytes of the heap are.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A notebook cell keeps the records of its runs, not what was at work in them.
func TestARecordDoesNotKeepItsNetwork(t *testing.T) {
	dir, e := t.TempDir(), little
	before := inUse()
	record := mustRun(t, dir, e)
	var weights uint64 // of the network, as it is without buffers and gradients
	for layer := 1; layer <= record.Layers(); layer++ {
		w, err := record.Weights(layer)
		if err != nil {
			t.Fatal(err)
		}
		weights += 4 * uint64(len(w.Forward))
	}
	if after := inUse(); after > before+weights {
		t.Errorf("a finished run keeps %d KiB in memory; its weights are %d KiB", (after-before)>>10, weights>>10)
	}
	runtime.KeepAlive(record)
}

// The report's plotting script relies on these names, lengths and shapes.
func TestTheFilesAreThoseOfTheReport(t *testing.T) {
	for _, c := range []struct {
		method Method
		values int // of each metric: per epoch at 0 and 10 s, and at the end; or one per epoch
	}{{RDD, 2*2 + 1}, {FeedbackAlignment, 2}} {
		e := little
		e.Method = c.method
		r := mustRun(t, t.TempDir(), e)
		want := map[string][]int{}
		for layer := 1; layer <= r.Layers(); layer++ {
			sizes := []int{1024, 384, 192, 10}
			in, out := sizes[layer-1], sizes[layer]
			for _, name := range []string{"correct", "self", "decay", "sparse", "amp", "info", "symm", "angle"} {
				want[fmt.Sprintf("%s_%d.npy", name, layer)] = []int{c.values}
			}
			want[fmt.Sprintf("weight_%d.npy", layer)] = []int{out, in}
			want[fmt.Sprintf("fb_weight_%d.npy", layer)] = []int{in, out}
			if c.method == RDD {
				want[fmt.Sprintf("beta_%d.npy", layer)] = []int{in, out}
			}
		}
		for _, name := range []string{"train_err", "test_err", "train_cost", "test_cost"} {
			want[name+".npy"] = []int{e.Epochs + 1}
		}
		got := map[string][]int{}
		files, err := filepath.Glob(filepath.Join(r.Dir, "*.npy"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			a, err := npy.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got[filepath.Base(file)] = a.Shape
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: files\n%v, want\n%v", c.method, got, want)
		}
	}
}

func TestALongerRunGoesOnWhereAShorterStopped(t *testing.T) {
	once := mustRun(t, t.TempDir(), little)
	dir := t.TempDir()
	shorter := little
	shorter.Epochs = 1
	mustRun(t, dir, shorter)
	longer := mustRun(t, dir, little)
	if n := len(longer.Provenance.Sessions); n != 2 || longer.Provenance.Sessions[1].FirstEpoch != 1 {
		t.Errorf("sessions %+v, want a second one from epoch 1", longer.Provenance.Sessions)
	}
	same(t, "in two parts", once, longer)
}

func TestAnInterruptedRunGoesOnToTheSameBits(t *testing.T) {
	once := mustRun(t, t.TempDir(), little)
	// Each interruption comes at another moment: in the RDD phase, in
	// training, in evaluation, in the first and in the second epoch.
	for _, moment := range []string{"epoch 1 of 2: training", "epoch 2 of 2: feedback", "epoch 2 of 2: training", "epoch 2 of 2: evaluation"} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		runner := Runner{Dir: dir, Progress: func(_, _ int, text string) {
			if strings.Contains(text, moment) {
				cancel()
			}
		}}
		if _, err := runner.Run(ctx, little); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted at %q: error %v", moment, err)
		}
		same(t, "interrupted at "+moment, once, mustRun(t, dir, little))
	}
}

func TestResultsDoNotDependOnTheNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one := mustRun(t, t.TempDir(), little)
	for _, cores := range []int{2, 4} {
		runtime.GOMAXPROCS(cores)
		same(t, fmt.Sprint(cores, " cores"), one, mustRun(t, t.TempDir(), little))
	}
}

func TestADamagedRecordIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	once := mustRun(t, dir, little)
	for _, damage := range []struct {
		file string
		how  func([]byte) []byte
	}{
		{"run.json", func(b []byte) []byte { return b[:len(b)/2] }},
		{"correct_1.npy", func(b []byte) []byte { return b[:len(b)-3] }},
		{"state.bin", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }},
	} {
		path := filepath.Join(once.Dir, damage.file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, damage.how(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(once.Dir); damage.file != "state.bin" && err == nil {
			t.Errorf("a damaged %s was read", damage.file)
		}
		same(t, "after damage to "+damage.file, once, mustRun(t, dir, little))
	}
}

func TestASweepKeepsTheOrder(t *testing.T) {
	runner := Runner{Dir: t.TempDir()}
	e := little
	e.Method, e.Epochs = FeedbackAlignment, 1
	records, err := runner.Sweep(context.Background(), Seeds(3, e)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if r.Experiment.Seed != uint64(i) {
			t.Errorf("record %d has seed %d", i, r.Experiment.Seed)
		}
	}
	if reflect.DeepEqual(records[0].TrainCost, records[1].TrainCost) {
		t.Error("two seeds gave the same costs")
	}
	if _, err := runner.Sweep(context.Background(), e, Experiment{Epochs: -1}); err == nil {
		t.Error("a sweep with a bad experiment ran")
	}
}

func TestASweepOfSeedsIsSortedByExperiment(t *testing.T) {
	t.Setenv("RDDKIT_RUNS", t.TempDir())
	fa, bp := little, little
	fa.Method, fa.Epochs, bp.Method, bp.Epochs = FeedbackAlignment, 1, Backpropagation, 1
	records, err := SweepSeeds(context.Background(), 2, fa, bp)
	if err != nil {
		t.Fatal(err)
	}
	for i, method := range []Method{FeedbackAlignment, Backpropagation} {
		for seed, r := range records[i] {
			if r.Experiment.Method != method || r.Experiment.Seed != uint64(seed) || len(records[i]) != 2 {
				t.Errorf("records[%d][%d] of %d is %s, seed %d", i, seed, len(records[i]), r.Experiment.Method, r.Experiment.Seed)
			}
		}
	}
	w, err := records[0][1].Weights(1)
	if l := w.Layer(); err != nil || l.In != w.In || l.Out != w.Out || &l.Forward[0] != &w.Forward[0] || &l.Feedback[0] != &w.Feedback[0] {
		t.Errorf("weights as a layer: %d to %d, %v", l.In, l.Out, err)
	}
	if records, err := SweepSeeds(context.Background(), 0, fa); len(records) != 0 || err != nil {
		t.Errorf("no seeds: %v, %v", records, err)
	}
}

func TestNothingIsWrittenForABadExperiment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	for _, e := range []Experiment{{Dataset: "imagenet"}, {TrainLimit: 1}, {RDDTime: 0.0005}} {
		_, err := (&Runner{Dir: dir}).Run(context.Background(), e)
		var bad *invalid.Error
		if !errors.As(err, &bad) {
			t.Errorf("%+v: error %v, want an invalid field", e, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%+v left a folder behind", e)
		}
	}
}
