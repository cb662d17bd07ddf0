package chart

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/report"
)

// SignAlignment draws the percentage of feedback weights that have their
// feedforward weight's sign, per epoch, a panel for each fully connected layer
// (the report's Figure 1a): mean ± standard error over the seeds of each arm.
//
// Records that differ in their seeds only are one arm; arms of one method are
// told apart in the legend by the fields in which they differ, e.g.
// "RDD, rdd-time 180". Records of several data sets have a row of panels for
// each. An arm is as long as its shortest record.
//
// Behind the methods stand the report's own curves, which are for CIFAR-10;
// on other data sets they say so in the legend.
func SignAlignment(records ...*rddkit.Record) Figure {
	return perLayer("Sign alignment of feedback and feedforward weights", records, quantity{
		axis:   Axis{Label: "sign alignment", Unit: "%"},
		values: (*rddkit.Record).SignAlignment,
		report: report.SignAlignment,
		figure: "Fig. 1(a)",
		scaled: true,
	})
}

// RSelf draws R_self = −trace(B W) of each fully connected layer per epoch
// (the report's Figure 1d); see [SignAlignment]. As it grows with the weights
// and the layer's size, the report's curves stand behind CIFAR-10 only.
func RSelf(records ...*rddkit.Record) Figure {
	return perLayer("Weight alignment R_self = −trace(B W)", records, quantity{
		axis:   Axis{Label: "R_self"},
		values: (*rddkit.Record).RSelf,
		report: report.RSelf,
		figure: "Fig. 1(d)",
	})
}

// TrainingError draws the percentage of training images that are classified
// wrongly, before training and after each epoch, mean ± standard error over
// seeds (the report's Figure 4, left); see [SignAlignment] for how records
// become arms. The report's curves stand behind CIFAR-10 only.
func TrainingError(records ...*rddkit.Record) Figure {
	return errorFigure("Training error", records, func(r *rddkit.Record) []float64 { return r.TrainError }, func(method string) []report.Curve {
		panel := "left"
		if method == rddkit.FuzzyRDD.String() {
			panel = "right"
		}
		if c, err := report.TrainingError(panel, method); err == nil {
			return []report.Curve{c}
		}
		return nil
	})
}

// TestError draws the percentage of test images that are classified wrongly;
// see [TrainingError]. The report shows no such curve.
func TestError(records ...*rddkit.Record) Figure {
	return errorFigure("Test error", records, func(r *rddkit.Record) []float64 { return r.TestError },
		func(string) []report.Curve { return nil })
}

// Weights draws feedback against feedforward weights after the last epoch, a
// row for each arm and a panel for each fully connected layer (the report's
// Figure 1b, c). It reads them from the folder of the arm's first record.
func Weights(records ...*rddkit.Record) Figure {
	sets, err := arms(records)
	if err != nil {
		return Figure{err: err}
	}
	var pairs []Pairs
	for _, set := range sets {
		for _, arm := range set.arms {
			for layer := 1; layer <= rddkit.Layers; layer++ {
				forward, feedback, err := arm.records[0].Pairs(layer)
				if err != nil {
					return Figure{err: err}
				}
				pairs = append(pairs, Pairs{Name: set.prefix + fmt.Sprintf("%s FC%d", arm.name, layer), Method: arm.name, Color: arm.color, Feedforward: forward, Feedback: feedback})
			}
		}
	}
	f := WeightScatter("Feedback against feedforward weights after the last epoch", pairs...)
	f.Columns = rddkit.Layers
	return f
}

// quantity is something that each layer has one number of in every epoch.
type quantity struct {
	axis   Axis
	values func(r *rddkit.Record, layer int) []float64
	report func(figure, layer, series string) (report.Curve, error)
	figure string // of the report, for FA and RDD
	// scaled: a number means the same in every layer and on every data set, so
	// that the panels share their y axis and the report's curves stand behind
	// other data sets too.
	scaled bool
}

