package rddkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/lock"
	"github.com/weightalign/lab/rddkit/internal/machine"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
	"github.com/weightalign/lab/rddkit/show"
	"github.com/weightalign/lab/rddkit/train"
)

// Runner carries out experiments and keeps their records. Its zero value is
// ready.
type Runner struct {
	// Dir holds the run folders. Default: $RDDKIT_RUNS, else data/runs of the
	// checkout.
	Dir string
	// Data says where the data sets are. Its limits are the experiment's.
	Data dataset.Options
	// Progress, if set, is told how many training steps of how many are done, of
	// all experiments of a Sweep together.
	Progress func(done, total int, text string)

	// NoWait makes it an error that another process
	// is at work on the record. Default: wait until it is done.
	NoWait bool
	// Notice, if set, is told what is no error but should not be overlooked: a
	// damaged file that was set aside, a run that goes on with other arithmetic.
	// Default: standard error.
	Notice func(text string)

	// The others are for Sweep.

	// Cores is how many experiments are at work at once, at most. Default:
	// GOMAXPROCS.
	Cores int
	// Memory bounds what the experiments at work at once need together, in
	// bytes, as [Experiment.Memory] estimates it. Default: no bound.
	Memory int64
	// Watch, if set, makes a display for each experiment when its turn comes.
	Watch func(e Experiment) show.Progress
	// KeepGoing lets the others go on when one fails.
	KeepGoing bool
	// Arrived, if set, is told of every record when it is complete, one at a time,
	// so that what is there can be drawn while others are at work.
	Arrived func(r *Record)
	// Slurm, if set, lets tasks of a Slurm cluster do the work.
	Slurm *SlurmOptions
}

// Run carries out e, or reads its record if it was run before, with progress
// shown in the notebook or log. See [Runner.Run].
func Run(ctx context.Context, e Experiment) (*Record, error) {
	records, err := Sweep(ctx, e)
	if err != nil {
		return nil, err
	}
	return records[0], nil
}

// Run carries out e and returns its record. A record that is complete is read
// instead; one that is not, or that differs in having fewer epochs, is
// continued, to the same bits as without the interruption (on the same backend
// of matrix products). When ctx is cancelled Run returns its error soon; what was
// done until then is on disk, but for the epoch at work, and the epochs before it
// that took less time than ten saves. One process at a time is at work on a record.
func (r *Runner) Run(ctx context.Context, e Experiment) (*Record, error) {
	return r.run(ctx, e, new(sets), r.Progress)
}

func (r *Runner) run(ctx context.Context, e Experiment, sets *sets, tell func(done, total int, text string)) (*Record, error) {
	e, err := e.Resolve()
	if err != nil {
		return nil, err
	}
	root, err := r.root()
	if err != nil {
		return nil, err
	}
	stem, err := e.stem()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, fmt.Sprintf("%s-%d", stem, e.Epochs))
	if record, err := finished(Open, dir, stem, e, tell); record != nil || err != nil {
		return record, err
	}
	set, err := sets.load(ctx, e, r.Data, tell)
	if err != nil {
		return nil, err
	}
	if n := set.Train.Len(); n < 2 || set.Test.Len() < 1 {
		return nil, invalid.New("TrainLimit, TestLimit", []int{n, set.Test.Len()}, "at least 2 training images and 1 test image")
	}
	if err := e.sameImages(set); err != nil {
		return nil, err
	}
	held, err := lock.Acquire(ctx, lockOf(dir), lock.Options{Wait: !r.NoWait, Tell: func(text string) {
		if tell != nil {
			tell(0, 0, text)
		}
	}})
	if err != nil {
		return nil, err
	}
	defer held.Release()
	if record, err := finished(openNow, dir, stem, e, tell); record != nil || err != nil { // by whoever held it
		return record, err
	}
	if err := atomicfile.Clean(dir); err != nil {
		return nil, err
	}
	run, err := r.begin(ctx, e, set, dir, stem, held, tell)
	if err != nil {
		return nil, err
	}
	for run.record.EpochsDone() < e.Epochs {
		if err := run.epoch(ctx); err != nil {
			return nil, run.named(err)
		}
	}
	record := run.record // a pointer into run would keep the network in memory for as long as the record
	return &record, nil
}

// finished returns the record in dir if it is complete; nil if there is none, or
// one to go on with or to restore. A record of another experiment is an error.
func finished(open func(path string) (*Record, error), dir, stem string, e Experiment, tell func(done, total int, text string)) (*Record, error) {
	record, err := open(dir)
	if err != nil {
		return nil, nil
	}
	if err := record.is(stem); err != nil {
		return nil, err
	}
	if record.EpochsDone() < e.Epochs || record.complete() != nil {
		return nil, nil
	}
	if tell != nil {
		tell(1, 1, record.Label()+": read from disk")
	}
	return record, nil
}

