package align_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/reference"
	"github.com/weightalign/lab/rddkit/spike"
)

// The fixtures' advised tolerances.
const (
	estimateTolerance = 1e-9  // absolute, of window targets, regression parameters and beta
	storedTolerance   = 1e-6  // relative to the largest of value and 0.001, where they were stored in single precision
	feedbackTolerance = 1e-7  // relative to the largest of value and 0.01
	spreadTolerance   = 1e-15 // relative
	metricTolerance   = 1e-12 // relative to the largest of value and 1
)

// Recorded input of the published network: what is estimated from its spikes.
func TestReferenceRDD(t *testing.T) { reference.Replay(t, "lif_rdd", replayRDD) }

func TestReferenceRDDNotices(t *testing.T) {
	reference.MustNotice(t, "testdata/lif_rdd/five_layers", replayRDD,
		"window_target0", "rdd_params_checkpoints1", "rdd_params_final0", "beta_checkpoints0", "beta_final2", "fb_weight_after_2800_3")
}

func replayRDD(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	l := reference.OpenLIF(t, f)
	// Spikes are replayed in package spike; the sets are what the counts were
	// drawn from.
	f.Ignore("W_scaled*", "spike*", "*.npz:spike*", "v*", "*.npz:v*", "u*", "windows*", "drive_set*")
	if l.Single() {
		replayEstimates[float32](t, l, rows)
	} else {
		replayEstimates[float64](t, l, rows)
	}
}

func replayEstimates[T spike.Float](t *testing.T, l *reference.LIF, rows *reference.Rows) {
	options := align.RDDOptions{Spike: l.Params(), LearningRate: l.Hyper.LearningRate, AcceptHalfWidth: l.Hyper.Accept, Estimator: align.Sharp}
	if l.Fuzzy {
		options.Estimator = align.Fuzzy
	}
	learner, err := align.NewRDD(options) // it goes on over epochs
	if err != nil {
		t.Fatal(err)
	}
	for _, ending := range l.Epochs() {
		e := epoch[T]{l, rows, ending, l.Counts(t, ending), nil}
		for layer, n := range l.Sizes[:l.Phases()] {
			feedback := l.Array(fmt.Sprintf("B%d%s", layer, ending), n, l.Sizes[layer+1])
			e.layers = append(e.layers, align.LayerOf[T]{In: n, Out: l.Sizes[layer+1],
				Forward: reference.As[T](l.Forward(layer, ending)), Feedback: reference.As[T](feedback)})
		}
		if l.Has("window_target0" + ending) {
			e.targets(t)
		}
		e.learn(t, learner)
	}
}

// epoch is one run of a fixture.
type epoch[T spike.Float] struct {
	*reference.LIF
	rows   *reference.Rows
	ending string // of the names of its arrays
	counts [][]uint8
	layers []align.LayerOf[T]
}

// targets compares the regression targets of every window, which the step-by-step
// simulation finds. (That the learner's regressions are those of the windows, one
// by one, is a test of its own.)
func (e *epoch[T]) targets(t *testing.T) {
	net := &spike.Network{Params: e.Params(), Sizes: e.Sizes}
	for _, layer := range e.layers {
		scaled, err := spike.ScaleWeights(net.Params, "W", layer.Forward, layer.In)
		if err != nil {
			t.Fatal(err)
		}
		net.Weights = append(net.Weights, scaled)
	}
	run, err := spike.Record(t.Context(), net, e.PhaseSteps, spike.NewRecordedInput(e.counts))
	if err != nil {
		t.Fatal(err)
	}
	for layer := range e.layers {
		name := fmt.Sprintf("window_target%d%s", layer, e.ending)
		e.rows.Absolute(name, estimateTolerance, slices.Concat(align.Targets(run, layer)...), e.Array(name, -1, e.Sizes[layer+1]).Float64())
	}
}

