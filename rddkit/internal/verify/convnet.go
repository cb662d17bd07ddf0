package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// convnetReplayer replays the report's network, forward, backward and over
// three steps of training, against PyTorch's numbers. The folder is one of
// convnetSets, or the one that holds them and the manifest.
var convnetReplayer = Replayer{
	Kind: "convnet",
	Recognises: func(dir string) bool {
		_, _, err := openConvnet(dir)
		return err == nil
	},
	Replay: replayConvnet,
}

// convnetSets are the sub-folders of a convnet fixture, in the order of a
// report.
var convnetSets = []struct {
	name   string
	replay func(ctx context.Context, f convnetFixture) ([]Row, error)
}{
	{"tiny", replayTiny},
	{"weight_decay", replayWeightDecay},
	{"cifar_shape", replayCIFARShape},
	{"augment", func(ctx context.Context, f convnetFixture) ([]Row, error) {
		return replayAugment(ctx, filepath.Join(f.dir, "augment"))
	}},
}

// The fixture's advised tolerances for float32, relative to the largest entry.
const (
	activationTolerance = 1e-5
	gradientTolerance   = 5e-5 // also of momentum
	parameterTolerance  = 5e-6 // also of running statistics and evaluation
	feedbackTolerance   = 1e-6
	lossTolerance       = 2e-6

	// At the CIFAR-10 shape.
	sampledActivation = 5e-5
	sampledGradient   = 2e-4
	normActivation    = 1e-5
	normGradient      = 1e-4
	outputTolerance   = 2e-5
)

