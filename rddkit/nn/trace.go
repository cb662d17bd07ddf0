package nn

import (
	"strconv"
)

// Tensor is a named array in C order (last axis fastest).
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// trace collects what a pass computes on its way. A nil trace collects
// nothing.
type trace struct {
	tensors map[string]Tensor
	batch   int
}

// sink takes the tensor called name of a batch of arrays of size m, piece by
// piece. A nil sink takes nothing.
type sink struct {
	data []float32
	m    featureMap
}

func (t *trace) sink(name string, m featureMap) *sink {
	if t == nil {
		return nil
	}
	shape := []int{t.batch, m.channels, m.rows, m.columns}
	if m.flat {
		shape = shape[:2]
	}
	s := &sink{make([]float32, t.batch*m.size()), m}
	t.tensors[name] = Tensor{name, shape, s.data}
	return s
}

// put stores the arrays x, [image][row][column][channel], of the images from
// first on.
func (s *sink) put(first int, x []float32) {
	if s == nil {
		return
	}
	for i := 0; i < len(x); i += s.m.size() {
		channelsFirst(s.data[first*s.m.size()+i:], x[i:], s.m)
	}
}

// Trace runs one batch forward, as in training, and backward, and returns
// everything it computes on the way; images and labels are as in TrainBatch.
// Nothing in the network changes, the running statistics included.
//
// The names are those of the reference files: "act.X" for the output of step X
// (conv1, relu1, bn1, pool1, …, flatten, fc1, relu3, bn3, …), "delta.X" for
// the gradient of the loss with respect to it, also for "input", "logits" and
// "probs" (with DoubleSoftmax), "delta.below.L" for the gradient with respect to
// what layer L takes (but the first), "grad.P" for the gradient of parameter P, and
// "logits", "probs" and "loss". Feature maps are [image][channel][row][column].
func (n *Network) Trace(images []float32, labels []uint8) (map[string]Tensor, error) {
	if err := n.checkTraining(images, labels); err != nil {
		return nil, err
	}
	n.noise = nil
	n.trace = &trace{map[string]Tensor{}, len(labels)}
	defer func() { n.trace = nil }()
	loss := n.forwardBackward(images, wanted{labels: labels})
	tensors := n.trace.tensors
	for _, l := range n.Layers {
		for _, p := range l.parameters() {
			name := "grad." + p.name
			tensors[name] = Tensor{name, p.shape, append([]float32(nil), p.gradient...)}
		}
	}
	tensors["loss"] = Tensor{"loss", []int{1}, []float32{float32(loss.sum / float64(len(labels)))}}
	return tensors, nil
}

func (l *Layer) activationName() string { return l.activation.String() + strconv.Itoa(l.number) }

func (l *Layer) traceActivation(t *trace, x []float32, m featureMap) {
	if l.activation != Linear {
		t.sink("act."+l.activationName(), m).put(0, x)
	}
}

func (l *convolution) poolName() string { return "pool" + l.Name[len("conv"):] }

func (l *convolution) traceForward(t *trace, batch int) {
	l.traceActivation(t, l.x, l.drive)
	if l.normal != nil {
		y := make([]float32, len(l.x))
		affineRows(y, l.x, l.normal.scale, l.normal.shift)
		t.sink("act."+l.normal.name, l.drive).put(0, y)
	}
	if l.pooled {
		t.sink("act."+l.poolName(), l.out).put(0, l.y)
	}
}

// traceBackward stores the gradient at the output and returns the sinks for
// those at the outputs of the normalisation, of the activation function and of
// the drive.
func (l *convolution) traceBackward(t *trace, batch int) (atNormal, atActivation, atDrive *sink) {
	if t == nil {
		return nil, nil, nil
	}
	if l.pooled {
		t.sink("delta."+l.poolName(), l.out).put(0, l.g)
	}
	if l.normal != nil {
		atNormal = t.sink("delta."+l.normal.name, l.drive)
	}
	if l.activation != Linear {
		atActivation = t.sink("delta."+l.activationName(), l.drive)
	}
	return atNormal, atActivation, t.sink("delta."+l.Layer.output, l.drive)
}
