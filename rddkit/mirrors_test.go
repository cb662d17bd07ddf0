package rddkit

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// rateBased are experiments with every method whose learner needs no spikes, small
// as little, and every kind of option that makes another rule of them.
func rateBased() []Experiment {
	var list []Experiment
	for _, e := range []Experiment{
		{Method: WeightMirror, Options: align.WeightMirrorOptions{Samples: 16, Batches: 20}},
		{Method: CleanWeightMirror, Options: align.WeightMirrorOptions{Samples: 16, Batches: 20}},
		{Method: InformationAlignment, Options: align.InformationAlignmentOptions{Samples: 16, Batches: 20}},
		{Method: KolenPollack, WeightDecay: 0.01},
		{Method: DirectKolenPollack, WeightDecay: 0.01},
		{Method: OnlineMirror},
		{Method: SignConcordant},
		{Method: SignConcordant, Options: align.SignConcordantOptions{Magnitudes: align.RandomMagnitudes}},
		{Method: SignConcordant, Options: align.SignConcordantOptions{Magnitudes: align.FixedMagnitudes}},
		{Method: FrozenHiddenLayers},
	} {
		e.Network, e.Epochs, e.TrainLimit, e.TestLimit, e.BatchSize = "c4k5-30-20", 2, 40, 16, 8
		list = append(list, e)
	}
	return list
}

