package feedback

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/internal/jobs"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
	"github.com/weightalign/lab/rddkit/spike"
)

// Meeting gives one and the same trained classifier's feedback weights to two
// learners in turn: regression discontinuity, which simulates its hidden layers
// as spiking neurons, and node perturbation, which shows it images. The
// feedforward weights stay; both start from the same random feedback weights.
//
// The costs are not in one currency: simulated seconds of spiking need no images
// and no error, images need no spikes.
type Meeting struct {
	// Dataset and Hidden are as in Classifier, with one hidden layer or more.
	Dataset string
	Hidden  []int
	// TrainBatches of backpropagation make the network. Default 5000.
	TrainBatches int
	// Seconds of spiking are simulated in all, in calls of Interval seconds, each
	// of which drives one layer after the other. Defaults 100 and 10. Seconds are a
	// multiple of Interval, and Interval is one of a simulation step, 0.001 s, for
	// every hidden layer: with three, say, 9 or 12.
	Seconds, Interval float64
	// Batches of 32 images for node perturbation by least squares. Default 3000.
	Batches int
	// Noise of node perturbation. Default 0.01.
	Noise float64
	Seed  uint64
}

// MeetingCurve is how far each learner came.
type MeetingCurve struct {
	Accuracy     float64      // of the network, percent of the test images
	Seconds      []float64    // simulated; 0 first
	RDD          [][]Symmetry // [hidden layer, from the lowest][entry of Seconds]
	Images       []int        // shown
	Perturbation [][]Symmetry // [hidden layer][entry of Images]
}

// Run carries the experiment out. The error is an *invalid.Error for a field
// that is not allowed, or that of a cancelled context. progress is told how many
// batches of how many are done; it may be nil.
func (m Meeting) Run(ctx context.Context, progress func(done, total int, text string)) (*MeetingCurve, error) {
	set(&m.Dataset, dataset.Default)
	set(&m.TrainBatches, 5000)
	set(&m.Seconds, 100)
	set(&m.Interval, 10)
	set(&m.Batches, 3000)
	if m.Hidden == nil {
		m.Hidden = []int{50, 20}
	}
	set(&m.Noise, 0.01)
	if err := m.validate(); err != nil {
		return nil, err
	}
	calls := int(math.Round(m.Seconds / m.Interval))
	run, err := (Training{Dataset: m.Dataset, Algorithm: BP, Batches: m.TrainBatches, Seed: m.Seed}).begin(ctx, false)
	if err != nil {
		return nil, err
	}
	var specs []nn.Affine
	for _, units := range m.Hidden {
		specs = append(specs, nn.Affine{Units: units, Activation: nn.Sigmoid})
	}
	if err := run.build(append(specs, nn.Affine{Units: run.data.outputs()}), true); err != nil {
		return nil, err
	}
	net, random, test := run.net, stream.New(m.Seed, "batches"), run.data.test()
	tell := jobs.Heard(progress)
	total := m.TrainBatches + m.Batches + calls*100 // for progress: a call counts as 100 batches
	for b := range m.TrainBatches {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := net.step(run.data.batch(random), nn.SGD{LearningRate: 4e-4}); err != nil {
			return nil, err
		}
		if b%100 == 0 {
			tell(b, total, "training by backpropagation")
		}
	}
	net.network.SetRoute(nn.ThroughFeedback)
	curve := &MeetingCurve{}
	_, wrong, err := net.network.Evaluate(test.Images, test.Labels)
	if err != nil {
		return nil, err
	}
	count := len(test.Labels)
	curve.Accuracy = 100 * (1 - float64(wrong)/float64(count))
	test = nn.Batch{Images: test.Images[:min(count, symmetrySamples)*run.data.inputs()], Labels: test.Labels[:min(count, symmetrySamples)]}
	var first [][]float32
	for _, l := range net.view.Layers {
		first = append(first, slices.Clone(l.Feedback))
	}

	observe := func(into *[][]Symmetry) error {
		net.view.Send()
		symmetry, err := net.compare(test)
		if *into == nil {
			*into = make([][]Symmetry, len(symmetry))
		}
		for l, s := range symmetry {
			(*into)[l] = append((*into)[l], s)
		}
		return err
	}
	rdd, err := align.NewRDD(align.RDDOptions{Time: m.Interval, Interval: m.Interval, Seed: m.Seed})
	if err != nil {
		return nil, err
	}
	for call := 0; call <= calls; call++ {
		if call > 0 {
			if err := rdd.Learn(ctx, net.view.Layers, nil); err != nil {
				return nil, err
			}
		}
		curve.Seconds = append(curve.Seconds, float64(call)*m.Interval)
		if err := observe(&curve.RDD); err != nil {
			return nil, err
		}
		tell(m.TrainBatches+call*100, total, fmt.Sprintf("%g s of spikes", float64(call)*m.Interval))
	}

	for l := range net.view.Layers {
		copy(net.view.Layers[l].Feedback, first[l])
	}
	net.view.Send()
	if err := net.learn(align.PerturbationOptions{Noise: m.Noise}, nn.Perturbation{Constant: true}); err != nil {
		return nil, err
	}
	for b := 0; b <= m.Batches; b++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if b > 0 {
			if _, err := net.step(run.data.batch(random), nil); err != nil {
				return nil, err
			}
		}
		if b == 0 || milestone(b) || b == m.Batches {
			curve.Images = append(curve.Images, b*BatchSize)
			if err := observe(&curve.Perturbation); err != nil {
				return nil, err
			}
			tell(total-m.Batches+b, total, fmt.Sprintf("%d images", b*BatchSize))
		}
	}
	return curve, nil
}

// validate finds every wrong field before hours of training; its defaults are
// filled in.
func (m Meeting) validate() error {
	p, layers := spike.DefaultParams(), len(m.Hidden)
	interval, whole := p.Steps(m.Interval)
	seconds, wholeSeconds := p.Steps(m.Seconds)
	switch {
	case layers == 0:
		return invalid.New("Hidden", m.Hidden, "at least one hidden layer")
	case m.TrainBatches < 1:
		return invalid.New("TrainBatches", m.TrainBatches, "at least 1, or 0 for 5000")
	case m.Batches < 1:
		return invalid.New("Batches", m.Batches, "at least 1, or 0 for 3000")
	case !(m.Noise > 0 && m.Noise < 1e3):
		return invalid.New("Noise", m.Noise, "above 0 and below 1000, or 0 for 0.01")
	case !whole || interval%layers != 0:
		return invalid.Newf("Interval", m.Interval, "a positive multiple of %.6g s, %g s for each layer of Hidden; 0 means 10 s", float64(layers)*p.Step, p.Step)
	case !wholeSeconds || seconds%interval != 0:
		return invalid.Newf("Seconds", m.Seconds, "a positive multiple of Interval, which is %g s; 0 means 100 s", m.Interval)
	}
	return nil
}
