package nn

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// perceptron returns a network of fully connected layers of squared error.
func perceptron(t testing.TB, inputs int, layers ...Affine) *Network {
	t.Helper()
	var specs []Spec
	for _, l := range layers {
		specs = append(specs, l)
	}
	n, err := New(Shape{1, 1, inputs}, SquaredError, 11, specs...)
	if err != nil {
		t.Fatal(err)
	}
	n.SetRoute(ThroughWeight)
	return n
}

func normals(seed uint64, n int) []float32 {
	random := stream.New(seed, "nn test normals")
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// Every activation function and the squared error, also at an output that is
// not linear, agree with central differences of the loss to the precision of
// float32: a loss near 10 has steps of 10⁻⁶, divided by 2·10⁻².
func TestSquaredErrorGradientsAgreeWithFiniteDifferences(t *testing.T) {
	for name, layers := range map[string][]Affine{
		"sigmoid":        {{Units: 6, Activation: Sigmoid}, {Units: 5, Activation: Sigmoid}, {Units: 3}},
		"tanh":           {{Units: 6, Activation: Tanh}, {Units: 5, Activation: Tanh}, {Units: 3}},
		"linear":         {{Units: 6}, {Units: 5}, {Units: 3}},
		"autoencoder":    {{Units: 5, Activation: Tanh}, {Units: 2}, {Units: 5, Activation: Tanh}, {Units: 4, Activation: ReLU}},
		"batch norm":     {{Units: 6, Activation: Sigmoid, BatchNorm: true}, {Units: 3}},
		"sigmoid output": {{Units: 4, Activation: ReLU}, {Units: 300, Activation: Sigmoid}},
		"one neuron":     {{Units: 1, Activation: Tanh}},
	} {
		n := perceptron(t, 4, layers...)
		const batch = 5
		b := Batch{Images: normals(1, batch*4), Targets: normals(2, batch*n.Classes)}
		loss := func() float64 {
			n.trace = &trace{map[string]Tensor{}, batch} // running statistics stay
			defer func() { n.trace = nil }()
			return n.forwardBackward(b.Images, wanted{values: b.Targets}).sum
		}
		for _, l := range n.Layers {
			for _, p := range l.parameters() {
				loss()
				analytic := append([]float32(nil), p.gradient...)
				for _, k := range []int{0, len(p.value) / 2, len(p.value) - 1} {
					const h = 1e-2
					was := p.value[k]
					p.value[k] = was + h
					up := loss()
					p.value[k] = was - h
					down := loss()
					p.value[k] = was
					numeric := (up - down) / (2 * h)
					if math.Abs(numeric-float64(analytic[k])) > 3e-3*(1+math.Abs(numeric)) {
						t.Errorf("%s: gradient of %s[%d] is %v, by differences %v", name, p.name, k, analytic[k], numeric)
					}
				}
			}
		}
	}
}

// With targets 0 and 1 at the labels, labels and targets are the same batch.
func TestLabelsAreTargetsOfZeroAndOne(t *testing.T) {
	a := perceptron(t, 3, Affine{Units: 4, Activation: Tanh}, Affine{Units: 3})
	b := perceptron(t, 3, Affine{Units: 4, Activation: Tanh}, Affine{Units: 3})
	inputs, labels := normals(3, 6*3), []uint8{0, 1, 2, 2, 1, 0}
	targets := make([]float32, 6*3)
	for i, label := range labels {
		targets[i*3+int(label)] = 1
	}
	for range 5 {
		lossA, _, err := a.TrainBatch(inputs, labels, SGD{LearningRate: 0.01})
		if err != nil {
			t.Fatal(err)
		}
		lossB, err := b.TrainTargets(inputs, targets, SGD{LearningRate: 0.01})
		if err != nil || lossA != lossB {
			t.Fatalf("loss %v with labels, %v with targets (%v)", lossA, lossB, err)
		}
	}
	sameBits(t, a, b)
	sumA, _, err := a.Evaluate(inputs, labels)
	sumB, err2 := b.EvaluateTargets(inputs, targets)
	if err != nil || err2 != nil || sumA != sumB {
		t.Errorf("sum of losses %v and %v (%v, %v)", sumA, sumB, err, err2)
	}
}

// The losses of single images add up to the loss of the batch, for all losses.
func TestImageLossesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		loss := rapid.SampledFrom([]Loss{DoubleSoftmax, Softmax, SquaredError}).Draw(t, "loss")
		outputs := rapid.SliceOfN(rapid.Float32Range(-20, 20), 12, 12).Draw(t, "outputs")
		n := &Network{Loss: loss, Classes: 4, probabilities: make([]float32, 12), scratch: make([]float64, 8)}
		want := wanted{labels: []uint8{0, 3, 1}}
		each := make([]float64, 3)
		n.imageLosses(each, outputs, want)
		if got, sum := each[0]+each[1]+each[2], n.score(outputs, want, nil, nil).sum; math.Abs(got-sum) > 1e-9*(1+sum) {
			t.Errorf("%v, want %v", got, sum)
		}
	})
}

