package figures

import (
	"fmt"
	"math"
	"slices"

	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/credit"
	"github.com/weightalign/lab/rddkit/rd"
)

// What package credit compares has one look in every figure: truth is black, the
// observed dependence vermillion, the discontinuity blue as RDD is, dashed with
// lines in place of means.
var (
	truthLook     = chart.Look{Color: chart.Black, Style: chart.Dashed}
	naiveLook     = chart.Look{Color: chart.Vermillion}
	jumpLook      = chart.Look{Color: chart.Blue}
	linesLook     = chart.Look{Color: chart.Blue, Style: chart.Dashed}
	publishedLook = chart.Look{Color: chart.RGB(0x66, 0x66, 0x66)}
	wideLook      = chart.Look{Color: chart.RGB(0x66, 0x66, 0x66), Style: chart.Dashed}
	reinforceLook = chart.Look{Color: chart.RGB(0xaa, 0x44, 0x99)}
)

func estimatorLook(e credit.EffectEstimator) chart.Look {
	switch d := e.(type) {
	case credit.LocalLinear:
		return linesLook
	case credit.SpikeDiscontinuity:
		switch {
		case d.Linear:
			return linesLook
		case d.Window == 0:
			return naiveLook
		}
		return jumpLook
	}
	return chart.Look{}
}

// RuleLook is the colour and style of a learning rule's curves; Auto for one's own.
func RuleLook(r credit.Rule) chart.Look {
	switch {
	case r.Own != nil:
		return chart.Look{}
	case r.Kind == credit.TrueEffectRule:
		return truthLook
	case r.Kind == credit.ReinforceRule:
		return reinforceLook
	case r.Kind == credit.LinearMeansRule:
		return linesLook
	case r.Kind == credit.AlternatingRule && r.Window < 1:
		return publishedLook
	case r.Kind == credit.AlternatingRule:
		return wideLook
	case r.Window == 0:
		return naiveLook
	}
	return jumpLook
}

// Membranes draws potential, drive and spikes of every neuron, one above the
// other, over time.
func Membranes(title string, t *credit.MembraneTrace) chart.Figure {
	f := chart.Figure{Title: title, Columns: 1, ShareX: true}
	time := chart.Axis{Label: "time", Unit: "s", Max: t.Time[len(t.Time)-1]}
	theta := t.Population.Threshold
	for i := range t.Potential {
		spikes := chart.Series{Name: "spike", Kind: chart.Ticks, Color: chart.Black}
		for _, step := range t.Spikes[i] {
			spikes.X, spikes.Y = append(spikes.X, t.Time[step]), append(spikes.Y, 1.25*theta)
		}
		name := fmt.Sprintf("neuron %d, weight %g", i+1, t.Population.Weights[i])
		p := chart.Panel{Title: name, X: time, Y: chart.Axis{Label: "potential, drive"}, Series: []chart.Series{
			{Name: "threshold", Kind: chart.Horizontal, Y: []float64{theta}, Style: chart.Dashed, Color: chart.Grey},
			{Name: "input drive u", Kind: chart.Line, X: t.Time, Y: t.Drive[i], Color: chart.Vermillion},
			{Name: "potential v", Kind: chart.Line, X: t.Time, Y: t.Potential[i], Color: chart.Blue},
		}}
		if spikes.X != nil {
			p.Series = append(p.Series, spikes)
		}
		f.Panels = append(f.Panels, p)
	}
	return f
}

// Effects draws what each estimator finds of each neuron's effect, with its
// standard error, beside the effects themselves, over the noise correlation.
func Effects(title string, r *credit.Compared) chart.Figure {
	f := chart.Figure{Title: title}
	for neuron := range r.Cells[0] {
		x, y := chart.Axis{Label: "noise correlation c"}, chart.Axis{Label: "effect of a spike on the cost"}
		p := chart.Panel{Title: fmt.Sprintf("neuron %d", neuron+1), X: x, Y: y}
		add := func(name string, look chart.Look, of func(credit.ComparisonCell) credit.Summary) {
			c, mean, se := r.ByCorrelation(neuron, of)
			p.Series = append(p.Series, chart.Series{Name: name, Kind: chart.Line, X: c, Y: mean, Error: se, Color: look.Color, Style: look.Style})
		}
		add("true effect, at a random time", chart.Look{Color: chart.Grey, Style: chart.Dashed}, func(c credit.ComparisonCell) credit.Summary { return c.True })
		add("true effect, at its crossing", truthLook, func(c credit.ComparisonCell) credit.Summary { return c.AtCrossing })
		for k, e := range r.Comparison.Estimators {
			add(e.String(), estimatorLook(e), func(c credit.ComparisonCell) credit.Summary { return c.Estimates[k] })
		}
		f.Panels = append(f.Panels, p)
	}
	return f
}

