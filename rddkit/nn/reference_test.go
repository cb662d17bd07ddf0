package nn_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/internal/reference"
	"github.com/weightalign/lab/rddkit/nn"
)

// The report's network, forward, backward and over some steps of training,
// against PyTorch's numbers.
func TestReferenceConvnet(t *testing.T) { reference.Replay(t, "convnet", replayConvnet) }

func TestReferenceConvnetNotices(t *testing.T) {
	reference.MustNotice(t, "testdata/convnet", replayConvnet,
		"tiny/bp/step1:delta.conv1", "tiny/fa/step1:grad.conv1.weight", "tiny/fa_single_softmax/step1:loss", "tiny/bp/after1:bn1.running_var",
		"tiny/fa/after3:losses", "tiny/fa/eval:predicted", "weight_decay/wd_5e-2/after3:conv1.fb_weight", "weight_decay/wd_1e-4/after1:momentum.fc1.weight")
}

// convnet is a fixture: in the folder of its manifest are sets, each of a
// network at one size. A set is told by its files.
type convnet struct {
	*reference.Fixture
	Sets map[string]json.RawMessage
	SGD  struct {
		LearningRate float64 `json:"learning_rate"`
		Momentum     float64
		WeightDecay  float64 `json:"weight_decay"`
	} `json:"hyperparameters"`
	Advice map[string]json.RawMessage `json:"tolerance_advice"`
}

func replayConvnet(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	c := &convnet{Fixture: f}
	f.JSON(c)
	f.Ignore("augment/*", "fashion10k_curves.json") // package dataset's; curves of seeds of their own
	mine := 0
	for _, name := range slices.Sorted(maps.Keys(c.Sets)) {
		switch {
		case !f.HasFile(name):
			t.Logf("%s: set %s is not here", f.Dir, name)
			continue
		case f.HasFile(name + "/norms.json"):
			c.replayNorms(t, name, rows)
		case f.HasFile(name + "/batches.npz"):
			c.replayVariants(t, name, rows)
		case name == "augment":
			continue
		default:
			c.replayDecay(t, name, rows)
		}
		mine++
	}
	if mine == 0 {
		t.Skip("all sets are of other packages")
	}
}

// set reads what the manifest says of a set into v.
func (c *convnet) set(t *testing.T, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(c.Sets[name], v); err != nil {
		t.Fatalf("%s: %s: %v", c.Path, name, err)
	}
}

// network builds the network of a set: its layers are those of init.npz.
func (c *convnet) network(t *testing.T, name string, loss nn.Loss, route nn.Route) *nn.Network {
	t.Helper()
	var set struct{ Input string }
	c.set(t, name, &set)
	var input nn.Shape
	if _, err := fmt.Sscanf(set.Input, "%dx%dx%d", &input.Channels, &input.Rows, &input.Columns); err != nil {
		t.Fatalf("%s: %s: input %q: %v", c.Path, name, set.Input, err)
	}
	values := map[string][]float32{}
	initial := c.Archive(name + "/init")
	for tensor, a := range initial {
		values[tensor] = a.Float32()
	}
	var specs []nn.Spec
	for k := 1; initial[fmt.Sprintf("conv%d.weight", k)].Shape != nil; k++ {
		shape := initial[fmt.Sprintf("conv%d.weight", k)].Shape
		specs = append(specs, nn.Conv{Features: shape[0], Kernel: shape[2], Activation: nn.ReLU, BatchNorm: true, MaxPool: true})
	}
	for k := 1; initial[fmt.Sprintf("fc%d.weight", k)].Shape != nil; k++ {
		layer := nn.Affine{Units: initial[fmt.Sprintf("fc%d.weight", k)].Shape[0]}
		if initial[fmt.Sprintf("fc%d.weight", k+1)].Shape != nil { // not the last
			layer.Activation, layer.BatchNorm = nn.ReLU, true
		}
		specs = append(specs, layer)
	}
	n, err := nn.New(input, loss, 0, specs...)
	if err != nil {
		t.Fatal(err)
	}
	n.SetRoute(route)
	if err := n.SetTensors(values); err != nil {
		t.Fatal(err)
	}
	return n
}

// variant returns what the name of a variant says: "bp", "fa", "fa_single_softmax".
func variant(t *testing.T, name string) (nn.Loss, nn.Route) {
	t.Helper()
	loss, route := nn.DoubleSoftmax, nn.ThroughFeedback
	switch method, ending, _ := strings.Cut(name, "_"); {
	case ending == "single_softmax":
		loss = nn.Softmax
		fallthrough
	case ending == "":
		if method == "bp" {
			route = nn.ThroughWeight
		} else if method != "fa" {
			t.Errorf("variant %q is not known", name)
		}
	default:
		t.Errorf("variant %q is not known", name)
	}
	return loss, route
}

