package figures

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/report"
)

// SignAlignment draws the percentage of feedback weights that have their
// feedforward weight's sign, per epoch, a panel for each fully connected layer
// (the report's Figure 1a): mean ± standard error over the seeds of each arm,
// which is as long as its shortest record. See [Arms] for how records become
// arms, of which each data set has a row of panels.
//
// Behind records' methods stand the report's own curves, which are for CIFAR-10;
// on other data sets they say so in the legend. Behind arms of the reader's
// stand the curves that they name.
func SignAlignment[S Source](of ...S) chart.Figure {
	return perLayer("Sign alignment of feedback and feedforward weights", of, quantity{
		axis:    chart.Axis{Label: "sign alignment", Unit: "%"},
		values:  (*rddkit.Record).SignAlignment,
		report:  report.SignAlignment,
		figures: []string{"Fig. 1(a)", "Fig. 3"},
		scaled:  true,
	})
}

// RSelf draws R_self = −trace(B W) of each fully connected layer per epoch
// (the report's Figure 1d); see [SignAlignment]. As it grows with the weights
// and the layer's size, the report's curves stand behind CIFAR-10 only.
func RSelf[S Source](of ...S) chart.Figure {
	return perLayer("Weight alignment R_self = −trace(B W)", of, quantity{
		axis:    chart.Axis{Label: "R_self"},
		values:  (*rddkit.Record).RSelf,
		report:  report.RSelf,
		figures: []string{"Fig. 1(d)", "Fig. 3"},
	})
}

// Angle draws the angle in degrees between each layer's feedback and feedforward
// weights per epoch; see [SignAlignment]. The report shows no such curve. Records
// that are older than this measure have none, which is an error.
func Angle[S Source](of ...S) chart.Figure {
	return perLayer("Angle between feedback and feedforward weights", of, quantity{
		axis:   chart.Axis{Label: "angle", Unit: "degrees"},
		values: (*rddkit.Record).Angle,
		scaled: true,
		gaps:   true,
	})
}

// Measured draws what a measure of the experiments found (Experiment.Measures,
// [rddkit.RegisterMeasure]) per epoch, before the epoch trains the weights: a
// panel for each fully connected layer, or one if it is a number of the whole
// network. See [SignAlignment] for how records become arms. A record without the
// measure is an error that names it.
func Measured[S Source](name string, of ...S) chart.Figure {
	title, q := name, quantity{
		axis:   chart.Axis{Label: name},
		values: func(r *rddkit.Record, layer int) []float64 { return r.Measure(name, max(layer, 1)) },
		gaps:   true,
	}
	if name == rddkit.GradientAngle {
		title, q.axis, q.scaled = "Angle between the error that arrives and the gradient", chart.Axis{Label: "angle to the gradient", Unit: "degrees"}, true
	}
	arms, err := armsOf(of)
	if err != nil {
		return chart.Failed(err)
	}
	single := true
	for _, a := range arms {
		for _, r := range a.Records {
			found := r.Measured[name]
			if len(found) == 0 || len(found[0]) == 0 {
				return chart.Failed(invalid.Newf("measure "+name+" of "+r.Dir, "none", "one of %q, or a record of an experiment with this measure", slices.Sorted(maps.Keys(r.Measured))))
			}
			single = single && len(found[0][0]) == 1
		}
	}
	if single {
		f := overEpochs(title, arms, q)
		for i := range f.Panels {
			f.Panels[i].X.Label = "epoch" // it is observed before the training of each
		}
		return f
	}
	return perLayer(title, arms, q)
}

// TrainingError draws the percentage of training images that are classified
// wrongly, before training and after each epoch, mean ± standard error over
// seeds (the report's Figure 4); see [SignAlignment]. The report's curves stand
// behind CIFAR-10 only.
func TrainingError[S Source](of ...S) chart.Figure {
	return overEpochs("Training error", of, quantity{
		axis:    chart.Axis{Label: "training error", Unit: "%"},
		values:  func(r *rddkit.Record, _ int) []float64 { return r.TrainError },
		report:  func(panel, _, series string) (report.Curve, error) { return report.TrainingError(panel, series) },
		figures: []string{"left", "right"},
		shift:   1, // the report's epoch e is after epoch e+1 of training
	})
}

