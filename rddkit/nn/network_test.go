package nn

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

func small(t testing.TB, loss Loss) *Network {
	t.Helper()
	n, err := Report(ReportConfig{Channels: 2, Side: 20, Features: 6, Hidden1: 24, Hidden2: 12, Classes: 5, Loss: loss}, 3)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func train(t testing.TB, n *Network, batches, size int, o Optimiser) (lossSum float64) {
	t.Helper()
	images, labels := randomBatch(n, batches*size)
	for b := range batches {
		loss, _, err := n.TrainBatch(images[b*size*n.imageSize():(b+1)*size*n.imageSize()], labels[b*size:(b+1)*size], o)
		if err != nil {
			t.Fatal(err)
		}
		lossSum += loss
	}
	return lossSum
}

// sameBits fails the test unless all tensors of the two are the same.
func sameBits(t testing.TB, a, b *Network) {
	t.Helper()
	other := b.Tensors()
	for i, x := range a.Tensors() {
		for j := range x.Data {
			if math.Float32bits(x.Data[j]) != math.Float32bits(other[i].Data[j]) {
				t.Fatalf("%s[%d]: %v and %v", x.Name, j, x.Data[j], other[i].Data[j])
			}
		}
	}
}

func TestReportSizes(t *testing.T) {
	for side, flat := range map[int]int{16: 64, 28: 1024, 32: 1600} {
		n, err := Report(ReportConfig{Channels: 1, Side: side}, 1)
		if err != nil {
			t.Fatal(err)
		}
		fc := n.Affine()
		want := [][]int{{384, flat}, {192, 384}, {10, 192}}
		for i, l := range fc {
			if fmt.Sprint(l.Shape) != fmt.Sprint(want[i]) || len(l.Weight) != want[i][0]*want[i][1] || len(l.Feedback) != len(l.Weight) || len(l.Bias) != want[i][0] {
				t.Errorf("side %d, %s: shape %v, want %v", side, l.Name, l.Shape, want[i])
			}
		}
	}
}

// Uniform in ±1/√fan-in has standard deviation 1/√(3 fan-in); the streams of
// weight and feedback weight are independent, so their correlation over 614,400
// pairs has standard deviation 0.0013.
func TestInitialWeights(t *testing.T) {
	n, err := Report(ReportConfig{Channels: 3, Side: 32}, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range n.Layers {
		fanIn := float64(size(l.Shape[1:]))
		largest, square, product := 0.0, 0.0, 0.0
		for i, w := range l.Weight {
			largest = max(largest, math.Abs(float64(w)))
			square += float64(w) * float64(w)
			product += float64(w) * float64(l.Feedback[i])
		}
		count := float64(len(l.Weight))
		if largest > 1/math.Sqrt(fanIn) || math.Abs(square/count*3*fanIn-1) > 5/math.Sqrt(count) || math.Abs(product/square) > 5/math.Sqrt(count) {
			t.Errorf("%s: largest %v, variance×3×fan-in %v, correlation with feedback %v", l.Name, largest, square/count*3*fanIn, product/square)
		}
	}
}

// With feedback weights that equal the weights, the two routes are one.
func TestRoutesDifferOnlyInTheWeightTheyUse(t *testing.T) {
	bp, fa := small(t, DoubleSoftmax), small(t, DoubleSoftmax)
	bp.SetRoute(ThroughWeight)
	images, labels := randomBatch(bp, 11)
	first := map[string]Tensor{}
	for i, l := range fa.Layers {
		copy(l.Feedback, bp.Layers[i].Weight)
	}
	for _, n := range []*Network{bp, fa} {
		got, err := n.Trace(images, labels)
		if err != nil {
			t.Fatal(err)
		}
		for name, x := range got {
			if y, there := first[name]; there && fmt.Sprint(x) != fmt.Sprint(y) {
				t.Errorf("%s differs", name)
			}
		}
		first = got
	}
}

// A trace must not disturb the training it looks at.
func TestTraceChangesNothing(t *testing.T) {
	a, b := small(t, DoubleSoftmax), small(t, DoubleSoftmax)
	images, labels := randomBatch(a, 9)
	if _, err := a.Trace(images, labels); err != nil {
		t.Fatal(err)
	}
	sameBits(t, a, b)
	train(t, a, 2, 9, ReportSGD())
	train(t, b, 2, 9, ReportSGD())
	sameBits(t, a, b)
}

func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	eachBackend(t, func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
		var first *Network
		for _, cores := range []int{1, 2, 4} {
			runtime.GOMAXPROCS(cores)
			n, err := Report(ReportConfig{Channels: 3, Side: 24, Features: 20, Hidden1: 200}, 5)
			if err != nil {
				t.Fatal(err)
			}
			train(t, n, 2, 37, ReportSGD())
			if first == nil {
				first = n
				continue
			}
			sameBits(t, first, n)
			images, labels := randomBatch(n, 50)
			a, _, _ := first.Evaluate(images, labels)
			b, _, _ := n.Evaluate(images, labels)
			if a != b {
				t.Errorf("%d cores: loss %v, want %v", cores, b, a)
			}
		}
	})
}