func (c *convnet) sgd() nn.SGD {
	return nn.SGD{LearningRate: c.SGD.LearningRate, Momentum: c.SGD.Momentum, WeightDecay: c.SGD.WeightDecay}
}

// replayVariants replays the steps of every variant of a set.
func (c *convnet) replayVariants(t *testing.T, name string, rows *reference.Rows) {
	var set struct {
		Variants []string
		Steps    int
	}
	c.set(t, name, &set)
	for _, v := range set.Variants {
		loss, route := variant(t, v)
		c.replaySteps(t, path.Join(name, v), name, set.Steps, c.network(t, name, loss, route), c.sgd(), rows)
	}
}

// replayDecay replays the steps of a set with weight decay. It has a network and
// batches of another set, which its manifest names as "tiny/init.npz and
// tiny/batches.npz, fa, double softmax".
func (c *convnet) replayDecay(t *testing.T, name string, rows *reference.Rows) {
	var set struct {
		Based string `json:"based_on"`
		Steps int
	}
	c.set(t, name, &set)
	based, _, _ := strings.Cut(set.Based, "/")
	words := strings.Split(set.Based, ", ")
	if len(words) != 3 || c.Sets[based] == nil {
		t.Fatalf("%s: set %s is of no known kind", c.Path, name)
	}
	v := words[1]
	if words[2] == "single softmax" {
		v += "_single_softmax"
	}
	loss, route := variant(t, v)
	var members map[string]json.RawMessage
	c.set(t, name, &members)
	for _, member := range slices.Sorted(maps.Keys(members)) {
		var decay struct {
			Weights  float64 `json:"weight_decay"`
			Feedback float64 `json:"fb_decay_per_step"`
		}
		if json.Unmarshal(members[member], &decay) != nil {
			continue // a number or words about the set
		}
		if route == nn.ThroughFeedback && decay.Feedback != decay.Weights {
			t.Errorf("%s: %s/%s decays weights by %g and feedback weights by %g: this build knows one number for both", c.Path, name, member, decay.Weights, decay.Feedback)
		}
		sgd := c.sgd()
		sgd.WeightDecay = decay.Weights
		c.replaySteps(t, path.Join(name, member), based, set.Steps, c.network(t, based, loss, route), sgd, rows)
	}
}

// replaySteps compares the first step, and the states after each step that is
// recorded, with the files in folder, which may be there in single and double
// precision.
func (c *convnet) replaySteps(t *testing.T, folder, based string, steps int, n *nn.Network, sgd nn.SGD, rows *reference.Rows) {
	batches := c.Archive(based + "/batches")
	batch := func(step string) ([]float32, []uint8) {
		return batches["x"+step].Float32(), reference.As[uint8](batches["y"+step])
	}
	images, labels := batch("1")
	traced, err := n.Trace(images, labels)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string][]float32{}
	for name, tensor := range traced {
		first[name] = tensor.Data
	}
	c.compare(t, folder+"/step1", first, rows)
	var losses []float32
	for step := 1; step <= steps; step++ {
		images, labels := batch(fmt.Sprint(step))
		loss, _, err := n.TrainBatch(images, labels, sgd)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, float32(loss))
		after := map[string][]float32{"losses": losses}
		for _, tensor := range n.Tensors() {
			after[tensor.Name] = tensor.Data
		}
		c.compare(t, fmt.Sprintf("%s/after%d", folder, step), after, rows)
	}

	images, labels = batch("_eval")
	predicted, err := n.Predict(images)
	if err != nil {
		t.Fatal(err)
	}
	sum, _, err := n.Evaluate(images, labels)
	if err != nil {
		t.Fatal(err)
	}
	eval := map[string][]float32{"logits": predicted.Logits, "probs": predicted.Probabilities, "loss": {float32(sum / float64(len(labels)))}}
	for _, class := range predicted.Class {
		eval["predicted"] = append(eval["predicted"], float32(class))
	}
	c.compare(t, folder+"/eval", eval, rows)
}

// compare compares every array of a file, in single and double precision, with
// this build's. Both are rows of one name.
func (c *convnet) compare(t *testing.T, file string, got map[string][]float32, rows *reference.Rows) {
	for _, precision := range []string{"", "_f64"} {
		if !c.HasFile(file + precision + ".npz") {
			continue
		}
		archive := c.Archive(file + precision)
		for _, name := range slices.Sorted(maps.Keys(archive)) {
			if want := archive[name]; name == "predicted" {
				reference.Unequal(rows, file+" "+name, npy.Array{Data: got[name]}.Int(), want.Int())
			} else {
				rows.OfLargest(file+" "+name, c.tolerance(path.Base(file), name), doubles(got[name]), want.Float64())
			}
		}
	}
}

