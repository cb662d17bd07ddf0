package rddkit

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Record is what happened in an experiment, up to the epochs done so far. Its
// folder Dir holds
//
//	run.json                the resolved experiment, seed, versions, machine, durations
//	correct_{1,2,…}.npy     sign alignment of FC1, FC2, …, percent; likewise self_ decay_ sparse_ amp_ info_ symm_
//	angle_{1,2,…}.npy       angle between feedback and feedforward weights, degrees (later than the others)
//	weight_{1,2,…}.npy      feedforward weights [out][in] after the last epoch
//	fb_weight_{1,2,…}.npy   feedback weights [in][out]
//	beta_{1,2,…}.npy        causal effects [in][out] (methods that estimate them)
//	measured_NAME.npy       what a measure found, [epoch][observation][layer or 1]
//	train_err.npy test_err.npy train_cost.npy test_cost.npy   [epochs+1]
//	state.bin               what a later run needs to go on
//
// (In the published program, hence in these names, decay and sparse stand swapped
// against the definitions of Kunin et al., ICML 2020.) For RDD the first group has, per epoch, one value at the start of the RDD
// phase and one after each 10 s of it, and one more at the very end; for the
// other methods one per epoch.
type Record struct {
	Experiment Experiment // resolved
	Dir        string     // the record's folder
	Series                // the numbers, epoch by epoch
	Provenance Provenance

	method method // as it was in the table when the record was written
}

// method is what a record keeps of its method's row in the table: it can be drawn
// where the method is unknown.
type method struct {
	Label   string   `json:"label"`
	Color   string   `json:"color,omitempty"`
	Version int      `json:"version"`
	Uses    []string `json:"uses,omitempty"`
}

// describe returns what a record of the resolved experiment keeps of its method.
func describe(e Experiment) method {
	r, err := e.Method.row()
	if err != nil {
		return method{Label: string(e.Method)}
	}
	return method{r.label, r.color, r.version, r.uses}
}

// Series are the numbers of a record.
type Series struct {
	// TrainError and TestError are percent wrong in evaluation mode over all
	// training (without augmentation) and test images, TrainCost and TestCost
	// the mean loss per image; [epochs done + 1], entry 0 before training.
	TrainError, TestError, TrainCost, TestCost []float64
	// Symmetry compares feedback with feedforward weights of FC1, FC2, …:
	// [layer][epoch][observation]. The first observation of an epoch comes
	// before its RDD phase, the last before its training.
	Symmetry [][][]align.Metrics
	// Final is Symmetry after the last epoch's training, [layer].
	Final []align.Metrics
	// Measured is what each of Experiment.Measures found,
	// [epoch][observation][layer], or one number in place of the layers'.
	Measured map[string][][][]float64
	// Costs is what the learner had used, [epoch][observation]; nil for one that
	// does not count it.
	Costs [][]align.Cost
	// LearnSeconds, TrainSeconds and TestSeconds are wall-clock durations of
	// each epoch: learning of feedback weights, training, evaluation.
	LearnSeconds, TrainSeconds, TestSeconds []float64
}

// Provenance says where and with what a record was made.
type Provenance struct {
	Images   string    `json:"images"`   // number and size of the images used
	Sessions []Session `json:"sessions"` // one for each time the run was started or continued
}

// Session is one stretch of a run on one machine.
type Session struct {
	Started    string `json:"started"` // RFC 3339, UTC
	FirstEpoch int    `json:"first_epoch"`
	Epochs     int    `json:"epochs"` // done in this session
	Machine
	BLAS string `json:"blas"` // backend of the matrix products
}

// EpochsDone is the number of epochs that the record holds.
func (r *Record) EpochsDone() int { return len(r.TrainSeconds) }

// Layers is the number of fully connected layers, FC1 and up, whose feedback
// weights the record follows.
func (r *Record) Layers() int { return len(r.Symmetry) }

// Label names the record in a figure's legend: as the table of methods does, or,
// of a method that is not in it, as it did when the record was written.
func (r *Record) Label() string {
	if row, err := r.Experiment.Method.row(); err == nil {
		return row.label
	}
	return cmp.Or(r.method.Label, string(r.Experiment.Method))
}

