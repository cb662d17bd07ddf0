package align

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/reference"
	"github.com/weightalign/lab/rddkit/nn"
	"github.com/weightalign/lab/rddkit/spike"
)

// tolerance is that of a case of a fixture in package arena.
type tolerance struct {
	Float64 float64 `json:"float64_absolute"`
	Float32 float64 `json:"float32_absolute"`
}

// precision is one in which a fixture is replayed.
type precision struct {
	name      string
	tolerance float64
}

// as returns numbers in the precision T.
func as[T, S spike.Float](x []S) []T {
	list := make([]T, len(x))
	for i, v := range x {
		list[i] = T(v)
	}
	return list
}

// compareAlignment adds rows of the angle and of the sign alignment of a layer.
// Rounding may turn the signs of feedback weights below the tolerance. What
// float32 does to an angle is what it does to B in relation to B's size.
func compareAlignment[T spike.Float](rows *reference.Rows, quantity string, p precision, l LayerOf[T], angle, sign float64) {
	size, near, nonzero := 0.0, 0, 0
	for _, b := range l.Feedback {
		size += float64(b) * float64(b)
		if b != 0 {
			nonzero++
		}
		if math.Abs(float64(b)) < p.tolerance {
			near++
		}
	}
	m := Measure(l.Forward, l.Feedback, l.In, l.Out, make([]float64, l.In))
	off, unit := math.Abs(m.Angle-angle), "degrees"
	if p.name != "float64" {
		off, unit = off*math.Pi/180*math.Sqrt(size/float64(len(l.Feedback))), "radians × rms of B"
	}
	rows.Add(fmt.Sprintf("%s: angle, %s, %s", quantity, unit, p.name), "absolute", off, p.tolerance)
	rows.Add(quantity+": signs, %, "+p.name, "absolute", max(0, math.Abs(m.SignAlignment-sign)-100*float64(near)/float64(nonzero)), p.tolerance)
}

func TestReferenceWeightMirror(t *testing.T) {
	reference.Replay(t, "arena/weight_mirror", replayWeightMirror)
}

func replayWeightMirror(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	var m struct {
		Sizes          []int
		Calls, Samples int
		Cases          map[string]struct {
			Hyper struct {
				Amplitude, Rate, Decay float64
				Activation             Neuron
				UseBias                bool `json:"use_bias"`
				Centre, Mean           bool
			} `json:"hyper_parameters"`
			Tolerance tolerance
		}
	}
	f.JSON(&m)
	for _, name := range slices.Sorted(maps.Keys(m.Cases)) {
		c := m.Cases[name]
		o := WeightMirrorOptions{
			Amplitude: c.Hyper.Amplitude, Rate: c.Hyper.Rate, Decay: c.Hyper.Decay, Neuron: c.Hyper.Activation,
			NoBias: !c.Hyper.UseBias, Centre: c.Hyper.Centre, Mean: c.Hyper.Mean, Samples: m.Samples, Batches: m.Calls,
		}
		if _, err := o.resolved(); err != nil {
			t.Fatal(err)
		}
		mirrorCase[float64](f, rows, name, o, m.Sizes, precision{"float64", c.Tolerance.Float64})
		mirrorCase[float32](f, rows, name, o, m.Sizes, precision{"float32", c.Tolerance.Float32})
	}
}

// mirrorCase replays one case: the rule as WeightMirror.Learn applies it, to the
// recorded noise.
func mirrorCase[T spike.Float](f *reference.Fixture, rows *reference.Rows, name string, o WeightMirrorOptions, sizes []int, p precision) {
	calls, samples, layers := o.Batches, o.Samples, len(sizes)-1
	angles := f.Array(name+"_angle", calls, layers).Float64()
	signs := f.Array(name+"_sign", calls, layers).Float64()
	for n := range layers {
		l := fixtureLayer[T](f, n+1, sizes)
		uniform := as[T](f.Array(fmt.Sprintf("uniform_%d", n+1), calls, l.In, samples).Float64())
		at := map[int]string{1: "first", calls / 2: "half", calls: "last"}
		y := make([]T, l.Out*samples)
		for call := range calls {
			x := uniform[call*l.In*samples:][:l.In*samples]
			for k, u := range x {
				x[k] = T(o.Amplitude) * (u - 0.5)
			}
			mirror(o, l, x, y, samples)
			if when := at[call+1]; when != "" {
				want := f.Array(fmt.Sprintf("%s_%s_%d", name, when, n+1), l.In, l.Out)
				rows.Absolute(fmt.Sprintf("%s: B after the %s call, %s", name, when, p.name), p.tolerance, as[float64](l.Feedback), want.Float64())
			}
			compareAlignment(rows, name, p, l, angles[call*layers+n], signs[call*layers+n])
		}
	}
}