// CostByDrive draws the mean cost in bins of the drive within reach of the
// threshold, with lines fitted within fit of it.
func CostByDrive(title string, s rd.Sample, threshold, reach, within float64) chart.Figure {
	bins, err := rd.Plot(s.X, s.Y, rd.PlotOptions{Cutoff: threshold, H: rd.Both(reach), Bins: [2]int{16, 16}})
	if err != nil {
		return chart.Failed(err)
	}
	lines, err := rd.Plot(s.X, s.Y, rd.PlotOptions{Cutoff: threshold, H: rd.Both(within), Order: 1})
	if err != nil {
		return chart.Failed(err)
	}
	bins.Left.Curve, bins.Right.Curve = lines.Left.Curve, lines.Right.Curve
	return RD(title, chart.Axis{Label: "largest drive U"}, chart.Axis{Label: "mean cost"}, bins)
}

// WindowErrors draws bias, standard deviation and root-mean-square error of
// discontinuity estimators over their windows, for one noise correlation and
// neuron of a comparison; title is every panel's. The truth is the effect at the neuron's own crossing.
func WindowErrors(title string, r *credit.Compared, correlation, neuron int) chart.Figure {
	cell, f := r.Cells[correlation][neuron], chart.Figure{}
	truth := cell.AtCrossing.Mean
	for _, q := range []struct {
		name string
		of   func(k int) float64
	}{
		{"size of the bias", func(k int) float64 { return math.Abs(cell.Estimates[k].Mean - truth) }},
		{"standard deviation", func(k int) float64 { return cell.Estimates[k].SD }},
		{"root-mean-square error", func(k int) float64 { return cell.RMSError(k, truth) }},
	} {
		constant := chart.Series{Name: "constant", Kind: chart.Line, Color: jumpLook.Color}
		linear := chart.Series{Name: "linear", Kind: chart.Line, Color: linesLook.Color, Style: linesLook.Style}
		chosen := chart.Series{Name: "linear, window from the data", Kind: chart.Points, Color: chart.Black}
		for k, e := range r.Comparison.Estimators {
			to := &chosen
			if d, ok := e.(credit.SpikeDiscontinuity); ok && d.Linear {
				to = &linear
			} else if ok {
				to = &constant
			}
			if window := cell.Windows[k].Mean; !math.IsInf(window, 1) { // all blocks have no place on the axis
				to.X, to.Y = append(to.X, window), append(to.Y, q.of(k))
			}
		}
		p := chart.Panel{Title: title, X: chart.Axis{Label: "window p", Log: true}, Y: chart.Axis{Label: q.name}}
		for _, s := range []chart.Series{constant, linear, chosen} {
			if s.X != nil {
				p.Series = append(p.Series, s)
			}
		}
		f.Panels = append(f.Panels, p)
	}
	return f
}

// WeightPaths draws the ways of a pair's weights, a panel for each rule, named
// after title and rule, over contours of the mean cost.
func WeightPaths(title string, field *credit.Field, learned ...credit.Learned) chart.Figure {
	f, least := chart.Figure{Height: 480}, field.Surface.At(field.Optimum[0], field.Optimum[1])
	var under []chart.Series
	for _, times := range []float64{1.5, 3, 6, 12} {
		x, y := field.Surface.Contour(field.Optimum, times*least, 180)
		if !slices.ContainsFunc(y, func(v float64) bool { return !math.IsNaN(v) }) {
			continue // outside the square all the way round
		}
		under = append(under, chart.Series{Name: "mean cost 1.5, 3, 6, 12 × its least", Kind: chart.Line, X: x, Y: y, Gaps: true, Style: chart.Dashed, Color: chart.Grey})
	}
	for _, l := range learned {
		p := chart.Panel{Title: title + ", " + l.Rule.String(), X: chart.Axis{Label: "input weight W₁", Min: 1, Max: 21}, Y: chart.Axis{Label: "input weight W₂", Min: 1, Max: 21}}
		p.Series = append(p.Series, under...)
		for k, t := range l.Trajectories {
			line := chart.Series{Name: l.Rule.String(), Kind: chart.Line, Color: RuleLook(l.Rule).Color, X: []float64{l.Starts[k][0]}, Y: []float64{l.Starts[k][1]}}
			for _, w := range t.Weights {
				line.X, line.Y = append(line.X, w[0]), append(line.Y, w[1])
			}
			p.Series = append(p.Series, line)
		}
		p.Series = append(p.Series, chart.Series{Name: "optimum", Kind: chart.Points, X: field.Optimum[:1], Y: field.Optimum[1:], Color: chart.Black})
		f.Panels = append(f.Panels, p)
	}
	return f
}

