package rddkit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// noisy is a rule as a cell writes one: noise in, correlation out. Its exported
// field is its state.
type noisy struct {
	options noisyOptions
	seed    uint64
	Calls   uint64
}

type noisyOptions struct {
	Rate    float64 `json:"rate"`
	Samples int     `json:"samples"`
}

func (m *noisy) Learn(ctx context.Context, layers []align.Layer, observe func(float64)) error {
	for n, l := range layers {
		random := stream.New(m.seed, "noise", m.Calls, uint64(n))
		x := make([]float64, l.In)
		for range m.options.Samples {
			for i := range x {
				x[i] = random.NormFloat64()
			}
			for j := range l.Out {
				y := 0.0
				for i, w := range l.Forward[j*l.In : (j+1)*l.In] {
					y += float64(w) * x[i]
				}
				for i := range x {
					l.Feedback[i*l.Out+j] += float32(m.options.Rate * x[i] * y)
				}
			}
		}
	}
	m.Calls++
	return nil
}

func registerNoisy(scale float64) Method {
	return Register(Definition[noisyOptions]{
		Name: "noisy", Label: "Noisy mirror", Defaults: noisyOptions{Rate: 0.01, Samples: 20},
		New: func(o noisyOptions, e Experiment) (align.Learner, error) {
			o.Rate *= scale
			return &noisy{options: o, seed: e.Seed}, nil
		},
	})
}

// A registered method has names by its options and by what it does, goes on to the
// same bits, and is read where it is not known.
func TestARuleOfOnesOwn(t *testing.T) {
	method := registerNoisy(1)
	e := Experiment{Method: method, Epochs: 2, TrainLimit: 20, TestLimit: 8, BatchSize: 8, Network: "12-6"}
	name := func(e Experiment) string {
		t.Helper()
		n, err := e.Name()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	plain, spelt, other := e, e, e
	spelt.Options = noisyOptions{Rate: 0.01}
	other.Options = map[string]any{"rate": 0.02}
	if name(plain) != name(spelt) || name(plain) == name(other) {
		t.Errorf("names %s, %s with the default spelt, %s with another rate", name(plain), name(spelt), name(other))
	}
	dir := t.TempDir()
	short := plain
	short.Epochs = 1
	mustRun(t, dir, short)
	resumed, whole := mustRun(t, dir, plain), mustRun(t, t.TempDir(), plain)
	same(t, "gone on after an epoch", resumed, whole)
	if len(resumed.Provenance.Sessions) != 2 {
		t.Errorf("%d sessions, want 2: the longer run did not go on", len(resumed.Provenance.Sessions))
	}
	if whole.Layers() != 3 || whole.Label() != "Noisy mirror" || Last(whole.SignAlignment(3)) < 60 {
		t.Errorf("%d layers, label %q, alignment of FC3 %v", whole.Layers(), whole.Label(), whole.SignAlignment(3))
	}
	registerNoisy(2)
	if name(plain) == resumed.Name() {
		t.Error("a rule that does another thing has the old one's record")
	}
	mustRun(t, dir, other)
	table.Lock()
	delete(table.rows, method)
	table.Unlock()
	read, err := Open(whole.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if read.Label() != "Noisy mirror" || read.Color() == "" || !reflect.DeepEqual(read.Series, whole.Series) {
		t.Errorf("where the rule is unknown: label %q, colour %q", read.Label(), read.Color())
	}
	_, err = (&Runner{Dir: dir}).Run(context.Background(), plain)
	var wrong *invalid.Error
	if !errors.As(err, &wrong) || wrong.Field != "Method" || !strings.Contains(wrong.Allowed, "rddkit.Register") {
		t.Errorf("going on without the rule: %v", err)
	}
}

// bad does one thing that a rule must not do.
type bad func(layers []align.Layer) error

func (b bad) Learn(_ context.Context, layers []align.Layer, _ func(float64)) error { return b(layers) }

func TestRulesThatBreakTheirPromise(t *testing.T) {
	for what, b := range map[string]struct {
		learn bad
		want  []string
	}{
		"panics":      {func([]align.Layer) error { panic("ouch") }, []string{"method breaks, seed 0, epoch 1", "panicked: ouch"}},
		"NaN":         {func(l []align.Layer) error { l[1].Feedback[2] = float32(math.NaN()); return nil }, []string{"method breaks", "epoch 1", "FC2's feedback weights[0][2]", "finite"}},
		"Inf":         {func(l []align.Layer) error { l[0].Feedback[0] = float32(math.Inf(1)); return nil }, []string{"FC1's feedback weights[0][0]", "finite"}},
		"shape":       {func(l []align.Layer) error { l[0].Feedback = l[0].Feedback[1:]; return nil }, []string{"FC1's feedback weights", "written where they are"}},
		"nil":         {func(l []align.Layer) error { l[1].Feedback = nil; return nil }, []string{"FC2's feedback weights", "written where they are"}},
		"feedforward": {func(l []align.Layer) error { l[1].Forward[0]++; return nil }, []string{"FC2's feedforward weights", "as they were"}},
		"fails":       {func([]align.Layer) error { return errors.New("no spikes") }, []string{"method breaks", "epoch 1", "no spikes"}},
	} {
		method := Register(Definition[struct{}]{Name: "breaks", New: func(struct{}, Experiment) (align.Learner, error) { return b.learn, nil }})
		e := Experiment{Method: method, Epochs: 1, TrainLimit: 20, TestLimit: 8, BatchSize: 8, Network: "6"}
		r := &Runner{Dir: t.TempDir()}
		_, err := r.Run(context.Background(), e)
		if err == nil {
			t.Errorf("%s: no error", what)
			continue
		}
		for _, part := range b.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want it to say %q", what, err, part)
			}
		}
		if name, _ := e.Name(); name != "" {
			if _, err := Open(r.Dir + "/" + name); err == nil {
				t.Errorf("%s: a record was written", what)
			}
		}
	}
	table.Lock()
	delete(table.rows, "breaks")
	table.Unlock()
}