// Color is the colour of the record's method in figures: a name of chart's
// palette, or "#rrggbb".
func (r *Record) Color() string { return cmp.Or(r.Experiment.Method.Color(), r.method.Color) }

// Name is the record's: that of its folder.
func (r *Record) Name() string { return filepath.Base(r.Dir) }

// Measure returns, for each epoch, what a measure found of fully connected layer
// 1, 2, …, or of the whole network (where it returns one number, whatever layer
// is), before the epoch trains the weights; nil if the record has no such measure.
func (r *Record) Measure(name string, layer int) []float64 {
	r.checkLayer(layer)
	var values []float64
	for _, observed := range r.Series.Measured[name] {
		last := observed[len(observed)-1]
		values = append(values, last[min(layer, len(last))-1])
	}
	return values
}

// SignAlignment returns, for each epoch, the percentage of the feedback
// weights of fully connected layer 1, 2, … whose sign is the feedforward
// weight's, before the epoch trains the weights (the report's Fig. 1a).
func (r *Record) SignAlignment(layer int) []float64 {
	return r.perEpoch(layer, func(m align.Metrics) float64 { return m.SignAlignment })
}

// Angle returns, for each epoch, the angle in degrees between the feedback and the
// feedforward weights of fully connected layer 1, 2, …, before the epoch trains the
// weights; NaN in records that are older than this measure.
func (r *Record) Angle(layer int) []float64 {
	return r.perEpoch(layer, func(m align.Metrics) float64 { return m.Angle })
}

// RSelf returns, for each epoch, R_self = −trace(B W) of fully connected layer
// 1, 2, …, before the epoch trains the weights (the report's Fig. 1d).
func (r *Record) RSelf(layer int) []float64 {
	return r.perEpoch(layer, func(m align.Metrics) float64 { return m.Self })
}

func (r *Record) perEpoch(layer int, pick func(align.Metrics) float64) []float64 {
	r.checkLayer(layer)
	values := make([]float64, len(r.Symmetry[layer-1]))
	for epoch, observations := range r.Symmetry[layer-1] {
		values[epoch] = pick(observations[len(observations)-1])
	}
	return values
}

func (r *Record) checkLayer(layer int) {
	if layer < 1 || layer > r.Layers() {
		panic(fmt.Sprintf("rddkit: layer %d of %d", layer, r.Layers()))
	}
}

// Weights are the weights of one fully connected layer after the last epoch.
type Weights struct {
	In, Out  int
	Forward  []float32 // feedforward, [out][in]
	Feedback []float32 // [in][out]
}

// Weights reads the weights of fully connected layer 1, 2, … from the
// record's folder.
func (r *Record) Weights(layer int) (Weights, error) {
	forward, err := npy.ReadFile(filepath.Join(r.Dir, fmt.Sprintf("weight_%d.npy", layer)))
	if err != nil {
		return Weights{}, err
	}
	path := filepath.Join(r.Dir, fmt.Sprintf("fb_weight_%d.npy", layer))
	feedback, err := npy.ReadFile(path)
	if err != nil {
		return Weights{}, err
	}
	if len(forward.Shape) != 2 || len(feedback.Shape) != 2 ||
		forward.Shape[0] != feedback.Shape[1] || forward.Shape[1] != feedback.Shape[0] {
		return Weights{}, invalid.Newf(path, feedback.Shape, "the transpose of the shape of weight_%d.npy, %v", layer, forward.Shape)
	}
	return Weights{In: forward.Shape[1], Out: forward.Shape[0], Forward: forward.Float32(), Feedback: feedback.Float32()}, nil
}

// Pairs returns the layer's weights as pairs: element k of both slices belongs
// to the same two neurons.
func (w Weights) Pairs() (forward, feedback []float64) {
	forward, feedback = make([]float64, 0, len(w.Forward)), make([]float64, 0, len(w.Forward))
	for out := range w.Out {
		for in := range w.In {
			forward = append(forward, float64(w.Forward[out*w.In+in]))
			feedback = append(feedback, float64(w.Feedback[in*w.Out+out]))
		}
	}
	return forward, feedback
}