// DistanceToOptimum draws how far each rule's weights are from a place over time, as the
// mean ± standard error over starts.
func DistanceToOptimum(title string, optimum []float64, learned ...credit.Learned) chart.Figure {
	var curves []chart.Curve
	for _, l := range learned {
		c := chart.Curve{Name: l.Rule.String(), Color: RuleLook(l.Rule).Color, Style: RuleLook(l.Rule).Style}
		c.X, c.Runs = credit.Follow(l.Trajectories, func(t *credit.Trajectory, k int) float64 { return t.DistanceTo(optimum, k) })
		curves = append(curves, c)
	}
	return chart.Curves(title, chart.Axis{Label: "time", Unit: "s"}, chart.Axis{Label: "distance to the optimum", Max: 8}, curves...)
}

// OneAgainstOthers draws the first neuron's firing rate (solid) and the mean of
// the others' (dotted) over time, by each rule.
func OneAgainstOthers(title string, learned ...credit.Learned) chart.Figure {
	var curves []chart.Curve
	for _, l := range learned {
		color := RuleLook(l.Rule).Color
		one := chart.Curve{Name: l.Rule.String() + ": neuron 1", Color: color}
		one.X, one.Runs = credit.Follow(l.Trajectories, func(t *credit.Trajectory, k int) float64 { return t.Rates[k][0] })
		others := chart.Curve{Name: l.Rule.String() + ": the others", Color: color, Style: chart.Dotted}
		others.X, others.Runs = credit.Follow(l.Trajectories, func(t *credit.Trajectory, k int) float64 {
			var sum float64
			for _, rate := range t.Rates[k][1:] {
				sum += rate
			}
			return sum / float64(len(t.Rates[k])-1)
		})
		curves = append(curves, one, others)
	}
	return chart.Curves(title, chart.Axis{Label: "time", Unit: "s"}, chart.Axis{Label: "firing rate", Unit: "Hz", Max: 25}, curves...)
}

// WeightChanges draws what each rule of a test for experimenters predicts: single
// stimuli on the left, pairs of equal firing rate on the right.
func WeightChanges(title string, r *credit.Predictions) chart.Figure {
	f := chart.Figure{Title: title}
	for _, part := range []struct {
		name string
		of   []credit.StimulusPrediction
	}{{"single stimuli", r.Stimuli}, {"pairs of equal firing rate", r.Pairs}} {
		p := chart.Panel{Title: part.name, X: chart.Axis{Label: "distance of the drive from threshold"}, Y: chart.Axis{Label: "weight change per trial"}}
		for _, rule := range []struct {
			name  string
			color chart.Color
			of    func(credit.StimulusPrediction) credit.CausalEffect
		}{
			{"spike discontinuity", chart.Blue, func(q credit.StimulusPrediction) credit.CausalEffect { return q.Discontinuity }},
			{"rate × reward, means taken off", chart.Ochre, func(q credit.StimulusPrediction) credit.CausalEffect { return q.RateAverage }},
			{"rate × reward", chart.Vermillion, func(q credit.StimulusPrediction) credit.CausalEffect { return q.Rate }},
		} {
			s := chart.Series{Name: rule.name, Kind: chart.Line, Color: rule.color}
			for _, q := range part.of {
				s.X, s.Y, s.Error = append(s.X, q.Distance), append(s.Y, rule.of(q).Mean), append(s.Error, rule.of(q).StdErr)
			}
			p.Series = append(p.Series, s)
		}
		f.Panels = append(f.Panels, p)
	}
	return f
}

// Jumps draws robust estimates of a jump with their 95 % intervals, one at each
// x, and what they should be.
func Jumps(title string, x chart.Axis, at []float64, results []*rd.Result, truth float64) chart.Figure {
	s := chart.Series{Name: "estimate and its 95 % interval", Kind: chart.Points, Color: jumpLook.Color}
	for i, r := range results {
		s.X, s.Y, s.Error = append(s.X, at[i]), append(s.Y, r.Robust.Estimate), append(s.Error, (r.Robust.Hi-r.Robust.Lo)/2)
	}
	want := chart.Series{Name: "truth", Kind: chart.Horizontal, Y: []float64{truth}, Style: truthLook.Style, Color: truthLook.Color}
	return chart.Figure{Title: title, Panels: []chart.Panel{{X: x, Y: chart.Axis{Label: "jump of the cost"}, Series: []chart.Series{want, s}}}}
}
