package nn

import (
	"math"
	"strconv"
	"sync"

	"github.com/weightalign/lab/rddkit/internal/gemm"
	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Shape is the size of an image.
type Shape struct{ Channels, Rows, Columns int }

// Spec describes a layer: a Conv or an Affine.
type Spec interface {
	validate(field string, below featureMap) error
}

// Conv describes a layer of convolutional neurons without bias: a convolution
// (cross-correlation) with stride 1 and no padding, then the activation
// function, then batch normalisation per feature, then max pooling.
type Conv struct {
	Features   int // output channels
	Kernel     int // side of the square kernel, pixels
	Activation Activation
	BatchNorm  bool
	MaxPool    bool // over 2×2 pixels with stride 2; an odd last row or column is dropped
}

// Affine describes a layer of fully connected neurons with bias: an affine
// map, then the activation function, then batch normalisation per unit.
type Affine struct {
	Units      int
	Activation Activation
	BatchNorm  bool
}

func (c Conv) validate(field string, below featureMap) error {
	smallest := c.Kernel
	if c.MaxPool {
		smallest++
	}
	switch {
	case c.Features < 1:
		return invalid.New(field+".Features", c.Features, "at least 1")
	case c.Kernel < 1:
		return invalid.New(field+".Kernel", c.Kernel, "at least 1")
	case below.rows < smallest || below.columns < smallest:
		return invalid.Newf(field+".Kernel", c.Kernel, "small enough for an input of %d×%d pixels", below.rows, below.columns)
	}
	if c.Activation != Linear && c.Activation != ReLU {
		return invalid.New(field+".Activation", int(c.Activation), "Linear or ReLU")
	}
	return nil
}

func (a Affine) validate(field string, _ featureMap) error {
	if a.Units < 1 {
		return invalid.New(field+".Units", a.Units, "at least 1")
	}
	return validateActivation(field, a.Activation)
}

func validateActivation(field string, a Activation) error {
	if a < Linear || a > Tanh {
		return invalid.New(field+".Activation", int(a), "Linear, ReLU, Sigmoid or Tanh")
	}
	return nil
}

// Network is a list of layers and the loss of the last one's outputs.
type Network struct {
	Input   Shape
	Layers  []*Layer // from the image up
	Classes int      // units of the last layer
	Loss    Loss

	stages        []stage
	first         featureMap // what the first stage takes
	input         []float32  // images, channels last, where their order differs
	probabilities []float32  // [image][class]
	scratch       []float64
	pieces        []piece
	noise         *noise      // nil before the first perturbed batch
	errors        [][]float32 // per stage: for Response

	mutex      sync.Mutex
	workspaces []*workspace
	trace      *trace // nil except in Trace
}

// stage is a step of the way from images to logits. Arrays are [image][row]
// [column][channel] or [image][unit].
type stage interface {
	layer() *Layer // nil if it has no tensors
	output() featureMap
	workspace() (patches, drives int) // elements it needs of each
	reserve(batch int, training bool)
	forward(n *Network, in []float32, batch int, training bool) // sets result
	result() []float32
	gradient() []float32                               // with respect to the result; the stage above sets it
	backward(n *Network, in, gIn []float32, batch int) // sets the parameters' gradients and, unless it is nil, gIn
}

// workspace is memory that one core needs for a while.
type workspace struct{ patches, drives []float32 }

// New returns a network for images of the given shape whose last layer, an
// Affine without batch normalisation, has one unit per class and is linear; with
// SquaredError it may have any units. Initial
// weights, feedback weights and biases are independent and uniform in
// ±1/√(inputs of a neuron), from streams named by seed and tensor; gamma is 1,
// beta 0, and errors go through the feedback weights. The error is an
// *invalid.Error for a description that cannot be built or a matrix backend
// that cannot be opened.
func New(input Shape, loss Loss, seed uint64, specs ...Spec) (*Network, error) {
	switch {
	case input.Channels < 1 || input.Rows < 1 || input.Columns < 1:
		return nil, invalid.New("Input", input, "at least 1 channel, row and column")
	case len(specs) == 0:
		return nil, invalid.New("layers", 0, "at least 1")
	case loss < DoubleSoftmax || loss > SquaredError:
		return nil, invalid.New("Loss", int(loss), "DoubleSoftmax, Softmax or SquaredError")
	}
	if err := gemm.Open(); err != nil {
		return nil, err
	}
	n := &Network{Input: input, Loss: loss, first: featureMap{rows: input.Rows, columns: input.Columns, channels: input.Channels}}
	below, flat := n.first, false
	convolutions, affines, activations, normals := 0, 0, 0, 0
	for i, spec := range specs {
		field := "layers[" + strconv.Itoa(i) + "]"
		if spec == nil {
			return nil, invalid.New(field, nil, "a Conv or an Affine")
		}
		if err := spec.validate(field, below); err != nil {
			return nil, err
		}
		var next stage
		var normal bool
		switch spec := spec.(type) {
		case Conv:
			if flat {
				return nil, invalid.New(field, "Conv", "an Affine after an Affine")
			}
			convolutions++
			normal = spec.BatchNorm
			next = newConvolution(seed, convolutions, below, spec)
		case Affine:
			if !flat && i > 0 {
				n.stages = append(n.stages, &flatten{below: below})
			}
			flat = true
			affines++
			normal = spec.BatchNorm
			next = newAffine(seed, affines, below.size(), spec)
		}
		l := next.layer()
		if normal {
			normals++
			l.normal = newBatchNorm("bn"+strconv.Itoa(normals), l.Shape[0])
		}
		if l.activation != Linear {
			activations++
			l.number = activations
		}
		n.stages = append(n.stages, next)
		n.Layers = append(n.Layers, l)
		below = next.output()
	}
	last, ok := specs[len(specs)-1].(Affine)
	if !ok || last.BatchNorm {
		return nil, invalid.New("layers[last]", specs[len(specs)-1], "an Affine without batch normalisation")
	}
	if loss != SquaredError && (last.Activation != Linear || last.Units < 2 || last.Units > 256) {
		return nil, invalid.New("layers[last]", last, "linear, with 2 to 256 units, for a loss of classes")
	}
	n.Classes = last.Units
	n.Layers[len(n.Layers)-1].output = "logits"
	n.scratch = make([]float64, 2*n.Classes)
	n.pieces = cut(n.Layers)
	return n, nil
}

// Affine returns the fully connected layers, from the image up. Their Weight
// and Feedback are [out][in].
func (n *Network) Affine() []*Layer {
	var list []*Layer
	for _, l := range n.Layers {
		if len(l.Shape) == 2 {
			list = append(list, l)
		}
	}
	return list
}

// SetRoute sets every layer's Route.
func (n *Network) SetRoute(r Route) {
	for _, l := range n.Layers {
		l.Route = r
	}
}

// TrainBatch runs the batch forward and backward and lets the optimiser change
// the parameters. Images are [image][channel][row][column], labels are below
// Classes; a batch has any number of images from 2 up. It returns the mean
// loss and the number of images whose largest logit is not at the label, both
// before the change.
//
// The error is an *invalid.Error for a batch of wrong sizes or a loss that is
// not a finite number (training diverged, or a weight is NaN); the parameters
// are then as before.
func (n *Network) TrainBatch(images []float32, labels []uint8, optimiser Optimiser) (loss float64, wrong int, err error) {
	if optimiser == nil {
		return 0, 0, invalid.New("optimiser", nil, "an SGD or a *Adam")
	}
	return n.train(Batch{Images: images, Labels: labels}, optimiser, nil, nil)
}

// train is TrainObserved.
func (n *Network) train(b Batch, optimiser Optimiser, p *Perturbation, observe func([]Response) error) (loss float64, wrong int, err error) {
	want, err := n.checkBatch(b)
	if err != nil {
		return 0, 0, err
	}
	if optimiser != nil {
		if err := optimiser.validate(); err != nil {
			return 0, 0, err
		}
	}
	batch := len(b.Images) / n.imageSize()
	n.reserve(batch, true)
	if p == nil {
		n.noise = nil
	} else {
		if err := p.validate(len(n.Layers)); err != nil {
			return 0, 0, err
		}
		n.perturb(p, b.Images, want, batch)
	}
	total := n.forwardBackward(b.Images, want)
	loss = total.sum / float64(batch)
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, 0, invalid.New("loss", loss, "a finite number: a smaller LearningRate, finite images and weights")
	}
	if observe != nil {
		if err := observe(n.responses(b.Images, batch)); err != nil {
			return 0, 0, err
		}
	}
	if optimiser != nil {
		optimiser.step(n)
	}
	return loss, total.wrong, nil
}

