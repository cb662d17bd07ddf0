package verify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// lifReplayer replays the recorded input of the published LIF network with
// regression discontinuity estimates, with both simulators.
var lifReplayer = Replayer{
	Kind: "lif_rdd",
	Recognises: func(dir string) bool {
		f, err := openLIF(dir)
		return err == nil && len(f.manifest.Sizes) > 1 && f.manifest.Hyper.Memory > 0
	},
	Replay: func(ctx context.Context, dir string) ([]Row, error) {
		f, err := openLIF(dir)
		if err != nil {
			return nil, err
		}
		if f.manifest.Files["weights.npz"].SHA256 != "" {
			return replayLIF[float32](ctx, f)
		}
		return replayLIF[float64](ctx, f)
	},
}

// The fixtures' advised tolerances.
const (
	lifPotential = 1e-9 // absolute, of v and u
	lifEstimate  = 1e-9 // absolute, of window targets, regression parameters and beta
	lifStored    = 1e-6 // relative to the largest of value and lifEstimate/lifStored, where they were stored as float32
	lifFeedback  = 1e-7 // relative to the largest of value and 0.01
	lifExact     = 1e-15
)

type lifFixture struct {
	dir      string
	manifest struct {
		Files map[string]struct {
			SHA256 string `json:"sha256"`
		} `json:"files"`
		Sizes      []int `json:"sizes"`
		Steps      int   `json:"T_steps"`
		PhaseSteps int   `json:"phase_steps"`
		Fuzzy      bool  `json:"fuzzy"`
		Updates    []int `json:"feedback_weight_updates_after_steps"`
		Hyper      struct {
			Step        float64 `json:"dt_s"`
			Membrane    float64 `json:"tau_L_s"`
			Synapse     float64 `json:"tau_s_s"`
			Memory      int     `json:"mem_steps"`
			Leak        float64 `json:"g_L_per_s"`
			Dendrite    float64 `json:"g_D_per_s"`
			Reset       float64 `json:"v_reset"`
			Threshold   float64 `json:"spike_threshold"`
			Refractory  int     `json:"refractory_time_steps"`
			Gain        float64 `json:"alpha"`
			Rate        float64 `json:"input_rate_hz"`
			Fraction    float64 `json:"driven_fraction"`
			Redraw      int     `json:"redraw_every_steps"`
			Window      float64 `json:"RDD_window_steps"`
			HalfWidth   float64 `json:"RDD_init_window"`
			Accept      float64 `json:"u_window"`
			Rate0       float64 `json:"RDD_eta"`
			WeightScale float64 `json:"weight_scale_factor"`
		} `json:"hyper_parameters"`
		Deviation  []float64 `json:"fb_weight_std"`
		Deviation1 []float64 `json:"fb_weight_std_e1"`
	}
	summary struct { // its shape depends on the fixture
		Summary struct {
			Feedback []float64 `json:"fb_weight_final_sum_abs"`
		} `json:"summary"`
	}
	archives map[string]arrays
}

func openLIF(dir string) (*lifFixture, error) {
	f := &lifFixture{dir: dir, archives: map[string]arrays{}}
	return f, readJSON(dir, "manifest.json", &f.manifest)
}