// runFile is run.json.
type runFile struct {
	Experiment Experiment `json:"experiment"`
	EpochsDone int        `json:"epochs_done"`
	Method     *method    `json:"method,omitempty"`
	Command    string     `json:"command,omitempty"` // that makes it; of stored records only
	Provenance
	Series seriesFile `json:"series"`
}

// seriesFile holds what has no NumPy file of its own.
type seriesFile struct {
	LearnSeconds []float64       `json:"learn_seconds"`
	TrainSeconds []float64       `json:"train_seconds"`
	TestSeconds  []float64       `json:"test_seconds"`
	Observations int             `json:"observations_per_epoch"`
	Final        []align.Metrics `json:"final"`
	FinalAngle   []*float64      `json:"final_angle,omitempty"` // of final; null where it is not known
	Costs        [][]align.Cost  `json:"costs,omitempty"`
}

// Open reads the record in dir, a folder that Run wrote. It fails with an
// error that names the file if one is missing or damaged.
func Open(dir string) (*Record, error) {
	path := filepath.Join(dir, "run.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, invalid.New("record", dir, "a run folder, with a run.json")
	}
	var run runFile
	if err := json.Unmarshal(text, &run); err != nil {
		return nil, invalid.New(path, err.Error(), "the description of a run")
	}
	if run.Experiment, err = run.Experiment.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r := &Record{Experiment: run.Experiment, Dir: dir, Provenance: run.Provenance, method: describe(run.Experiment)}
	if run.Method != nil {
		r.method = *run.Method
	}
	r.LearnSeconds, r.TrainSeconds, r.TestSeconds, r.Final, r.Costs = run.Series.LearnSeconds, run.Series.TrainSeconds, run.Series.TestSeconds, run.Series.Final, run.Series.Costs
	epochs, layers := run.EpochsDone, len(r.Final)
	if epochs < 0 || epochs != len(r.TrainSeconds) || epochs != len(r.LearnSeconds) || epochs != len(r.TestSeconds) {
		return nil, invalid.Newf(path, epochs, "as many epochs_done as durations (%d)", len(r.TrainSeconds))
	}
	if layers < 1 || layers > mostLayers {
		return nil, invalid.Newf(path, layers, "final metrics of 1 to %d layers", mostLayers)
	}
	for i := range r.Final {
		r.Final[i].Angle = math.NaN()
		if i < len(run.Series.FinalAngle) && run.Series.FinalAngle[i] != nil {
			r.Final[i].Angle = *run.Series.FinalAngle[i]
		}
	}
	for name, into := range r.errorFiles() {
		if *into, err = readSeries(dir, name, run.Experiment.Epochs+1, epochs+1); err != nil {
			return nil, err
		}
	}
	per := run.Series.Observations
	if per < 1 || per > mostObservations {
		return nil, invalid.Newf(path, per, "observations_per_epoch of 1 to %d", mostObservations)
	}
	r.Symmetry = make([][][]align.Metrics, layers)
	for layer := range r.Symmetry {
		for name, field := range metricFiles {
			values, err := readSeries(dir, fmt.Sprintf("%s_%d.npy", name, layer+1), -1, epochs*per)
			if name == "angle" && errors.Is(err, fs.ErrNotExist) { // an older record
				values, err = slices.Repeat([]float64{math.NaN()}, epochs*per), nil
			}
			if err != nil {
				return nil, err
			}
			if r.Symmetry[layer] == nil { // when it is known that there are so many values
				r.Symmetry[layer] = make([][]align.Metrics, epochs)
				for epoch := range r.Symmetry[layer] {
					r.Symmetry[layer][epoch] = make([]align.Metrics, per)
				}
			}
			for i, v := range values {
				*field(&r.Symmetry[layer][i/per][i%per]) = v
			}
		}
	}
	for _, name := range measureNames(r.Experiment.Measures) {
		if err := r.readMeasured(name, epochs, per); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Limits of what run.json may claim.
const (
	mostLayers       = 1 << 10
	mostObservations = 1 << 20
)

// read is Resolve for the experiment of a record, whose method, drive and measures
// need not be known here.
func (e Experiment) read() (Experiment, error) {
	if _, err := e.Method.row(); err == nil && e.Drive.Validate() == nil && checkMeasures(e.Measures) == nil {
		return e.Resolve()
	}
	known := e
	known.Method, known.Options, known.Measures = RDD, nil, ""
	if known.Drive.Validate() != nil {
		known.Drive = ""
	}
	if _, err := known.Resolve(); err != nil {
		return e, err
	}
	return e.filled(), nil
}

func (r *Record) readMeasured(name string, epochs, per int) error {
	path := filepath.Join(r.Dir, measuredFile(name))
	a, err := npy.ReadFile(path)
	if err != nil {
		return err
	}
	if len(a.Shape) != 3 || a.Shape[0] != epochs || a.Shape[1] != per || a.Shape[2] != 1 && a.Shape[2] != r.Layers() {
		return invalid.Newf(path, a.Shape, "[%d][%d] times 1 or %d values", epochs, per, r.Layers())
	}
	if r.Series.Measured == nil {
		r.Series.Measured = make(map[string][][][]float64)
	}
	values := a.Float64()
	for range epochs {
		var epoch [][]float64
		for range per {
			epoch, values = append(epoch, values[:a.Shape[2]:a.Shape[2]]), values[a.Shape[2]:]
		}
		r.Series.Measured[name] = append(r.Series.Measured[name], epoch)
	}
	return nil
}

func measuredFile(name string) string { return "measured_" + name + ".npy" }

// readSeries returns the first used values of a file, which must have length
// values (-1: at least used).
func readSeries(dir, name string, length, used int) ([]float64, error) {
	path := filepath.Join(dir, name)
	a, err := npy.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(a.Shape) != 1 || a.Len() < used || length >= 0 && a.Len() != length {
		return nil, invalid.Newf(path, a.Shape, "one axis of at least %d values", max(length, used))
	}
	return a.Float64()[:used], nil
}

func (s *Series) errorFiles() map[string]*[]float64 {
	return map[string]*[]float64{
		"train_err.npy": &s.TrainError, "test_err.npy": &s.TestError,
		"train_cost.npy": &s.TrainCost, "test_cost.npy": &s.TestCost,
	}
}

// metricFiles are the metrics under the names of the report's files.
var metricFiles = map[string]func(m *align.Metrics) *float64{
	"correct": func(m *align.Metrics) *float64 { return &m.SignAlignment },
	"self":    func(m *align.Metrics) *float64 { return &m.Self },
	"decay":   func(m *align.Metrics) *float64 { return &m.Decay },
	"sparse":  func(m *align.Metrics) *float64 { return &m.Sparse },
	"amp":     func(m *align.Metrics) *float64 { return &m.Amp },
	"info":    func(m *align.Metrics) *float64 { return &m.Info },
	"symm":    func(m *align.Metrics) *float64 { return &m.Symm },
	"angle":   func(m *align.Metrics) *float64 { return &m.Angle },
}

// write brings the record's folder up to date. Every file appears whole;
// state.bin, which rules if they disagree, was written before.
func (r *Record) write(weights []Weights, beta [][]float64) error {
	run := runFile{Experiment: r.Experiment, EpochsDone: r.EpochsDone(), Method: &r.method, Provenance: r.Provenance, Series: seriesFile{
		LearnSeconds: r.LearnSeconds, TrainSeconds: r.TrainSeconds, TestSeconds: r.TestSeconds,
		Observations: len(r.Symmetry[0][0]), Final: r.Final, Costs: r.Costs,
	}}
	for _, m := range r.Final {
		angle := &m.Angle
		if math.IsNaN(m.Angle) {
			angle = nil
		}
		run.Series.FinalAngle = append(run.Series.FinalAngle, angle)
	}
	if method, err := r.Experiment.Method.row(); err == nil {
		run.Experiment.Options = differing(r.Experiment.Options, method.defaults)
	}
	for name, epochs := range r.Series.Measured {
		var values []float64
		shape := []int{len(epochs), len(epochs[0]), len(epochs[0][0])}
		for _, observed := range epochs {
			for _, o := range observed {
				values = append(values, o...)
			}
		}
		if err := npy.WriteFile(filepath.Join(r.Dir, measuredFile(name)), values, shape...); err != nil {
			return err
		}
	}
	for name, values := range r.errorFiles() {
		padded := make([]float64, r.Experiment.Epochs+1)
		copy(padded, *values)
		if err := npy.WriteFile(filepath.Join(r.Dir, name), padded); err != nil {
			return err
		}
	}
	for layer, w := range weights {
		for name, field := range metricFiles {
			var values []float64
			for _, observations := range r.Symmetry[layer] {
				for _, m := range observations {
					values = append(values, *field(&m))
				}
			}
			if slices.Contains(r.method.Uses, "rdd-time") {
				values = append(values, *field(&r.Final[layer]))
			}
			if err := npy.WriteFile(filepath.Join(r.Dir, fmt.Sprintf("%s_%d.npy", name, layer+1)), values); err != nil {
				return err
			}
		}
		if err := npy.WriteFile(filepath.Join(r.Dir, fmt.Sprintf("weight_%d.npy", layer+1)), w.Forward, w.Out, w.In); err != nil {
			return err
		}
		if err := npy.WriteFile(filepath.Join(r.Dir, fmt.Sprintf("fb_weight_%d.npy", layer+1)), w.Feedback, w.In, w.Out); err != nil {
			return err
		}
		if beta != nil {
			if err := npy.WriteFile(filepath.Join(r.Dir, fmt.Sprintf("beta_%d.npy", layer+1)), beta[layer], w.In, w.Out); err != nil {
				return err
			}
		}
	}
	text, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(r.Dir, "run.json"), append(text, '\n'))
}

// state is what a run needs to go on: state.bin, gob and then its SHA-256.
type state struct {
	Experiment Experiment // resolved
	Series     Series
	Provenance Provenance
	Network    map[string][]float32 // tensors by name
	Learner    []byte
}

// write streams the state to its file: it may be as large as all else together.
func (s *state) write(dir string) error {
	file, err := atomicfile.Create(filepath.Join(dir, "state.bin"))
	if err != nil {
		return err
	}
	defer file.Discard()
	sum := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<16)
	if err := gob.NewEncoder(buffered).Encode(s); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if _, err := file.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return file.Commit()
}