// is returns an error unless the record is of the experiments with this stem.
func (r *Record) is(stem string) error {
	name := r.name
	if name == "" { // of the first format
		own, err := r.Experiment.stem()
		if err != nil {
			return err
		}
		name = fmt.Sprintf("%s-%d", own, r.Experiment.Epochs)
	}
	if !strings.HasPrefix(name, stem+"-") {
		return invalid.Newf(r.Dir, "the record of "+name, "that of %s: a folder was renamed or copied over it; move it away", stem)
	}
	return nil
}

// run is an experiment at work.
type run struct {
	told    func(done, total int, text string) // may be nil
	record  Record
	loop    *train.Loop
	costly  align.Costly // nil for a learner that does not count what it uses
	some    nn.Batch     // of test images, for measures
	stem    string       // of the record's name
	lock    *lock.Lock   // of the record's folder
	saved   time.Time
	pause   time.Duration // until an epoch is saved again
	unsaved bool          // the last epoch
}

// named says in which method and epoch something went wrong.
func (run *run) named(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	r := &run.record
	return fmt.Errorf("method %s, seed %d, epoch %d: %w", string(r.Experiment.Method), r.Experiment.Seed, r.EpochsDone()+1, err)
}

// begin makes the network and the learner, in the state that an earlier,
// unfinished or shorter run left, if there is one.
func (r *Runner) begin(ctx context.Context, e Experiment, set *dataset.Set, dir, stem string, held *lock.Lock, tell func(done, total int, text string)) (*run, error) {
	network, err := e.network(set)
	if err != nil {
		return nil, err
	}
	learner, err := e.learner()
	if err != nil {
		return nil, err
	}
	now := &run{told: tell, stem: stem, lock: held}
	now.loop = &train.Loop{
		Network: network, Learner: learner, Set: set, BatchSize: e.BatchSize, Augment: e.Augment == CropAndMirror, Seed: e.Seed, Tell: now.tell,
		Optimiser: nn.SGD{LearningRate: e.LearningRate, Momentum: max(e.Momentum, 0), WeightDecay: e.WeightDecay},
	}
	now.costly, _ = learner.(align.Costly)
	now.record = Record{Experiment: e, Dir: dir, method: describe(e), name: filepath.Base(dir), source: folder(dir)}
	now.record.Symmetry, now.record.Final = make([][][]align.Metrics, len(network.Affine())), make([]align.Metrics, len(network.Affine()))
	now.record.Provenance.Images = fmt.Sprintf("%d training and %d test images of %d×%d×%d", set.Train.Len(), set.Test.Len(), set.Channels, set.Side, set.Side)
	if e.Measures != "" {
		now.some = someImages(set)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	switch earlier, err := r.latestState(dir, stem, e); {
	case errors.Is(err, errNoState):
		if err := now.evaluate(ctx); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		if err := network.SetTensors(earlier.Network); err != nil {
			return nil, err
		}
		if err := align.UnmarshalState(learner, earlier.Learner); err != nil {
			return nil, err
		}
		now.record.Series, now.record.Provenance = earlier.Series, earlier.Provenance
	}
	session := Session{Started: time.Now().UTC().Format(time.RFC3339), FirstEpoch: now.record.EpochsDone(), Machine: machine.This(), BLAS: machine.Backend()}
	sessions := now.record.Provenance.Sessions
	if n := len(sessions); n > 0 && (sessions[n-1].BLAS != session.BLAS || sessions[n-1].Settings != session.Settings) {
		r.notice("%s goes on with other arithmetic, so that its numbers may differ in the last digits from those of a run without a break: %s, then %s",
			filepath.Base(dir), sessions[n-1].arithmetic(), session.arithmetic())
	}
	now.record.Provenance.Sessions = append(sessions, session)
	if now.record.EpochsDone() > 0 { // bring a folder up to date that was cut off while being written
		if err := now.save(); err != nil {
			return nil, err
		}
		now.saved = time.Time{} // the first epoch does not wait: who is stopped again and again gets on
	}
	return now, nil
}

// notice tells of something that is no error, but that nobody should overlook.
func (r *Runner) notice(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if r.Notice != nil {
		r.Notice(text)
		return
	}
	fmt.Fprintln(os.Stderr, text)
}

// network makes the network that the resolved experiment describes, for a set's
// images.
func (e Experiment) network(set *dataset.Set) (*nn.Network, error) {
	specs, err := e.specs(set.Channels, set.Side, set.Classes)
	if err != nil {
		return nil, err
	}
	network, err := nn.New(nn.Shape{Channels: set.Channels, Rows: set.Side, Columns: set.Side}, losses[e.Loss], e.Seed, specs...)
	if err != nil {
		return nil, err
	}
	method, err := e.Method.row()
	if err != nil {
		return nil, err
	}
	switch method.route {
	case ThroughForward:
		network.SetRoute(nn.ThroughWeight)
	case Direct:
		network.UseDirectFeedback(e.Seed)
	case Nowhere:
		for _, l := range network.Layers[:len(network.Layers)-1] {
			l.Frozen = true
		}
	}
	return network, nil
}

// sameImages returns an error if images of the user's own changed between the
// experiment's name being made and the images being loaded.
func (e Experiment) sameImages(set *dataset.Set) error {
	identity, err := dataset.Identity(e.Dataset)
	if err == nil && identity != "" && set.Digest != "" && set.Digest != identity {
		return invalid.New("Dataset", e.Dataset, "images that stay as they are while an experiment begins: run it again")
	}
	return err
}

// someImages are those that measures see.
func someImages(set *dataset.Set) nn.Batch {
	indices := make([]int, min(set.Test.Len(), 128))
	for i := range indices {
		indices[i] = i
	}
	b := nn.Batch{Images: make([]float32, len(indices)*set.Test.ImageLen()), Labels: make([]uint8, len(indices))}
	set.Test.Batch(b.Images, b.Labels, indices, nil)
	return b
}

// latestState returns the furthest state among the record's own and those of
// records that differ in having fewer epochs. A damaged one of the record's own is
// told, and kept under another name.
func (r *Runner) latestState(dir, stem string, e Experiment) (*state, error) {
	paths, err := statesOf(dir, stem, e)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		s, err := readState(path)
		switch {
		case errors.Is(err, errDamaged) && filepath.Dir(path) == dir:
			kept := filepath.Join(dir, damagedFile)
			if err := os.Rename(path, kept); err != nil {
				return nil, err
			}
			r.notice("%s is damaged, and was renamed to %s: the run goes on from an earlier epoch", path, kept)
		case errors.Is(err, errDamaged), errors.Is(err, errNoState):
		case err != nil && filepath.Dir(path) != dir:
			r.notice("%s was left out of the search for an earlier epoch to go on from: %v", path, err)
		case err != nil:
			return nil, err
		case s.Stem != stem && filepath.Dir(path) == dir:
			return nil, invalid.Newf(path, "the state of "+s.Stem, "that of %s: a folder was renamed or copied over it; move it away", stem)
		case s.Stem != stem || len(s.Series.TrainSeconds) > e.Epochs:
		default:
			return s, nil
		}
	}
	return nil, errNoState
}