// evaluationBatch is the number of images that are evaluated at a time.
const evaluationBatch = 128

// Evaluate returns the sum of the losses and the number of wrongly classified
// images, in evaluation mode: batch normalisation uses its running statistics.
// There may be any number of images; see TrainBatch for their layout.
func (n *Network) Evaluate(images []float32, labels []uint8) (lossSum float64, wrong int, err error) {
	if err := n.check(images, labels); err != nil {
		return 0, 0, err
	}
	n.evaluate(images, func(first int, logits, _ []float32) {
		part := labels[first : first+len(logits)/n.Classes]
		total := n.score(logits, wanted{labels: part}, nil, nil)
		lossSum += total.sum
		wrong += total.wrong
	})
	return lossSum, wrong, nil
}

// Prediction is what the network makes of images in evaluation mode.
type Prediction struct {
	Logits        []float32 // [image][class]
	Probabilities []float32 // their softmax, [image][class]
	Class         []uint8   // of the largest logit, [image]
}

// Predict evaluates images, [image][channel][row][column].
func (n *Network) Predict(images []float32) (Prediction, error) {
	if len(images)%n.imageSize() != 0 {
		return Prediction{}, invalid.Newf("images", len(images), "a multiple of %d numbers", n.imageSize())
	}
	count := len(images) / n.imageSize()
	p := Prediction{make([]float32, count*n.Classes), make([]float32, count*n.Classes), make([]uint8, count)}
	n.evaluate(images, func(first int, logits, _ []float32) {
		copy(p.Logits[first*n.Classes:], logits)
		for i := range len(logits) / n.Classes {
			z := logits[i*n.Classes:][:n.Classes]
			softmax32(n.scratch[:n.Classes], z)
			best := 0
			for c, v := range z {
				p.Probabilities[(first+i)*n.Classes+c] = float32(n.scratch[c])
				if v > z[best] {
					best = c
				}
			}
			p.Class[first+i] = uint8(best)
		}
	})
	return p, nil
}

