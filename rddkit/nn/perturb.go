package nn

import (
	"math/rand/v2"
	"slices"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Batch is what a network is trained with in one step.
type Batch struct {
	Images []float32 // [image][channel][row][column]
	Labels []uint8   // [image], below Classes; or
	// Targets are what the outputs should be, [image][unit]. The loss must be
	// SquaredError.
	Targets []float32
}

// Perturbation is noise that a second forward pass adds to what each hidden
// layer sends to the layer above it, after activation function, normalisation
// and pooling, in all layers at once (node perturbation; Lansdell, Prakash and
// Kording, ICLR 2020). The change that it makes to an image's loss tells the
// gradient of the loss with respect to every perturbed activity x,
//
//	∂loss/∂x ≈ noise · (loss with noise − loss) / Noise²
//
// exactly on average for small noise. Batch normalisation uses the statistics
// of the perturbed batch, and its running statistics ignore that batch.
type Perturbation struct {
	Noise  float64 // standard deviation σ of the normal noise, above 0 and below 1000
	Random *rand.Rand
	// Layers is the number of layers, counted from the output, whose inputs are
	// perturbed. 0 means all but the first, whose inputs are the images.
	Layers int
	// Constant also perturbs the constant unit 1 whose weights are the biases,
	// as in the published program.
	Constant bool
	// BatchSummed takes the change of the whole batch's loss for that of every
	// image: also right on average, and √batch times noisier.
	BatchSummed bool
	// Direct trains each hidden layer by the estimated gradient itself, with no
	// feedback weight at all.
	Direct bool
}

// Response is what a batch told about the feedback weights of one fully
// connected layer, or about the direct feedback weights of any layer. The arrays
// are overwritten by the next batch.
type Response struct {
	Layer *Layer
	// Activity is what the layer took, without noise, [image][input]; the inputs
	// of a convolutional layer are in the order [row][column][channel].
	Activity []float32
	// Error is the gradient of each image's loss with respect to the layer's
	// drive, as it came down, [image][unit]; with direct feedback that with
	// respect to the network's output, [image][class].
	Error []float32
	// Gradient is that of what training descends (the mean loss of the batch; with
	// SquaredError the sum) with respect to the layer's Weight, of its shape.
	Gradient []float32
	Noise    []float32 // added to the layer's inputs, [image][input]; nil without a perturbed pass
	Change   []float64 // of each image's loss under the noise, [image], the same for all layers; nil without
	// DriveChange is what the noise, this layer's and that of the layers below,
	// did to the layer's drive, [image][unit]; nil without a perturbed pass, and in
	// convolutional layers.
	DriveChange []float32
}

func (p *Perturbation) validate(layers int) error {
	switch {
	case !(p.Noise > 0 && p.Noise < 1e3):
		return invalid.New("Noise", p.Noise, "above 0 and below 1000")
	case p.Random == nil:
		return invalid.New("Random", nil, "a stream of random numbers")
	case p.Layers < 0 || p.Layers >= layers:
		return invalid.Newf("Layers", p.Layers, "0 to %d: the first layer's inputs are not perturbed", layers-1)
	}
	return nil
}

// noise is a Perturbation at work.
type noise struct {
	*Perturbation
	on             bool        // in the perturbed pass
	inputs         [][]float32 // per stage: added to its input; nil for none
	constants      map[*Layer][]float32
	before, change []float64            // losses of the perturbed pass; of the clean one less of it
	drives         map[*Layer][]float32 // [image][unit] of the perturbed pass; after the clean one, less of that
	running        [][]float32
}

// TrainObserved is TrainBatch for a learner of feedback weights: unless p is
// nil, with a perturbed pass in addition; and before the optimiser changes
// anything, observe (unless it is nil) is called with what the batch told about
// the layers, from the lowest up: those that were perturbed at their inputs, or
// without p all fully connected ones; with direct feedback all but the first. An
// error of observe ends the step. A nil optimiser leaves the network as it is but
// for running statistics. loss and wrong are those without noise.
func (n *Network) TrainObserved(b Batch, o Optimiser, p *Perturbation, observe func(responses []Response) error) (loss float64, wrong int, err error) {
	return n.train(b, o, p, observe)
}

// TrainTargets is TrainBatch for targets in place of labels.
func (n *Network) TrainTargets(inputs, targets []float32, o Optimiser) (loss float64, err error) {
	if o == nil {
		return 0, invalid.New("optimiser", nil, "an SGD or a *Adam")
	}
	loss, _, err = n.train(Batch{Images: inputs, Targets: targets}, o, nil, nil)
	return loss, err
}

// perturb runs the perturbed pass.
func (n *Network) perturb(p *Perturbation, images []float32, want wanted, batch int) {
	if n.noise == nil {
		n.noise = &noise{inputs: make([][]float32, len(n.stages)), constants: map[*Layer][]float32{}, drives: map[*Layer][]float32{}}
	}
	z := n.noise
	z.Perturbation, z.on = p, true
	skip := 1
	if p.Layers > 0 {
		skip = len(n.Layers) - p.Layers
	}
	for i, s := range n.stages {
		l := s.layer()
		if l == nil {
			continue
		}
		if skip--; skip >= 0 {
			z.inputs[i] = nil
			continue
		}
		z.inputs[i] = grow(z.inputs[i], batch*n.stages[i-1].output().size())
		z.draw(z.inputs[i])
		if p.Constant && l.Bias != nil {
			z.constants[l] = grow(z.constants[l], batch)
			z.draw(z.constants[l])
		} else {
			delete(z.constants, l)
		}
	}
	n.swapRunning()
	n.forward(images, batch, true)
	n.swapRunning()
	z.on = false
	z.before = grow(z.before, batch)
	n.imageLosses(z.before, n.stages[len(n.stages)-1].result(), want)
}

func (z *noise) draw(x []float32) {
	for k := range x {
		x[k] = float32(z.Noise * z.Random.NormFloat64())
	}
}

// swapRunning keeps the running statistics before the perturbed pass and puts
// them back after it.
func (n *Network) swapRunning() {
	z := n.noise
	back := !z.on || len(z.running) > 0
	at := 0
	for _, l := range n.Layers {
		if l.normal == nil {
			continue
		}
		for _, statistics := range [][]float32{l.normal.runningMean, l.normal.runningVar} {
			if back {
				copy(statistics, z.running[at])
			} else {
				z.running = append(z.running, slices.Clone(statistics))
			}
			at++
		}
	}
	if back {
		z.running = nil
	}
}

// addTo adds the noise at the input of stage i.
func (z *noise) addTo(i int, x []float32) {
	if z == nil || !z.on || z.inputs[i] == nil {
		return
	}
	add(x, z.inputs[i])
}

// addConstant adds the noise of the constant unit to the drives x of a layer.
func (z *noise) addConstant(l *Layer, x []float32) {
	if z == nil || !z.on || z.constants[l] == nil {
		return
	}
	for i, v := range z.constants[l] {
		row := x[i*len(l.Bias):][:len(l.Bias)]
		for k, b := range l.Bias {
			row[k] += float32(v * b)
		}
	}
}

// compareDrive notes the drives x of a fully connected layer in the perturbed
// pass; in the clean one it takes them off what was noted.
func (z *noise) compareDrive(l *Layer, x []float32) {
	if z == nil {
		return
	}
	if z.on {
		z.drives[l] = append(z.drives[l][:0], x...)
		return
	}
	for k, v := range x {
		z.drives[l][k] -= v
	}
}

// compare sets change after the clean pass.
func (n *Network) compare(want wanted, batch int) {
	z := n.noise
	z.change = grow(z.change, batch)
	n.imageLosses(z.change, n.stages[len(n.stages)-1].result(), want)
	sum := 0.0
	for i, clean := range z.change {
		z.change[i] = z.before[i] - clean
		sum += z.change[i]
	}
	if z.BatchSummed {
		for i := range z.change {
			z.change[i] = sum
		}
	}
}

// perturbs reports whether the output of stage i is perturbed.
func (z *noise) perturbs(i int) bool { return i+1 < len(z.inputs) && z.inputs[i+1] != nil }

// setError sets the error at the output of stage i to the estimated gradient
// of the batch's loss.
func (z *noise) setError(n *Network, i int) {
	if !z.perturbs(i) {
		return
	}
	g, x := n.stages[i].gradient(), z.inputs[i+1]
	each := len(x) / len(z.change)
	scale := n.perImage(len(z.change)) / (z.Noise * z.Noise)
	for k, change := range z.change {
		factor := float32(change * scale)
		for u := k * each; u < (k+1)*each; u++ {
			g[u] = x[u] * factor
		}
	}
}

// perImage is the weight of an image's loss in what training descends.
func (n *Network) perImage(batch int) float64 {
	if n.Loss == SquaredError {
		return 1
	}
	return 1 / float64(batch)
}

// responses gathers what observe is told of a batch.
func (n *Network) responses(images []float32, batch int) []Response {
	if n.errors == nil {
		n.errors = make([][]float32, len(n.stages))
	}
	scale := float32(1 / n.perImage(batch))
	top := n.stages[len(n.stages)-1]
	var list []Response
	for i, s := range n.stages {
		l := s.layer()
		if l == nil || n.noise != nil && n.noise.inputs[i] == nil {
			continue
		}
		r := Response{Layer: l, Activity: images, Gradient: l.weight.gradient}
		from := s
		if l.Direct != nil {
			from = top
		} else if _, convolutional := s.(*convolution); convolutional || n.noise == nil && n.directs() {
			continue // a convolution's drive's error is not kept; the images need no direct error
		}
		if i > 0 {
			r.Activity = n.stages[i-1].result()
		}
		n.errors[i] = grow(n.errors[i], len(from.gradient()))
		for k, d := range from.gradient() {
			n.errors[i][k] = scale * d
		}
		r.Error = n.errors[i]
		if n.noise != nil {
			r.Noise, r.Change, r.DriveChange = n.noise.inputs[i], n.noise.change, n.noise.drives[l]
		}
		list = append(list, r)
	}
	return list
}

// directs reports whether the output's error goes to the layers directly.
func (n *Network) directs() bool { return n.Layers[len(n.Layers)-1].Direct != nil }

// HiddenErrors returns the gradients of the batch's loss with respect to the
// inputs of every layer but the first, from the lowest up, as the routes carry
// them in training; [layer][image · input + …]. Nothing in the network changes.
func (n *Network) HiddenErrors(b Batch) ([][]float32, error) {
	want, err := n.checkBatch(b)
	if err != nil {
		return nil, err
	}
	n.noise = nil
	n.trace = &trace{map[string]Tensor{}, len(b.Images) / n.imageSize()}
	defer func() { n.trace = nil }()
	n.forwardBackward(b.Images, want)
	var list [][]float32
	for _, l := range n.Layers[1:] {
		list = append(list, n.trace.tensors["delta.below."+l.Name].Data)
	}
	return list, nil
}

// HiddenGradients is HiddenErrors for the gradients themselves, as
// backpropagation carries them down, whatever the layers' routes and direct
// feedback weights.
func (n *Network) HiddenGradients(b Batch) ([][]float32, error) {
	type way struct {
		route  Route
		direct []float32
	}
	var ways []way
	for _, l := range n.Layers {
		ways = append(ways, way{l.Route, l.Direct})
		l.Route, l.Direct = ThroughWeight, nil
	}
	defer func() {
		for i, l := range n.Layers {
			l.Route, l.Direct = ways[i].route, ways[i].direct
		}
	}()
	return n.HiddenErrors(b)
}