func perLayer(title string, records []*rddkit.Record, q quantity) Figure {
	sets, err := arms(records)
	if err != nil {
		return Figure{err: err}
	}
	f := Figure{Title: title, Columns: rddkit.Layers}
	for _, set := range sets {
		for layer := 1; layer <= rddkit.Layers; layer++ {
			name := fmt.Sprintf("FC%d", layer)
			var lines []Curve
			for _, arm := range set.arms {
				figure := q.figure
				if arm.method == rddkit.FuzzyRDD {
					figure = "Fig. 3"
				}
				ours := arm.curve(func(r *rddkit.Record) []float64 { return q.values(r, layer) })
				if c, err := q.report(figure, name, arm.method.String()); err == nil && arm.plain && (q.scaled || set.cifar10) {
					lines = append(lines, reported(c, arm, 0, len(ours.X)))
				}
				lines = append(lines, ours)
			}
			panel := Curves("", Axis{Label: "epoch", Integer: true}, q.axis, behind(lines)...)
			if panel.err != nil {
				return panel
			}
			panel.Panels[0].Title = set.prefix + name
			f.Panels = append(f.Panels, panel.Panels...)
		}
	}
	if q.scaled && f.Validate() == nil {
		shared := emptyRange
		for _, p := range f.Panels {
			_, y := p.ranges()
			extend(&shared, y[0])
			extend(&shared, y[1])
		}
		for i := range f.Panels {
			f.Panels[i].Y.Min, f.Panels[i].Y.Max = shared[0], shared[1]
		}
	}
	return f
}

func errorFigure(title string, records []*rddkit.Record, values func(*rddkit.Record) []float64, curves func(method string) []report.Curve) Figure {
	sets, err := arms(records)
	if err != nil {
		return Figure{err: err}
	}
	var figures []Figure
	for _, set := range sets {
		var lines []Curve
		for _, arm := range set.arms {
			ours := arm.curve(values)
			if arm.plain && set.cifar10 {
				for _, c := range curves(arm.method.String()) {
					// The report's epoch e is after epoch e+1 of training.
					lines = append(lines, reported(c, arm, 1, len(ours.X)))
				}
			}
			lines = append(lines, ours)
		}
		f := Curves("", Axis{Label: "epochs of training", Integer: true}, Axis{Label: strings.ToLower(title), Unit: "%"}, behind(lines)...)
		if f.err == nil {
			f.Panels[0].Title = strings.TrimSpace(set.prefix)
		}
		figures = append(figures, f)
	}
	return Grid(title, 0, figures...)
}

// behind puts the report's curves first, so that ours are drawn over them.
func behind(lines []Curve) []Curve {
	slices.SortStableFunc(lines, func(a, b Curve) int {
		order := map[Style]int{Reported: 0, Solid: 1}
		return order[a.Style] - order[b.Style]
	})
	return lines
}

// reported is the report's curve as far as ours goes, which has n points.
func reported(c report.Curve, a arm, shift float64, n int) Curve {
	line := Curve{Name: a.name + ", report (CIFAR-10)", Runs: [][]float64{nil}, Style: Reported, Color: a.color}
	for i, epoch := range c.Epochs {
		if x := epoch + shift; x <= float64(n-1) || i == 0 {
			line.X = append(line.X, x)
			line.Runs[0] = append(line.Runs[0], c.Values[i])
		}
	}
	return line
}

// arm is one experiment with all its seeds.
type arm struct {
	name    string
	method  rddkit.Method
	color   Color
	plain   bool // the only arm of its method: what the report's curve stands for
	records []*rddkit.Record
}

