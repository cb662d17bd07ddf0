package rddkit

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// GradientAngle is the measure of the mean angle, in degrees, between the error
// that arrives at each fully connected layer's inputs and the true gradient there,
// over a fixed batch of test images; NaN for a layer whose inputs are the images.
const GradientAngle = "gradient-angle"

// Observation is what a measure sees, when feedback weights are observed: before
// anything has changed, and after each change of them.
type Observation struct {
	Layers  []align.Layer // the fully connected layers, FC1 and up: to read
	Network *nn.Network   // with these feedback weights: to evaluate, not to train
	// Images and Labels are the first test images, 128 or as many as there are,
	// [image][channel][row][column].
	Images []float32
	Labels []uint8
}

// Measure returns a number for each fully connected layer, or a single one.
type Measure func(Observation) []float64

var measures = struct {
	sync.RWMutex
	known map[string]Measure
}{known: map[string]Measure{GradientAngle: gradientAngle}}

// RegisterMeasure adds a measure under a name of letters, digits, dashes and
// dots, or replaces the one of that name, and returns the name for
// Experiment.Measures, where the measures of a run are joined by plus signs. What
// it returns at every observation is a series in the record ([Record.Measured]) and
// a chart. It must be the same for the same network, and change nothing. The name
// alone is part of a record's name: a measure that changes should take another.
// RegisterMeasure panics with an *invalid.Error on a name that cannot be.
func RegisterMeasure(name string, m Measure) string {
	switch {
	case !methodName.MatchString(name) || name == GradientAngle:
		panic(invalid.New("measure", name, "lower-case letters, digits and single dashes, a letter first, and not "+GradientAngle))
	case m == nil:
		panic(invalid.New("measure "+name, nil, "a function"))
	}
	measures.Lock()
	defer measures.Unlock()
	measures.known[name] = m
	return name
}

// measureNames splits Experiment.Measures.
func measureNames(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "+")
}

func checkMeasures(text string) error {
	for i, name := range measureNames(text) {
		if _, err := measureCalled(name); err != nil {
			return err
		}
		if slices.Contains(measureNames(text)[:i], name) {
			return invalid.New("Measures", text, "each measure once")
		}
	}
	return nil
}

func measureCalled(name string) (Measure, error) {
	measures.RLock()
	defer measures.RUnlock()
	m, ok := measures.known[name]
	if !ok {
		return nil, invalid.Newf("Measures", name, "%s, or the name of one that was registered (rddkit.RegisterMeasure), with plus signs between", GradientAngle)
	}
	return m, nil
}

// take returns what the measure finds.
func take(name string, o Observation) (values []float64, err error) {
	m, err := measureCalled(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("measure %s panicked: %v", name, p)
		}
	}()
	values = slices.Clone(m(o))
	if len(values) != 1 && len(values) != len(o.Layers) {
		return nil, invalid.Newf("measure "+name, fmt.Sprintf("%d numbers", len(values)), "one, or one for each of the %d layers", len(o.Layers))
	}
	for _, v := range values {
		if math.IsInf(v, 0) {
			return nil, invalid.New("measure "+name, v, "finite numbers, or NaN for none")
		}
	}
	return values, nil
}

func gradientAngle(o Observation) []float64 {
	n, batch := o.Network, nn.Batch{Images: o.Images, Labels: o.Labels}
	came, err := n.HiddenErrors(batch)
	if err != nil {
		return []float64{math.NaN()}
	}
	gradient, err := n.HiddenGradients(batch)
	if err != nil {
		return []float64{math.NaN()}
	}
	var angles []float64
	for i, l := range n.Layers {
		switch {
		case len(l.Shape) != 2: // convolutional
		case i == 0:
			angles = append(angles, math.NaN())
		default:
			angles = append(angles, align.MeanAngle(came[i-1], gradient[i-1], l.Shape[1]))
		}
	}
	return angles
}