// checked returns the path of a file that is as the manifest says.
func (f *lifFixture) checked(name string) (string, error) {
	path := filepath.Join(f.dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	if got, want := hex.EncodeToString(sum[:]), f.manifest.Files[name].SHA256; got != want {
		return "", invalid.Newf(path, "SHA-256 "+got, "the manifest's %s", want)
	}
	return path, nil
}

// has reports whether the fixture has the array, a file or in an archive.
func (f *lifFixture) has(archive, name string) bool {
	if _, ok := f.manifest.Files[name+".npy"]; ok {
		return true
	}
	a, err := f.archive(archive)
	_, ok := a[name]
	return err == nil && ok
}

func (f *lifFixture) archive(name string) (arrays, error) {
	if a, ok := f.archives[name]; ok {
		return a, nil
	}
	path, err := f.checked(name + ".npz")
	if err != nil {
		return nil, err
	}
	a, err := npy.ReadArchive(path)
	if err == nil {
		f.archives[name] = a
	}
	return a, err
}

// read returns an array of the given shape (-1: any length), a file or in an
// archive.
func (f *lifFixture) read(archive, name string, shape ...int) (npy.Array, error) {
	var a npy.Array
	if _, ok := f.manifest.Files[name+".npy"]; ok {
		path, err := f.checked(name + ".npy")
		if err != nil {
			return a, err
		}
		if a, err = npy.ReadFile(path); err != nil {
			return a, err
		}
	} else {
		all, err := f.archive(archive)
		if err != nil {
			return a, err
		}
		found := false
		if a, found = all[name]; !found {
			return a, invalid.New(filepath.Join(f.dir, archive+".npz"), "without "+name, "an archive that has it")
		}
	}
	if !slices.EqualFunc(a.Shape, shape, func(got, want int) bool { return want == -1 || got == want }) {
		return a, invalid.Newf(filepath.Join(f.dir, name), fmt.Sprintf("of shape %v", a.Shape), "of shape %v (-1: any length)", shape)
	}
	return a, nil
}

func (f *lifFixture) params() spike.Params {
	h := f.manifest.Hyper
	return spike.Params{Step: h.Step, LeakConductance: h.Leak, DendriteConductance: h.Dendrite, Reset: h.Reset, Threshold: h.Threshold,
		RefractorySteps: h.Refractory, MembraneTime: h.Membrane, SynapseTime: h.Synapse, MemorySteps: h.Memory, WeightScale: h.WeightScale,
		InputGain: h.Gain, InputRate: h.Rate, DrivenFraction: h.Fraction, RedrawSteps: h.Redraw,
		WindowSteps: int(h.Window), WindowHalfWidth: h.HalfWidth}
}

// lifEpoch is one run of a fixture.
type lifEpoch[T spike.Float] struct {
	*comparison
	f      *lifFixture
	suffix string // of the epoch's files
	layers []align.LayerOf[T]
	counts [][]uint8
	net    *spike.Network
}

func replayLIF[T spike.Float](ctx context.Context, f *lifFixture) ([]Row, error) {
	m := &f.manifest
	if m.PhaseSteps < 1 || m.Steps != m.PhaseSteps*(len(m.Sizes)-1) || slices.Min(m.Sizes) < 1 || slices.Max(m.Sizes) > 1<<14 || m.Steps > 1<<20 {
		return nil, invalid.New(filepath.Join(f.dir, "manifest.json"), fmt.Sprintf("with sizes %v and %d of %d steps", m.Sizes, m.PhaseSteps, m.Steps), "sizes of layers, and a phase for each but the last")
	}
	estimator := align.Sharp
	if m.Fuzzy {
		estimator = align.Fuzzy
	}
	learner, err := align.NewRDD(align.RDDOptions{Spike: f.params(), LearningRate: m.Hyper.Rate0, AcceptHalfWidth: m.Hyper.Accept, Estimator: estimator})
	if err != nil {
		return nil, err
	}
	plain := make([][]align.Regression, len(m.Sizes)-1) // they persist over epochs
	for l := range plain {
		plain[l] = make([]align.Regression, m.Sizes[l]*m.Sizes[l+1])
	}
	var c comparison
	suffixes := []string{""}
	if f.has("weights", "W1_e1") {
		suffixes = []string{"_e1", "_e2"}
	}
	for _, suffix := range suffixes {
		e := &lifEpoch[T]{comparison: &c, f: f, suffix: suffix}
		for _, part := range []func() error{
			e.load,
			func() error { return e.step(ctx, plain, learner.Options()) },
			func() error { return e.stretch(ctx) },
			func() error { return e.estimate(ctx, learner) },
		} {
			if err := part(); err != nil {
				return nil, err
			}
		}
	}
	deviations := m.Deviation
	if deviations == nil {
		deviations = m.Deviation1
	}
	var got []float64
	for l := range plain {
		got = append(got, learner.FeedbackDeviation(l))
	}
	c.add("first standard deviation of the feedback weights", "relative", deviation(got, deviations, 0), lifExact)
	return c.rows, nil
}

// name returns the name of a quantity in the report.
func (e *lifEpoch[T]) name(format string, args ...any) string {
	name := fmt.Sprintf(format, args...)
	if e.suffix != "" {
		name += " epoch " + strings.TrimPrefix(e.suffix, "_e")
	}
	return name
}

// load reads weights and recorded input, and compares the scaled weights.
func (e *lifEpoch[T]) load() error {
	m := &e.f.manifest
	e.net = &spike.Network{Params: e.f.params(), Sizes: m.Sizes}
	for l := range len(m.Sizes) - 1 {
		in, out := m.Sizes[l], m.Sizes[l+1]
		w, err := e.f.read("weights", fmt.Sprintf("W%d%s", l+1, e.suffix), out, in)
		if err != nil {
			return err
		}
		b, err := e.f.read("weights", fmt.Sprintf("B%d%s", l, e.suffix), in, out)
		if err != nil {
			return err
		}
		e.layers = append(e.layers, align.LayerOf[T]{In: in, Out: out, Forward: weights[T](w), Feedback: weights[T](b)})
		scaled, err := spike.ScaleWeights(e.net.Params, fmt.Sprintf("W%d", l+1), e.layers[l].Forward, in)
		if err != nil {
			return err
		}
		e.net.Weights = append(e.net.Weights, scaled)
		if name := fmt.Sprintf("W_scaled%d%s", l+1, e.suffix); e.f.has("weights", name) {
			want, err := e.f.read("weights", name, out, in)
			if err != nil {
				return err
			}
			e.add(e.name("scaled weights into layer %d", l+1), "relative", deviation(scaled, want.Float64(), 0), lifExact)
		}
		counts, err := e.f.drive(l, e.suffix)
		if err != nil {
			return err
		}
		e.counts = append(e.counts, counts)
	}
	return nil
}

func weights[T spike.Float](a npy.Array) []T {
	w := make([]T, a.Len())
	for i, v := range a.Float64() {
		w[i] = T(v)
	}
	return w
}

// drive returns the input counts of a layer, [step of its phase][neuron].
func (f *lifFixture) drive(l int, suffix string) ([]uint8, error) {
	n, steps := f.manifest.Sizes[l], f.manifest.PhaseSteps
	if name := fmt.Sprintf("drive%d%s", l, suffix); f.has("drives", name) {
		a, err := f.read("drives", name, steps, n)
		if err != nil {
			return nil, err
		}
		counts, ok := a.Data.([]uint8)
		if !ok {
			return nil, invalid.New(filepath.Join(f.dir, name), fmt.Sprintf("%T", a.Data), "counts of type uint8")
		}
		return counts, nil
	}
	counts := make([]uint8, steps*n)
	var columns [3][]int
	for i, name := range []string{"step", "neuron", "count"} {
		a, err := f.read("drives", fmt.Sprintf("drive%d_%s", l, name), -1)
		if err != nil {
			return nil, err
		}
		columns[i] = a.Int()
	}
	for k := range columns[0] {
		if len(columns[1]) <= k || len(columns[2]) <= k || columns[0][k] < 0 || columns[0][k] >= steps || columns[1][k] < 0 || columns[1][k] >= n {
			return nil, invalid.Newf(filepath.Join(f.dir, "drives.npz"), fmt.Sprintf("entry %d", k), "a step below %d, a neuron below %d and a count", steps, n)
		}
		counts[columns[0][k]*n+columns[1][k]] = uint8(columns[2][k])
	}
	return counts, nil
}

// spikes adds the number of spikes of a layer that differ from the recorded.
func (e *lifEpoch[T]) spikes(how string, l int, fired func(step, neuron int) bool) error {
	m := &e.f.manifest
	n := m.Sizes[l]
	unequal := 0
	if name := fmt.Sprintf("spikes%d%s", l, e.suffix); e.f.has("spikes", name) {
		a, err := e.f.read("spikes", name, m.Steps, n)
		if err != nil {
			return err
		}
		for i, s := range a.Float64() {
			if fired(i/n, i%n) != (s == 1) {
				unequal++
			}
		}
		e.add(e.name("%s: spikes of layer %d", how, l), "unequal entries", float64(unequal), 0)
		return nil
	}
	counts, err := e.f.read("spikes", fmt.Sprintf("spike_count%d", l), len(m.Sizes)-1, n)
	if err != nil {
		return err
	}
	for i, want := range counts.Int() {
		got, phase := 0, i/n
		for t := range m.PhaseSteps {
			if fired(phase*m.PhaseSteps+t, i%n) {
				got++
			}
		}
		if got != want {
			unequal++
		}
	}
	e.add(e.name("%s: spike counts of layer %d", how, l), "unequal entries", float64(unequal), 0)
	for phase := max(0, l-1); phase <= min(l, len(m.Sizes)-2); phase++ {
		packed, err := e.f.read("spikes", fmt.Sprintf("spikes_phase%d_layer%d", phase, l), m.PhaseSteps, (n+7)/8)
		if err != nil {
			return err
		}
		unequal := 0
		for i, b := range packed.Int() {
			t, k := i/((n+7)/8), i%((n+7)/8)
			for bit := range min(8, n-8*k) {
				if fired(phase*m.PhaseSteps+t, 8*k+bit) != (b>>(7-bit)&1 == 1) {
					unequal++
				}
			}
		}
		e.add(e.name("%s: spikes of layer %d in phase %d", how, l, phase), "unequal entries", float64(unequal), 0)
	}
	return nil
}

// step replays with the simulator that goes step by step, and with one
// regression per synapse.
func (e *lifEpoch[T]) step(ctx context.Context, regressions [][]align.Regression, o align.RDDOptions) error {
	m := &e.f.manifest
	r, err := spike.Record(ctx, e.net, m.PhaseSteps, spike.NewRecordedInput(e.counts))
	if err != nil {
		return err
	}
	for l, n := range m.Sizes {
		if err := e.spikes("step by step", l, func(step, neuron int) bool { return r.Spikes[l][step*n+neuron] == 1 }); err != nil {
			return err
		}
		for _, trace := range []struct {
			name string
			got  [][]float64
		}{{"v", r.V}, {"u", r.U}} {
			if name := fmt.Sprintf("%s%d%s", trace.name, l, e.suffix); e.f.has("v_first500", name) {
				first := min(n, 8)
				want, err := e.f.read("v_first500", name, len(m.Sizes)-1, -1, first)
				if err != nil {
					return err
				}
				steps := min(want.Shape[1], m.PhaseSteps)
				got := make([]float64, 0, want.Len())
				for phase := range len(m.Sizes) - 1 {
					for t := range steps {
						got = append(got, trace.got[l][(phase*m.PhaseSteps+t)*n:][:first]...)
					}
				}
				e.add(e.name("step by step: %s of layer %d", trace.name, l), "absolute", absolute(got, want.Float64()), lifPotential)
			}
		}
	}
	for l := range len(m.Sizes) - 1 {
		out := m.Sizes[l+1]
		var rows, targets []float64
		checkpoint := 0
		pause := func(steps int) error {
			checkpoint++
			return e.estimates("step by step", l, checkpoint, steps, parametersOf(regressions[l], m.Sizes[l], out), betaOf(regressions[l], o))
		}
		for k, y := range align.Targets(r, l) {
			w := r.Windows[l][k]
			for w.End-l*m.PhaseSteps >= (checkpoint+1)*1000 {
				if err := pause((checkpoint + 1) * 1000); err != nil {
					return err
				}
			}
			used := math.Abs(w.MaxDrive-o.Spike.Threshold) <= o.AcceptHalfWidth
			rows = append(rows, float64(w.End), float64(w.Neuron), flag(w.Spiked), w.MaxDrive, flag(used))
			targets = append(targets, y...)
			if used {
				for j := range y {
					regressions[l][w.Neuron*out+j].Observe(w.MaxDrive, w.Spiked, y[j], o.LearningRate)
				}
			}
		}
		for (checkpoint+1)*1000 <= m.PhaseSteps {
			if err := pause((checkpoint + 1) * 1000); err != nil {
				return err
			}
		}
		if err := e.estimates("step by step", l, 0, 0, parametersOf(regressions[l], m.Sizes[l], out), betaOf(regressions[l], o)); err != nil {
			return err
		}
		if err := e.windows("step by step", l, rows); err != nil {
			return err
		}
		if name := fmt.Sprintf("window_target%d%s", l, e.suffix); e.f.has("", name) {
			want, err := e.f.read("", name, -1, out)
			if err != nil {
				return err
			}
			e.add(e.name("step by step: window targets of layer %d", l), "absolute", absolute(targets, want.Float64()), lifEstimate)
		}
	}
	return nil
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func parametersOf(regressions []align.Regression, in, out int) []float64 {
	p := make([]float64, in*4*out)
	for i := range in {
		for j := range out {
			r := regressions[i*out+j]
			for k, v := range []float64{r.InterceptSpike, r.InterceptQuiet, r.SlopeSpike, r.SlopeQuiet} {
				p[(i*4+k)*out+j] = v
			}
		}
	}
	return p
}

func betaOf(regressions []align.Regression, o align.RDDOptions) []float64 {
	beta := make([]float64, len(regressions))
	for i, r := range regressions {
		beta[i] = o.Estimator.Beta(r, o.Spike.Threshold)
	}
	return beta
}

// windows compares the windows of a layer: rows of end, neuron, whether it
// spiked, largest drive and whether it is used, by end, then neuron.
func (e *lifEpoch[T]) windows(how string, l int, rows []float64) error {
	name := fmt.Sprintf("windows%d%s", l, e.suffix)
	if !e.f.has("", name) {
		return nil
	}
	a, err := e.f.read("", name, -1, 5)
	if err != nil {
		return err
	}
	want := a.Float64()
	for i := 2; i < len(want); i += 5 {
		want[i] = min(want[i], 1) // only whether there were spikes counts
	}
	unequal := math.Abs(float64(len(rows)-len(want))) / 5
	var got, drives []float64
	for i := 0; i < min(len(rows), len(want)); i += 5 {
		got, drives = append(got, rows[i+3]), append(drives, want[i+3])
		if !slices.Equal(rows[i:i+3], want[i:i+3]) || rows[i+4] != want[i+4] {
			unequal++
		}
	}
	e.add(e.name("%s: windows of layer %d", how, l), "unequal entries", unequal, 0)
	e.add(e.name("%s: largest drives of layer %d", how, l), "absolute", absolute(got, drives), lifPotential)
	return nil
}

// estimates compares parameters and beta, those recorded after some steps of
// the layer's phase if checkpoint is at least 1, else the final ones.
func (e *lifEpoch[T]) estimates(how string, l, checkpoint, steps int, parameters, beta []float64) error {
	m := &e.f.manifest
	in, out := m.Sizes[l], m.Sizes[l+1]
	for _, q := range []struct {
		name  string
		got   []float64
		shape []int
	}{{"rdd_params", parameters, []int{in, 4, out}}, {"beta", beta, []int{in, out}}} {
		name, shape, when := fmt.Sprintf("%s_final%d%s", q.name, l, e.suffix), q.shape, "finally"
		if checkpoint > 0 {
			name, shape, when = fmt.Sprintf("%s_checkpoints%d%s", q.name, l, e.suffix), append([]int{-1}, q.shape...), fmt.Sprintf("after %d steps", steps)
			if !e.f.has("rdd_final", name) {
				continue
			}
		}
		a, err := e.f.read("rdd_final", name, shape...)
		if err != nil {
			return err
		}
		want := a.Float64()
		if checkpoint > 0 {
			if checkpoint > a.Shape[0] {
				continue
			}
			want = want[(checkpoint-1)*len(q.got):][:len(q.got)]
		}
		if _, stored := a.Data.([]float32); stored {
			e.add(e.name("%s: %s of layer %d %s", how, q.name, l, when), "relative", deviation(q.got, want, lifEstimate/lifStored), lifStored)
		} else {
			e.add(e.name("%s: %s of layer %d %s", how, q.name, l, when), "absolute", absolute(q.got, want), lifEstimate)
		}
		zeros := 0
		for i, w := range want {
			if (w == 0) != (float32(q.got[i]) == 0) {
				zeros++
			}
		}
		e.add(e.name("%s: zeros of %s of layer %d %s", how, q.name, l, when), "unequal entries", float64(zeros), 0)
	}
	return nil
}

// stretch replays spikes and windows with the simulator that goes stretch by
// stretch.
func (e *lifEpoch[T]) stretch(ctx context.Context) error {
	m := &e.f.manifest
	s, err := spike.NewSimulation(e.net.Params, m.Sizes, m.PhaseSteps)
	if err != nil {
		return err
	}
	if err := s.Start(e.net.Weights, spike.NewRecordedInput(e.counts)); err != nil {
		return err
	}
	fired := make([][]bool, len(m.Sizes))
	windows := make([][]spike.Window, len(m.Sizes)-1)
	for l, n := range m.Sizes {
		fired[l] = make([]bool, m.Steps*n)
	}
	for stretch := s.Advance(0); stretch.Steps > 0; stretch = s.Advance(0) {
		if err := ctx.Err(); err != nil {
			return err
		}
		for l, n := range m.Sizes {
			for t := stretch.First; t < stretch.First+stretch.Steps; t++ {
				for i := range n {
					fired[l][t*n+i] = s.Spikes(l).Fired(t, i)
				}
			}
		}
		for i := range m.Sizes[stretch.Phase] {
			windows[stretch.Phase] = append(windows[stretch.Phase], s.Windows(stretch.Phase, i)...)
		}
	}
	for l, n := range m.Sizes {
		if err := e.spikes("by stretches", l, func(step, neuron int) bool { return fired[l][step*n+neuron] }); err != nil {
			return err
		}
	}
	for l := range windows {
		slices.SortFunc(windows[l], func(a, b spike.Window) int {
			return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Neuron, b.Neuron))
		})
		var rows []float64
		for _, w := range windows[l] {
			used := math.Abs(w.MaxDrive-m.Hyper.Threshold) <= m.Hyper.Accept
			rows = append(rows, float64(w.End), float64(w.Neuron), flag(w.Spiked), w.MaxDrive, flag(used))
		}
		if err := e.windows("by stretches", l, rows); err != nil {
			return err
		}
	}
	return nil
}