// statesOf returns the paths of the states that the record in dir can go on from,
// the furthest first by what they say of themselves, and the record's own first of
// those that say the same.
func statesOf(dir, stem string, e Experiment) (paths []string, err error) {
	type candidate struct {
		path   string
		epochs int
		own    bool
	}
	root := filepath.Dir(dir)
	folders, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var found []candidate
	for _, f := range folders {
		epochs, isRecord := strings.CutPrefix(f.Name(), stem+"-")
		if _, err := strconv.Atoi(epochs); !isRecord || err != nil || !f.IsDir() {
			continue // what lies beside records is nobody's
		}
		own := f.Name() == filepath.Base(dir)
		for _, name := range []string{stateFile, previousFile} {
			path := filepath.Join(root, f.Name(), name)
			h, err := readHeader(path)
			if errors.Is(err, fs.ErrNotExist) || err == nil && h.Epochs > e.Epochs {
				continue
			}
			if err != nil { // damaged, or of the first format: what run.json says must do
				h.Epochs = doneIn(filepath.Join(root, f.Name()))
			}
			found = append(found, candidate{path, h.Epochs, own})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int {
		if a.own != b.own && a.epochs == b.epochs {
			return map[bool]int{true: -1, false: 1}[a.own]
		}
		return b.epochs - a.epochs
	})
	for _, c := range found {
		paths = append(paths, c.path)
	}
	return paths, nil
}

// doneIn is how many epochs the run.json of a folder claims, 0 if it cannot be
// read.
func doneIn(dir string) int {
	text, err := folder(dir).read("run.json")
	if err != nil {
		return 0
	}
	var claim struct {
		Epochs int `json:"epochs_done"`
	}
	_ = json.Unmarshal(text, &claim) // 0 will do
	return claim.Epochs
}

// epoch learns feedback weights, trains once over the images, evaluates, and
// saves.
func (run *run) epoch(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return errors.Join(err, run.saveUnsaved())
	}
	learned := time.Now()
	r := &run.record
	learn, train, evaluate := run.learn, run.train, run.evaluate
	if n := r.Experiment.RDDEpochs; n > 0 && r.EpochsDone() >= n {
		learn = run.keepFeedback
	}
	if n := r.Experiment.TrainEpochs; n == None || n > 0 && r.EpochsDone() >= n {
		train, evaluate = func(context.Context) error { return nil }, run.evaluateAsBefore
	}
	if err := learn(ctx); err != nil {
		return err
	}
	trained := time.Now()
	if err := train(ctx); err != nil {
		return err
	}
	tested := time.Now()
	if err := evaluate(ctx); err != nil {
		return err
	}
	epoch := uint64(r.EpochsDone())
	for i, l := range run.loop.View().Layers {
		r.Final[i] = run.measure(l, "final metrics", epoch, uint64(i))
	}
	r.LearnSeconds = append(r.LearnSeconds, trained.Sub(learned).Seconds())
	r.TrainSeconds = append(r.TrainSeconds, tested.Sub(trained).Seconds())
	r.TestSeconds = append(r.TestSeconds, time.Since(tested).Seconds())
	r.Provenance.Sessions[len(r.Provenance.Sessions)-1].Epochs++
	run.unsaved = true
	if r.EpochsDone() < r.Experiment.Epochs && time.Since(run.saved) < run.pause && ctx.Err() == nil {
		return nil
	}
	return run.save()
}