// convnetFixture is the folder of a manifest and the sets.
type convnetFixture struct {
	dir      string
	manifest struct {
		Sets map[string]struct {
			Features int   `json:"feature_channels"`
			Hidden   []int `json:"hidden"`
		} `json:"sets"`
		Files map[string]struct {
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
}

// openConvnet returns the fixture that dir is or is a set of, and the sets.
func openConvnet(dir string) (f convnetFixture, sets []string, err error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return f, nil, err
	}
	for _, set := range convnetSets {
		if set.name == filepath.Base(absolute) && set.name != "augment" { // which has its own replayer
			f.dir, sets = filepath.Dir(absolute), []string{set.name}
		}
	}
	if f.dir == "" {
		f.dir = absolute
		for _, set := range convnetSets {
			if info, err := os.Stat(filepath.Join(absolute, set.name)); err == nil && info.IsDir() {
				sets = append(sets, set.name)
			}
		}
	}
	if err := readJSON(f.dir, "manifest.json", &f.manifest); err != nil {
		return f, nil, err
	}
	if _, there := f.manifest.Files["tiny/init.npz"]; !there || len(sets) == 0 {
		return f, nil, invalid.New(filepath.Join(f.dir, "manifest.json"), "other files", "a manifest that lists tiny/init.npz")
	}
	return f, sets, nil
}

func replayConvnet(ctx context.Context, dir string) ([]Row, error) {
	f, sets, err := openConvnet(dir)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, set := range convnetSets {
		if !slices.Contains(sets, set.name) {
			continue
		}
		more, err := set.replay(ctx, f)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// arrays are those of one archive, by name.
type arrays map[string]npy.Array

// read reads an archive of the fixture; the file must be the manifest's.
func (f convnetFixture) read(name string) (arrays, error) {
	path := filepath.Join(f.dir, filepath.FromSlash(name))
	if err := f.check(name); err != nil {
		return nil, err
	}
	return npy.ReadArchive(path)
}

func (f convnetFixture) check(name string) error {
	path := filepath.Join(f.dir, filepath.FromSlash(name))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	if got, want := hex.EncodeToString(sum[:]), f.manifest.Files[name].SHA256; got != want {
		return invalid.Newf(path, "SHA-256 "+got, "the manifest's %s", want)
	}
	return nil
}

// readOptional is read for files that a copy of the fixture may lack.
func (f convnetFixture) readOptional(name string) (arrays, error) {
	a, err := f.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return a, err
}

// labels returns the labels called name.
func (a arrays) labels(name string) []uint8 {
	var labels []uint8
	for _, label := range a[name].Int() {
		labels = append(labels, uint8(label))
	}
	return labels
}

// network builds the network of a set from its initial tensors.
func (f convnetFixture) network(set string, initial arrays, loss nn.Loss, route nn.Route) (*nn.Network, error) {
	s := f.manifest.Sets[set]
	input := initial["conv1.weight"].Shape
	side := map[string]int{"tiny": 16, "cifar_shape": 32}[set]
	if len(input) != 4 || len(s.Hidden) != 2 {
		return nil, invalid.New(filepath.Join(f.dir, "manifest.json"), s.Hidden, "two hidden sizes, and a conv1.weight of four axes")
	}
	n, err := nn.Report(nn.ReportConfig{Channels: input[1], Side: side, Features: s.Features, Hidden1: s.Hidden[0], Hidden2: s.Hidden[1], Loss: loss}, 0)
	if err != nil {
		return nil, err
	}
	n.SetRoute(route)
	values := map[string][]float32{}
	for name, a := range initial {
		values[name] = a.Float32()
	}
	return n, n.SetTensors(values)
}

func replayTiny(ctx context.Context, f convnetFixture) ([]Row, error) {
	var rows []Row
	for _, variant := range []struct {
		name  string
		loss  nn.Loss
		route nn.Route
	}{
		{"bp", nn.DoubleSoftmax, nn.ThroughWeight},
		{"fa", nn.DoubleSoftmax, nn.ThroughFeedback},
		{"fa_single_softmax", nn.Softmax, nn.ThroughFeedback},
	} {
		more, err := f.replaySteps(ctx, "tiny/"+variant.name, variant.loss, variant.route, nn.ReportSGD())
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func replayWeightDecay(ctx context.Context, f convnetFixture) ([]Row, error) {
	var rows []Row
	for _, variant := range []struct {
		name  string
		decay float64
	}{{"wd_1e-4", 1e-4}, {"wd_5e-2", 5e-2}} {
		sgd := nn.ReportSGD()
		sgd.WeightDecay = variant.decay
		more, err := f.replaySteps(ctx, "weight_decay/"+variant.name, nn.DoubleSoftmax, nn.ThroughFeedback, sgd)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// replaySteps compares the first step and the states after one and three steps
// with the files in folder, in single and, where they are there, double
// precision.
func (f convnetFixture) replaySteps(ctx context.Context, folder string, loss nn.Loss, route nn.Route, sgd nn.SGD) ([]Row, error) {
	initial, err := f.read("tiny/init.npz")
	if err != nil {
		return nil, err
	}
	batches, err := f.read("tiny/batches.npz")
	if err != nil {
		return nil, err
	}
	n, err := f.network("tiny", initial, loss, route)
	if err != nil {
		return nil, err
	}

	got := map[string]map[string][]float32{"step1": {}, "after1": {}, "after3": {}, "eval": {}}
	first, err := n.Trace(batches["x1"].Float32(), batches.labels("y1"))
	if err != nil {
		return nil, err
	}
	for name, t := range first {
		got["step1"][name] = t.Data
	}
	var losses []float32
	for _, step := range []string{"1", "2", "3"} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		value, _, err := n.TrainBatch(batches["x"+step].Float32(), batches.labels("y"+step), sgd)
		if err != nil {
			return nil, err
		}
		losses = append(losses, float32(value))
		if after := got["after"+step]; after != nil {
			for _, t := range n.Tensors() {
				after[t.Name] = slices.Clone(t.Data)
			}
		}
	}
	got["after3"]["losses"] = losses
	images, labels := batches["x_eval"].Float32(), batches.labels("y_eval")
	predicted, err := n.Predict(images)
	if err != nil {
		return nil, err
	}
	sum, _, err := n.Evaluate(images, labels)
	if err != nil {
		return nil, err
	}
	got["eval"]["logits"], got["eval"]["probs"] = predicted.Logits, predicted.Probabilities
	got["eval"]["loss"] = []float32{float32(sum / float64(len(labels)))}
	for _, class := range predicted.Class {
		got["eval"]["predicted"] = append(got["eval"]["predicted"], float32(class))
	}

	var rows []Row
	for _, moment := range []string{"step1", "after1", "after3", "eval"} {
		if moment == "step1" && strings.HasPrefix(folder, "weight_decay/") {
			continue // as in tiny/fa, which has the files
		}
		for _, precision := range []string{"", "_f64"} {
			file := folder + "/" + moment + precision + ".npz"
			want, err := f.read(file)
			if precision != "" {
				want, err = f.readOptional(file)
			}
			if err != nil {
				return nil, err
			}
			for _, name := range slices.Sorted(maps.Keys(want)) {
				row := Row{Quantity: strings.TrimSuffix(file, ".npz") + " " + name, Measure: "relative", Tolerance: convnetTolerance(moment, name)}
				if name == "predicted" {
					row.Measure = "absolute"
				}
				row.Deviation = relative(got[moment][name], want[name].Float64(), row.Measure == "absolute")
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

func convnetTolerance(moment, name string) float64 {
	switch {
	case name == "predicted":
		return 0
	case name == "losses" || name == "loss":
		return lossTolerance
	case moment == "eval":
		return parameterTolerance
	case strings.HasPrefix(name, "delta.") || strings.HasPrefix(name, "grad.") || strings.HasPrefix(name, "momentum."):
		return gradientTolerance
	case moment == "step1":
		return activationTolerance
	case strings.HasSuffix(name, ".fb_weight"):
		return feedbackTolerance
	}
	return parameterTolerance
}

// relative returns max|a − b| / max|b|, or the numerator alone; NaN if a is
// not there or of another length.
func relative(a []float32, b []float64, absolute bool) float64 {
	if len(a) != len(b) {
		return math.NaN()
	}
	difference, largest := 0.0, 0.0
	for i := range b {
		difference = max(difference, math.Abs(float64(a[i])-b[i])) // NaN stays NaN
		largest = max(largest, math.Abs(b[i]))
	}
	if absolute || largest == 0 {
		return difference
	}
	return difference / largest
}

func replayCIFARShape(ctx context.Context, f convnetFixture) ([]Row, error) {
	const set = "cifar_shape"
	files := map[string]arrays{}
	for _, name := range []string{"init", "batch", "outputs", "samples"} {
		a, err := f.read(set + "/" + name + ".npz")
		if err != nil {
			return nil, err
		}
		files[name] = a
	}
	var norms struct {
		Tensors map[string]struct {
			Norm    float64 `json:"l2_float64_run"`
			Largest float64 `json:"max_abs"`
		} `json:"tensors"`
	}
	if err := f.check(set + "/norms.json"); err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(f.dir, set), "norms.json", &norms); err != nil {
		return nil, err
	}

	n, err := f.network(set, files["init"], nn.DoubleSoftmax, nn.ThroughFeedback)
	if err != nil {
		return nil, err
	}
	images, labels := files["batch"]["x1"].Float32(), files["batch"].labels("y1")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	traced, err := n.Trace(images, labels)
	if err != nil {
		return nil, err
	}
	if _, _, err := n.TrainBatch(images, labels, nn.ReportSGD()); err != nil {
		return nil, err
	}
	got := map[string][]float32{}
	for name, t := range traced {
		got[name] = t.Data
	}
	for _, t := range n.Tensors() {
		got["after1."+t.Name], got[t.Name] = t.Data, t.Data
	}

	var rows []Row
	for _, name := range slices.Sorted(maps.Keys(files["outputs"])) {
		tolerance := outputTolerance
		if strings.HasPrefix(name, "loss") {
			tolerance = lossTolerance
		}
		deviation := relative(got[strings.TrimSuffix(name, "_f64")], files["outputs"][name].Float64(), false)
		rows = append(rows, Row{set + " " + name, "relative", deviation, tolerance})
	}
	for _, name := range slices.Sorted(maps.Keys(norms.Tensors)) {
		sampled, norm := sampledGradient, normGradient
		switch {
		case strings.HasPrefix(name, "act."):
			sampled, norm = sampledActivation, normActivation
		case strings.HasPrefix(name, "after1.") && !(strings.HasPrefix(name, "after1.bn") && strings.HasSuffix(name, ".bias")):
			// A beta, which starts at zero, is a multiple of its gradient.
			sampled, norm = parameterTolerance, parameterTolerance
		}
		want, values := norms.Tensors[name], got[name]
		sum := 0.0
		for _, v := range values {
			sum += float64(v) * float64(v)
		}
		rows = append(rows, Row{set + " " + name, "relative L2 norm", math.Abs(math.Sqrt(sum)-want.Norm) / want.Norm, norm})
		for _, precision := range []string{"value", "value_f64"} {
			worst := 0.0
			expected := files["samples"][name+"."+precision].Float64()
			for i, at := range files["samples"][name+".index"].Int() {
				if at < 0 || at >= len(values) || i >= len(expected) {
					worst = math.NaN()
					break
				}
				worst = max(worst, math.Abs(float64(values[at])-expected[i])/want.Largest)
			}
			rows = append(rows, Row{set + " " + name + "." + precision, "relative, samples", worst, sampled})
		}
	}
	return rows, nil
}
