package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/show"
)

// Comparison is a curve of the report beside the run that repeats it.
type Comparison struct {
	Curve Curve
	// Settings are those that the curve was made with, seed and number of epochs
	// apart, as far as they can be told; see [Compare].
	Settings rddkit.Experiment
	Run      *rddkit.Record // of these settings; nil if there is none
	// Ours are the run's values at the curve's epochs, in the curve's unit, as far
	// as both go.
	Ours []float64
}

// Compare looks among records for the runs that repeat the report's curves: for
// each curve, in the order of the figures, the one with its settings that got
// farthest. Curves without one are there too, with a nil Run.
//
// All settings are the report's, with three exceptions that its text does not tell.
// The RDD curves of Fig. 1 are those of the drive rule "fresh"
// (notebooks/03_extended_pretraining says how one can know); those of the other
// figures of "accumulating". The curves of Fig. 2, the fuzzy ones of Fig. 3 and all
// but the FA of the left and right of Fig. 4 are of batches of 1024: with 128 the
// first epoch has errors of 53 % where the report has 68, with 1024 it has 68. The
// RDD of the left of Fig. 4 is thus not that of Fig. 1: with "fresh" and batches of
// 1024 its error ends 3 percentage points lower. Where no such run of a kind of RDD
// is there, one with batches of 128 stands in. The FA with batches of 128 is taken
// to have a learning rate of 0.05: with 0.01 its R_self in FC2 and FC3 goes but two
// thirds as far as the report's, and its training error ends lower by 4 percentage
// points; with 0.05 alignment is the report's, R_self goes a tenth too far, and the
// error ends lower by 2 (notebooks/01_reproduction).
func Compare(records ...*rddkit.Record) []Comparison {
	farthest := map[string]*rddkit.Record{}
	for _, r := range records {
		key := identity(r.Experiment)
		if best := farthest[key]; r.EpochsDone() > 0 && (best == nil || r.EpochsDone() > best.EpochsDone()) {
			farthest[key] = r
		}
	}
	var all []Comparison
	for _, c := range Curves() {
		made := Comparison{Curve: c, Settings: c.settings()}
		small := made.Settings
		small.BatchSize = 0
		made.Run = farthest[identity(made.Settings)]
		if made.Run == nil && c.Series != "FA" {
			made.Run = farthest[identity(small)]
		}
		if made.Run != nil {
			ours := c.of(made.Run)
			made.Ours = ours[:min(len(ours), len(c.Values))]
		}
		all = append(all, made)
	}
	return all
}

// settings are those of the run behind the curve.
func (c Curve) settings() rddkit.Experiment {
	e := rddkit.Experiment{Dataset: "cifar10"}
	switch c.Series {
	case "FA":
		e.Method = rddkit.FeedbackAlignment
	case "RDD":
		e.Method = rddkit.RDD
	case "RDD long":
		e.Method, e.RDDTime = rddkit.RDD, 180
	case "Fuzzy RDD":
		e.Method = rddkit.FuzzyRDD
	}
	first := strings.HasPrefix(c.Figure, "Fig. 1")
	if c.Series == "RDD" && first {
		e.Drive = "fresh"
	}
	extended := c.Figure == "Fig. 2" || strings.HasPrefix(c.Panel, "middle")
	if extended || c.Series != "FA" && !first {
		e.BatchSize = 1024
	} else if c.Series == "FA" {
		e.LearningRate = 0.05
	}
	return e
}

// identity is the same for experiments that differ in seed and epochs only.
func identity(e rddkit.Experiment) string {
	e.Seed, e.Epochs = 0, 1
	name, err := e.Name()
	if err != nil {
		panic("report: a record of no experiment")
	}
	return name
}

// of returns what the curve shows, of r, from epoch 0 of the panel's x axis on.
func (c Curve) of(r *rddkit.Record) []float64 {
	if c.Quantity == TrainingErrorQuantity {
		return r.TrainError[1:] // the panel's epoch 0 is after one epoch of training
	}
	layer := int(c.Panel[len("FC")] - '0')
	if c.Quantity == RSelfQuantity {
		return r.RSelf(layer)
	}
	return r.SignAlignment(layer)
}

// Difference is our value less the report's at an epoch of the panel's x axis;
// NaN if either does not go that far.
func (c Comparison) Difference(epoch int) float64 {
	if epoch >= len(c.Ours) {
		return math.NaN()
	}
	return c.Ours[epoch] - c.Curve.Values[epoch]
}

// Last is the last epoch that both have, -1 if there is none.
func (c Comparison) Last() int { return len(c.Ours) - 1 }

// Markdown returns comparisons as two tables: the runs, with the epochs that they
// have done (and, where there is none, the command that makes it), and for every
// curve ours, the report's and the difference at epochs 0, 10, 50 and the last
// that both have.
func Markdown(comparisons []Comparison) string {
	var runs, values [][]any
	for _, group := range bySettings(comparisons) {
		c := group[0]
		name, done, settings := "not run", "", c.Settings
		if c.Run != nil {
			settings = c.Run.Experiment
			name, _ = settings.Name() // that of a record is valid
			done = fmt.Sprintf("%d of %d", c.Run.EpochsDone(), settings.Epochs)
		}
		runs = append(runs, []any{repeats(group), name, done, show.Code(settings.Command())})
	}
	for _, c := range comparisons {
		last := c.cell(c.Last())
		if c.Run != nil {
			last = fmt.Sprintf("epoch %d: %s", c.Last(), last)
		}
		values = append(values, []any{c.Curve.Figure, c.Curve.Panel, c.Curve.Quantity, c.Curve.Series, c.cell(0), c.cell(10), c.cell(50), last})
	}
	return table([]string{"repeats", "run", "epochs done", "command"}, runs) +
		"\nOurs, the report's value and the difference:\n\n" +
		table([]string{"figure", "panel", "quantity", "series", "epoch 0", "epoch 10", "epoch 50", "last"}, values)
}

func table(headers []string, rows [][]any) string {
	text, err := show.MarkdownTable(headers, rows)
	if err != nil {
		panic("report: a row of another length than the headers")
	}
	return text
}

func (c Comparison) cell(epoch int) string {
	switch {
	case c.Run == nil:
		return "not run"
	case epoch > c.Last():
		return "–"
	}
	return fmt.Sprintf("%.2f, %.2f (%+.2f)", c.Ours[epoch], c.Curve.Values[epoch], c.Difference(epoch))
}

// bySettings groups comparisons that share a run, in the order of their first.
func bySettings(comparisons []Comparison) [][]Comparison {
	var groups [][]Comparison
	for _, c := range comparisons {
		at := slices.IndexFunc(groups, func(g []Comparison) bool { return identity(g[0].Settings) == identity(c.Settings) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], c)
	}
	return groups
}

// repeats names the figures and series of a group: "FA of Fig. 1(a), Fig. 3".
func repeats(group []Comparison) string {
	var figures []string
	for _, c := range group {
		figure := c.Curve.Figure
		if c.Curve.Quantity == TrainingErrorQuantity {
			panel, _, _ := strings.Cut(c.Curve.Panel, " (")
			figure += " " + panel
		}
		if !slices.Contains(figures, figure) {
			figures = append(figures, figure)
		}
	}
	return group[0].Curve.Series + " of " + strings.Join(figures, ", ")
}
