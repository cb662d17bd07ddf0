package figures

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Effort is something that a learner uses: an axis against which methods can be
// compared.
type Effort struct {
	Axis chart.Axis
	Of   func(align.Cost) float64
}

// What align.Cost counts, on logarithmic axes.
var (
	Simulated  = Effort{chart.Axis{Label: "simulated time", Unit: "s", Log: true}, func(c align.Cost) float64 { return c.Seconds }}
	Spikes     = Effort{chart.Axis{Label: "spikes", Log: true}, func(c align.Cost) float64 { return float64(c.Spikes) }}
	Samples    = Effort{chart.Axis{Label: "images or noise vectors passed", Log: true}, func(c align.Cost) float64 { return float64(c.Samples) }}
	Operations = Effort{chart.Axis{Label: "multiply-adds for learning feedback", Log: true}, func(c align.Cost) float64 { return float64(c.Operations) }}
)

// AgainstEffort draws the sign alignment of each fully connected layer, before
// each epoch's training, against what the arm's learners had used by then, in the
// mean over seeds. Epochs before which nothing was used are left out. See
// [SignAlignment] for how records become arms. Records of learners that do not
// count are an error that names them.
func AgainstEffort[S Source](effort Effort, of ...S) chart.Figure {
	arms, err := armsOf(of)
	if err != nil {
		return chart.Failed(err)
	}
	var panels []chart.Figure
	for layer := 1; layer <= arms[0].layers(); layer++ {
		var curves []chart.Curve
		for _, a := range arms {
			if layer > a.layers() {
				continue
			}
			curve, err := a.against(effort, layer)
			if err != nil {
				return chart.Failed(err)
			}
			curves = append(curves, curve)
		}
		panels = append(panels, chart.Curves(fmt.Sprintf("FC%d", layer), effort.Axis, chart.Axis{Label: "sign alignment", Unit: "%"}, curves...))
	}
	f := chart.Grid("Sign alignment against "+effort.Axis.Label, columns(len(panels)), panels...)
	f.ShareY = true
	return f
}

func (a Arm) against(effort Effort, layer int) (chart.Curve, error) {
	c := a.curve(func(r *rddkit.Record) []float64 { return r.SignAlignment(layer) })
	for i := range c.X {
		var used []float64
		for _, r := range a.Records {
			if i >= len(r.Costs) || len(r.Costs[i]) == 0 {
				return c, invalid.New("records of "+a.Name, "without costs", "those of a method whose learner counts what it uses (align.Costly)")
			}
			used = append(used, effort.Of(r.Costs[i][len(r.Costs[i])-1]))
		}
		c.X[i] = stat.Mean(used, nil)
	}
	from := slices.IndexFunc(c.X, func(x float64) bool { return x > 0 })
	if from < 0 {
		return c, invalid.New(effort.Axis.Label+" of "+a.Name, 0, "a quantity that this method uses")
	}
	c.X = c.X[from:]
	for i := range c.Runs {
		c.Runs[i] = c.Runs[i][from:]
	}
	return c, nil
}

// Contest draws the sign alignment that rules of spikes reach in contests that
// differ in their seeds, a panel for each layer, against Simulated or Spikes.
// names are those of the rules; one that is a method's label has its colour.
func Contest(title string, effort Effort, names []string, courses ...*align.Course) chart.Figure {
	if len(courses) == 0 || len(courses[0].Reached) != len(names) {
		return chart.Failed(invalid.New("courses and names", fmt.Sprintf("%d and %d", len(courses), len(names)), "at least one course, and a name for each of its rules"))
	}
	var panels []chart.Figure
	for layer := range courses[0].Reached[0] {
		var curves []chart.Curve
		for rule, name := range names {
			curves = append(curves, course(name, effort, rule, layer, courses))
		}
		panels = append(panels, chart.Curves(fmt.Sprintf("FC%d", layer+1), effort.Axis, chart.Axis{Label: "sign alignment", Unit: "%"}, curves...))
	}
	f := chart.Grid(title, columns(len(panels)), panels...)
	f.ShareY = true
	return f
}

func course(name string, effort Effort, rule, layer int, courses []*align.Course) chart.Curve {
	c := ofRule(name)
	for run := range courses[0].Seconds {
		var used []float64
		for _, o := range courses {
			used = append(used, effort.Of(align.Cost{Seconds: o.Seconds[run], Spikes: uint64(o.Spikes[run])}))
		}
		c.X = append(c.X, stat.Mean(used, nil))
	}
	for _, o := range courses {
		var signs []float64
		for _, r := range o.Reached[rule][layer] {
			signs = append(signs, r.SignAlignment)
		}
		c.Runs = append(c.Runs, signs)
	}
	return c
}