// TestError draws the percentage of test images that are classified wrongly;
// see [TrainingError]. The report shows no such curve, and one that an arm names
// is not drawn.
func TestError[S Source](of ...S) chart.Figure {
	return overEpochs("Test error", of, quantity{
		axis:   chart.Axis{Label: "test error", Unit: "%"},
		values: func(r *rddkit.Record, _ int) []float64 { return r.TestError },
	})
}

// quantity is something that there is one number of in every epoch, for each
// layer or for the network.
type quantity struct {
	axis    chart.Axis
	values  func(r *rddkit.Record, layer int) []float64
	report  func(figure, layer, series string) (report.Curve, error) // nil for none
	figures []string                                                 // of the report, in the order in which a method's curve is looked for
	// scaled: a number means the same in every layer and on every data set, so
	// that the panels share their y axis and the report's curves stand behind
	// other data sets too.
	scaled bool
	shift  float64 // of the report's curves along the epochs
	gaps   bool    // there may be no number in some epochs (NaN)
}

// panel draws lines along x; differences ([Arm.Less]) beside a line at 0.
func (q quantity) panel(title, x string, arms []Arm, lines []chart.Curve) chart.Figure {
	y := q.axis
	differences := slices.ContainsFunc(arms, func(a Arm) bool { return len(a.Less) > 0 })
	if differences {
		y.Label += ", difference"
		if y.Unit == "%" {
			y.Unit = "points"
		}
	}
	f := chart.Curves(title, chart.Axis{Label: x, Integer: true}, y, lines...)
	if differences {
		f.Panels[0].Series = append(f.Panels[0].Series, chart.Series{Kind: chart.Horizontal, Y: []float64{0}, Color: chart.Grey})
	}
	return f
}

func perLayer[S Source](title string, of []S, q quantity) chart.Figure {
	arms, err := armsOf(of)
	if err != nil {
		return chart.Failed(err)
	}
	var panels []chart.Figure
	inRow := 1
	sets := groups(arms)
	for _, group := range sets {
		layers, drawn := 0, len(panels)
		for _, a := range group {
			layers = max(layers, a.layers())
		}
		for layer := 1; layer <= layers; layer++ {
			name := fmt.Sprintf("FC%d", layer)
			lines, err := linesOf(group, layer, q, func(figure, series string) (report.Curve, error) { return q.report(figure, name, series) })
			if err != nil {
				return chart.Failed(err)
			}
			if q.gaps && !slices.ContainsFunc(lines, hasNumber) {
				continue // no such quantity in this layer: the gradient at the images, say
			}
			panels = append(panels, q.panel(prefix(group, sets)+name, "epoch", group, lines))
		}
		inRow = max(inRow, columns(len(panels)-drawn))
	}
	if len(panels) == 0 {
		return chart.Failed(invalid.New(q.axis.Label, "not known in any layer", "a quantity that is known in at least one"))
	}
	f := chart.Grid(title, inRow, panels...)
	f.ShareY = q.scaled
	return f
}

func hasNumber(c chart.Curve) bool {
	return slices.ContainsFunc(c.Runs, func(run []float64) bool {
		return slices.ContainsFunc(run, func(v float64) bool { return !math.IsNaN(v) })
	})
}

// columns is how many panels of n layers stand in a row: as many in each, and
// four at most.
func columns(n int) int {
	rows := (n + 3) / 4
	return (n + rows - 1) / max(rows, 1)
}

