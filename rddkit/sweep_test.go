package rddkit

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show"
)

// display counts the runs that are at work.
type display struct {
	at   Experiment
	busy *atomic.Int64
	most *atomic.Int64
}

func (d display) Update(int, int, string) {}
func (d display) Done()                   { d.busy.Add(-1) }

func watch(most *atomic.Int64) func(Experiment) show.Progress {
	busy := new(atomic.Int64)
	return func(e Experiment) show.Progress {
		now := busy.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		return display{e, busy, most}
	}
}

func TestSweepKeepsToItsBudgets(t *testing.T) {
	fa := little
	fa.Method, fa.Epochs = FeedbackAlignment, 1
	experiments := Seeds(5, fa)
	need, err := fa.Memory()
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		runner Runner
		most   int64
	}{
		"two cores":                {Runner{Cores: 2}, 2},
		"memory for one":           {Runner{Cores: 3, Memory: 2*need - 1}, 1},
		"more of both than needed": {Runner{Cores: 9, Memory: 99 * need}, 5},
	} {
		var most atomic.Int64
		c.runner.Dir, c.runner.Watch = t.TempDir(), watch(&most)
		records, err := c.runner.Sweep(context.Background(), experiments...)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range records {
			if r.Experiment.Seed != experiments[i].Seed {
				t.Errorf("%s: record %d has the seed %d", what, i, r.Experiment.Seed)
			}
		}
		if got := most.Load(); got > c.most || c.most < 5 && got < c.most {
			t.Errorf("%s: %d at once, want %d", what, got, c.most)
		}
	}
}

func TestSweepTellsBadInputBeforeAnyWork(t *testing.T) {
	var most atomic.Int64
	fa := little
	fa.Method = FeedbackAlignment
	wrong := fa
	wrong.BatchSize = 1
	for field, r := range map[string]Runner{"BatchSize": {}, "Runner.Memory": {Memory: 1000}, "Runner.Cores": {Cores: -1}} {
		experiments := []Experiment{fa, fa}
		if field == "BatchSize" {
			experiments[1] = wrong
		}
		r.Dir, r.Watch = t.TempDir(), watch(&most)
		_, err := r.Sweep(context.Background(), experiments...)
		var bad *invalid.Error
		if !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("error %v, want one that names %s", err, field)
		}
		if left, _ := filepath.Glob(filepath.Join(r.Dir, "*")); len(left) > 0 || most.Load() > 0 {
			t.Errorf("%s: %d runs were begun, %v is left", field, most.Load(), left)
		}
	}
}

// One experiment needs a data set that is not here.
func TestSweepKeepsGoing(t *testing.T) {
	fa := little
	fa.Method, fa.Epochs = FeedbackAlignment, 1
	absent := fa
	absent.Dataset = "usps"
	r := Runner{Dir: t.TempDir(), Cores: 1}
	r.Data.Dir, r.Data.Offline = t.TempDir(), true
	if records, err := r.Sweep(context.Background(), absent, fa); err == nil || records != nil {
		t.Errorf("records %v, error %v", records, err)
	}
	r.KeepGoing = true
	records, err := r.Sweep(context.Background(), absent, fa)
	if err == nil || !strings.Contains(err.Error(), "usps") || len(records) != 2 || records[0] != nil || records[1].EpochsDone() != 1 {
		t.Errorf("records %v, error %v", records, err)
	}
}

// Experiments whose records meet in one chain would otherwise write the same
// folders at the same time.
func TestSweepRunsWhatSharesARecordInTurn(t *testing.T) {
	short := little
	short.Method, short.Epochs = FeedbackAlignment, 1
	long := short
	long.Epochs = 2
	var most atomic.Int64
	r := Runner{Dir: t.TempDir(), Cores: 4, Watch: watch(&most)}
	records, err := r.Sweep(context.Background(), long, short, long)
	if err != nil {
		t.Fatal(err)
	}
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
	var sessions []int
	for _, r := range records {
		sessions = append(sessions, len(r.Provenance.Sessions))
	}
	if !slices.Equal(sessions, []int{2, 1, 2}) {
		t.Errorf("%v sessions, want the longer to go on where the shorter stopped", sessions)
	}
}

// Every record is told of once, whether it was there or was made.
func TestRecordsArrive(t *testing.T) {
	fa := little
	fa.Method, fa.Epochs = FeedbackAlignment, 1
	arrived := make(map[string]int)
	r := Runner{Dir: t.TempDir(), Arrived: func(r *Record) { arrived[r.Name()]++ }}
	for _, seeds := range []int{1, 3} {
		if _, err := r.Sweep(context.Background(), Seeds(seeds, fa)...); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := fa.Name()
	if len(arrived) != 3 || arrived[first] != 2 {
		t.Errorf("arrived: %v", arrived)
	}
}

func TestAnInterruptedSweepGoesOn(t *testing.T) {
	experiments := Seeds(3, little)
	once, err := (&Runner{Dir: t.TempDir()}).Sweep(context.Background(), experiments...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := Runner{Dir: t.TempDir(), KeepGoing: true, Progress: func(done, total int, _ string) {
		if done > total/2 {
			cancel()
		}
	}}
	if _, err := r.Sweep(ctx, experiments...); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: error %v", err)
	}
	again, err := r.Sweep(context.Background(), experiments...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range once {
		same(t, "seed "+experiments[i].Dataset, once[i], again[i])
	}
}

// What an experiment needs is what is live at its most, and no more than some
// times that.
func TestMemoryIsWhatIsNeeded(t *testing.T) {
	for _, e := range []Experiment{
		{Method: FeedbackAlignment, BatchSize: 16, TrainLimit: 48},
		{Method: FeedbackAlignment, BatchSize: 256, TrainLimit: 512},
		{Method: RDD, BatchSize: 64, TrainLimit: 128, RDDTime: 30},
		{Method: NodePerturbation, BatchSize: 64, TrainLimit: 128},
	} {
		e.Epochs, e.TestLimit = 1, 32
		runtime.GC()
		before := int64(inUse())
		var mutex sync.Mutex
		var most int64
		last := time.Now()
		r := Runner{Dir: t.TempDir(), Progress: func(int, int, string) {
			mutex.Lock()
			defer mutex.Unlock()
			if time.Since(last) > 20*time.Millisecond {
				most, last = max(most, int64(inUse())-before), time.Now()
			}
		}}
		if _, err := r.Run(context.Background(), e); err != nil {
			t.Fatal(err)
		}
		need, err := e.Memory()
		if err != nil {
			t.Fatal(err)
		}
		if need < most || need > 4*most+60e6 {
			t.Errorf("%s, batches of %d: estimated %d MB, in use %d MB", e.Method, e.BatchSize, need/1e6, most/1e6)
		}
	}
}