// A drive rule, a network's text and a measure of one's own are part of a
// record, and of its name.
func TestDriveNetworkAndMeasureOfOnesOwn(t *testing.T) {
	turns := spike.RegisterDrive("turns", func(r spike.Redraw) {
		for i := range r.Driven {
			r.Driven[i] = i%5 == r.Number%5
		}
	})
	length := RegisterMeasure("length", func(o Observation) []float64 {
		lengths := make([]float64, len(o.Layers))
		for i, l := range o.Layers {
			for _, b := range l.Feedback {
				lengths[i] += float64(b) * float64(b)
			}
		}
		return lengths
	})
	e := Experiment{Drive: turns, Network: "20-9", Measures: GradientAngle + "+" + length, RDDTime: 12, Epochs: 2, TrainLimit: 40, TestLimit: 16, BatchSize: 16}
	dir := t.TempDir()
	r := mustRun(t, dir, e)
	read, err := Open(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Layers() != 3 || !reflect.DeepEqual(fmtSeries(read), fmtSeries(r)) {
		t.Errorf("%d layers; read back %+v, want %+v", r.Layers(), read.Series, r.Series)
	}
	if angles := r.Measure(GradientAngle, 2); len(angles) != 2 || !(angles[1] > 0 && angles[1] < 180) || !math.IsNaN(r.Measure(GradientAngle, 1)[0]) {
		t.Errorf("angles to the gradient in FC2 %v, FC1 %v", angles, r.Measure(GradientAngle, 1))
	}
	if l := r.Measure(length, 3); len(l) != 2 || !(l[0] > 0) {
		t.Errorf("lengths %v", l)
	}
	plain := e
	plain.Measures = ""
	same(t, "measures change nothing", withoutMeasures(r), mustRun(t, t.TempDir(), plain))
	fresh := e
	fresh.Drive = spike.Fresh
	if a, _ := e.Name(); a == must(fresh.Name()) || a == must(plain.Name()) {
		t.Error("drive or measures are no part of the name")
	}
	for field, bad := range map[string]Experiment{
		"Drive":    {Drive: "sometimes"},
		"Network":  {Network: "c64k5-c64k5-c64k5-10"},
		"Measures": {Measures: "unheard-of"},
		"Options":  {Options: map[string]any{"rate": 1}},
		"RDDTime":  {RDDTime: 20},
		"Dataset":  {Dataset: "nowhere"},
	} {
		var wrong *invalid.Error
		if _, err := bad.Resolve(); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := (Experiment{RDDTime: 20}).Resolve(); !strings.Contains(err.Error(), "19.998 or 20.001") {
		t.Errorf("RDDTime of 20 s: %v, want the nearest that are allowed", err)
	}
}

func must(name string, err error) string {
	if err != nil {
		panic(err)
	}
	return name
}

// fmtSeries is a record's series with NaN equal to NaN.
func fmtSeries(r *Record) string {
	return strings.Join(strings.Fields(fmt.Sprintf("%+v", r.Series)), " ")
}

func withoutMeasures(r *Record) *Record {
	plain := *r
	plain.Series.Measured = nil
	return &plain
}
