package nn

import "math"

// Loss says how wrong the network's outputs are.
type Loss int

const (
	// DoubleSoftmax is the published code's loss: the softmax of the logits is
	// passed to a cross-entropy that applies a log-softmax again,
	// −log softmax(softmax(logits))[label]. With ten classes it starts near
	// log 10 and cannot fall below log(1 + 9/e) = 1.4612.
	DoubleSoftmax Loss = iota
	// Softmax is the usual cross-entropy, −log softmax(logits)[label].
	Softmax
	// SquaredError is ½ Σ (output − target)², the target of a label being 1 at
	// its unit and 0 elsewhere. Training descends its sum over the images of a
	// batch, as in the talk's programs, not the mean as with the other losses.
	SquaredError
)

// losses holds what one batch's outputs cost.
type losses struct {
	sum   float64 // over images
	wrong int     // images whose largest logit is not at the label
}

// evaluate adds up a batch's losses; it fills probabilities, [image][class],
// and, unless they are nil, the gradients of the batch's mean loss with
// respect to the logits and (DoubleSoftmax) to the probabilities.
func (l Loss) evaluate(logits []float32, labels []uint8, classes int, probabilities, delta, deltaProbabilities []float32, scratch []float64) losses {
	var total losses
	p, q := scratch[:classes], scratch[classes:2*classes]
	perImage := 1 / float64(len(labels))
	for i, label := range labels {
		z := logits[i*classes:][:classes]
		softmax32(p, z)
		best := 0
		for c := range z {
			probabilities[i*classes+c] = float32(p[c])
			if z[c] > z[best] {
				best = c
			}
		}
		if best != int(label) {
			total.wrong++
		}
		if l == Softmax {
			total.sum -= logSoftmax(z, int(label))
			for c := range delta[:min(classes, len(delta))] {
				delta[i*classes+c] = float32((p[c] - one(c == int(label))) * perImage)
			}
			continue
		}
		softmax64(q, p)
		total.sum -= math.Log(q[label])
		if delta == nil {
			continue
		}
		inner := 0.0
		for c := range q {
			q[c] = (q[c] - one(c == int(label))) * perImage
			inner += float64(p[c] * q[c])
		}
		for c := range q {
			delta[i*classes+c] = float32(p[c] * (q[c] - inner))
		}
		if deltaProbabilities != nil {
			for c := range q {
				deltaProbabilities[i*classes+c] = float32(q[c])
			}
		}
	}
	return total
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// logSoftmax stays finite where the probability itself would round to zero.
func logSoftmax(z []float32, label int) float64 {
	top := float64(z[0])
	for _, v := range z {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(float64(v) - top)
	}
	return float64(z[label]) - top - math.Log(sum)
}

func softmax32(p []float64, z []float32) {
	for c, v := range z {
		p[c] = float64(v)
	}
	softmax64(p, p)
}

func softmax64(p, z []float64) {
	top := z[0]
	for _, v := range z {
		top = max(top, v)
	}
	sum := 0.0
	for c, v := range z {
		p[c] = math.Exp(v - top)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
}
