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
	c := chart.Curve{Name: name}
	for _, m := range rddkit.Methods() {
		if m.String() == name {
			c.Color, _ = chart.ParseColor(m.Color())
		}
	}
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
