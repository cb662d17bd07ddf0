package nn

import (
	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Optimiser changes the parameters by their gradients after each batch. SGD is
// one.
type Optimiser interface {
	validate() error
	step(n *Network)
}

// SGD is stochastic gradient descent with momentum, as in PyTorch:
//
//	g ← g + WeightDecay·p,  m ← Momentum·m + g,  p ← p − LearningRate·m
//
// for every weight, bias, gamma and beta p. The momentum m belongs to the
// network and is saved with it.
//
// As in the published code, a WeightDecay above zero also shrinks the Feedback
// of every layer that uses it, after each batch, by WeightDecay·Feedback: not
// by LearningRate·WeightDecay, so that feedback weights decay much faster than
// weights. Layer.KeepFeedback prevents it.
type SGD struct {
	LearningRate float64 // above 0 and below 1e6; the report's is 0.01
	Momentum     float64 // 0 (none) to below 1; the report's is 0.9
	WeightDecay  float64 // 0 (none) to below 1; the report's is 0
}

// ReportSGD returns the report's settings: learning rate 0.01, momentum 0.9,
// no weight decay.
func ReportSGD() SGD { return SGD{LearningRate: 0.01, Momentum: 0.9} }

func (s SGD) validate() error {
	switch {
	case !(s.LearningRate > 0 && s.LearningRate < 1e6):
		return invalid.New("LearningRate", s.LearningRate, "above 0 and below 1e6")
	case !(s.Momentum >= 0 && s.Momentum < 1):
		return invalid.New("Momentum", s.Momentum, "0 to below 1")
	case !(s.WeightDecay >= 0 && s.WeightDecay < 1):
		return invalid.New("WeightDecay", s.WeightDecay, "0 to below 1")
	}
	return nil
}

// stepPiece is the number of elements that one core changes at a time.
const stepPiece = 1 << 15

func (s SGD) step(n *Network) {
	rate, momentum, decay := float32(s.LearningRate), float32(s.Momentum), float32(s.WeightDecay)
	parallel.For(len(n.pieces), func(i int) {
		piece := n.pieces[i]
		if piece.layer.Frozen && piece.parameter != nil {
			return
		}
		if p := piece.parameter; p != nil {
			descend(p.value[piece.from:piece.to], p.gradient[piece.from:piece.to], p.momentum[piece.from:piece.to], rate, momentum, decay)
		} else if l := piece.layer; decay > 0 && l.Route == ThroughFeedback && !l.KeepFeedback {
			shrink(l.Feedback[piece.from:piece.to], decay)
		}
	})
}

// piece is a part of a layer's parameter or, where that is nil, of its feedback
// weight.
type piece struct {
	layer     *Layer
	parameter *parameter
	from, to  int
}

// cut divides all tensors that a step changes.
func cut(layers []*Layer) []piece {
	var list []piece
	divide := func(l *Layer, p *parameter, length int) {
		for from := 0; from < length; from += stepPiece {
			list = append(list, piece{l, p, from, min(length, from+stepPiece)})
		}
	}
	for _, l := range layers {
		for _, p := range l.parameters() {
			divide(l, p, len(p.value))
		}
		divide(l, nil, len(l.Feedback))
	}
	return list
}