// estimate replays with the learner.
func (e *lifEpoch[T]) estimate(ctx context.Context, learner *align.RDD) error {
	m := &e.f.manifest
	recorded := align.Recorded{Counts: e.counts, Steps: m.Steps, Update: m.Updates}
	for t := 1000; t <= m.Steps; t += 1000 {
		recorded.Pause = append(recorded.Pause, t)
	}
	var failure error
	note := func(err error) { failure = cmp.Or(failure, err) }
	observe := func(steps int) {
		if steps > 0 {
			l := (steps - 1) / m.PhaseSteps
			if into := steps - l*m.PhaseSteps; into%1000 == 0 {
				note(e.estimates("learner", l, into/1000, into, learner.Parameters(l), learner.Beta(l)))
			}
		}
		if slices.Contains(m.Updates, steps) {
			for l := range e.layers {
				note(e.feedback(l, steps))
			}
		}
	}
	if err := align.Replay(ctx, learner, e.layers, recorded, observe); err != nil {
		return err
	}
	if failure != nil {
		return failure
	}
	for l := range e.layers {
		if err := e.estimates("learner", l, 0, 0, learner.Parameters(l), learner.Beta(l)); err != nil {
			return err
		}
	}
	return nil
}

// feedback compares feedback weights right after an update: all of them, or, as
// far as only that is recorded, the sum of their absolute values.
func (e *lifEpoch[T]) feedback(l, steps int) error {
	got := make([]float64, len(e.layers[l].Feedback))
	sum := 0.0
	for i, b := range e.layers[l].Feedback {
		got[i] = float64(b)
		sum += math.Abs(got[i])
	}
	name := fmt.Sprintf("fb_weight_after_%d_%d%s", steps, l, e.suffix)
	if e.f.has("", name) {
		a, err := e.f.read("", name, e.layers[l].In, e.layers[l].Out)
		if err != nil {
			return err
		}
		e.add(e.name("learner: feedback weights of layer %d after %d steps", l, steps), "relative", deviation(got, a.Float64(), 0.01), lifFeedback)
		return nil
	}
	if err := readJSON(e.f.dir, "manifest.json", &e.f.summary); err != nil {
		return err
	}
	if sums := e.f.summary.Summary.Feedback; l < len(sums) {
		e.add(e.name("learner: sum of |feedback weights| of layer %d after %d steps", l, steps), "relative", deviation([]float64{sum}, sums[l:l+1], 0), lifFeedback)
	}
	return nil
}