// The estimate noise·change/σ² is on average the gradient that backpropagation
// brings down: over 20 000 passes of σ = 0.01 the mean is within 4.5 standard
// errors of it for each of the 7 hidden activities of 2 images, which a right
// program misses once in 10 000 runs of other seeds.
func TestPerturbationEstimatesTheGradient(t *testing.T) {
	for _, hidden := range []Activation{Linear, Sigmoid} {
		n := perceptron(t, 3, Affine{Units: 4, Activation: hidden}, Affine{Units: 3, Activation: hidden}, Affine{Units: 2})
		b := Batch{Images: normals(4, 2*3), Targets: normals(5, 2*2)}
		want, err := n.HiddenErrors(b)
		if err != nil {
			t.Fatal(err)
		}
		sum, square := [2][]float64{make([]float64, 8), make([]float64, 6)}, [2][]float64{make([]float64, 8), make([]float64, 6)}
		const passes = 20000
		p := &Perturbation{Noise: 0.01, Random: stream.New(6, "perturbations"), Constant: true}
		observe := func(responses []Response) error {
			for l, r := range responses {
				each := len(r.Noise) / len(r.Change)
				for k, x := range r.Noise {
					v := float64(x) * r.Change[k/each] / (p.Noise * p.Noise)
					sum[l][k] += v
					square[l][k] += v * v
				}
			}
			return nil
		}
		for range passes {
			if _, _, err := n.TrainObserved(b, nil, p, observe); err != nil {
				t.Fatal(err)
			}
		}
		for l := range sum {
			for k := range sum[l] {
				mean := sum[l][k] / passes
				se := math.Sqrt((square[l][k]/passes - mean*mean) / passes)
				if math.Abs(mean-float64(want[l][k])) > 4.5*se {
					t.Errorf("activation %d, layer %d, activity %d: %v ± %v, want %v", hidden, l+1, k, mean, se, want[l][k])
				}
			}
		}
	}
}