// errNoState means that a folder has no state to go on from, or a damaged one.
var errNoState = errors.New("no usable state")

func readState(dir string) (*state, error) {
	file, err := os.ReadFile(filepath.Join(dir, "state.bin"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoState
	} else if err != nil {
		return nil, err
	}
	at := len(file) - sha256.Size
	if at < 0 || sha256.Sum256(file[:at]) != [sha256.Size]byte(file[at:]) {
		return nil, errNoState
	}
	s := new(state)
	if err := gob.NewDecoder(bytes.NewReader(file[:at])).Decode(s); err != nil {
		earlier := new(earlierState)
		if err := gob.NewDecoder(bytes.NewReader(file[:at])).Decode(earlier); err != nil {
			return nil, errNoState
		}
		s = earlier.state()
	}
	return s, nil
}

// earlierState is the state as it was written while every network had three fully
// connected layers.
type earlierState struct {
	Experiment Experiment
	Series     struct {
		TrainError, TestError, TrainCost, TestCost []float64
		Symmetry                                   [3][][]align.Metrics
		Final                                      [3]align.Metrics
		LearnSeconds, TrainSeconds, TestSeconds    []float64
	}
	Provenance Provenance
	Network    map[string][]float32
	Learner    []byte
}

func (e *earlierState) state() *state {
	x := &e.Series
	for layer := range x.Symmetry {
		x.Final[layer].Angle = math.NaN()
		for _, observed := range x.Symmetry[layer] {
			for i := range observed {
				observed[i].Angle = math.NaN()
			}
		}
	}
	return &state{e.Experiment, Series{
		TrainError: x.TrainError, TestError: x.TestError, TrainCost: x.TrainCost, TestCost: x.TestCost,
		Symmetry: x.Symmetry[:], Final: x.Final[:],
		LearnSeconds: x.LearnSeconds, TrainSeconds: x.TrainSeconds, TestSeconds: x.TestSeconds,
	}, e.Provenance, e.Network, e.Learner}
}