// learn replays with the learner.
func (e *epoch[T]) learn(t *testing.T, learner *align.RDD) {
	recorded := align.Recorded{Counts: e.counts, Steps: e.Steps, Update: e.Updates}
	type checkpoint struct{ layer, number int }
	at := map[int]checkpoint{} // after so many steps of the run
	for layer := range e.Phases() {
		for k, steps := range e.checkpoints(layer) {
			at[layer*e.PhaseSteps+steps] = checkpoint{layer, k}
			recorded.Pause = append(recorded.Pause, layer*e.PhaseSteps+steps)
		}
	}
	err := align.Replay(t.Context(), learner, e.layers, recorded, func(steps int) {
		if c, is := at[steps]; is {
			e.compareEstimates("checkpoints", c.layer, c.number, learner)
		}
		if slices.Contains(e.Updates, steps) {
			e.compareFeedback(steps)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var manifest map[string]json.RawMessage
	var want, got []float64
	e.JSON(&manifest)
	if err := json.Unmarshal(manifest["fb_weight_std"+e.ending], &want); err != nil {
		t.Fatalf("%s: fb_weight_std%s: %v", e.Path, e.ending, err)
	}
	for layer := range e.layers {
		e.compareEstimates("final", layer, 0, learner)
		got = append(got, learner.FeedbackDeviation(layer))
	}
	e.rows.Relative("first spread of the feedback weights"+e.ending, spreadTolerance, 0, got, want)
}

// checkpoints returns the numbers of steps of a layer's phase after which its
// estimates are recorded. The manifest has the interval in words: "checkpoint k:
// after (k+1)*1000 steps of phase 0".
func (e *epoch[T]) checkpoints(layer int) (steps []int) {
	name := fmt.Sprintf("rdd_params_checkpoints%d%s", layer, e.ending)
	if !e.Has(name) {
		return nil
	}
	var manifest struct {
		Files map[string]struct{ Axes []string }
	}
	e.JSON(&manifest)
	n := e.Array(name, -1, -1, -1, -1).Shape[0]
	interval := e.PhaseSteps / n
	if axes := manifest.Files[name+".npy"].Axes; len(axes) > 0 {
		if words := regexp.MustCompile(`\(k\+1\)\*(\d+) steps`).FindStringSubmatch(axes[0]); words != nil {
			interval, _ = strconv.Atoi(words[1]) // digits
		}
	}
	for k := range n {
		steps = append(steps, (k+1)*interval)
	}
	return steps
}

// compareEstimates compares parameters and effects of a layer with those of a
// checkpoint, which is the first axis, or with the final ones.
func (e *epoch[T]) compareEstimates(when string, layer, checkpoint int, learner *align.RDD) {
	in, out := e.Sizes[layer], e.Sizes[layer+1]
	for _, q := range []struct {
		name  string
		got   []float64
		shape []int
	}{{"rdd_params", learner.Parameters(layer), []int{in, 4, out}}, {"beta", learner.Beta(layer), []int{in, out}}} {
		name := fmt.Sprintf("%s_%s%d%s", q.name, when, layer, e.ending)
		if when == "checkpoints" {
			if !e.Has(name) {
				continue
			}
			q.shape = append([]int{-1}, q.shape...)
		}
		a := e.Array(name, q.shape...)
		want := a.Float64()[checkpoint*len(q.got):][:len(q.got)]
		if _, single := a.Data.([]float32); single {
			e.rows.Relative(name, storedTolerance, estimateTolerance/storedTolerance, q.got, want)
		} else {
			e.rows.Absolute(name, estimateTolerance, q.got, want)
		}
		reference.Unequal(e.rows, "zeros of "+name, isZero(q.got), isZero(want))
	}
}

func isZero(values []float64) (zero []bool) {
	for _, v := range values {
		zero = append(zero, float32(v) == 0)
	}
	return zero
}

// compareFeedback compares the feedback weights right after an update: all of
// them or, after the last one, the sum of their absolute values.
func (e *epoch[T]) compareFeedback(steps int) {
	for layer := range e.layers {
		var got []float64
		sum := 0.0
		for _, b := range e.layers[layer].Feedback {
			got = append(got, float64(b))
			sum += math.Abs(float64(b))
		}
		if name := fmt.Sprintf("fb_weight_after_%d_%d%s", steps, layer, e.ending); e.Has(name) {
			want := e.Array(name, e.layers[layer].In, e.layers[layer].Out)
			e.rows.Relative(name, feedbackTolerance, 0.01, got, want.Float64())
		}
		var manifest struct{ Summary json.RawMessage }
		var summary struct {
			Sums []float64 `json:"fb_weight_final_sum_abs"`
		}
		e.JSON(&manifest)
		if json.Unmarshal(manifest.Summary, &summary) == nil && layer < len(summary.Sums) && steps == slices.Max(e.Updates) {
			e.rows.Relative(fmt.Sprintf("sum of |feedback weights| of layer %d", layer), feedbackTolerance, 0, []float64{sum}, summary.Sums[layer:][:1])
		}
	}
}

// The metrics of weight symmetry.
func TestReferenceMetrics(t *testing.T) { reference.Replay(t, "lif_rdd/metrics", replayMetrics) }

func TestReferenceMetricsNotices(t *testing.T) {
	reference.MustNotice(t, "testdata/lif_rdd/metrics", replayMetrics, "W_0", "B_1", "x_2", "values")
}

func replayMetrics(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	var manifest struct {
		Columns []string `json:"columns_of_values"`
		Cases   []struct{ M, N int }
	}
	f.JSON(&manifest)
	values := f.Array("values", len(manifest.Cases), len(manifest.Columns)).Float64()
	for k, c := range manifest.Cases {
		w, b := f.Array(fmt.Sprintf("W_%d", k), c.M, c.N), f.Array(fmt.Sprintf("B_%d", k), c.N, c.M)
		m := align.Measure(w.Float64(), b.Float64(), c.N, c.M, f.Array(fmt.Sprintf("x_%d", k), c.N, 1).Float64())
		got := map[string]float64{"sign_alignment_percent": m.SignAlignment, "decay": m.Decay, "sparse": m.Sparse, "self": m.Self, "amp": m.Amp, "info": m.Info, "symm": m.Symm}
		for i, name := range manifest.Columns {
			value, known := got[name]
			if !known {
				t.Errorf("%s: no metric is called %s", f.Path, name)
			}
			rows.Relative(name, metricTolerance, 1, []float64{value}, values[k*len(manifest.Columns)+i:][:1])
		}
	}
}