// evaluate calls do for every evaluationBatch of images, in order.
func (n *Network) evaluate(images []float32, do func(first int, logits, probabilities []float32)) {
	count := len(images) / n.imageSize()
	for first := 0; first < count; first += evaluationBatch {
		batch := min(evaluationBatch, count-first)
		n.reserve(batch, false)
		n.forward(images[first*n.imageSize():(first+batch)*n.imageSize()], batch, false)
		do(first, n.stages[len(n.stages)-1].result(), n.probabilities)
	}
}

func (n *Network) imageSize() int { return n.first.size() }

func (n *Network) check(images []float32, labels []uint8) error {
	if len(images) != len(labels)*n.imageSize() {
		return invalid.Newf("images", len(images), "%d numbers, for %d labels and images of %d×%d×%d",
			len(labels)*n.imageSize(), len(labels), n.Input.Channels, n.Input.Rows, n.Input.Columns)
	}
	for i, label := range labels {
		if int(label) >= n.Classes {
			return invalid.Newf("labels["+strconv.Itoa(i)+"]", label, "below %d", n.Classes)
		}
	}
	return nil
}

func (n *Network) checkTraining(images []float32, labels []uint8) error {
	if len(labels) < 2 {
		return invalid.New("labels", len(labels), "at least 2 images, as batch normalisation needs")
	}
	return n.check(images, labels)
}

