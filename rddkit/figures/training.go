package figures

import (
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/feedback"
)

// trainingLooks are those of records, where methods are the same.
var trainingLooks = map[feedback.Algorithm]chart.Look{
	feedback.FA:             {Color: chart.Vermillion},
	feedback.BP:             {Color: chart.Green},
	feedback.BPAdam:         {Color: chart.Green, Style: chart.Dashed},
	feedback.NPLeastSquares: {Color: chart.Sky},
	feedback.NPGradient:     {Color: chart.Sky, Style: chart.Dashed},
	feedback.Reinforcement:  {Color: chart.RGB(0xaa, 0x44, 0x99)},
}

// TrainingRuns draws one quantity of training runs over the batches, as the mean ±
// standard error over the runs of each method, in the order of
// feedback.Algorithms. The axis counts the batches of a warm-up. Runs that do not have
// the quantity are left out.
func TrainingRuns(title string, runs []*feedback.TrainingCurve, of feedback.Quantity) chart.Figure {
	var curves []chart.Curve
	for _, method := range feedback.Algorithms {
		c := chart.Curve{Name: method.String(), Color: trainingLooks[method].Color, Style: trainingLooks[method].Style}
		for _, run := range runs {
			values := of.Of(run)
			if run.Algorithm != method || values == nil {
				continue
			}
			c.X, c.Runs = run.Seen(), append(c.Runs, values)
		}
		if c.Runs != nil {
			curves = append(curves, c)
		}
	}
	return chart.Curves(title, chart.Axis{Label: "batches of 32 images, warm-up included"}, chart.Axis{Label: of.Label, Unit: of.Unit}, curves...)
}

// Converging is one arm of an experiment on convergence: runs that differ in their
// seed.
type Converging struct {
	Name string
	Runs []*feedback.ConvergenceCurve
}

// Mean is the mean of a quantity over the seeds.
func (c Converging) Mean(of func(*feedback.ConvergenceCurve) []float64) []float64 {
	return feedback.MeanCurve(feedback.Gather(c.Runs, of))
}

// Last is the mean's last value.
func (c Converging) Last(of func(*feedback.ConvergenceCurve) []float64) float64 {
	return rddkit.Last(c.Mean(of))
}

// Slope is that of the mean from so many batches on, as feedback.Slope fits it.
func (c Converging) Slope(of func(*feedback.ConvergenceCurve) []float64, from int) float64 {
	return feedback.Slope(c.Runs[0].Batches, c.Mean(of), from)
}

// ConvergenceCurves draws one quantity of several arms over the batches, as the mean ±
// standard error over the seeds, on doubly logarithmic axes.
func ConvergenceCurves(title, quantity string, of func(*feedback.ConvergenceCurve) []float64, arms ...Converging) chart.Figure {
	var curves []chart.Curve
	for _, a := range arms {
		c := chart.Curve{Name: a.Name, Runs: feedback.Gather(a.Runs, of)}
		for _, b := range a.Runs[0].Batches {
			c.X = append(c.X, float64(b))
		}
		curves = append(curves, c)
	}
	return chart.Curves(title, chart.Axis{Label: "batches of 32 samples", Log: true}, chart.Axis{Label: quantity, Log: true}, curves...)
}

// WithHalfSlope adds the line that theory predicts, of slope −½ on doubly logarithmic
// axes, from a value at the first point on.
func WithHalfSlope(f chart.Figure, from float64) chart.Figure {
	if len(f.Panels) == 0 || len(f.Panels[0].Series) == 0 {
		return f
	}
	x := f.Panels[0].Series[0].X
	line := chart.Series{Name: "slope −1/2", Kind: chart.Line, X: x, Style: chart.Dashed, Color: chart.Grey}
	for _, at := range x {
		line.Y = append(line.Y, from*math.Sqrt(x[0]/at))
	}
	f.Panels[0].Series = append(f.Panels[0].Series, line)
	return f
}

// TwoLearners draws signs that agree (above) and angles to the gradient (below) of two
// learners of one network's feedback weights: regression discontinuity over
// simulated time on the left, node perturbation over images on the right.
func TwoLearners(title string, m *feedback.MeetingCurve) chart.Figure {
	images := make([]float64, len(m.Images))
	for i, n := range m.Images {
		images[i] = float64(n)
	}
	signs := func(s feedback.Symmetry) float64 { return s.SignAgreement }
	angles := func(s feedback.Symmetry) float64 { return s.Angle }
	percent := chart.Axis{Label: "signs that agree", Unit: "%", Min: 40, Max: 100}
	degrees := chart.Axis{Label: "angle to the gradient", Unit: "degrees", Max: 90}
	time, shown := chart.Axis{Label: "simulated time", Unit: "s"}, chart.Axis{Label: "images", Log: true}
	side := func(name string, x chart.Axis, at []float64, layers [][]feedback.Symmetry, of func(feedback.Symmetry) float64, y chart.Axis) chart.Figure {
		var curves []chart.Curve
		for l := range layers {
			c := chart.Curve{Name: fmt.Sprintf("hidden layer %d", l+1), X: at[1:], Runs: [][]float64{nil}}
			for _, s := range layers[l][1:] { // without the start, which a logarithmic axis has no place for
				c.Runs[0] = append(c.Runs[0], of(s))
			}
			curves = append(curves, c)
		}
		return chart.Curves(name, x, y, curves...)
	}
	return chart.Grid(title, 2,
		side("RDD", time, m.Seconds, m.RDD, signs, percent), side("node perturbation", shown, images, m.Perturbation, signs, percent),
		side("RDD", time, m.Seconds, m.RDD, angles, degrees), side("node perturbation", shown, images, m.Perturbation, angles, degrees))
}