func doubles(single []float32) []float64 { return npy.Array{Data: single}.Float64() }

// tolerance returns the fixture's advice for single precision, of a set of a few
// small batches.
func (c *convnet) tolerance(moment, name string) float64 {
	has := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	switch {
	case name == "losses" || name == "loss":
		return c.advised("losses", 2e-6)
	case moment == "eval":
		return c.advised("eval", 5e-6)
	case has("momentum."):
		return c.advised("after1 and after3 momentum", 5e-5)
	case has("delta.") || has("grad."):
		return c.advised("step1 delta and grad", 5e-5)
	case moment == "step1":
		return c.advised("step1 act, logits, probs", 1e-5)
	case strings.HasSuffix(name, ".fb_weight"):
		return c.advised("fb_weight", 1e-6)
	}
	return c.advised("after1 and after3 parameters and running statistics", 5e-6)
}

// advised returns the tolerance that the manifest advises for a class, or the one
// that PyTorch's fixture does.
func (c *convnet) advised(class string, otherwise float64) float64 {
	for _, group := range c.Advice {
		var advice map[string]float64
		if json.Unmarshal(group, &advice) == nil && advice[class] > 0 {
			return advice[class]
		}
	}
	return otherwise
}

// replayNorms replays one step of a set that is too large to be stored: of each
// tensor there are the norm and some samples.
func (c *convnet) replayNorms(t *testing.T, name string, rows *reference.Rows) {
	var set struct{ Variant string }
	c.set(t, name, &set)
	loss, route := variant(t, set.Variant)
	n := c.network(t, name, loss, route)
	var norms struct {
		Tensors map[string]struct {
			Norm    float64 `json:"l2_float64_run"`
			Largest float64 `json:"max_abs"`
		}
	}
	c.JSONFile(name+"/norms.json", &norms)
	batch := c.Archive(name + "/batch")
	images, labels := batch["x1"].Float32(), reference.As[uint8](batch["y1"])
	traced, err := n.Trace(images, labels)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.TrainBatch(images, labels, c.sgd()); err != nil {
		t.Fatal(err)
	}
	got := map[string][]float32{}
	for name, tensor := range traced {
		got[name] = tensor.Data
	}
	for _, tensor := range n.Tensors() {
		got["after1."+tensor.Name], got[tensor.Name] = tensor.Data, tensor.Data
	}

	outputs, samples := c.Archive(name+"/outputs"), c.Archive(name+"/samples")
	for _, output := range slices.Sorted(maps.Keys(outputs)) {
		tensor := strings.TrimSuffix(output, "_f64")
		rows.OfLargest(name+" "+tensor, c.normTolerance(tensor, "output"), doubles(got[tensor]), outputs[output].Float64())
	}
	for _, tensor := range slices.Sorted(maps.Keys(norms.Tensors)) {
		want, values := norms.Tensors[tensor], doubles(got[tensor])
		sum := 0.0
		for _, v := range values {
			sum += v * v
		}
		rows.Relative(name+" norm of "+tensor, c.normTolerance(tensor, "norm"), 0, []float64{math.Sqrt(sum)}, []float64{want.Norm})
		for _, precision := range []string{".value", ".value_f64"} {
			worst := 0.0
			expected := samples[tensor+precision].Float64()
			for i, at := range samples[tensor+".index"].Int() {
				if at < 0 || at >= len(values) || i >= len(expected) {
					worst = math.NaN()
					break
				}
				worst = max(worst, math.Abs(values[at]-expected[i])/max(want.Largest, math.SmallestNonzeroFloat64))
			}
			rows.Add(name+" samples of "+tensor, "of the largest", worst, c.normTolerance(tensor, "samples"))
		}
	}
}

func (c *convnet) normTolerance(tensor, of string) float64 {
	has := func(prefix string) bool { return strings.HasPrefix(tensor, prefix) }
	switch {
	case of == "output" && tensor == "loss":
		return c.advised("loss", 2e-6)
	case of == "output":
		return c.advised("logits, probs, running statistics", 2e-5)
	case has("act.") && of == "norm":
		return c.advised("L2 norms of act", 1e-5)
	case has("act."):
		return c.advised("act samples", 5e-5)
	case has("after1.") && !(has("after1.bn") && strings.HasSuffix(tensor, ".bias")):
		// A beta, which starts at zero, is a multiple of its gradient.
		return c.tolerance("after1", "")
	case of == "norm":
		return c.advised("L2 norms of delta and grad", 1e-4)
	}
	return c.advised("delta and grad samples (relative to max_abs of norms.json)", 2e-4)
}