// Every method is in the table, trains, is killed in its second epoch and goes on
// to the bits of a run that was not.
func TestMirrorsTrainAndGoOn(t *testing.T) {
	for _, e := range rateBased() {
		name := string(e.Method) + " " + formatOptions(optionsMap(orNone(e.Options)))
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
		if math.IsNaN(whole.TrainCost[2]) || whole.TrainCost[2] == whole.TrainCost[0] {
			t.Errorf("%s: costs %v: nothing was trained", name, whole.TrainCost)
		}
		if costs := whole.Costs; e.Method != FrozenHiddenLayers && (len(costs) != 2 || costs[1][0].Operations == 0 || costs[1][0] == costs[0][0]) {
			t.Errorf("%s: costs %+v at observations", name, costs)
		}
		read, err := Open(whole.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(whole, read) {
			t.Errorf("%s: the record is read as another", name)
		}
	}
}

func orNone(options any) any {
	if options == nil {
		return struct{}{}
	}
	return options
}

// Kolen-Pollack in a whole run: the difference between W and Bᵀ, whose square is
// symm, stays without weight decay and shrinks with it: by each of the five batches
// of eight epochs, as its law says.
func TestKolenPollackWithAndWithoutDecay(t *testing.T) {
	for _, decay := range []float64{0, 0.2} {
		e := Experiment{Method: KolenPollack, Network: "30-20", Epochs: 8, TrainLimit: 40, TestLimit: 16, BatchSize: 8, WeightDecay: decay}
		r := mustRun(t, t.TempDir(), e)
		d, v := 1.0, 0.0
		for range 8 * 5 {
			v = 0.9*v + decay*d
			d -= 0.01 * v
		}
		for i, final := range r.Final {
			first := r.Symmetry[i][0][0].Symm
			if got := math.Sqrt(final.Symm / first); math.Abs(got-d) > 1e-4 {
				t.Errorf("decay %v, FC%d: W − Bᵀ is %v times the first, want %v", decay, i+1, got, d)
			}
		}
	}
}

// Of frozen hidden layers all feedforward weights are as at first, and the last
// layer's are not.
func TestFrozenHiddenLayersKeepTheirWeights(t *testing.T) {
	e := Experiment{Method: FrozenHiddenLayers, Network: "30-20", Epochs: 2, TrainLimit: 40, TestLimit: 16, BatchSize: 8, WeightDecay: 0.1}
	r := mustRun(t, t.TempDir(), e)
	n, err := nn.New(nn.Shape{Channels: 1, Rows: 28, Columns: 28}, nn.DoubleSoftmax, 0, mustSpecs(t, e, 1, 28)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range n.Affine() {
		w, err := r.Weights(i + 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Forward) != len(l.Weight) {
			t.Fatalf("FC%d has %d weights, and %d in a network of the same text", i+1, len(w.Forward), len(l.Weight))
		}
		if same := slices.Equal(w.Forward, l.Weight); same != (i < 2) {
			t.Errorf("FC%d's weights are as at first: %v", i+1, same)
		}
	}
}

// Signs agree whenever they are observed: before each epoch, all of them.
func TestSignConcordantSignsAgree(t *testing.T) {
	for _, magnitudes := range []align.Magnitudes{align.UniformMagnitudes, align.RandomMagnitudes, align.FixedMagnitudes} {
		e := Experiment{Method: SignConcordant, Options: align.SignConcordantOptions{Magnitudes: magnitudes}, Network: "30-20", Epochs: 3, TrainLimit: 40, TestLimit: 16, BatchSize: 8}
		r := mustRun(t, t.TempDir(), e)
		for layer := range r.Symmetry {
			for epoch, observed := range r.Symmetry[layer] {
				if observed[0].SignAlignment != 100 {
					t.Errorf("%s, FC%d, epoch %d: %v %%", magnitudes, layer+1, epoch, observed[0].SignAlignment)
				}
			}
			// After training the last step's change of W is not in B: nearly all.
			if s := r.Final[layer].SignAlignment; s < 95 {
				t.Errorf("%s, FC%d at the end: %v %%", magnitudes, layer+1, s)
			}
		}
	}
}

// Options that are not allowed are told by their field, before anything is run.
func TestMirrorsCheckTheirOptions(t *testing.T) {
	for field, e := range map[string]Experiment{
		"WeightMirrorOptions.Neuron":       {Method: WeightMirror, Options: map[string]any{"neuron": "spiking"}},
		"WeightMirrorOptions.Decay":        {Method: CleanWeightMirror, Options: map[string]any{"decay": 2}},
		"InformationAlignmentOptions.Amp":  {Method: InformationAlignment, Options: map[string]any{"amp": -1}},
		"OnlineMirrorOptions.Noise":        {Method: OnlineMirror, Options: map[string]any{"noise": -1}},
		"SignConcordantOptions.Magnitudes": {Method: SignConcordant, Options: map[string]any{"magnitudes": "huge"}},
		"Options":                          {Method: KolenPollack, Options: map[string]any{"rate": 1}},
	} {
		var wrong *invalid.Error
		if _, err := e.Resolve(); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func mustSpecs(t *testing.T, e Experiment, channels, side int) []nn.Spec {
	t.Helper()
	e, err := e.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	specs, err := e.specs(channels, side, 10)
	if err != nil {
		t.Fatal(err)
	}
	return specs
}

// The probe of a rule like these, in a cell, sees it learn: in place, before a
// batch, from changes of drives.
func TestProbesSeeMirrorsLearn(t *testing.T) {
	for _, e := range rateBased() {
		e, err := e.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Method.row()
		if err != nil {
			t.Fatal(err)
		}
		texts := r.tryOut(r.probed(e))
		for _, text := range texts {
			if strings.Contains(text, "panic") || strings.Contains(text, "want") {
				t.Errorf("%s: %s", e.Method, text)
			}
		}
		feedback := 12*8 + 8*5
		first, last := texts[1:1+feedback], texts[len(texts)-feedback:]
		if e.Method != FrozenHiddenLayers && e.Method != SignConcordant && slices.Equal(first, last) {
			t.Errorf("%s: nothing was learned after the first call", e.Method)
		}
	}
}

// A rule without options whose code changed has other records, as one with options.
func TestProbeOfARuleWithoutOptions(t *testing.T) {
	t.Cleanup(func() { delete(table.rows, "without-options") })
	var names []string
	for _, learner := range []align.Learner{align.FeedbackAlignment{}, align.Backprop{}} {
		method := Register(Definition[struct{}]{Name: "without-options", New: func(struct{}, Experiment) (align.Learner, error) { return learner, nil }})
		name, err := Experiment{Method: method}.Name()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if names[0] == names[1] {
		t.Errorf("both rules have records called %s", names[0])
	}
}