// curve returns a quantity of the arm's records, as far as the shortest goes.
func (a arm) curve(values func(*rddkit.Record) []float64) Curve {
	c := Curve{Name: a.name, Color: a.color}
	for i, r := range a.records {
		run := values(r)
		c.Runs = append(c.Runs, run)
		if i == 0 || len(run) < len(c.X) {
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

// dataSet holds the arms on one data set.
type dataSet struct {
	name    string
	prefix  string // of panel titles: the name, if there are several data sets
	cifar10 bool
	arms    []arm
}

// methodColors keeps a method's colour the same in every figure.
var methodColors = map[rddkit.Method]Color{
	rddkit.FeedbackAlignment: Vermillion,
	rddkit.RDD:               Blue,
	rddkit.FuzzyRDD:          Purple,
	rddkit.FuzzyWald:         Ochre,
	rddkit.Backpropagation:   Green,
	rddkit.NodePerturbation:  Sky,
	rddkit.SignSymmetry:      Grey,

	rddkit.DirectFeedbackAlignment: Black,
	rddkit.DirectNodePerturbation:  Purple,
}

// arms sorts records by data set and, within it, by everything but the seed
// and the number of epochs, in their order.
func arms(records []*rddkit.Record) ([]dataSet, error) {
	if len(records) == 0 {
		return nil, invalid.New("records", 0, "at least 1")
	}
	var sets []dataSet
	for i, r := range records {
		if r == nil || r.EpochsDone() == 0 {
			return nil, invalid.New(fmt.Sprintf("records[%d]", i), "empty", "a record with at least one epoch done")
		}
		at := slices.IndexFunc(sets, func(s dataSet) bool { return s.name == r.Experiment.Dataset })
		if at < 0 {
			at = len(sets)
			sets = append(sets, dataSet{name: r.Experiment.Dataset, cifar10: r.Experiment.Dataset == "cifar10"})
		}
		set := &sets[at]
		k := slices.IndexFunc(set.arms, func(a arm) bool { return settings(a.records[0]) == settings(r) })
		if k < 0 {
			k = len(set.arms)
			set.arms = append(set.arms, arm{method: r.Experiment.Method})
		}
		set.arms[k].records = append(set.arms[k].records, r)
	}
	seen := map[rddkit.Method]string{}
	for i := range sets {
		if len(sets) > 1 {
			sets[i].prefix = sets[i].name + " "
		}
		for k := range sets[i].arms {
			a := &sets[i].arms[k]
			rivals := others(sets[i].arms, k)
			a.plain = len(rivals) == 0
			a.name = strings.Join(append([]string{a.records[0].Label()}, differences(a.records[0], rivals)...), ", ")
			if name, taken := seen[a.method]; !taken || name == a.name {
				seen[a.method] = a.name
				a.color = methodColors[a.method]
			}
		}
	}
	return sets, nil
}

// settings is everything that makes an arm, as text.
func settings(r *rddkit.Record) string {
	e := r.Experiment
	e.Seed, e.Epochs = 0, 0
	return fmt.Sprintf("%+v", e)
}

// others returns the first records of the other arms of arm k's method.
func others(all []arm, k int) []*rddkit.Record {
	var records []*rddkit.Record
	for i, a := range all {
		if i != k && a.method == all[k].method {
			records = append(records, a.records[0])
		}
	}
	return records
}

// differences names the fields, as the commands' flags do, in which r differs
// from any of the others, with r's values.
func differences(r *rddkit.Record, others []*rddkit.Record) []string {
	mine := fields(r)
	var names []string
	for name, value := range mine {
		if name != "seed" && name != "epochs" && slices.ContainsFunc(others, func(o *rddkit.Record) bool { return fields(o)[name] != value }) {
			names = append(names, fmt.Sprintf("%s %v", name, value))
		}
	}
	slices.Sort(names)
	return names
}

// fields returns the experiment's fields by the names that they have in
// run.json and as flags.
func fields(r *rddkit.Record) map[string]any {
	text, err := json.Marshal(r.Experiment)
	if err != nil {
		panic("chart: an experiment that JSON cannot hold") // a resolved one can be
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		panic("chart: an experiment that JSON cannot hold")
	}
	return all
}