func (n *Network) checkBatch(b Batch) (wanted, error) {
	want := wanted{b.Labels, b.Targets}
	if b.Targets == nil {
		return want, n.checkTraining(b.Images, b.Labels)
	}
	if err := n.checkTargets(b.Images, b.Targets); err != nil {
		return want, err
	}
	if len(b.Images) < 2*n.imageSize() {
		return want, invalid.New("images", len(b.Images)/n.imageSize(), "at least 2, as batch normalisation needs")
	}
	return want, nil
}

// forwardBackward computes the loss and every gradient of a training batch.
func (n *Network) forwardBackward(images []float32, want wanted) losses {
	batch := len(images) / n.imageSize()
	n.reserve(batch, true)
	in := n.forward(images, batch, true)
	top := n.stages[len(n.stages)-1]
	var deltaProbabilities []float32
	if n.trace != nil && n.Loss == DoubleSoftmax {
		deltaProbabilities = make([]float32, batch*n.Classes)
	}
	total := n.score(top.result(), want, top.gradient(), deltaProbabilities)
	if n.noise != nil {
		n.compare(want, batch)
	}
	var gIn []float32 // with respect to the images; training has no use for it
	if n.trace != nil {
		classes := units(n.Classes)
		n.trace.sink("logits", classes).put(0, top.result())
		n.trace.sink("probs", classes).put(0, n.probabilities)
		if deltaProbabilities != nil {
			n.trace.sink("delta.probs", classes).put(0, deltaProbabilities)
		}
		gIn = make([]float32, batch*n.imageSize())
	}
	for i := len(n.stages) - 1; i > 0; i-- {
		below := n.stages[i-1]
		down := below.gradient()
		if n.replaced(i - 1) {
			down = nil
		}
		n.stages[i].backward(n, below.result(), down, batch)
		n.setError(i-1, batch)
		if l := n.stages[i].layer(); l != nil {
			n.trace.sink("delta.below."+l.Name, below.output()).put(0, below.gradient())
		}
	}
	n.stages[0].backward(n, in, gIn, batch)
	n.trace.sink("delta.input", n.inputMap()).put(0, gIn)
	return total
}

// inputMap is the order of what the first stage takes: fully connected neurons
// take images as they are.
func (n *Network) inputMap() featureMap {
	if _, convolutional := n.stages[0].(*convolution); convolutional {
		return n.first
	}
	return units(n.imageSize())
}

// forward returns the input of the first stage.
func (n *Network) forward(images []float32, batch int, training bool) []float32 {
	in := images
	if n.Input.Channels > 1 && !n.inputMap().flat {
		in = n.input
		parallel.For(batch, func(i int) {
			from, to := i*n.imageSize(), (i+1)*n.imageSize()
			channelsLast(in[from:to], images[from:to], n.first)
		})
	}
	below := in
	for i, s := range n.stages {
		n.noise.addTo(i, below)
		s.forward(n, below, batch, training)
		below = s.result()
	}
	return in
}

func (n *Network) reserve(batch int, training bool) {
	n.input = grow(n.input, batch*n.imageSize())
	n.probabilities = grow(n.probabilities, batch*n.Classes)
	for _, s := range n.stages {
		s.reserve(batch, training)
	}
}

// takeWorkspace returns the workspace that was given back last (it is the one
// most likely in the cache), or a new one.
func (n *Network) takeWorkspace() *workspace {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if last := len(n.workspaces) - 1; last >= 0 {
		w := n.workspaces[last]
		n.workspaces = n.workspaces[:last]
		return w
	}
	patches, drives := 0, 0
	for _, s := range n.stages {
		p, d := s.workspace()
		patches, drives = max(patches, p), max(drives, d)
	}
	return &workspace{make([]float32, patches), make([]float32, drives)}
}

func (n *Network) giveWorkspace(w *workspace) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.workspaces = append(n.workspaces, w)
}
