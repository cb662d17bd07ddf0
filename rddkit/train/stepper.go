package train

import (
	"math/rand/v2"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/nn"
)

// Stepper makes training steps, each of which the learner sees if it is an
// [align.BatchLearner] or an [align.Preparer].
type Stepper struct {
	network      *nn.Network
	learner      align.BatchLearner // nil for one that does not learn from batches
	preparer     align.Preparer     // nil for one that sets nothing before a batch
	perturber    align.Perturber    // nil for one that wants no noise
	perturbation nn.Perturbation
	view         *View
	batch        []align.Batch
	rates        align.Rates
	refetch      bool // the optimiser changes feedback weights, too
	guard        func(layers []align.Layer, learn func() error) error
}

// NewStepper returns a Stepper for the network. How errors come down is the
// network's ([nn.Network.SetRoute], [nn.Network.UseDirectFeedback]). Of the
// perturbation, which only an [align.Perturber] has a use for, Noise and Random
// are set in every step, and Layers if it is zero.
func NewStepper(n *nn.Network, learner align.Learner, perturbation nn.Perturbation) *Stepper {
	s := &Stepper{network: n, perturbation: perturbation}
	s.learner, _ = learner.(align.BatchLearner)
	s.preparer, _ = learner.(align.Preparer)
	s.perturber, _ = learner.(align.Perturber)
	_, own := learner.(align.OwnDecay)
	s.refetch = !own
	for _, l := range n.Layers {
		l.KeepFeedback = l.KeepFeedback || own
	}
	if s.learner == nil && s.preparer == nil {
		return s
	}
	if n.Layers[len(n.Layers)-1].Direct != nil {
		s.view = newDirectView(n)
	} else {
		s.view = NewView(n)
	}
	if s.perturber != nil && len(s.view.Layers) == len(n.Layers) {
		s.view = s.view.Above(1) // the lowest layer's inputs are images, which are not perturbed
	}
	if s.perturber != nil && s.perturbation.Layers == 0 {
		s.perturbation.Layers = len(s.view.Layers)
	}
	if _, ok := learner.(align.InPlace); ok {
		s.view = s.view.inPlace()
	}
	s.batch = make([]align.Batch, len(s.view.Layers))
	return s
}

// View is what the learner sees of a batch; nil for one that learns between
// epochs only.
func (s *Stepper) View() *View { return s.view }

// Step trains the network with one batch; without an optimiser only feedback
// weights change. random is the step's stream for perturbations. loss and wrong
// are those of [nn.Network.TrainObserved].
func (s *Stepper) Step(b nn.Batch, o nn.Optimiser, random *rand.Rand) (loss float64, wrong int, err error) {
	s.rates = align.Rates{}
	if sgd, ok := o.(nn.SGD); ok {
		s.rates = align.Rates{LearningRate: sgd.LearningRate, Momentum: sgd.Momentum, WeightDecay: sgd.WeightDecay}
	}
	if s.preparer != nil {
		if err := s.change(func() (bool, error) { return s.preparer.Prepare(s.view.Layers) }); err != nil {
			return 0, 0, err
		}
	}
	if s.learner == nil {
		return s.network.TrainObserved(b, o, nil, nil)
	}
	var perturbation *nn.Perturbation
	if s.perturber != nil {
		perturbation = &s.perturbation
		perturbation.Noise, perturbation.Random = s.perturber.Noise(), random
	}
	return s.network.TrainObserved(b, o, perturbation, s.observe)
}

func (s *Stepper) observe(responses []nn.Response) error {
	for i, r := range responses {
		s.batch[i] = align.Batch{Activity: r.Activity, Error: r.Error, Gradient: r.Gradient, Noise: r.Noise, Change: r.Change, DriveChange: r.DriveChange, Rates: s.rates}
		if s.view.Layers[i].Forward == nil {
			s.batch[i].Gradient, s.batch[i].DriveChange = nil, nil
		}
	}
	return s.change(func() (bool, error) { return s.learner.LearnBatch(s.view.Layers, s.batch) })
}

// change lets the learner change the feedback weights.
func (s *Stepper) change(do func() (changed bool, err error)) error {
	if s.refetch && s.rates.WeightDecay > 0 {
		s.view.Fetch()
	}
	var changed bool
	learn := func() (err error) {
		changed, err = do()
		return err
	}
	var err error
	if s.guard != nil {
		err = s.guard(s.view.Layers, learn)
	} else {
		err = learn()
	}
	if err == nil && changed {
		s.view.Send()
	}
	return err
}