// Epochs may wait to be saved for ten times as long as a save takes, but no longer
// than this: writing takes longer than the shortest epochs.
const savePause = 5 * time.Second

// saveUnsaved saves what the last epochs brought, if they are not saved yet.
func (run *run) saveUnsaved() error {
	if !run.unsaved {
		return nil
	}
	return run.save()
}

// observations are those of one epoch.
type observations struct {
	metrics  [][]align.Metrics      // [layer][observation]
	measured map[string][][]float64 // [observation][layer]
	costs    []align.Cost           // [observation]
}

// observe notes how feedback weights stand now.
func (run *run) observe(o *observations, view *train.View) error {
	r := &run.record
	if o.metrics == nil {
		o.metrics, o.measured = make([][]align.Metrics, len(view.Layers)), make(map[string][][]float64)
	}
	for i, l := range view.Layers {
		o.metrics[i] = append(o.metrics[i], run.measure(l, "metrics", uint64(r.EpochsDone()), uint64(i), uint64(len(o.metrics[i]))))
	}
	if run.costly != nil {
		o.costs = append(o.costs, run.costly.Cost())
	}
	names := measureNames(r.Experiment.Measures)
	if len(names) > 0 {
		view.Send()
	}
	for _, name := range names {
		values, err := take(name, Observation{Layers: view.Layers, Network: run.loop.Network, Images: run.some.Images, Labels: run.some.Labels})
		if err != nil {
			return err
		}
		o.measured[name] = append(o.measured[name], values)
	}
	return nil
}

// append adds an epoch's observations to the series, after what it had from the
// epochs before: an interrupted phase may have left more.
func (s *Series) append(o observations) error {
	epoch := len(s.TrainSeconds)
	if epoch > 0 && len(o.metrics[0]) != len(s.Symmetry[0][0]) {
		return invalid.Newf("observations", len(o.metrics[0]), "as many in every epoch, %d", len(s.Symmetry[0][0]))
	}
	for i := range s.Symmetry {
		s.Symmetry[i] = append(slices.Clip(s.Symmetry[i][:epoch]), o.metrics[i])
	}
	for name, values := range o.measured {
		if s.Measured == nil {
			s.Measured = make(map[string][][][]float64)
		}
		s.Measured[name] = append(slices.Clip(s.Measured[name][:min(epoch, len(s.Measured[name]))]), values)
	}
	if o.costs != nil {
		s.Costs = slices.Clip(s.Costs[:min(epoch, len(s.Costs))])
		for len(s.Costs) < epoch { // epochs from before costs were counted
			s.Costs = append(s.Costs, nil)
		}
		s.Costs = append(s.Costs, o.costs)
	}
	return nil
}

