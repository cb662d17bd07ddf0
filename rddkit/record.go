package rddkit

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/lock"
	"github.com/weightalign/lab/rddkit/internal/machine"
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

	method  method // as it was in the table when the record was written
	name    string // as run.json has it
	source  source
	digests map[string]fileDigest // of the other files; nil in records that are older than these
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
	machine.Machine
	BLAS string `json:"blas"` // backend of the matrix products
}

// arithmetic names what computed.
func (s Session) arithmetic() string { return strings.TrimSpace(s.BLAS + " " + s.Settings) }

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

// Name is the record's, as its experiment gave it when it was written.
func (r *Record) Name() string {
	return cmp.Or(r.name, strings.TrimSuffix(filepath.Base(r.Dir), ".npz"))
}

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

// Layer returns the weights as a layer that rules learn on; it shares them.
func (w Weights) Layer() align.Layer {
	return align.Layer{In: w.In, Out: w.Out, Forward: w.Forward, Feedback: w.Feedback}
}

// Weights reads the weights of fully connected layer 1, 2, … from the record's
// folder.
func (r *Record) Weights(layer int) (Weights, error) {
	r.checkLayer(layer)
	forward, err := r.readArray(fmt.Sprintf("weight_%d.npy", layer))
	if err != nil {
		return Weights{}, err
	}
	name := fmt.Sprintf("fb_weight_%d.npy", layer)
	feedback, err := r.readArray(name)
	if err != nil {
		return Weights{}, err
	}
	if len(forward.Shape) != 2 || len(feedback.Shape) != 2 ||
		forward.Shape[0] != feedback.Shape[1] || forward.Shape[1] != feedback.Shape[0] {
		return Weights{}, invalid.Newf(r.source.where(name), feedback.Shape, "the transpose of the shape of weight_%d.npy, %v", layer, forward.Shape)
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

// recordFormat is the version of run.json that is written: 2 has digests, 1, which
// had no number, has none.
const recordFormat = 2

// runFile is run.json.
type runFile struct {
	Format     int        `json:"format,omitempty"`
	Name       string     `json:"record,omitempty"` // its name
	Experiment Experiment `json:"experiment"`
	EpochsDone int        `json:"epochs_done"`
	Method     *method    `json:"method,omitempty"`
	Command    string     `json:"command,omitempty"` // that makes it; of stored records only
	Provenance
	Series seriesFile            `json:"series"`
	Files  map[string]fileDigest `json:"files,omitempty"`  // the others of the record
	Digest string                `json:"digest,omitempty"` // SHA-256 of this file with an empty digest; it stands last
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

// encode returns the text of run.json.
func (f runFile) encode() ([]byte, error) {
	f.Format, f.Digest = recordFormat, digestHole
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	at := bytes.LastIndex(text, []byte(digestHole))
	sum := sha256.Sum256(text)
	copy(text[at:], hex.EncodeToString(sum[:]))
	return text, nil
}

// digestHole stands for the digest while it is computed.
var digestHole = strings.Repeat("0", 2*sha256.Size)

// decodeRun reads the text of run.json. Fields that this version does not know are
// refused: the record may be of a later one.
func decodeRun(text []byte, path string) (f runFile, err error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&f); err != nil {
		return f, invalid.Newf(path, err.Error(), "the description of a run, as this version of rddkit writes it")
	}
	if f.Format == 0 && f.Digest == "" && f.Files == nil {
		return f, nil // format 1
	}
	if f.Format != recordFormat {
		return f, invalid.Newf(path, fmt.Sprintf("of format %d", f.Format), "format %d, or 1 without a number", recordFormat)
	}
	at := bytes.LastIndex(text, []byte(f.Digest))
	if len(f.Digest) != len(digestHole) || at < 0 || f.Files == nil {
		return f, &damageError{path, "without its digest"}
	}
	hollow := bytes.Clone(text)
	copy(hollow[at:], digestHole)
	if sum := sha256.Sum256(hollow); hex.EncodeToString(sum[:]) != f.Digest {
		return f, &damageError{path, "not what its digest says"}
	}
	return f, nil
}

// Open reads the record at path: a run folder that Run wrote, or a stored run that
// [Store] wrote, one .npz file. It fails with an error that names the file if one
// is missing, damaged, or not of this record. While a run goes on, Open gives what
// was saved last.
func Open(path string) (*Record, error) {
	var src source = folder(path)
	if isArchive(path) {
		a, err := openArchive(path)
		if err != nil {
			return nil, err
		}
		src = a
	}
	for try := 0; ; try++ {
		r, err := open(path, src)
		if try == openTries || !errors.As(err, new(*damageError)) {
			return r, err
		}
		if _, busy, held := lock.Held(lockOf(path)); !busy || held != nil {
			return open(path, src) // a save may have ended in between
		}
		time.Sleep(openPause) // it is being saved
	}
}

// A save takes well below a second.
const (
	openTries = 20
	openPause = 100 * time.Millisecond
)

// lockOf is the lock of a run folder.
func lockOf(dir string) string { return filepath.Join(dir, ".lock") }

// openNow is Open of a run folder for whoever holds its lock, and need not wait for
// a save.
func openNow(path string) (*Record, error) { return open(path, folder(path)) }

func open(path string, src source) (*Record, error) {
	where := src.where("run.json")
	text, err := src.read("run.json")
	if err != nil {
		return nil, invalid.New("record", path, "a run folder, with a run.json, or a stored run")
	}
	run, err := decodeRun(text, where)
	if err != nil {
		return nil, err
	}
	if run.Experiment, err = run.Experiment.read(); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	r := &Record{Experiment: run.Experiment, Dir: path, Provenance: run.Provenance, method: describe(run.Experiment), name: run.Name, source: src, digests: run.Files}
	if run.Method != nil {
		r.method = *run.Method
	}
	r.LearnSeconds, r.TrainSeconds, r.TestSeconds, r.Final, r.Costs = run.Series.LearnSeconds, run.Series.TrainSeconds, run.Series.TestSeconds, run.Series.Final, run.Series.Costs
	epochs, layers := run.EpochsDone, len(r.Final)
	if epochs < 0 || epochs > run.Experiment.Epochs || epochs != len(r.TrainSeconds) || epochs != len(r.LearnSeconds) || epochs != len(r.TestSeconds) {
		return nil, invalid.Newf(where, epochs, "as many epochs_done as durations (%d), and at most the experiment's %d", len(r.TrainSeconds), run.Experiment.Epochs)
	}
	if layers < 1 || layers > mostLayers {
		return nil, invalid.Newf(where, layers, "final metrics of 1 to %d layers", mostLayers)
	}
	for i := range r.Final {
		r.Final[i].Angle = math.NaN()
		if i < len(run.Series.FinalAngle) && run.Series.FinalAngle[i] != nil {
			r.Final[i].Angle = *run.Series.FinalAngle[i]
		}
	}
	for name, into := range r.errorFiles() {
		if *into, err = r.readSeries(name, run.Experiment.Epochs+1, epochs+1); err != nil {
			return nil, err
		}
	}
	per := run.Series.Observations
	if per < 1 || per > mostObservations {
		return nil, invalid.Newf(where, per, "observations_per_epoch of 1 to %d", mostObservations)
	}
	r.Symmetry = make([][][]align.Metrics, layers)
	for layer := range r.Symmetry {
		for name, field := range metricFiles {
			file := fmt.Sprintf("%s_%d.npy", name, layer+1)
			values, err := r.readSeries(file, -1, epochs*per)
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
	return r, r.finite()
}

// finite returns an error that names the first number of the record that is not
// finite. Angles that are not known, and what measures found, may be NaN.
func (r *Record) finite() error {
	check := func(what string, v float64) error {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return invalid.New(what, v, "a finite number: a smaller LearningRate or RDDRate")
		}
		return nil
	}
	for name, values := range r.errorFiles() {
		for epoch, v := range *values {
			if err := check(fmt.Sprintf("%s[%d]", name, epoch), v); err != nil {
				return err
			}
		}
	}
	for name, field := range metricFiles {
		if name == "angle" {
			continue
		}
		for layer := range r.Symmetry {
			for epoch, observed := range r.Symmetry[layer] {
				for _, m := range observed {
					if err := check(fmt.Sprintf("%s of FC%d, epoch %d", name, layer+1, epoch), *field(&m)); err != nil {
						return err
					}
				}
			}
			if err := check(fmt.Sprintf("%s of FC%d at last", name, layer+1), *field(&r.Final[layer])); err != nil {
				return err
			}
		}
	}
	return nil
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
	a, err := r.readArray(measuredFile(name))
	if err != nil {
		return err
	}
	if len(a.Shape) != 3 || a.Shape[0] != epochs || a.Shape[1] != per || a.Shape[2] != 1 && a.Shape[2] != r.Layers() {
		return invalid.Newf(r.source.where(measuredFile(name)), a.Shape, "[%d][%d] times 1 or %d values", epochs, per, r.Layers())
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
func (r *Record) readSeries(name string, length, used int) ([]float64, error) {
	a, err := r.readArray(name)
	if err != nil {
		return nil, err
	}
	if len(a.Shape) != 1 || a.Len() < used || length >= 0 && a.Len() != length {
		return nil, invalid.Newf(r.source.where(name), a.Shape, "one axis of at least %d values", max(length, used))
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

// arrays returns the contents of the record's array files by name, but for those
// of its weights.
func (r *Record) arrays() (map[string][]byte, error) {
	files := make(map[string][]byte)
	add := func(name string, values []float64, shape ...int) error {
		var text bytes.Buffer
		err := npy.Write(&text, values, shape...)
		files[name] = text.Bytes()
		return err
	}
	for name, epochs := range r.Series.Measured {
		var values []float64
		for _, observed := range epochs {
			for _, o := range observed {
				values = append(values, o...)
			}
		}
		if err := add(measuredFile(name), values, len(epochs), len(epochs[0]), len(epochs[0][0])); err != nil {
			return nil, err
		}
	}
	for name, values := range r.errorFiles() {
		padded := make([]float64, r.Experiment.Epochs+1)
		copy(padded, *values)
		if err := add(name, padded, len(padded)); err != nil {
			return nil, err
		}
	}
	for layer := range r.Symmetry {
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
			if err := add(fmt.Sprintf("%s_%d.npy", name, layer+1), values, len(values)); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// description returns run.json without what it says of other files.
func (r *Record) description() runFile {
	run := runFile{Name: r.name, Experiment: r.Experiment, EpochsDone: r.EpochsDone(), Method: &r.method, Provenance: r.Provenance, Series: seriesFile{
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
	return run
}

// write brings the record's folder up to date. Every file appears whole, run.json,
// which has the digests of the others, last; the record's state, which rules if
// they disagree, was written before.
func (r *Record) write(weights []Weights, beta [][]float64) error {
	if err := r.finite(); err != nil {
		return err
	}
	files, err := r.arrays()
	if err != nil {
		return err
	}
	for layer, w := range weights {
		for _, m := range []struct {
			name string
			put  func(io.Writer) error
		}{
			{"weight", func(to io.Writer) error { return npy.Write(to, w.Forward, w.Out, w.In) }},
			{"fb_weight", func(to io.Writer) error { return npy.Write(to, w.Feedback, w.In, w.Out) }},
			{"beta", func(to io.Writer) error { return npy.Write(to, beta[layer], w.In, w.Out) }},
		} {
			if m.name == "beta" && beta == nil {
				continue
			}
			var text bytes.Buffer
			if err := m.put(&text); err != nil {
				return err
			}
			files[fmt.Sprintf("%s_%d.npy", m.name, layer+1)] = text.Bytes()
		}
	}
	run := r.description()
	run.Files = make(map[string]fileDigest)
	for name, text := range files {
		run.Files[name] = digestOf(text)
		if err := atomicfile.WriteHastily(filepath.Join(r.Dir, name), text); err != nil {
			return err
		}
	}
	text, err := run.encode()
	if err != nil {
		return err
	}
	r.digests = run.Files
	return atomicfile.WriteFile(filepath.Join(r.Dir, "run.json"), text)
}