// fixtureLayer returns layer number n, counted from 1, as it begins.
func fixtureLayer[T spike.Float](f *reference.Fixture, n int, sizes []int) LayerOf[T] {
	in, out := sizes[n-1], sizes[n]
	return LayerOf[T]{
		In: in, Out: out,
		Forward:  as[T](f.Array(fmt.Sprintf("weight_%d", n), out, in).Float64()),
		Feedback: as[T](f.Array(fmt.Sprintf("feedback_%d", n), in, out).Float64()),
		Bias:     as[T](f.Array(fmt.Sprintf("bias_%d", n), out).Float64()),
	}
}

func TestReferenceKolenPollack(t *testing.T) {
	reference.Replay(t, "arena/kolen_pollack", replayKolenPollack)
}

func replayKolenPollack(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	var m struct {
		Sizes          []int
		Steps, Samples int
		Cases          map[string]struct {
			Hyper struct {
				Rate, Momentum, Decay float64
				Keep                  *float64 // of the published program
			} `json:"hyper_parameters"`
			Tolerance tolerance
		}
	}
	f.JSON(&m)
	for _, name := range slices.Sorted(maps.Keys(m.Cases)) {
		c := m.Cases[name]
		k := kolenPollackCase{f: f, rows: rows, name: name, sizes: m.Sizes, steps: m.Steps, samples: m.Samples}
		k.rates = Rates{LearningRate: c.Hyper.Rate, Momentum: c.Hyper.Momentum, WeightDecay: c.Hyper.Decay}
		if c.Hyper.Keep != nil { // W ← keep·W is decay of (1 − keep)/rate
			k.published = true
			k.rates.WeightDecay = (1 - *c.Hyper.Keep) / c.Hyper.Rate
		}
		replayNetwork[float64](k, precision{"float64", c.Tolerance.Float64})
		replayNetwork[float32](k, precision{"float32", c.Tolerance.Float32})
		if !k.published {
			k.learner(t, precision{"float32, nn", c.Tolerance.Float32})
		}
		if name == "sgd_decay" {
			replayRule[float64](k, precision{"float64", c.Tolerance.Float64})
			replayRule[float32](k, precision{"float32", c.Tolerance.Float32})
		}
	}
}

type kolenPollackCase struct {
	f              *reference.Fixture
	rows           *reference.Rows
	name           string
	sizes          []int
	steps, samples int
	rates          Rates
	published      bool // the network of the published program
}

// replayRule applies the rule to the recorded activities and errors.
func replayRule[T spike.Float](k kolenPollackCase, p precision) {
	for n := 1; n < len(k.sizes); n++ {
		l := fixtureLayer[T](k.f, n, k.sizes)
		x := k.f.Array(fmt.Sprintf("rule_activity_%d", n), -1, k.samples, l.In)
		steps := x.Shape[0]
		activity := as[T](x.Float64())
		errors := as[T](k.f.Array(fmt.Sprintf("rule_error_%d", n), steps, k.samples, l.Out).Float64())
		want := k.f.Array(fmt.Sprintf("rule_feedback_%d", n), steps, l.In, l.Out).Float64()
		gradient, velocity := make([]T, l.In*l.Out), make([]T, l.In*l.Out)
		for step := range steps {
			meanProduct(gradient, l, activity[step*k.samples*l.In:][:k.samples*l.In], errors[step*k.samples*l.Out:][:k.samples*l.Out])
			descend(l, gradient, velocity, k.rates)
			k.rows.Absolute("the rule alone: B after each step, "+p.name, p.tolerance, as[float64](l.Feedback), want[step*l.In*l.Out:][:l.In*l.Out])
		}
	}
}

