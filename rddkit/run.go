package rddkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
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
	// Progress, if set, is told how many training steps of how many are done, of
	// all experiments of a Sweep together.
	Progress func(done, total int, text string)

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
// done until then is on disk, but for the last epochs of at most 5 s together.
func (r *Runner) Run(ctx context.Context, e Experiment) (*Record, error) {
	return r.run(ctx, e, new(sets), r.Progress)
}

func (r *Runner) run(ctx context.Context, e Experiment, sets *sets, tell func(done, total int, text string)) (*Record, error) {
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
		if tell != nil {
			tell(1, 1, record.Label()+": read from disk")
		}
		return record, nil
	}
	run, err := r.begin(ctx, e, dir, sets, tell)
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

// run is an experiment at work.
type run struct {
	told    func(done, total int, text string) // may be nil
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
func (r *Runner) begin(ctx context.Context, e Experiment, dir string, sets *sets, tell func(done, total int, text string)) (*run, error) {
	set, err := sets.load(ctx, e, r.Data, tell)
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
		told: tell, set: set, network: network, learner: learner,
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
		if err := align.UnmarshalState(learner, earlier.Learner); err != nil {
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
	root := filepath.Dir(dir)
	folders, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var latest *state
	for _, folder := range folders {
		if !strings.HasPrefix(folder.Name(), e.stem()+"-") {
			continue
		}
		s, err := readState(filepath.Join(root, folder.Name()))
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
	if run.told == nil {
		return
	}
	r := &run.record
	epochs, done := r.Experiment.Epochs, r.EpochsDone()
	if len(r.TrainError) == 0 { // the evaluation before the first epoch
		step = 0
	}
	run.told(done*run.steps()+min(step, run.steps()), epochs*run.steps(),
		fmt.Sprintf("%s seed %d, epoch %d of %d: %s", r.Label(), r.Experiment.Seed, min(done+1, epochs), epochs, doing))
}

// save writes the state, then the files for readers.
func (run *run) save() error {
	network := make(map[string][]float32)
	for _, t := range run.network.Tensors() {
		network[t.Name] = t.Data
	}
	learner, err := align.MarshalState(run.learner)
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
