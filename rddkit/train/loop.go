package train

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// Loop trains a network on a data set, epoch by epoch, with a learner of its
// feedback weights: [Loop.Learn], then [Loop.Epoch], then [Loop.Score]. It has no
// record of what happened; package rddkit keeps one.
type Loop struct {
	Network   *nn.Network
	Optimiser nn.Optimiser
	Learner   align.Learner
	Set       *dataset.Set
	BatchSize int  // images in a step, at least 2
	Augment   bool // crop and mirror the training images
	Seed      uint64
	// Tell, if set, is told how many of an epoch's steps are done.
	Tell func(step int, doing string)

	view    *View
	stepper *Stepper
	images  []float32 // a batch for evaluation
	labels  []uint8
	order   []int // of the training images
}

// begin makes what the loop works with.
func (l *Loop) begin() {
	if l.stepper != nil {
		return
	}
	l.view = NewView(l.Network)
	l.stepper = NewStepper(l.Network, l.Learner, nn.Perturbation{})
	l.stepper.guard = guarded
	l.images = make([]float32, l.BatchSize*l.Set.Train.ImageLen())
	l.labels = make([]uint8, l.BatchSize)
	l.order = make([]int, l.Set.Train.Len())
}

func (l *Loop) tell(step int, doing string) {
	if l.Tell != nil {
		l.Tell(step, doing)
	}
}

// Steps is the number of training steps in an epoch. A last batch of a single
// image, which batch normalisation cannot take, is left out.
func (l *Loop) Steps() int {
	n := l.Set.Train.Len()
	return n/l.BatchSize + min(n%l.BatchSize, 2)/2
}

// View returns what learners see of the network's fully connected layers, with
// the feedback weights as they are now.
func (l *Loop) View() *View {
	l.begin()
	l.view.Fetch()
	return l.view
}

// Learn lets the learner learn feedback weights once, before an epoch of
// training. observe (unless it is nil) is called when the learner calls its own,
// at least once. The network's feedback weights change when all is done, and not
// at all if Learn fails: with the learner's own error, with one that names the
// layer if a feedback weight is not a finite number or the learner changed
// anything else, or with what the learner panicked with.
func (l *Loop) Learn(ctx context.Context, observe func(simulatedSeconds float64, view *View)) error {
	view := l.View()
	observed := false
	tell := func(seconds float64) {
		observed = true
		l.tell(0, fmt.Sprintf("feedback weights, %g s simulated", seconds))
		if observe != nil {
			observe(seconds, view)
		}
	}
	layers := slices.Clone(view.Layers)
	forward := make([][]float32, len(layers))
	for i := range layers {
		forward[i] = slices.Clone(layers[i].Forward)
		layers[i].Bias = slices.Clone(layers[i].Bias)
	}
	err := guarded(layers, func() error { return l.Learner.Learn(ctx, layers, tell) })
	for i, layer := range view.Layers {
		if !slices.Equal(layer.Forward, forward[i]) { // NaN is refused before
			copy(layer.Forward, forward[i])
			if err == nil {
				err = invalid.New(fmt.Sprintf("FC%d's feedforward weights", i+1), "changed by the learner", "as they were: a learner writes feedback weights only")
			}
		}
	}
	if err != nil {
		return err
	}
	if !observed {
		tell(0)
	}
	view.Send()
	return nil
}