// compare adds rows of what the last step left.
func compareLast[T spike.Float](k kolenPollackCase, p precision, layers []LayerOf[T]) {
	for n, l := range layers {
		for _, tensor := range []struct {
			name  string
			got   []T
			shape []int
		}{
			{"weight", l.Forward, []int{l.Out, l.In}}, {"bias", l.Bias, []int{l.Out}}, {"feedback", l.Feedback, []int{l.In, l.Out}},
		} {
			want := k.f.Array(fmt.Sprintf("%s_%s_%d", k.name, tensor.name, n+1), tensor.shape...)
			k.rows.Absolute(fmt.Sprintf("%s: %s after the last step, %s", k.name, tensor.name, p.name), p.tolerance, as[float64](tensor.got), want.Float64())
		}
	}
}

// compareStep adds rows of the loss before a step and of the alignment after it.
func compareStep[T spike.Float](k kolenPollackCase, p precision, step int, loss float64, layers []LayerOf[T]) {
	count := len(layers)
	want := k.f.Array(k.name+"_loss", k.steps).Float64()[step]
	k.rows.Absolute(k.name+": loss, "+p.name, p.tolerance, []float64{loss}, []float64{want})
	angles := k.f.Array(k.name+"_angle", k.steps, count).Float64()
	signs := k.f.Array(k.name+"_sign", k.steps, count).Float64()
	for n, l := range layers {
		compareAlignment(k.rows, k.name, p, l, angles[step*count+n], signs[step*count+n])
	}
}

// replayNetwork trains a small network, written out here in either precision,
// whose feedback weights the rule changes.
func replayNetwork[T spike.Float](k kolenPollackCase, p precision) {
	classes := k.sizes[len(k.sizes)-1]
	images := as[T](k.f.Array("images", k.steps, k.samples, k.sizes[0]).Float64())
	labels := k.f.Array("labels", k.steps, k.samples).Int()
	var layers []LayerOf[T]
	velocity := map[string][]T{}
	for n := 1; n < len(k.sizes); n++ {
		l := fixtureLayer[T](k.f, n, k.sizes)
		layers = append(layers, l)
		velocity[fmt.Sprint("weight", n)] = make([]T, l.In*l.Out)
		velocity[fmt.Sprint("bias", n)] = make([]T, l.Out)
		velocity[fmt.Sprint("feedback", n)] = make([]T, l.In*l.Out)
	}
	for step := range k.steps {
		label := labels[step*k.samples:][:k.samples]
		x := [][]T{images[step*k.samples*k.sizes[0]:][:k.samples*k.sizes[0]]} // what each layer takes, and the outputs
		for n, l := range layers {
			y := make([]T, k.samples*l.Out)
			for s := range k.samples {
				for j := range l.Out {
					d := l.Bias[j]
					for i := range l.In {
						d += l.Forward[j*l.In+i] * x[n][s*l.In+i]
					}
					switch {
					case k.published:
						d = T(1 / (1 + math.Exp(-float64(d))))
					case n < len(layers)-1:
						d = max(0, d)
					}
					y[s*l.Out+j] = d
				}
			}
			x = append(x, y)
		}
		loss, e := k.outputErrors(as[float64](x[len(layers)]), label, classes)
		errors := as[T](e)
		var steps []func() // made when all errors are known
		for n := len(layers) - 1; n >= 0; n-- {
			l, e := layers[n], errors
			gradient, biases := make([]T, l.In*l.Out), make([]T, l.Out)
			meanProduct(gradient, l, x[n], e)
			for s := range k.samples {
				for j := range l.Out {
					biases[j] += e[s*l.Out+j] / T(k.samples)
				}
			}
			biasRates := k.rates
			if k.published { // its gradient is divided by the batch twice, and does not decay
				biasRates.WeightDecay, biasRates.LearningRate = 0, k.rates.LearningRate/float64(k.samples)
			}
			number := n + 1
			steps = append(steps, func() {
				// Forward weights are as feedback weights of a layer in place.
				descend(LayerOf[T]{In: l.In, Out: l.Out, Transposed: l.Forward}, gradient, velocity[fmt.Sprint("weight", number)], k.rates)
				descend(LayerOf[T]{In: l.Out, Out: 1, Transposed: l.Bias}, biases, velocity[fmt.Sprint("bias", number)], biasRates)
				descend(l, gradient, velocity[fmt.Sprint("feedback", number)], k.rates)
			})
			errors = make([]T, k.samples*l.In)
			for s := range k.samples {
				for i := range l.In {
					sum := T(0)
					for j := range l.Out {
						sum += e[s*l.Out+j] * l.Feedback[i*l.Out+j]
					}
					a := x[n][s*l.In+i]
					switch {
					case k.published:
						sum *= a * (1 - a)
					case !(a > 0):
						sum = 0
					}
					errors[s*l.In+i] = sum
				}
			}
		}
		for _, do := range steps {
			do()
		}
		compareStep(k, p, step, loss, layers)
	}
	compareLast(k, p, layers)
}

