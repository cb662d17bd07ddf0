package nn

import (
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
)

// wanted is what a batch's outputs should be: a label for each image or, with
// SquaredError, any values.
type wanted struct {
	labels []uint8
	values []float32 // [image][unit]; nil with labels
}

// of returns what unit c of image i should be.
func (w wanted) of(i, c, units int) float64 {
	if w.values != nil {
		return float64(w.values[i*units+c])
	}
	return one(c == int(w.labels[i]))
}

// evaluate adds up what a batch's outputs cost; see Loss.evaluate.
func (n *Network) score(outputs []float32, want wanted, delta, deltaProbabilities []float32) losses {
	if n.Loss != SquaredError {
		return n.Loss.evaluate(outputs, want.labels, n.Classes, n.probabilities, delta, deltaProbabilities, n.scratch)
	}
	var total losses
	for i := range len(outputs) / n.Classes {
		y := outputs[i*n.Classes:][:n.Classes]
		best := 0
		for c, v := range y {
			e := float64(v) - want.of(i, c, n.Classes)
			total.sum += float64(e*e) / 2
			if delta != nil {
				delta[i*n.Classes+c] = float32(e)
			}
			if v > y[best] {
				best = c
			}
		}
		if want.values == nil && best != int(want.labels[i]) {
			total.wrong++
		}
	}
	return total
}

// imageLosses sets each to the loss of every image.
func (n *Network) imageLosses(each []float64, outputs []float32, want wanted) {
	p := n.scratch[:n.Classes]
	for i := range each {
		z := outputs[i*n.Classes:][:n.Classes]
		switch n.Loss {
		case SquaredError:
			each[i] = 0
			for c, v := range z {
				e := float64(v) - want.of(i, c, n.Classes)
				each[i] += float64(e*e) / 2
			}
		case Softmax:
			each[i] = -logSoftmax(z, int(want.labels[i]))
		default:
			softmax32(p, z)
			label := p[want.labels[i]]
			sum := 0.0
			for _, v := range p {
				sum += math.Exp(v)
			}
			each[i] = math.Log(sum) - label
		}
	}
}

// EvaluateTargets returns the sum of the losses of images whose outputs should
// be targets, [image][unit], in evaluation mode. The network's loss must be
// SquaredError.
func (n *Network) EvaluateTargets(images, targets []float32) (lossSum float64, err error) {
	if err := n.checkTargets(images, targets); err != nil {
		return 0, err
	}
	n.evaluate(images, func(first int, outputs, _ []float32) {
		part := wanted{values: targets[first*n.Classes:][:len(outputs)]}
		lossSum += n.score(outputs, part, nil, nil).sum
	})
	return lossSum, nil
}

func (n *Network) checkTargets(images, targets []float32) error {
	if n.Loss != SquaredError {
		return invalid.New("Loss", int(n.Loss), "SquaredError, the loss that has targets")
	}
	count := len(images) / n.imageSize()
	if len(images) != count*n.imageSize() || len(targets) != count*n.Classes {
		return invalid.Newf("targets", len(targets), "%d numbers for %d inputs of %d", count*n.Classes, count, n.imageSize())
	}
	return nil
}
