package rddkit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/stream"
)

// probes remembers the probe of a registered method for the options that were
// asked for.
type probes struct {
	sync.Mutex
	of map[string]string
}

// probe says in short what a registered method does: a digest of the feedback
// weights that its learner makes of a small fixed network, in two epochs with three
// batches each, rounded to two digits, since backends of matrix products differ in
// the last. It is empty for built-in methods, whose version is kept by hand.
func (r *row) probe(e Experiment) string {
	if r.builtIn {
		return ""
	}
	e = r.probed(e)
	key, err := json.Marshal(e)
	if err != nil {
		panic("rddkit: an experiment that JSON cannot hold")
	}
	r.probes.Lock()
	defer r.probes.Unlock()
	if known, ok := r.probes.of[string(key)]; ok {
		return known
	}
	sum := sha256.New()
	for _, text := range r.tryOut(e) {
		fmt.Fprintln(sum, text)
	}
	digest := hex.EncodeToString(sum.Sum(nil)[:6])
	if r.probes.of == nil {
		r.probes.of = make(map[string]string)
	}
	r.probes.of[string(key)] = digest
	return digest
}

// probed is the experiment of a probe: everything that is no option of the rule
// is fixed.
func (r *row) probed(e Experiment) Experiment {
	fixed := Experiment{Method: r.name, Options: e.Options, RDDTime: 1.2, Interval: 0.4, Seed: 1, Noise: 0.01, BatchSize: 4, Epochs: 2}
	return fixed.filled()
}

// tryOut has a learner learn the probe's network. A learner that fails is told
// from others by what it says.
func (r *row) tryOut(e Experiment) (texts []string) {
	defer func() {
		if p := recover(); p != nil {
			texts = append(texts, fmt.Sprint("panic: ", p))
		}
	}()
	options, err := r.parse(e.Options) // those of a rule without any are nil in e
	if err != nil {
		return []string{err.Error()}
	}
	learner, err := r.learner(options, e)
	if err != nil {
		return []string{err.Error()}
	}
	var layers []align.Layer
	sizes := []int{12, 8, 5}
	for l := range 2 {
		layer := align.Layer{In: sizes[l], Out: sizes[l+1]}
		layer.Forward, layer.Feedback = probeNumbers("forward", l, layer.In*layer.Out), probeNumbers("feedback", l, layer.In*layer.Out)
		layer.Bias = probeNumbers("bias", l, layer.Out)
		layers = append(layers, layer)
	}
	note := func(what string, layers []align.Layer, err error) {
		texts = append(texts, fmt.Sprint(what, err))
		for _, l := range layers {
			for _, v := range slices.Concat(l.Feedback, l.Transposed) { // one of them is nil
				texts = append(texts, strconv.FormatFloat(float64(v), 'e', 1, 32))
			}
		}
	}
	for epoch := range 2 {
		note("learned", layers, learner.Learn(context.Background(), layers, func(seconds float64) {}))
		batches, learns := learner.(align.BatchLearner)
		preparer, prepares := learner.(align.Preparer)
		seenBy := layers
		if _, ok := learner.(align.InPlace); ok { // in which order the numbers stand is no matter here
			seenBy = slices.Clone(layers)
			for l := range seenBy {
				seenBy[l].Feedback, seenBy[l].Transposed = nil, layers[l].Feedback
			}
		}
		for step := 0; (learns || prepares) && step < 3; step++ {
			if prepares {
				_, err := preparer.Prepare(seenBy)
				note("prepared", seenBy, err)
			}
			if !learns {
				continue
			}
			var seen []align.Batch
			for l, layer := range layers {
				seen = append(seen, probeBatch(layer, l, 3*epoch+step))
			}
			_, err := batches.LearnBatch(seenBy, seen)
			note("batch", seenBy, err)
		}
	}
	return texts
}

func probeNumbers(name string, index, n int) []float32 {
	random := stream.New(1, "probe "+name, uint64(index))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64()) / 4
	}
	return x
}

// probeBatch is a batch of four samples.
func probeBatch(l align.Layer, layer, step int) align.Batch {
	const samples = 4
	at := 100*step + layer
	b := align.Batch{
		Activity: probeNumbers("activity", at, samples*l.In), Error: probeNumbers("error", at, samples*l.Out), Gradient: make([]float32, l.In*l.Out),
		Noise: probeNumbers("noise", at, samples*l.In), Change: make([]float64, samples), DriveChange: probeNumbers("drive change", at, samples*l.Out), Rates: align.Rates{LearningRate: 0.01, Momentum: 0.9},
	}
	for s := range samples {
		b.Change[s] = float64(probeNumbers("change", at, samples)[s]) / 100
		for j := range l.Out {
			for i := range l.In {
				b.Gradient[j*l.In+i] += b.Activity[s*l.In+i] * b.Error[s*l.Out+j] / samples
			}
		}
	}
	return b
}