// outputErrors returns the mean loss of outputs, [sample][class], and each
// sample's gradient with respect to the drives.
func (k kolenPollackCase) outputErrors(outputs []float64, labels []int, classes int) (loss float64, e []float64) {
	for s, label := range labels {
		y := outputs[s*classes:][:classes]
		sum := 0.0
		for _, v := range y {
			sum += math.Exp(v)
		}
		for c, v := range y {
			target := 0.0
			if c == label {
				target = 1
			}
			if k.published { // y is what the sigmoid made of the drive
				loss -= target*math.Log(v) + (1-target)*math.Log(1-v)
				e = append(e, v-target)
			} else {
				loss -= target * (v - math.Log(sum))
				e = append(e, math.Exp(v)/sum-target)
			}
		}
	}
	return loss / float64(len(labels)), e
}

// learner trains a network of package nn with a KolenPollack.
func (k kolenPollackCase) learner(t *testing.T, p precision) {
	var specs []nn.Spec
	for n := 1; n < len(k.sizes); n++ {
		affine := nn.Affine{Units: k.sizes[n], Activation: nn.ReLU}
		if n == len(k.sizes)-1 {
			affine.Activation = nn.Linear
		}
		specs = append(specs, affine)
	}
	network, err := nn.New(nn.Shape{Channels: 1, Rows: 1, Columns: k.sizes[0]}, nn.Softmax, 1, specs...)
	if err != nil {
		t.Fatal(err)
	}
	var inPlace, layers []Layer // as the learner, and as the comparison takes them
	for n, own := range network.Affine() {
		l := fixtureLayer[float32](k.f, n+1, k.sizes)
		copy(own.Weight, l.Forward)
		copy(own.Bias, l.Bias)
		for j := range l.Out {
			for i := range l.In {
				own.Feedback[j*l.In+i] = l.Feedback[i*l.Out+j]
			}
		}
		own.KeepFeedback = true
		inPlace = append(inPlace, Layer{In: l.In, Out: l.Out, Forward: own.Weight, Transposed: own.Feedback})
		layers = append(layers, Layer{In: l.In, Out: l.Out, Forward: own.Weight, Bias: own.Bias, Feedback: l.Feedback})
	}
	images := k.f.Array("images", k.steps, k.samples, k.sizes[0]).Float32()
	labels := k.f.Array("labels", k.steps, k.samples).Data.([]uint8)
	rule, batch := &KolenPollack{}, make([]Batch, len(layers))
	sgd := nn.SGD{LearningRate: k.rates.LearningRate, Momentum: k.rates.Momentum, WeightDecay: k.rates.WeightDecay}
	for step := range k.steps {
		b := nn.Batch{Images: images[step*k.samples*k.sizes[0]:][:k.samples*k.sizes[0]], Labels: labels[step*k.samples:][:k.samples]}
		loss, _, err := network.TrainObserved(b, sgd, nil, func(responses []nn.Response) error {
			for n, r := range responses {
				batch[n] = Batch{Activity: r.Activity, Error: r.Error, Gradient: r.Gradient, Rates: k.rates}
			}
			_, err := rule.LearnBatch(inPlace, batch)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for n, l := range layers {
			for j := range l.Out {
				for i := range l.In {
					l.Feedback[i*l.Out+j] = inPlace[n].Transposed[j*l.In+i]
				}
			}
		}
		compareStep(k, p, step, loss, layers)
	}
	compareLast(k, p, layers)
}

// A change in any of the fixtures' arrays is noticed.
func TestReferenceArenaNoticesChanges(t *testing.T) {
	reference.MustNotice(t, "testdata/arena/weight_mirror", replayWeightMirror,
		"weight_1", "bias_2", "feedback_1", "uniform_2", "published_first_1", "linear_half_2", "relu_last_1", "published_angle")
	reference.MustNotice(t, "testdata/arena/kolen_pollack", replayKolenPollack,
		"weight_1", "bias_2", "feedback_3", "images", "labels", "sgd_decay_feedback_2", "published_weight_1", "sgd_loss", "rule_feedback_2", "rule_error_1")
}