// guarded calls a learner and holds it to what learners promise: feedback weights
// of the same shape, all finite, and no panic.
func guarded(layers []align.Layer, learn func() error) (err error) {
	before := slices.Clone(layers)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the learner panicked: %v\n%s", p, debug.Stack())
		}
	}()
	if err := learn(); err != nil {
		return err
	}
	for i, l := range layers {
		b := before[i]
		field := fmt.Sprintf("FC%d's feedback weights", i+1)
		if l.Forward == nil { // direct ones
			field = fmt.Sprintf("hidden layer %d's feedback weights", i+1)
		}
		weights, as := l.Feedback, b.Feedback
		if b.Transposed != nil {
			weights, as = l.Transposed, b.Transposed
		}
		if l.In != b.In || l.Out != b.Out || len(weights) != len(as) || &weights[0] != &as[0] {
			return invalid.Newf(field, fmt.Sprintf("replaced by %d numbers", len(weights)), "%d×%d numbers, written where they are", b.In, b.Out)
		}
		for k, v := range weights {
			if v-v != 0 {
				neuron, above := k/l.Out, k%l.Out
				if b.Transposed != nil {
					neuron, above = k%l.In, k/l.In
				}
				return invalid.New(fmt.Sprintf("%s[%d][%d]", field, neuron, above), v, "a finite number after learning")
			}
		}
	}
	return nil
}

// Epoch makes one pass over the training images in a random order, which epoch,
// counted from 0, and the seed decide. Batches are put together beside the
// computation.
func (l *Loop) Epoch(ctx context.Context, epoch uint64) error {
	l.begin()
	if v := l.stepper.view; v != nil {
		v.Fetch()
	}
	for i := range l.order {
		l.order[i] = i
	}
	shuffle := stream.New(l.Seed, "shuffle", epoch)
	shuffle.Shuffle(len(l.order), func(i, j int) { l.order[i], l.order[j] = l.order[j], l.order[i] })

	ctx, cancel := context.WithCancel(ctx)
	batches := l.batches(ctx, epoch)
	defer func() { // the goroutine must be gone before the next epoch shuffles
		cancel()
		for range batches {
		}
	}()
	step := 0
	for b := range batches {
		_, _, err := l.stepper.Step(nn.Batch{Images: b.images, Labels: b.labels}, l.Optimiser, stream.New(l.Seed, "perturbations", epoch, uint64(step)))
		b.free <- b
		if err != nil {
			return err
		}
		step++
		l.tell(step, "training")
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
func (l *Loop) batches(ctx context.Context, epoch uint64) <-chan *batch {
	random := stream.New(l.Seed, "augment", epoch)
	if !l.Augment {
		random = nil
	}
	const ahead = 2
	free := make(chan *batch, ahead)
	for range ahead {
		free <- &batch{make([]float32, len(l.images)), make([]uint8, l.BatchSize), free}
	}
	ready := make(chan *batch)
	go func() {
		defer close(ready)
		pixels := l.Set.Train.ImageLen()
		for at := 0; len(l.order)-at >= 2; at += l.BatchSize {
			indices := l.order[at:min(at+l.BatchSize, len(l.order))]
			var b *batch
			select {
			case b = <-free:
			case <-ctx.Done():
				return
			}
			b.images, b.labels = b.images[:len(indices)*pixels], b.labels[:len(indices)]
			l.Set.Train.Batch(b.images, b.labels, indices, random)
			select {
			case ready <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ready
}

// Score returns the percentage of a split's images that the network classifies
// wrongly, and their mean loss, in evaluation mode, without augmentation.
func (l *Loop) Score(ctx context.Context, split dataset.Split) (percentWrong, meanLoss float64, err error) {
	l.begin()
	n, pixels := split.Len(), split.ImageLen()
	indices := make([]int, 0, l.BatchSize)
	wrong, loss := 0, 0.0
	for at := 0; at < n; at += l.BatchSize {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		indices = indices[:0]
		for i := at; i < min(at+l.BatchSize, n); i++ {
			indices = append(indices, i)
		}
		images, labels := l.images[:len(indices)*pixels], l.labels[:len(indices)]
		split.Batch(images, labels, indices, nil)
		sum, w, err := l.Network.Evaluate(images, labels)
		if err != nil {
			return 0, 0, err
		}
		loss, wrong = loss+sum, wrong+w
	}
	return 100 * float64(wrong) / float64(n), loss / float64(n), nil
}