// A perturbed pass changes nothing but what its noise tells: weights go on to
// the same bits as without it, running statistics included.
func TestPerturbedPassLeavesTrainingAlone(t *testing.T) {
	a, b := small(t, DoubleSoftmax), small(t, DoubleSoftmax)
	images, labels := randomBatch(a, 6)
	seen := 0
	p := &Perturbation{Noise: 0.1, Random: stream.New(1, "perturbations"), Layers: 3}
	observe := func(r []Response) error {
		if len(r) != 3 || r[0].Layer.Name != "fc1" || len(r[2].Noise) != 6*12 || len(r[2].Error) != 6*5 {
			t.Errorf("responses %v", r)
		}
		seen++
		return nil
	}
	for range 3 {
		if _, _, err := a.TrainBatch(images, labels, ReportSGD()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.TrainObserved(Batch{Images: images, Labels: labels}, ReportSGD(), p, observe); err != nil {
			t.Fatal(err)
		}
	}
	sameBits(t, a, b)
	if seen != 3 {
		t.Errorf("observed %d batches, want 3", seen)
	}
}

// In a network of one hidden layer, direct feedback through the transposed
// output weight is backpropagation.
func TestDirectFeedbackThroughTheWeightIsBackpropagation(t *testing.T) {
	layers := []Affine{{Units: 5, Activation: Tanh}, {Units: 3}}
	a, b := perceptron(t, 4, layers...), perceptron(t, 4, layers...)
	b.UseDirectFeedback(1)
	if got := len(b.Layers[1].Direct); got != 15 || b.Layers[0].Direct != nil {
		t.Fatalf("%d direct weights, want 15 and none for the inputs", got)
	}
	copy(b.Layers[1].Direct, b.Layers[1].Weight) // both [class][input]
	batch := Batch{Images: normals(1, 6*4), Targets: normals(2, 6*3)}
	a.forwardBackward(batch.Images, wanted{values: batch.Targets})
	b.forwardBackward(batch.Images, wanted{values: batch.Targets})
	for k, g := range a.Layers[0].weight.gradient {
		if h := b.Layers[0].weight.gradient[k]; math.Abs(float64(g-h)) > 1e-6 {
			t.Errorf("gradient %d: %v, want %v", k, h, g)
		}
	}
}

// The report's network learns the task of the bright rows by direct feedback,
// and its state is whole: saved and loaded it goes on to the same bits.
func TestDirectFeedbackTrainsConvolutions(t *testing.T) {
	a, b := small(t, Softmax), small(t, Softmax)
	a.UseDirectFeedback(1)
	b.UseDirectFeedback(2)
	before := append([]float32(nil), a.Layers[0].Weight...)
	first := train(t, a, 4, 8, ReportSGD())
	last := 0.0
	for range 40 {
		last = train(t, a, 4, 8, ReportSGD())
	}
	if !(last < first/2) {
		t.Errorf("the loss of the same batches went from %v to %v", first, last)
	}
	moved := false
	for i, w := range a.Layers[0].Weight {
		moved = moved || w != before[i]
	}
	if !moved {
		t.Error("the first convolution did not change")
	}
	path := t.TempDir() + "/state.npz"
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := b.Load(path); err != nil {
		t.Fatal(err)
	}
	train(t, a, 2, 8, ReportSGD())
	train(t, b, 2, 8, ReportSGD())
	sameBits(t, a, b)
}

// With direct feedback every hidden layer, convolutional ones too, answers to
// the error at the output.
func TestResponsesToDirectFeedback(t *testing.T) {
	n := small(t, Softmax)
	n.UseDirectFeedback(1)
	images, labels := randomBatch(n, 6)
	p := &Perturbation{Noise: 0.1, Random: stream.New(1, "perturbations")}
	observe := func(responses []Response) error {
		for i, r := range responses {
			if r.Layer != n.Layers[i+1] || len(r.Noise)*n.Classes != 6*len(r.Layer.Direct) || len(r.Error) != 6*n.Classes {
				t.Errorf("%s: %d of noise, %d of errors, %d direct weights", r.Layer.Name, len(r.Noise), len(r.Error), len(r.Layer.Direct))
			}
			// softmax − one-hot of single images
			sum, label := float32(0), r.Error[int(labels[0])]
			for _, e := range r.Error[:n.Classes] {
				sum += e
			}
			if math.Abs(float64(sum)) > 1e-5 || !(label < 0 && label > -1) {
				t.Errorf("errors of the first image add up to %v, %v at its label", sum, label)
			}
		}
		if len(responses) != 4 {
			t.Errorf("%d responses, want 4", len(responses))
		}
		return nil
	}
	if _, _, err := n.TrainObserved(Batch{Images: images, Labels: labels}, nil, p, observe); err != nil {
		t.Fatal(err)
	}
}

// Node perturbation alone, without feedback weights, lowers the loss.
func TestDirectPerturbationLearns(t *testing.T) {
	n := perceptron(t, 3, Affine{Units: 6, Activation: Tanh}, Affine{Units: 2})
	copy(n.Layers[1].Feedback, make([]float32, 12)) // of no use to it
	inputs := normals(1, 40*3)
	targets := make([]float32, 40*2)
	for i := range 40 {
		targets[2*i] = inputs[3*i] * inputs[3*i+1]
	}
	top := append([]float32(nil), n.Layers[0].Weight...)
	p := &Perturbation{Noise: 0.01, Random: stream.New(2, "perturbations"), Direct: true}
	var first, last float64
	for k := range 3000 {
		loss, _, err := n.TrainObserved(Batch{Images: inputs, Targets: targets}, SGD{LearningRate: 2e-3}, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if k == 0 {
			first = loss
		}
		last = loss
	}
	if !(last < first/2) || top[0] == n.Layers[0].Weight[0] {
		t.Errorf("loss from %v to %v", first, last)
	}
}

// Adam's steps are those of the algorithm, followed in float64 on one weight.
func TestAdamFollowsTheAlgorithm(t *testing.T) {
	n := perceptron(t, 1, Affine{Units: 1})
	n.Layers[0].Bias[0] = 0
	adam := &Adam{LearningRate: 0.05}
	w, c := float64(n.Layers[0].Weight[0]), 0.0
	var mw, vw, mc, vc float64
	for step := 1; step <= 50; step++ {
		// Two images, x = 1 and 2, targets 3 and 5: w → 2, bias → 1.
		e1, e2 := w+c-3, 2*w+c-5
		gw, gc := e1+2*e2, e1+e2
		move := func(p, m, v *float64, g float64) {
			*m, *v = 0.9**m+0.1*g, 0.999**v+0.001*g*g
			t := float64(step)
			*p -= 0.05 * (*m / (1 - math.Pow(0.9, t))) / (math.Sqrt(*v/(1-math.Pow(0.999, t))) + 1e-8)
		}
		move(&w, &mw, &vw, gw)
		move(&c, &mc, &vc, gc)
		if _, err := n.TrainTargets([]float32{1, 2}, []float32{3, 5}, adam); err != nil {
			t.Fatal(err)
		}
	}
	if got := float64(n.Layers[0].Weight[0]); math.Abs(got-w) > 1e-4 {
		t.Errorf("weight %v after 50 steps, want %v", got, w)
	}
	if got := float64(n.Layers[0].Bias[0]); math.Abs(got-c) > 1e-4 {
		t.Errorf("bias %v after 50 steps, want %v", got, c)
	}
}

func TestPerturbedTrainingIsTheSameOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first *Network
	for _, cores := range []int{1, 3} {
		runtime.GOMAXPROCS(cores)
		n := perceptron(t, 30, Affine{Units: 700, Activation: Tanh}, Affine{Units: 200, Activation: Sigmoid}, Affine{Units: 4})
		p := &Perturbation{Noise: 0.1, Random: stream.New(1, "perturbations"), Direct: true}
		adam := &Adam{}
		for range 3 {
			if _, _, err := n.TrainObserved(Batch{Images: normals(1, 32*30), Targets: normals(2, 32*4)}, adam, p, nil); err != nil {
				t.Fatal(err)
			}
		}
		if first == nil {
			first = n
			continue
		}
		sameBits(t, first, n)
	}
}

func TestBadPerturbations(t *testing.T) {
	n := perceptron(t, 3, Affine{Units: 2}, Affine{Units: 2})
	good := Batch{Images: normals(1, 6), Targets: normals(2, 4)}
	random := stream.New(1, "perturbations")
	perturbed := func(b Batch, p Perturbation) error {
		_, _, err := n.TrainObserved(b, nil, &p, nil)
		return err
	}
	classes := small(t, Softmax)
	_, err := classes.TrainTargets(good.Images, good.Targets, ReportSGD())
	stopped := errors.New("stopped")
	if _, _, err := n.TrainObserved(good, nil, nil, func([]Response) error { return stopped }); err != stopped {
		t.Errorf("observe's error became %v", err)
	}
	for field, err := range map[string]error{
		"Noise":   perturbed(good, Perturbation{Random: random}),
		"Random":  perturbed(good, Perturbation{Noise: 1}),
		"Layers":  perturbed(good, Perturbation{Noise: 1, Random: random, Layers: 2}),
		"targets": perturbed(Batch{Images: good.Images, Targets: good.Targets[1:]}, Perturbation{Noise: 1, Random: random}),
		"Loss":    err,
	} {
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	// What is too large is told how large is allowed.
	for err, allowed := range map[error]string{
		SGD{LearningRate: 2e6}.validate():                         "above 0 and below 1e6",
		(&Adam{LearningRate: 2e6}).validate():                     "above 0 and below 1e6, or 0 for 0.001",
		perturbed(good, Perturbation{Noise: 2e3, Random: random}): "above 0 and below 1000",
	} {
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Allowed != allowed {
			t.Errorf("%v, want what is allowed to be %q", err, allowed)
		}
	}
}

// What a batch tells without noise: activity and error of every fully connected
// layer, whose product is the gradient.
func TestResponsesWithoutNoise(t *testing.T) {
	n := small(t, DoubleSoftmax)
	images, labels := randomBatch(n, 6)
	seen := 0
	_, _, err := n.TrainObserved(Batch{Images: images, Labels: labels}, ReportSGD(), nil, func(responses []Response) error {
		for _, r := range responses {
			seen++
			out, in := r.Layer.Shape[0], r.Layer.Shape[1]
			if r.Noise != nil || r.Change != nil || len(r.Activity) != 6*in || len(r.Error) != 6*out {
				t.Fatalf("%s: %d activities, %d errors, %d of noise", r.Layer.Name, len(r.Activity), len(r.Error), len(r.Noise))
			}
			for o := range out {
				for i := range in {
					sum := 0.0
					for s := range 6 {
						sum += float64(r.Activity[s*in+i]) * float64(r.Error[s*out+o]) / 6
					}
					if got := float64(r.Gradient[o*in+i]); math.Abs(got-sum) > 1e-6+1e-4*math.Abs(sum) {
						t.Fatalf("%s: gradient[%d][%d] is %g, the product %g", r.Layer.Name, o, i, got, sum)
					}
				}
			}
		}
		return nil
	})
	if err != nil || seen != 3 {
		t.Errorf("%d responses, %v: want 3", seen, err)
	}
}

// The change of a drive under noise is what the noise at the layer's inputs makes
// of it, W ξ, plus what came through the layers below. A single perturbed layer
// has the first term alone; with linear units in two, both are products.
func TestDriveChangeIsWhatTheNoiseDid(t *testing.T) {
	for _, layers := range []int{1, 2} {
		n := perceptron(t, 3, Affine{Units: 4, Activation: Sigmoid}, Affine{Units: 5}, Affine{Units: 2})
		b := Batch{Images: normals(1, 6*3), Targets: normals(2, 6*2)}
		p := &Perturbation{Noise: 0.1, Random: stream.New(3, "perturbations"), Layers: layers}
		observe := func(responses []Response) error {
			var below []float32 // what the noise did to this layer's inputs through the layers below
			for _, r := range responses {
				in, out := r.Layer.Shape[1], r.Layer.Shape[0]
				if len(r.DriveChange) != 6*out {
					t.Fatalf("%s: %d changes for 6 images of %d neurons", r.Layer.Name, len(r.DriveChange), out)
				}
				for s := range 6 {
					for j := range out {
						want := 0.0
						for i, w := range r.Layer.Weight[j*in : (j+1)*in] {
							x := float64(r.Noise[s*in+i])
							if below != nil {
								x += float64(below[s*in+i])
							}
							want += float64(w) * x
						}
						if got := float64(r.DriveChange[s*out+j]); math.Abs(got-want) > 1e-6 {
							t.Errorf("%s, image %d, neuron %d: %v, want %v", r.Layer.Name, s, j, got, want)
						}
					}
				}
				below = append([]float32(nil), r.DriveChange...)
			}
			return nil
		}
		for range 2 { // what the first batch noted is no part of the second
			if _, _, err := n.TrainObserved(b, SGD{LearningRate: 0.01}, p, observe); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := n.EvaluateTargets(normals(4, 20*3), normals(5, 20*2)); err != nil {
			t.Fatal(err)
		}
	}
}