// ofRule is an empty curve of a rule, with the colour of the method that has its name.
func ofRule(name string) chart.Curve {
	c := chart.Curve{Name: name}
	for _, m := range rddkit.Methods() {
		if m.String() == name {
			c.Color, _ = chart.ParseColor(m.Color())
		}
	}
	return c
}

// Climb is Contest against simulated time of the lowest layer alone, with what is
// expected of each rule after so many seconds dashed beside it.
func Climb(title string, names []string, expected func(rule int, seconds float64) float64, courses ...*align.Course) chart.Figure {
	f := Contest(title, Simulated, names, courses...)
	if len(f.Panels) == 0 {
		return f
	}
	f.Panels = f.Panels[:1]
	f.Panels[0].Title = title
	for rule := range names {
		s := chart.Series{Kind: chart.Line, X: courses[0].Seconds, Color: chart.Grey, Style: chart.Dashed}
		for _, t := range s.X {
			s.Y = append(s.Y, expected(rule, t))
		}
		f.Panels[0].Series = append(f.Panels[0].Series, s)
	}
	return f
}

// Costs draws what a known sign had cost by then, against simulated time: in the
// upper row spikes of both layers, in the lower one synaptic events, the spikes of
// the layer times the neurons above that each reaches. layers are contests on one
// pair of layers each, one for each seed; see align.Pair and align.Course.Known.
// The tables' rows are what it was after the first run and after the last.
func Costs(title string, names []string, layers ...[]*align.Course) (f chart.Figure, headers []string, rows [][]any) {
	headers = []string{"layer", "rule", "spikes, at first", "in the end", "events, at first", "in the end"}
	var spikes, events []chart.Figure
	for n, courses := range layers {
		var upper, lower []chart.Curve
		pair := courses[0].Layers[0][0]
		layer := fmt.Sprintf("FC%d: %d to %d", n+1, pair.In, pair.Out)
		for rule, name := range names {
			of := [2]chart.Curve{ofRule(name), ofRule(name)}
			for k := range of {
				of[k].X = courses[0].Seconds
				for _, c := range courses {
					of[k].Runs = append(of[k].Runs, perSign(c, rule, k == 1))
				}
			}
			upper, lower = append(upper, of[0]), append(lower, of[1])
			last := len(courses[0].Seconds) - 1
			row := []any{layer, name}
			for _, c := range of {
				row = append(row, rddkit.EstimateOf(at(c, 0)...), rddkit.EstimateOf(at(c, last)...))
			}
			rows = append(rows, row)
		}
		spikes = append(spikes, chart.Curves(layer, Simulated.Axis, chart.Axis{Label: "spikes per known sign", Log: true}, upper...))
		events = append(events, chart.Curves(layer, Simulated.Axis, chart.Axis{Label: "synaptic events per known sign", Log: true}, lower...))
	}
	return chart.Grid(title, len(layers), append(spikes, events...)...), headers, rows
}

// perSign is what a contest on a pair of layers had spent for each sign that a rule
// knew, after each run.
func perSign(c *align.Course, rule int, events bool) (cost []float64) {
	for run, known := range c.Known(rule, 0) {
		spent := c.Spikes[run]
		if events {
			spent = c.Seen[0][run].Spikes * float64(c.Layers[rule][0].Out)
		}
		cost = append(cost, spent/known)
	}
	return cost
}

// ContestTable is a table of the sign alignment in which rules end, percent, mean ±
// standard error over the contests: headers and rows for show.Table.
func ContestTable(names []string, courses ...*align.Course) (headers []string, rows [][]any) {
	headers = []string{"sign alignment, %"}
	if len(courses) == 0 {
		return headers, nil
	}
	for layer := range courses[0].Reached[0] {
		headers = append(headers, fmt.Sprintf("FC%d", layer+1))
	}
	for rule, name := range names {
		row := []any{name}
		for layer := range courses[0].Reached[rule] {
			var signs []float64
			for _, c := range courses {
				reached := c.Reached[rule][layer]
				signs = append(signs, reached[len(reached)-1].SignAlignment)
			}
			row = append(row, rddkit.EstimateOf(signs...))
		}
		rows = append(rows, row)
	}
	return headers, rows
}
