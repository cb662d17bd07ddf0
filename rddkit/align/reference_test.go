package align_test

import (
	"encoding/json"
	"fmt"
	"iter"
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

// Recorded input of the published network: what is estimated from its spikes,
// by the learner and by one regression per synapse, window by window.
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
	learner, err := align.NewRDD(options) // it goes on over epochs, as do the regressions
	if err != nil {
		t.Fatal(err)
	}
	var regressions [][]align.Regression
	for layer := range l.Phases() {
		regressions = append(regressions, make([]align.Regression, l.Sizes[layer]*l.Sizes[layer+1]))
	}
	for _, ending := range l.Epochs() {
		e := epoch[T]{l, rows, ending, l.Counts(t, ending), nil}
		for layer, n := range l.Sizes[:l.Phases()] {
			feedback := l.Array(fmt.Sprintf("B%d%s", layer, ending), n, l.Sizes[layer+1])
			e.layers = append(e.layers, align.LayerOf[T]{In: n, Out: l.Sizes[layer+1],
				Forward: reference.As[T](l.Forward(layer, ending)), Feedback: reference.As[T](feedback)})
		}
		e.regress(t, regressions, options)
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

// regress simulates step by step and updates one regression per synapse.
func (e *epoch[T]) regress(t *testing.T, regressions [][]align.Regression, o align.RDDOptions) {
	net := &spike.Network{Params: o.Spike, Sizes: e.Sizes}
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
	for layer := range e.Phases() {
		out := e.Sizes[layer+1]
		estimates := func() (parameters, beta []float64) { return estimatesOf(regressions[layer], out, o) }
		targets := align.Targets(run, layer)
		checkpoints := e.checkpoints(layer)
		for k, w := range run.Windows[layer] {
			for len(checkpoints) > 0 && w.End-layer*e.PhaseSteps >= checkpoints[0] {
				e.compareCheckpoint("step by step", layer, checkpoints[0], estimates)
				checkpoints = checkpoints[1:]
			}
			if e.Used(w) {
				for j, y := range targets[k] {
					regressions[layer][w.Neuron*out+j].Observe(w.MaxDrive, w.Spiked, y, o.LearningRate)
				}
			}
		}
		for _, steps := range checkpoints {
			e.compareCheckpoint("step by step", layer, steps, estimates)
		}
		e.compareFinal("step by step", layer, estimates)
		if name := fmt.Sprintf("window_target%d%s", layer, e.ending); e.Has(name) {
			want := e.Array(name, -1, out)
			e.rows.Absolute("step by step: "+name, estimateTolerance, slices.Concat(targets...), want.Float64())
		}
	}
}

// estimatesOf returns parameters and effects as [align.RDD] orders them.
func estimatesOf(regressions []align.Regression, out int, o align.RDDOptions) (parameters, beta []float64) {
	for row := range slices.Chunk(regressions, out) {
		for _, parameter := range []func(align.Regression) float64{
			func(r align.Regression) float64 { return r.InterceptSpike }, func(r align.Regression) float64 { return r.InterceptQuiet },
			func(r align.Regression) float64 { return r.SlopeSpike }, func(r align.Regression) float64 { return r.SlopeQuiet },
		} {
			for _, r := range row {
				parameters = append(parameters, parameter(r))
			}
		}
		for _, r := range row {
			beta = append(beta, o.Estimator.Beta(r, o.Spike.Threshold))
		}
	}
	return parameters, beta
}

// learn replays with the learner.
func (e *epoch[T]) learn(t *testing.T, learner *align.RDD) {
	recorded := align.Recorded{Counts: e.counts, Steps: e.Steps, Update: e.Updates}
	at := map[int]int{} // the layer with a checkpoint after so many steps of the run
	for layer := range e.Phases() {
		for _, steps := range e.checkpoints(layer) {
			at[layer*e.PhaseSteps+steps] = layer
			recorded.Pause = append(recorded.Pause, layer*e.PhaseSteps+steps)
		}
	}
	estimates := func(layer int) func() (parameters, beta []float64) {
		return func() (parameters, beta []float64) { return learner.Parameters(layer), learner.Beta(layer) }
	}
	err := align.Replay(t.Context(), learner, e.layers, recorded, func(steps int) {
		if layer, is := at[steps]; is {
			e.compareCheckpoint("learner", layer, steps-layer*e.PhaseSteps, estimates(layer))
		}
		if slices.Contains(e.Updates, steps) {
			e.compareFeedback(steps)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for layer := range e.layers {
		e.compareFinal("learner", layer, estimates(layer))
	}
	var manifest map[string]json.RawMessage
	var want, got []float64
	e.JSON(&manifest)
	if err := json.Unmarshal(manifest["fb_weight_std"+e.ending], &want); err != nil {
		t.Fatalf("%s: fb_weight_std%s: %v", e.Path, e.ending, err)
	}
	for layer := range e.layers {
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

func (e *epoch[T]) compareCheckpoint(how string, layer, steps int, estimates func() (parameters, beta []float64)) {
	k := slices.Index(e.checkpoints(layer), steps)
	parameters, beta := estimates()
	for name, got := range e.named(layer, "checkpoints", parameters, beta) {
		if e.Has(name) {
			want := e.Array(name, e.shape(name, layer, len(e.checkpoints(layer)))...)
			e.compareEstimates(how+": "+name, got, want.Float64()[k*len(got):][:len(got)], false)
		}
	}
}

func (e *epoch[T]) compareFinal(how string, layer int, estimates func() (parameters, beta []float64)) {
	parameters, beta := estimates()
	for name, got := range e.named(layer, "final", parameters, beta) {
		want := e.Array(name, e.shape(name, layer)...)
		_, single := want.Data.([]float32)
		e.compareEstimates(how+": "+name, got, want.Float64(), single)
	}
}

// named yields parameters and effects with the names of their arrays.
func (e *epoch[T]) named(layer int, when string, parameters, beta []float64) iter.Seq2[string, []float64] {
	return func(yield func(string, []float64) bool) {
		_ = yield(fmt.Sprintf("rdd_params_%s%d%s", when, layer, e.ending), parameters) &&
			yield(fmt.Sprintf("beta_%s%d%s", when, layer, e.ending), beta)
	}
}

// shape returns the shape of an array of parameters or effects of a layer, after
// the axes before.
func (e *epoch[T]) shape(name string, layer int, before ...int) []int {
	if name[0] == 'r' {
		return append(before, e.Sizes[layer], 4, e.Sizes[layer+1])
	}
	return append(before, e.Sizes[layer], e.Sizes[layer+1])
}

func (e *epoch[T]) compareEstimates(quantity string, got, want []float64, single bool) {
	if single {
		e.rows.Relative(quantity, storedTolerance, estimateTolerance/storedTolerance, got, want)
	} else {
		e.rows.Absolute(quantity, estimateTolerance, got, want)
	}
	isZero := func(values []float64) (zero []bool) {
		for _, v := range values {
			zero = append(zero, float32(v) == 0)
		}
		return zero
	}
	reference.Unequal(e.rows, "zeros of "+quantity, isZero(got), isZero(want))
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
			e.rows.Relative("learner: "+name, feedbackTolerance, 0.01, got, want.Float64())
		}
		var manifest struct{ Summary json.RawMessage }
		var summary struct {
			Sums []float64 `json:"fb_weight_final_sum_abs"`
		}
		e.JSON(&manifest)
		if json.Unmarshal(manifest.Summary, &summary) == nil && layer < len(summary.Sums) && steps == slices.Max(e.Updates) {
			e.rows.Relative(fmt.Sprintf("learner: sum of |feedback weights| of layer %d", layer), feedbackTolerance, 0, []float64{sum}, summary.Sums[layer:][:1])
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