func overEpochs[S Source](title string, of []S, q quantity) chart.Figure {
	arms, err := armsOf(of)
	if err != nil {
		return chart.Failed(err)
	}
	var panels []chart.Figure
	sets := groups(arms)
	for _, group := range sets {
		lines, err := linesOf(group, 0, q, func(panel, series string) (report.Curve, error) { return q.report(panel, "", series) })
		if err != nil {
			return chart.Failed(err)
		}
		name := ""
		if len(sets) > 1 {
			name = group[0].Group
		}
		panels = append(panels, q.panel(name, "epochs of training", group, lines))
	}
	return chart.Grid(title, 0, panels...)
}

// linesOf makes the curves of a panel, that of a layer or, with 0, of none: the
// report's, and over them each arm's.
func linesOf(group []Arm, layer int, q quantity, reportOf func(figure, series string) (report.Curve, error)) ([]chart.Curve, error) {
	var theirs, ours []chart.Curve
	for _, a := range group {
		if layer > a.layers() {
			continue
		}
		line := a.curve(func(r *rddkit.Record) []float64 { return q.values(r, layer) })
		line.Gaps = q.gaps
		ours = append(ours, line)
		if q.report == nil {
			continue
		}
		reported, err := a.reported(q, len(line.X), reportOf)
		if err != nil {
			return nil, err
		}
		theirs = append(theirs, reported...)
	}
	return append(theirs, ours...), nil
}

// layers is the number of fully connected layers that all the arm's records have.
func (a Arm) layers() int {
	n := len(a.Records[0].Symmetry)
	for _, r := range slices.Concat(a.Records, a.Less) {
		n = min(n, len(r.Symmetry))
	}
	return n
}

// curve returns a quantity of the arm's records, as far as the shortest goes.
func (a Arm) curve(values func(*rddkit.Record) []float64) chart.Curve {
	c := chart.Curve{Name: a.Name, Color: a.Color, Style: a.Style}
	for _, r := range a.Records {
		run := values(r)
		if len(a.Less) > 0 { // of the same seed
			k := slices.IndexFunc(a.Less, func(o *rddkit.Record) bool { return o.Experiment.Seed == r.Experiment.Seed })
			if k < 0 {
				continue
			}
			run = rddkit.Quantity(values).Less(r, a.Less[k])
		}
		c.Runs = append(c.Runs, run)
		if len(c.Runs) == 1 || len(run) < len(c.X) {
			c.X = make([]float64, len(run))
		}
	}
	for i := range c.X {
		c.X[i] = float64(i)
	}
	for i := range c.Runs {
		c.Runs[i] = c.Runs[i][:len(c.X)]
	}
	return c
}

// reported returns the report's curve that stands behind the arm, if there is
// one, as far as the arm goes, which has n points: the one that the arm names,
// or its method's.
func (a Arm) reported(q quantity, n int, find func(figure, series string) (report.Curve, error)) ([]chart.Curve, error) {
	var c report.Curve
	var name string
	switch {
	case a.Figure != "":
		var err error
		if c, err = find(a.Figure, a.Series); err != nil {
			return nil, err
		}
		name = fmt.Sprintf("report, %s %s", a.Figure, a.Series)
		if a.Figure != c.Figure { // a panel
			name = fmt.Sprintf("report, %s %s, %s", c.Figure, a.Figure, a.Series)
		}
	case a.published != "" && (q.scaled || a.Records[0].Experiment.Dataset == "cifar10"):
		at := slices.IndexFunc(q.figures, func(figure string) bool {
			_, err := find(figure, a.published)
			return err == nil
		})
		if at < 0 {
			return nil, nil
		}
		c, _ = find(q.figures[at], a.published)
		name = a.Name + ", report (CIFAR-10)"
	default:
		return nil, nil
	}
	line := chart.Curve{Name: name, Style: chart.Reported, Color: a.Color, Runs: [][]float64{nil}}
	for i, epoch := range c.Epochs {
		if x := epoch + q.shift; x <= float64(n-1) || i == 0 {
			line.X = append(line.X, x)
			line.Runs[0] = append(line.Runs[0], c.Values[i])
		}
	}
	return []chart.Curve{line}, nil
}
