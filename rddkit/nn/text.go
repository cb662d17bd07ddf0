package nn

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// ReportText is the text of the report's network: see [ParseText].
const ReportText = "c64k5-c64k5-384-192"

// Bounds of a network that a text describes.
const (
	textLimit   = 1 << 20 // neurons of a layer
	weightLimit = 1 << 28 // weights
)

var (
	convText   = regexp.MustCompile(`^c([0-9]{1,7})k([0-9]{1,4})(n?)(f?)$`)
	affineText = regexp.MustCompile(`^([0-9]{1,7})([stl]?)(n?)$`)
)

// ParseText reads the hidden layers of a network from a short text: layers from
// the image up, with dashes between.
//
//	c64k5   64 convolutional neurons with kernels of 5×5 pixels, rectified,
//	        batch-normalised, and pooled over 2×2 pixels; with n at the end not
//	        normalised, with f (full size) not pooled
//	384     384 fully connected neurons, rectified and batch-normalised; with s,
//	        t or l after the number sigmoid, hyperbolic tangent or linear, with n at
//	        the end not normalised
//
// So the report's network is c64k5-c64k5-384-192 ([ReportText]), and 500sn a
// single layer of 500 sigmoid neurons. A text that begins with the number of an
// image's values and ends with the number of classes names all layers, as papers
// do: 784-500-10 is 500 for images of 28×28 pixels and ten classes. The last
// layer, linear with a neuron for each class, is added. With a text that cannot be
// read, or whose layers do not fit the images, the error is an *invalid.Error.
func ParseText(text string, input Shape, classes int) ([]Spec, error) {
	var specs []Spec
	wrong := func(allowed string, args ...any) error { return invalid.Newf("Network", text, allowed, args...) }
	layers := strings.Split(text, "-")
	values := strconv.Itoa(input.Channels * input.Rows * input.Columns)
	if n := len(layers); n >= 2 && layers[0] == values && layers[n-1] == strconv.Itoa(classes) {
		layers = layers[1 : n-1]
	}
	below := featureMap{rows: input.Rows, columns: input.Columns, channels: input.Channels}
	flat := false
	for _, layer := range layers {
		if m := convText.FindStringSubmatch(layer); m != nil {
			c := Conv{Features: number(m[1]), Kernel: number(m[2]), Activation: ReLU, BatchNorm: m[3] == "", MaxPool: m[4] == ""}
			least := c.Kernel
			if c.MaxPool {
				least++
			}
			switch {
			case flat:
				return nil, wrong("convolutional layers below fully connected ones")
			case c.Features < 1 || c.Features > textLimit || c.Kernel < 1:
				return nil, wrong("layers of 1 to %d neurons, and kernels of at least 1 pixel", textLimit)
			case below.rows < least || below.columns < least:
				return nil, wrong("layers that fit the images: %s needs at least %d×%d pixels, and %d×%d come to it", layer, least, least, below.rows, below.columns)
			}
			below = c.output(below)
			specs = append(specs, c)
			continue
		}
		m := affineText.FindStringSubmatch(layer)
		if m == nil {
			return nil, wrong("layers like c64k5 (64 kernels of 5×5, pooled) or 384 (fully connected) with dashes between, for example %s or 500", ReportText)
		}
		a := Affine{Units: number(m[1]), Activation: map[string]Activation{"": ReLU, "s": Sigmoid, "t": Tanh, "l": Linear}[m[2]], BatchNorm: m[3] == ""}
		if a.Units < 1 || a.Units > textLimit {
			return nil, wrong("layers of 1 to %d neurons", textLimit)
		}
		flat = true
		specs = append(specs, a)
	}
	if _, weights := CountWeights(input, append(specs, Affine{Units: classes})...); weights > weightLimit {
		return nil, wrong("at most %d weights, not %d", weightLimit, weights)
	}
	return append(specs, Affine{Units: classes}), nil
}

// number reads digits that a pattern has bounded.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// output is the shape of what a layer sends on of an input.
func (c Conv) output(below featureMap) featureMap {
	m := featureMap{rows: below.rows - c.Kernel + 1, columns: below.columns - c.Kernel + 1, channels: c.Features}
	if c.MaxPool {
		m.rows, m.columns = m.rows/2, m.columns/2
	}
	return m
}

// CountWeights returns the number of weights of the fully connected layers of a
// network, each of which is [out][in], and of all layers. The layers must fit the
// images.
func CountWeights(input Shape, specs ...Spec) (connected, all int) {
	below := featureMap{rows: input.Rows, columns: input.Columns, channels: input.Channels}
	for _, spec := range specs {
		switch spec := spec.(type) {
		case Conv:
			all += spec.Features * spec.Kernel * spec.Kernel * below.channels
			below = spec.output(below)
		case Affine:
			connected += spec.Units * below.size()
			below = units(spec.Units)
		}
	}
	return connected, all + connected
}
