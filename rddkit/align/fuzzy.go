package align

import "github.com/weightalign/lab/rddkit/spike"

// The fuzzy design of econometrics (Hahn, Todd, van der Klaauw, Econometrica
// 2001), for neurons whose spikes do not follow from the threshold alone. The
// sides are those of the running variable, above or below the threshold,
// whether the neuron spiked or not; the spike is the treatment, of which the
// threshold only changes the probability; the effect is
//
//	β_ij = (jump of y_j at the threshold) / (jump of neuron i's spike probability there)
//
// Both jumps are fitted alike and from zero, so that what they lack after few
// windows cancels in the ratio.

// weakestFirstStage is the least jump of the spike probability with which a
// neuron's effects count: below it the ratio is noise over noise.
const weakestFirstStage = 0.01

// firstSide reports whether a window belongs to the regression's first side:
// the one with a spike, or, for [Wald], the one above the threshold.
func (e Estimator) firstSide(w *spike.Window, threshold float64) bool {
	if e == Wald {
		return w.MaxDrive >= threshold
	}
	return w.Spiked
}

// observeTreatment moves a neuron's regression of its own spikes on the running
// variable by a stretch's windows.
func (l *regressions) observeTreatment(neuron int, windows []spike.Window, o RDDOptions) {
	for k := range windows {
		w := &windows[k]
		if distance := w.MaxDrive - o.Spike.Threshold; distance < -o.AcceptHalfWidth || distance > o.AcceptHalfWidth {
			continue
		}
		treated := 0.0
		if w.Spiked {
			treated = 1
		}
		l.treatment[neuron].Observe(w.MaxDrive, Wald.firstSide(w, o.Spike.Threshold), treated, o.LearningRate)
	}
}

// perTreatment turns jumps of the outcomes into effects of a spike. A neuron
// whose spike probability does not rise at the threshold has none.
func (l *regressions) perTreatment(beta []float64, neuron int, o RDDOptions) {
	firstStage := Sharp.Beta(l.treatment[neuron], o.Spike.Threshold)
	for j := range beta {
		if firstStage < weakestFirstStage {
			beta[j] = 0
		} else {
			beta[j] /= firstStage
		}
	}
}

// FirstStage returns, for [Wald], the estimated jump of each neuron's spike
// probability at the threshold, [neuron of the layer]; 0 before any window, nil
// before the first Learn.
func (r *RDD) FirstStage(layer int) []float64 {
	l := r.estimates(layer)
	if l == nil {
		return nil
	}
	jumps := make([]float64, l.in)
	for i := range jumps {
		jumps[i] = Sharp.Beta(l.treatment[i], r.options.Spike.Threshold)
	}
	return jumps
}

// forget puts all regressions back to zero.
func (l *regressions) forget() {
	clear(l.parameters)
	clear(l.treatment)
}
