package rddkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/invalid"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/nn"
	"github.com/weightalign/lab/rddkit/show"
)

// Runner carries out experiments and keeps their records. Its zero value is
// ready.
type Runner struct {
	// Dir holds the run folders. Default: $RDDKIT_RUNS, else data/runs of the
	// checkout.
	Dir string
	// Data says where the data sets are. Its limits are the experiment's.
	Data dataset.Options
	// Progress, if set, is told how many training steps of how many are done.
	Progress func(done, total int, text string)
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

// Sweep is [Run] for several experiments, as many at once as there are cores;
// records[i] is that of experiments[i]. See [Runner.Sweep].
func Sweep(ctx context.Context, experiments ...Experiment) (records []*Record, err error) {
	progress := show.NewProgress("running")
	defer progress.Done()
	return (&Runner{Progress: progress.Update}).Sweep(ctx, experiments...)
}

// Sweep runs several experiments, as many at once as there are cores;
// records[i] is that of experiments[i]. The first error stops the others.
func (r *Runner) Sweep(ctx context.Context, experiments ...Experiment) ([]*Record, error) {
	records := make([]*Record, len(experiments))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	total := newSum(len(experiments), r.Progress)
	sets := new(sets)
	for i, e := range experiments {
		// Bad input is better told before any work than after half of it.
		if _, err := e.Resolve(); err != nil {
			return nil, err
		}
		group.Go(func() (err error) {
			one := Runner{Dir: r.Dir, Data: r.Data, Progress: total.part(i)}
			records[i], err = one.run(ctx, e, sets)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return records, nil
}

// sum adds the progress of several runs up.
type sum struct {
	mutex       sync.Mutex
	done, total []int
	tell        func(done, total int, text string)
}

func newSum(parts int, tell func(done, total int, text string)) *sum {
	return &sum{done: make([]int, parts), total: make([]int, parts), tell: tell}
}

func (s *sum) part(i int) func(done, total int, text string) {
	return func(done, total int, text string) {
		if s.tell == nil {
			return
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.done[i], s.total[i] = done, total
		allDone, allTotal, known := 0, 0, 0
		for j := range s.done {
			allDone, allTotal = allDone+s.done[j], allTotal+s.total[j]
			if s.total[j] > 0 {
				known++
			}
		}
		// Runs that have not started are taken to be as long as the others.
		s.tell(allDone, allTotal*len(s.total)/max(known, 1), text)
	}
}

// sets loads each data set once for all runs of a sweep.
type sets struct {
	mutex  sync.Mutex
	loaded map[string]*dataset.Set
}

func (s *sets) load(ctx context.Context, e Experiment, options dataset.Options) (*dataset.Set, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key := fmt.Sprint(e.Dataset, e.TrainLimit, e.TestLimit)
	if set, ok := s.loaded[key]; ok {
		return set, nil
	}
	options.TrainLimit, options.TestLimit = e.TrainLimit, e.TestLimit
	set, err := dataset.Load(ctx, e.Dataset, options)
	if err != nil {
		return nil, err
	}
	if s.loaded == nil {
		s.loaded = make(map[string]*dataset.Set)
	}
	s.loaded[key] = set
	return set, nil
}

// Run carries out e and returns its record. A record that is complete is read
// instead; one that is not, or that differs in having fewer epochs, is
// continued, to the same bits as without the interruption (on the same backend
// of matrix products). When ctx is cancelled Run returns its error soon; the
// epochs done until then are on disk.
func (r *Runner) Run(ctx context.Context, e Experiment) (*Record, error) {
	return r.run(ctx, e, new(sets))
}

func (r *Runner) run(ctx context.Context, e Experiment, sets *sets) (*Record, error) {
	e, err := e.Resolve()
	if err != nil {
		return nil, err
	}
	root := r.Dir
	if root == "" {
		if root, err = place.Runs(); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(root, fmt.Sprintf("%s-%d", e.stem(), e.Epochs))
	if record, err := Open(dir); err == nil && record.EpochsDone() == e.Epochs {
		r.tell(1, 1, record.Label()+": read from disk")
		return record, nil
	}
	run, err := r.begin(ctx, e, dir, sets)
	if err != nil {
		return nil, err
	}
	for run.record.EpochsDone() < e.Epochs {
		if err := run.epoch(ctx); err != nil {
			return nil, err
		}
	}
	record := run.record // a pointer into run would keep the network in memory for as long as the record
	return &record, nil
}

func (r *Runner) tell(done, total int, text string) {
	if r.Progress != nil {
		r.Progress(done, total, text)
	}
}

// run is an experiment at work.
type run struct {
	runner  *Runner
	record  Record
	set     *dataset.Set
	network *nn.Network
	sgd     nn.SGD
	learner align.Learner
	images  []float32 // a batch for evaluation
	labels  []uint8
	order   []int // of the training images
	saved   time.Time
}

// begin makes the network and the learner, in the state that an earlier,
// unfinished or shorter run left, if there is one.
func (r *Runner) begin(ctx context.Context, e Experiment, dir string, sets *sets) (*run, error) {
	set, err := sets.load(ctx, e, r.Data)
	if err != nil {
		return nil, err
	}
	if n := set.Train.Len(); n < 2 || set.Test.Len() < 1 {
		return nil, invalid.New("TrainLimit, TestLimit", []int{n, set.Test.Len()}, "at least 2 training images and 1 test image")
	}
	network, err := nn.Report(nn.ReportConfig{Channels: set.Channels, Side: set.Side, Classes: set.Classes, Loss: losses[e.Loss]}, e.Seed)
	if err != nil {
		return nil, err
	}
	if e.Method == Backpropagation {
		network.SetRoute(nn.ThroughWeight)
	}
	if e.usesDirectFeedback() {
		network.UseDirectFeedback(e.Seed)
	}
	learner, err := e.learner()
	if err != nil {
		return nil, err
	}
	now := &run{
		runner: r, set: set, network: network, learner: learner,
		sgd:    nn.SGD{LearningRate: e.LearningRate, Momentum: max(e.Momentum, 0), WeightDecay: e.WeightDecay},
		images: make([]float32, e.BatchSize*set.Channels*set.Side*set.Side),
		labels: make([]uint8, e.BatchSize),
		order:  make([]int, set.Train.Len()),
	}
	now.record = Record{Experiment: e, Dir: dir}
	now.record.Provenance.Images = fmt.Sprintf("%d training and %d test images of %d×%d×%d", set.Train.Len(), set.Test.Len(), set.Channels, set.Side, set.Side)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	switch earlier, err := latestState(dir, e); {
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
		if err := learner.UnmarshalBinary(earlier.Learner); err != nil {
			return nil, err
		}
		now.record.Series, now.record.Provenance = earlier.Series, earlier.Provenance
	}
	now.record.Provenance.Sessions = append(now.record.Provenance.Sessions, Session{
		Started: time.Now().UTC().Format(time.RFC3339), FirstEpoch: now.record.EpochsDone(), Machine: ThisMachine(), BLAS: backend(),
	})
	if now.record.EpochsDone() > 0 { // bring a folder up to date that was cut off while being written
		return now, now.save()
	}
	return now, nil
}

// latestState returns the furthest state among the record's own and those of
// records that differ in having fewer epochs.
func latestState(dir string, e Experiment) (*state, error) {
	folders, err := filepath.Glob(filepath.Join(filepath.Dir(dir), e.stem()+"-*"))
	if err != nil {
		return nil, err
	}
	var latest *state
	for _, folder := range folders {
		s, err := readState(folder)
		if errors.Is(err, errNoState) {
			continue
		} else if err != nil {
			return nil, err
		}
		done := len(s.Series.TrainSeconds)
		if done <= e.Epochs && (latest == nil || done > len(latest.Series.TrainSeconds)) {
			latest = s
		}
	}
	if latest == nil {
		return nil, errNoState
	}
	return latest, nil
}

// epoch learns feedback weights, trains once over the images, evaluates, and
// saves.
func (run *run) epoch(ctx context.Context) error {
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
	layers := run.layers()
	for i, l := range layers {
		r.Final[i] = run.measure(l, "final metrics", epoch, uint64(i))
	}
	r.LearnSeconds = append(r.LearnSeconds, trained.Sub(learned).Seconds())
	r.TrainSeconds = append(r.TrainSeconds, tested.Sub(trained).Seconds())
	r.TestSeconds = append(r.TestSeconds, time.Since(tested).Seconds())
	r.Provenance.Sessions[len(r.Provenance.Sessions)-1].Epochs++
	if r.EpochsDone() < r.Experiment.Epochs && time.Since(run.saved) < savePause {
		return nil
	}
	return run.save()
}

// savePause is how long epochs may wait to be saved: writing takes longer than
// the shortest epochs.
const savePause = 5 * time.Second

// learn runs the learner of feedback weights, observing the symmetry of
// feedback and feedforward weights.
func (run *run) learn(ctx context.Context) error {
	r := &run.record
	epoch := uint64(r.EpochsDone())
	r.Symmetry = truncated(r.Symmetry, int(epoch)) // what an interrupted phase left
	layers := run.layers()
	var observed [Layers][]align.Metrics
	err := run.learner.Learn(ctx, layers, func(seconds float64) {
		run.tell(0, fmt.Sprintf("feedback weights, %g s simulated", seconds))
		for i, l := range layers {
			observed[i] = append(observed[i], run.measure(l, "metrics", epoch, uint64(i), uint64(len(observed[i]))))
		}
	})
	if err != nil {
		return err
	}
	for i := range observed {
		r.Symmetry[i] = append(r.Symmetry[i], observed[i])
	}
	for i, affine := range run.network.Affine() {
		transpose(affine.Feedback, layers[i].Feedback, layers[i].In, layers[i].Out)
	}
	return nil
}

// keepFeedback stands for learn where feedback weights stay as they are. It
// notes as many observations, all of them the same.
func (run *run) keepFeedback(context.Context) error {
	r := &run.record
	epoch := r.EpochsDone()
	r.Symmetry = truncated(r.Symmetry, epoch)
	for i, l := range run.layers() {
		m := run.measure(l, "metrics", uint64(epoch), uint64(i), 0)
		r.Symmetry[i] = append(r.Symmetry[i], slices.Repeat([]align.Metrics{m}, len(r.Symmetry[i][0])))
	}
	return nil
}

func truncated(symmetry [Layers][][]align.Metrics, epochs int) [Layers][][]align.Metrics {
	for i := range symmetry {
		symmetry[i] = slices.Clip(symmetry[i][:epochs])
	}
	return symmetry
}

// layers returns the fully connected layers as learners see them: the
// feedforward weights are the network's own, the feedback weights transposed.
func (run *run) layers() []align.Layer {
	var layers []align.Layer
	for _, affine := range run.network.Affine() {
		l := align.Layer{Out: affine.Shape[0], In: affine.Shape[1], Forward: affine.Weight, Feedback: make([]float32, len(affine.Weight))}
		transpose(l.Feedback, affine.Feedback, l.Out, l.In)
		layers = append(layers, l)
	}
	return layers
}

// transpose writes the matrix from, [rows][columns], into to, [columns][rows].
func transpose(to, from []float32, rows, columns int) {
	for i := range rows {
		for j := range columns {
			to[j*rows+i] = from[i*columns+j]
		}
	}
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

// train makes one pass over the training images in a random order. Batches are
// put together beside the computation. A last batch of a single image, which
// batch normalisation cannot take, is left out.
func (run *run) train(ctx context.Context) error {
	e := run.record.Experiment
	epoch := uint64(run.record.EpochsDone())
	for i := range run.order {
		run.order[i] = i
	}
	shuffle := stream.New(e.Seed, "shuffle", epoch)
	shuffle.Shuffle(len(run.order), func(i, j int) { run.order[i], run.order[j] = run.order[j], run.order[i] })

	ctx, cancel := context.WithCancel(ctx)
	batches := run.batches(ctx, epoch)
	defer func() { // the goroutine must be gone before the next epoch shuffles
		cancel()
		for range batches {
		}
	}()
	step, train := 0, run.batchTrainer(epoch)
	for b := range batches {
		err := train(b, step)
		b.free <- b
		if err != nil {
			return err
		}
		step++
		run.tell(step, "training")
	}
	return ctx.Err()
}

type batch struct {
	images []float32
	labels []uint8
	free   chan *batch
}

// batches sends the epoch's batches, two at most ahead of the receiver, and
// closes the channel after the last or when ctx is cancelled.
func (run *run) batches(ctx context.Context, epoch uint64) <-chan *batch {
	e, train := run.record.Experiment, run.set.Train
	random := stream.New(e.Seed, "augment", epoch)
	if e.Augment == "off" {
		random = nil
	}
	const ahead = 2
	free := make(chan *batch, ahead)
	for range ahead {
		free <- &batch{make([]float32, len(run.images)), make([]uint8, e.BatchSize), free}
	}
	ready := make(chan *batch)
	go func() {
		defer close(ready)
		pixels := len(run.images) / e.BatchSize
		for at := 0; len(run.order)-at >= 2; at += e.BatchSize {
			indices := run.order[at:min(at+e.BatchSize, len(run.order))]
			var b *batch
			select {
			case b = <-free:
			case <-ctx.Done():
				return
			}
			b.images, b.labels = b.images[:len(indices)*pixels], b.labels[:len(indices)]
			train.Batch(b.images, b.labels, indices, random)
			select {
			case ready <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ready
}

// evaluate appends error and cost over all training and test images.
func (run *run) evaluate(ctx context.Context) error {
	run.tell(run.steps(), "evaluation")
	r := &run.record
	trainError, trainCost, err := run.score(ctx, run.set.Train)
	if err != nil {
		return err
	}
	testError, testCost, err := run.score(ctx, run.set.Test)
	if err != nil {
		return err
	}
	r.TrainError, r.TrainCost = append(r.TrainError, trainError), append(r.TrainCost, trainCost)
	r.TestError, r.TestCost = append(r.TestError, testError), append(r.TestCost, testCost)
	return nil
}

// evaluateAsBefore stands for evaluate where the network is as it was.
func (run *run) evaluateAsBefore(context.Context) error {
	run.tell(run.steps(), "as before")
	r := &run.record
	for _, values := range r.errorFiles() {
		*values = append(*values, (*values)[len(*values)-1])
	}
	return nil
}

func (run *run) score(ctx context.Context, split dataset.Split) (percentWrong, meanLoss float64, err error) {
	n, size := split.Len(), run.record.Experiment.BatchSize
	pixels := len(run.images) / size
	indices := make([]int, 0, size)
	wrong, loss := 0, 0.0
	for at := 0; at < n; at += size {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		indices = indices[:0]
		for i := at; i < min(at+size, n); i++ {
			indices = append(indices, i)
		}
		images, labels := run.images[:len(indices)*pixels], run.labels[:len(indices)]
		split.Batch(images, labels, indices, nil)
		l, w, err := run.network.Evaluate(images, labels)
		if err != nil {
			return 0, 0, err
		}
		loss, wrong = loss+l, wrong+w
	}
	return 100 * float64(wrong) / float64(n), loss / float64(n), nil
}

// steps is the number of training steps in an epoch.
func (run *run) steps() int {
	n, size := len(run.order), run.record.Experiment.BatchSize
	return n/size + min(n%size, 2)/2
}

// tell reports that so many training steps of the present epoch are done.
func (run *run) tell(step int, doing string) {
	r := &run.record
	epochs, done := r.Experiment.Epochs, r.EpochsDone()
	if len(r.TrainError) == 0 { // the evaluation before the first epoch
		step = 0
	}
	run.runner.tell(done*run.steps()+min(step, run.steps()), epochs*run.steps(),
		fmt.Sprintf("%s seed %d, epoch %d of %d: %s", r.Label(), r.Experiment.Seed, min(done+1, epochs), epochs, doing))
}

// save writes the state, then the files for readers.
func (run *run) save() error {
	network := make(map[string][]float32)
	for _, t := range run.network.Tensors() {
		network[t.Name] = t.Data
	}
	learner, err := run.learner.MarshalBinary()
	if err != nil {
		return err
	}
	run.saved = time.Now()
	r := &run.record
	s := state{r.Experiment, r.Series, r.Provenance, network, learner}
	if err := s.write(r.Dir); err != nil {
		return err
	}
	var weights [Layers]Weights
	for i, l := range run.layers() {
		weights[i] = Weights{l.In, l.Out, l.Forward, l.Feedback}
	}
	var beta [][]float64
	if estimator, ok := run.learner.(interface{ Beta(layer int) []float64 }); ok {
		for i := range weights {
			beta = append(beta, estimator.Beta(i))
		}
	}
	return r.write(weights, beta)
}