// learn runs the learner of feedback weights, observing them.
func (run *run) learn(ctx context.Context) error {
	var o observations
	var failure error
	err := run.loop.Learn(ctx, func(_ float64, view *train.View) {
		if failure == nil {
			failure = run.observe(&o, view)
		}
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return err
	}
	return run.record.append(o)
}

// keepFeedback stands for learn where feedback weights stay as they are. It
// notes as many observations, all of them the same.
func (run *run) keepFeedback(context.Context) error {
	r := &run.record
	var o observations
	if err := run.observe(&o, run.loop.View()); err != nil {
		return err
	}
	n := len(r.Symmetry[0][0])
	for i := range o.metrics {
		o.metrics[i] = slices.Repeat(o.metrics[i], n)
	}
	for name := range o.measured {
		o.measured[name] = slices.Repeat(o.measured[name], n)
	}
	if o.costs != nil {
		o.costs = slices.Repeat(o.costs, n)
	}
	return r.append(o)
}

// train makes one pass over the training images.
func (run *run) train(ctx context.Context) error {
	return run.loop.Epoch(ctx, uint64(run.record.EpochsDone()))
}

// measure compares feedback with feedforward weights for a random activity x
// of the named stream.
func (run *run) measure(l align.Layer, name string, indices ...uint64) align.Metrics {
	random := stream.New(run.record.Experiment.Seed, name, indices...)
	x := make([]float64, l.In)
	for i := range x {
		x[i] = random.Float64()
	}
	return align.Measure(l.Forward, l.Feedback, l.In, l.Out, x)
}

// evaluate appends error and cost over all training and test images.
func (run *run) evaluate(ctx context.Context) error {
	run.tell(run.loop.Steps(), "evaluation")
	r := &run.record
	trainError, trainCost, err := run.loop.Score(ctx, run.loop.Set.Train)
	if err != nil {
		return err
	}
	testError, testCost, err := run.loop.Score(ctx, run.loop.Set.Test)
	if err != nil {
		return err
	}
	for what, cost := range map[string]float64{"training": trainCost, "test": testCost} {
		if math.IsNaN(cost) || math.IsInf(cost, 0) {
			return invalid.Newf("mean loss of the "+what+" images", cost, "a finite number: a LearningRate smaller than %g, or another Loss", r.Experiment.LearningRate)
		}
	}
	r.TrainError, r.TrainCost = append(r.TrainError, trainError), append(r.TrainCost, trainCost)
	r.TestError, r.TestCost = append(r.TestError, testError), append(r.TestCost, testCost)
	return nil
}

// evaluateAsBefore stands for evaluate where the network is as it was.
func (run *run) evaluateAsBefore(context.Context) error {
	run.tell(run.loop.Steps(), "as before")
	r := &run.record
	for _, values := range r.errorFiles() {
		*values = append(*values, (*values)[len(*values)-1])
	}
	return nil
}

// tell reports that so many training steps of the present epoch are done.
func (run *run) tell(step int, doing string) {
	if run.told == nil {
		return
	}
	r := &run.record
	epochs, done, steps := r.Experiment.Epochs, r.EpochsDone(), run.loop.Steps()
	if len(r.TrainError) == 0 { // the evaluation before the first epoch
		step = 0
	}
	run.told(done*steps+min(step, steps), epochs*steps,
		fmt.Sprintf("%s seed %d, epoch %d of %d: %s", r.Label(), r.Experiment.Seed, min(done+1, epochs), epochs, doing))
}

// save writes the state, then the files for readers. Nothing is written that
// reading would refuse, and nothing by one who lost the lock.
func (run *run) save() error {
	started := time.Now()
	r := &run.record
	if err := r.finite(); err != nil {
		return err
	}
	if err := run.lock.Check(); err != nil {
		return fmt.Errorf("%s: %w", r.Dir, err)
	}
	network := make(map[string][]float32)
	for _, t := range run.loop.Network.Tensors() {
		network[t.Name] = t.Data
	}
	learner, err := align.MarshalState(run.loop.Learner)
	if err != nil {
		return err
	}
	experiment := r.Experiment
	experiment.Options = nil
	s := state{run.stem, experiment, r.Series, r.Provenance, network, learner}
	if err := s.write(r.Dir); err != nil {
		return err
	}
	var weights []Weights
	for _, l := range run.loop.View().Layers {
		weights = append(weights, Weights{l.In, l.Out, l.Forward, l.Feedback})
	}
	var beta [][]float64
	if estimator, ok := run.loop.Learner.(interface{ Beta(layer int) []float64 }); ok {
		for i := range weights {
			beta = append(beta, estimator.Beta(i))
		}
	}
	if err := r.write(weights, beta); err != nil {
		return err
	}
	run.saved, run.unsaved = time.Now(), false
	run.pause = min(savePause, 10*time.Since(started))
	return nil
}
