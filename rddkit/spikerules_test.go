package rddkit

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// Methods that learn from spikes are in the table, train, are killed in their
// second epoch and go on to the bits of a run that was not; what each cost is in
// the record.
func TestSpikeRulesTrainAndGoOn(t *testing.T) {
	for _, e := range []Experiment{
		{Method: RDD},
		{Method: STDWI},
		{Method: STDWI, Drive: spike.Fresh, Carry: CarryNothing, Options: align.STDWIOptions{FastTime: 0.02}},
		{Method: SpikeCountMirror},
		{Method: SpikeCountMirror, Carry: CarryDriven, Options: map[string]any{"window": 0.05, "windows": 20}},
	} {
		name := string(e.Method) + " " + formatOptions(optionsMap(orNone(e.Options)))
		e.Network, e.Epochs, e.TrainLimit, e.TestLimit, e.BatchSize, e.RDDTime, e.Interval = "c4k5-30-20", 2, 40, 16, 8, 4.8, 2.4
		if !slices.Contains(Methods(), e.Method) || e.Method.String() == string(e.Method) || e.Method.Color() == "" {
			t.Errorf("%s is not in the table with a label and a colour", e.Method)
		}
		whole := mustRun(t, t.TempDir(), e)
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		runner := Runner{Dir: dir, Progress: func(_, _ int, text string) {
			if strings.Contains(text, "epoch 2 of 2: training") {
				cancel()
			}
		}}
		if _, err := runner.Run(ctx, e); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, name+" killed", whole, mustRun(t, dir, e))
		costs := whole.Costs
		if len(costs) != 2 {
			t.Fatalf("%s: costs of %d epochs", name, len(costs))
		}
		last, first := costs[1][len(costs[1])-1], costs[0][0]
		if first != (align.Cost{}) || last.Spikes == 0 || last.Operations == 0 || last.Seconds < 9.59 || last.Seconds > 9.61 {
			t.Errorf("%s: costs from %+v to %+v, want 9.6 s of spikes", name, first, last)
		}
	}
}

func TestSpikeRulesCheckTheirOptions(t *testing.T) {
	for field, e := range map[string]Experiment{
		"STDWIOptions.SlowTime":     {Method: STDWI, Options: map[string]any{"slow-time": 0.001}},
		"SpikeCountOptions.Windows": {Method: SpikeCountMirror, Options: map[string]any{"windows": 1}},
		"Options.Forget":            {Method: STDWI, Options: map[string]any{"forget": true}},
	} {
		var wrong *invalid.Error
		if _, err := e.Resolve(); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	// The slow trace's height follows the time constants that an experiment sets.
	e, err := Experiment{Method: STDWI, Options: align.STDWIOptions{FastTime: 0.02}}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	learner, err := e.learner()
	if err != nil {
		t.Fatal(err)
	}
	if h := learner.(*align.SpikeLearner).Rule().(*align.STDWI).Options().SlowHeight; math.Abs(h-0.1) > 1e-12 {
		t.Errorf("a slow trace of height %v for 20 ms and 200 ms", h)
	}
}