func TestSaveAndLoadGoOnToTheSameBits(t *testing.T) {
	sgd := SGD{LearningRate: 0.02, Momentum: 0.8, WeightDecay: 1e-3}
	a := small(t, DoubleSoftmax)
	train(t, a, 3, 8, sgd)
	path := filepath.Join(t.TempDir(), "state.npz")
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	b, err := Report(ReportConfig{Channels: 2, Side: 20, Features: 6, Hidden1: 24, Hidden2: 12, Classes: 5}, 99)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Load(path); err != nil {
		t.Fatal(err)
	}
	sameBits(t, a, b)
	train(t, a, 3, 8, sgd)
	train(t, b, 3, 8, sgd)
	sameBits(t, a, b)
}

func TestDamagedStateChangesNothing(t *testing.T) {
	a := small(t, DoubleSoftmax)
	path := filepath.Join(t.TempDir(), "state.npz")
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Report(ReportConfig{Channels: 2, Side: 16, Features: 6, Hidden1: 24, Hidden2: 12, Classes: 5}, 4)
	if err != nil {
		t.Fatal(err)
	}
	var wrong *invalid.Error
	if err := other.Load(path); !errors.As(err, &wrong) {
		t.Errorf("a state of another network: %v", err)
	}
	before := small(t, DoubleSoftmax)
	for _, length := range []int{0, 100, len(whole) / 2, len(whole) - 1} {
		if err := os.WriteFile(path, whole[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := a.Load(path); !errors.As(err, &wrong) {
			t.Errorf("%d of %d bytes: %v", length, len(whole), err)
		}
	}
	nan := make([]float32, len(a.Affine()[0].Feedback))
	nan[5] = float32(math.NaN())
	err = a.SetTensors(map[string][]float32{"fc2.bias": make([]float32, 12), "fc1.fb_weight": nan})
	if !errors.As(err, &wrong) || wrong.Field != "fc1.fb_weight[5]" {
		t.Errorf("NaN feedback weight: %v", err)
	}
	sameBits(t, before, a)
}

func TestBadInput(t *testing.T) {
	n := small(t, DoubleSoftmax)
	images, labels := randomBatch(n, 4)
	trained := func(images []float32, labels []uint8, o Optimiser) error {
		_, _, err := n.TrainBatch(images, labels, o)
		return err
	}
	build := func(specs ...Spec) error {
		_, err := New(Shape{1, 8, 8}, DoubleSoftmax, 1, specs...)
		return err
	}
	report := func(c ReportConfig) error {
		_, err := Report(c, 1)
		return err
	}
	notANumber := append([]float32(nil), images...)
	notANumber[3] = float32(math.NaN())
	for field, err := range map[string]error{
		"images":             trained(images[1:], labels, ReportSGD()),
		"labels[2]":          trained(images, []uint8{0, 1, 5, 2}, ReportSGD()),
		"labels":             trained(images[:n.imageSize()], labels[:1], ReportSGD()),
		"loss":               trained(notANumber, labels, ReportSGD()),
		"optimiser":          trained(images, labels, nil),
		"LearningRate":       trained(images, labels, SGD{}),
		"Momentum":           trained(images, labels, SGD{LearningRate: 1, Momentum: math.NaN()}),
		"WeightDecay":        trained(images, labels, SGD{LearningRate: 1, WeightDecay: -1}),
		"layers":             build(),
		"layers[0]":          build(nil),
		"layers[0].Kernel":   build(Conv{Features: 1, Kernel: 9}, Affine{Units: 2}),
		"layers[0].Features": build(Conv{Kernel: 1}, Affine{Units: 2}),
		"layers[1]":          build(Affine{Units: 2}, Conv{Features: 1, Kernel: 1}, Affine{Units: 2}),
		"layers[0].Units":    build(Affine{}),
		"layers[last]":       build(Affine{Units: 3, Activation: ReLU}),
		"Side":               report(ReportConfig{Channels: 1, Side: 15}),
		"Channels":           report(ReportConfig{Side: 28}),
		"Classes":            report(ReportConfig{Channels: 1, Side: 28, Classes: 1}),
		"Loss":               report(ReportConfig{Channels: 1, Side: 28, Loss: 7}),
	} {
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	before := small(t, DoubleSoftmax)
	for i, l := range n.Layers { // but for the running statistics of the images that were not numbers
		if fmt.Sprint(l.Weight) != fmt.Sprint(before.Layers[i].Weight) {
			t.Errorf("%s changed", l.Name)
		}
	}
}

// Images are evaluated one by one in the sense that the others have no say,
// and Predict agrees with Evaluate.
func TestEvaluate(t *testing.T) {
	n := small(t, Softmax)
	train(t, n, 3, 16, ReportSGD())
	images, labels := randomBatch(n, 150)
	sum, wrong, err := n.Evaluate(images, labels)
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	errorsSeen, parts, fromProbabilities := 0, 0.0, 0.0
	for i, label := range labels {
		if p.Class[i] != label {
			errorsSeen++
		}
		fromProbabilities -= math.Log(float64(p.Probabilities[i*n.Classes+int(label)]))
		one, _, err := n.Evaluate(images[i*n.imageSize():(i+1)*n.imageSize()], labels[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		parts += one
	}
	if wrong != errorsSeen || math.Abs(sum-parts) > 1e-4 || math.Abs(sum-fromProbabilities) > 1e-4 {
		t.Errorf("loss %v and %d wrong; from parts %v; from predictions %v and %d", sum, wrong, parts, fromProbabilities, errorsSeen)
	}
}

// The double softmax starts at log 10 and ends at log(1 + 9/e).
func TestLossBounds(t *testing.T) {
	scratch := make([]float64, 20)
	logits, p := make([]float32, 10), make([]float32, 10)
	for _, c := range []struct {
		loss  Loss
		logit float32
		want  float64
	}{{DoubleSoftmax, 0, math.Log(10)}, {DoubleSoftmax, 1000, math.Log(1 + 9/math.E)}, {Softmax, 0, math.Log(10)}, {Softmax, -1000, 1000 + math.Log(9)}} {
		logits[4] = c.logit
		if got := c.loss.evaluate(logits, []uint8{4}, 10, p, nil, nil, scratch); math.Abs(got.sum-c.want) > 1e-12 {
			t.Errorf("loss %d at logit %v: %v, want %v", c.loss, c.logit, got.sum, c.want)
		}
	}
}

// A learnable task: the class is where the image is bright. Both routes must
// learn it; the mean loss of the double softmax falls from near log 5 = 1.61
// towards its floor of log(1 + 4/e) = 0.90.
func TestLearning(t *testing.T) {
	for _, route := range []Route{ThroughFeedback, ThroughWeight} {
		n := small(t, DoubleSoftmax)
		n.SetRoute(route)
		random := stream.New(2, "nn learning")
		batch := func() ([]float32, []uint8) {
			images, labels := make([]float32, 32*n.imageSize()), make([]uint8, 32)
			for i := range labels {
				labels[i] = uint8(random.IntN(5))
				for j := range n.imageSize() {
					v := random.Float32() - 0.5
					if row := j / 20 % 20; row/4 == int(labels[i]) {
						v++
					}
					images[i*n.imageSize()+j] = v
				}
			}
			return images, labels
		}
		for range 100 {
			images, labels := batch()
			if _, _, err := n.TrainBatch(images, labels, ReportSGD()); err != nil {
				t.Fatal(err)
			}
		}
		images, labels := batch()
		if sum, wrong, _ := n.Evaluate(images, labels); wrong > 2 || sum/32 > 1.1 {
			t.Errorf("route %d: %d of 32 wrong, loss %v", route, wrong, sum/32)
		}
	}
}

// Goroutines and closures cost something per batch; arrays must not.
func TestNoArraysAreAllocatedPerBatch(t *testing.T) {
	n := small(t, DoubleSoftmax)
	images, labels := randomBatch(n, 32)
	step := func() {
		if _, _, err := n.TrainBatch(images, labels, ReportSGD()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := n.Evaluate(images, labels); err != nil {
			t.Fatal(err)
		}
	}
	step()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const rounds = 10
	for range rounds {
		step()
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / rounds; bytes > 100<<10 {
		t.Errorf("%d bytes are allocated per batch", bytes)
	}
}

// Any list of layers agrees with central differences of its definition in
// double precision.
func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	if testing.Short() {
		t.Skip("the definition in double precision takes seconds")
	}
	worst := 0.0
	for i, c := range []struct {
		input Shape
		loss  Loss
		specs []Spec
	}{
		{Shape{2, 3, 3}, Softmax, []Spec{Affine{Units: 4}}},
		{Shape{1, 4, 4}, DoubleSoftmax, []Spec{Affine{Units: 7, Activation: ReLU}, Affine{Units: 3}}},
		{Shape{1, 4, 4}, DoubleSoftmax, []Spec{Affine{Units: 7, BatchNorm: true}, Affine{Units: 3}}},
		{Shape{2, 6, 5}, Softmax, []Spec{Conv{Features: 3, Kernel: 3}, Affine{Units: 3}}},
		{Shape{2, 6, 5}, Softmax, []Spec{Conv{Features: 3, Kernel: 2, MaxPool: true}, Affine{Units: 3}}}, // odd: 5×4
		{Shape{2, 7, 6}, DoubleSoftmax, []Spec{Conv{Features: 3, Kernel: 2, Activation: ReLU, BatchNorm: true}, Conv{Features: 2, Kernel: 2, BatchNorm: true, MaxPool: true}, Affine{Units: 3}}},
		{Shape{1, 16, 16}, DoubleSoftmax, reportSpecs(3, 6, 5, 4)},
		{Shape{3, 18, 17}, Softmax, reportSpecs(4, 5, 6, 3)},
	} {
		n, err := New(c.input, c.loss, uint64(i), c.specs...)
		if err != nil {
			t.Fatal(err)
		}
		n.SetRoute(ThroughWeight)
		for _, l := range n.Layers { // away from 1 and 0
			for j := range l.Gamma() {
				l.Gamma()[j] = 1.5 - float32(j)*0.7
				l.Beta()[j] = 0.1 * float32(j)
			}
		}
		images, labels := randomBatch(n, 8)
		got, err := n.Trace(images, labels)
		if err != nil {
			t.Fatal(err)
		}
		parameters := map[string][]float64{"input": widen(images)}
		for _, x := range n.Tensors() {
			parameters[x.Name] = widen(x.Data)
		}
		if want := definition(n, c.specs, parameters, labels); math.Abs(want-float64(got["loss"].Data[0])) > 1e-6 {
			t.Errorf("network %d: loss %v, by definition %v", i, got["loss"].Data[0], want)
		}
		random := stream.New(uint64(i), "nn finite differences")
		for name, x := range got {
			var p string
			if _, err := fmt.Sscanf(name, "grad.%s", &p); err != nil {
				if name != "delta.input" {
					continue
				}
				p = "input"
			}
			largest := 0.0
			for _, v := range x.Data {
				largest = max(largest, math.Abs(float64(v)))
			}
			for range 2 {
				at := random.IntN(len(x.Data))
				const step = 1e-6
				value := parameters[p][at]
				parameters[p][at] = value + step
				up := definition(n, c.specs, parameters, labels)
				parameters[p][at] = value - step
				down := definition(n, c.specs, parameters, labels)
				parameters[p][at] = value
				want := (up - down) / (2 * step)
				deviation := math.Abs(float64(x.Data[at])-want) / largest
				if math.Abs(float64(x.Data[at])-want) < 1e-7 {
					continue // the gradient of a bias before a normalisation is zero but for rounding
				}
				worst = max(worst, deviation)
				if deviation > 1e-3 {
					t.Errorf("network %d: %s[%d] is %v, by differences %v; largest %v", i, name, at, x.Data[at], want, largest)
				}
			}
		}
	}
	t.Logf("largest deviation relative to the tensor's largest entry: %.2g", worst)
}

func reportSpecs(features, hidden1, hidden2, classes int) []Spec {
	c := Conv{Features: features, Kernel: 5, Activation: ReLU, BatchNorm: true, MaxPool: true}
	return []Spec{c, c,
		Affine{Units: hidden1, Activation: ReLU, BatchNorm: true},
		Affine{Units: hidden2, Activation: ReLU, BatchNorm: true},
		Affine{Units: classes}}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// definition computes a training batch's mean loss from the formulas, in
// double precision, with arrays [image][channel][row][column].
func definition(n *Network, specs []Spec, p map[string][]float64, labels []uint8) float64 {
	batch := len(labels)
	x, m := p["input"], n.first
	for i, spec := range specs {
		l := n.Layers[i]
		var y []float64
		var out featureMap
		activation, pooled := Linear, false
		switch spec := spec.(type) {
		case Conv:
			activation, pooled = spec.Activation, spec.MaxPool
			k := spec.Kernel
			out = featureMap{rows: m.rows - k + 1, columns: m.columns - k + 1, channels: spec.Features}
			y = make([]float64, batch*out.size())
			for at := range y {
				image, o, r, c := at/out.size(), at/out.pixels()%out.channels, at/out.columns%out.rows, at%out.columns
				for ch := range m.channels {
					for a := range k {
						for b := range k {
							y[at] += x[((image*m.channels+ch)*m.rows+r+a)*m.columns+c+b] * p[l.Name+".weight"][((o*m.channels+ch)*k+a)*k+b]
						}
					}
				}
			}
		case Affine:
			activation = spec.Activation
			out = featureMap{rows: 1, columns: 1, channels: spec.Units}
			y = make([]float64, batch*out.size())
			for at := range y {
				image, o := at/out.channels, at%out.channels
				y[at] = p[l.Name+".bias"][o]
				for j := range m.size() {
					y[at] += x[image*m.size()+j] * p[l.Name+".weight"][o*m.size()+j]
				}
			}
		}
		if activation == ReLU {
			for at := range y {
				y[at] = max(0, y[at])
			}
		}
		if b := l.normal; b != nil {
			for ch := range out.channels {
				mean, variance := 0.0, 0.0
				count := float64(batch * out.pixels())
				each := func(do func(v *float64)) {
					for at := range y {
						if at/out.pixels()%out.channels == ch {
							do(&y[at])
						}
					}
				}
				each(func(v *float64) { mean += *v / count })
				each(func(v *float64) { variance += (*v - mean) * (*v - mean) / count })
				each(func(v *float64) {
					*v = p[b.name+".weight"][ch]*(*v-mean)/math.Sqrt(variance+1e-5) + p[b.name+".bias"][ch]
				})
			}
		}
		if pooled {
			half := featureMap{rows: out.rows / 2, columns: out.columns / 2, channels: out.channels}
			z := make([]float64, batch*half.size())
			for at := range z {
				plane, r, c := at/half.pixels(), at/half.columns%half.rows, at%half.columns
				corner := plane*out.pixels() + 2*r*out.columns + 2*c
				z[at] = max(y[corner], y[corner+1], y[corner+out.columns], y[corner+out.columns+1])
			}
			y, out = z, half
		}
		x, m = y, out
	}
	softmax := func(z []float64) []float64 {
		sum, q := 0.0, make([]float64, len(z))
		for c := range z {
			q[c] = math.Exp(z[c])
			sum += q[c]
		}
		for c := range q {
			q[c] /= sum
		}
		return q
	}
	total := 0.0
	for i, label := range labels {
		q := softmax(x[i*n.Classes : (i+1)*n.Classes])
		if n.Loss == DoubleSoftmax {
			q = softmax(q)
		}
		total -= math.Log(q[label]) / float64(batch)
	}
	return total
}

// scatter is the transpose of gather: ⟨gather x, y⟩ = ⟨x, scatter y⟩.
func TestScatterIsTheTransposeOfGather(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kernel := rapid.IntRange(1, 4).Draw(t, "kernel")
		below := featureMap{
			rows:     rapid.IntRange(kernel, 7).Draw(t, "rows"),
			columns:  rapid.IntRange(kernel, 7).Draw(t, "columns"),
			channels: rapid.IntRange(1, 3).Draw(t, "channels"),
		}
		l := newConvolution(1, 1, below, Conv{Features: 1, Kernel: kernel})
		integers := rapid.SliceOfN(rapid.Int8(), 2*below.size()+2*l.drive.pixels()*l.patch(), -1).Draw(t, "numbers")
		numbers := make([]float32, len(integers)) // small integers: sums are exact
		for i, v := range integers {
			numbers[i] = float32(v)
		}
		x, y := numbers[:2*below.size()], numbers[2*below.size():][:2*l.drive.pixels()*l.patch()]
		patches, back := make([]float32, len(y)), make([]float32, len(x))
		l.gather(patches, x, 0, 2)
		l.scatter(back, y, 0, 2)
		var a, b float64
		for i := range y {
			a += float64(patches[i]) * float64(y[i])
		}
		for i := range x {
			b += float64(x[i]) * float64(back[i])
		}
		if a != b {
			t.Fatalf("%v and %v", a, b)
		}
	})
}

// The published quirk: after a step with decay w the feedback weights are
// 1 − w of what they were, and only where they are used.
func TestFeedbackDecay(t *testing.T) {
	n := small(t, DoubleSoftmax)
	n.Affine()[1].Route = ThroughWeight
	before := small(t, DoubleSoftmax)
	train(t, n, 1, 4, SGD{LearningRate: 0.01, WeightDecay: 0.25})
	for i, l := range n.Layers {
		factor := float32(0.75)
		if l.Route == ThroughWeight {
			factor = 1
		}
		for j, b := range l.Feedback {
			if b != before.Layers[i].Feedback[j]*factor {
				t.Fatalf("%s: feedback weight %v became %v, want the %v-fold", l.Name, before.Layers[i].Feedback[j], b, factor)
			}
		}
	}
}

// Whatever the bytes of a state file are, Load refuses it whole or takes it.
func FuzzLoad(f *testing.F) {
	build := func(t testing.TB) *Network {
		n, err := New(Shape{1, 3, 3}, Softmax, 1, Conv{Features: 2, Kernel: 2, BatchNorm: true}, Affine{Units: 2})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	path := filepath.Join(f.TempDir(), "state.npz")
	if err := build(f).Save(path); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "state.npz")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		n := build(t)
		if err := n.Load(path); err != nil {
			sameBits(t, n, build(t))
			return
		}
		for _, x := range n.Tensors() {
			for i, v := range x.Data {
				if v-v != 0 {
					t.Fatalf("%s[%d] is %v", x.Name, i, v)
				}
			}
		}
	})
}
