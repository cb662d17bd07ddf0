package chart

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Trace is what one neuron did over a stretch of time.
type Trace struct {
	Title     string
	Time      []float64 // ms, one per step
	Voltage   []float64 // membrane potential at each step, in units of the threshold's
	Drive     []float64 // input drive at each step; nil for none
	Threshold float64   // spike threshold, in the unit of Voltage
	Spikes    []float64 // spike times, ms; nil for none
}

// VoltageTrace draws a neuron's membrane potential with its threshold and
// spikes, over its input drive.
func VoltageTrace(t Trace) Figure {
	time := Axis{Label: "time", Unit: "ms"}
	if len(t.Time) > 0 && t.Time[0] < t.Time[len(t.Time)-1] {
		time.Min, time.Max = t.Time[0], t.Time[len(t.Time)-1]
	}
	voltage := Panel{X: time, Y: Axis{Label: "membrane potential"}, Height: 1.6, Series: []Series{
		{Name: "spike threshold", Kind: Horizontal, Y: []float64{t.Threshold}, Style: Dashed, Color: Grey},
		{Name: "membrane potential", Kind: Line, X: t.Time, Y: t.Voltage, Color: Blue},
	}}
	if len(t.Spikes) > 0 {
		low, high := t.Threshold, t.Threshold
		for _, v := range t.Voltage {
			low, high = min(low, v), max(high, v)
		}
		above := make([]float64, len(t.Spikes))
		for i := range above {
			above[i] = high + 0.09*(high-low)
		}
		voltage.Series = append(voltage.Series, Series{Name: "spike", Kind: Ticks, X: t.Spikes, Y: above, Color: Black})
	}
	f := Figure{Title: t.Title, Columns: 1, ShareX: true, Panels: []Panel{voltage}}
	if t.Drive != nil {
		f.Panels = append(f.Panels, Panel{X: time, Y: Axis{Label: "input drive"}, Series: []Series{
			{Name: "input drive", Kind: Line, X: t.Time, Y: t.Drive, Color: Vermillion},
		}})
		f.Height = 460
	}
	return f
}

// SpikeRaster draws a stroke at every spike: times[i] holds neuron i's spike
// times in ms.
func SpikeRaster(title string, times [][]float64) Figure {
	spikes := Series{Name: "spike", Kind: Ticks, Color: Black}
	for i, train := range times {
		for _, t := range train {
			spikes.X = append(spikes.X, t)
			spikes.Y = append(spikes.Y, float64(i))
		}
	}
	return Figure{Title: title, Panels: []Panel{{
		X:      Axis{Label: "time", Unit: "ms"},
		Y:      Axis{Label: "neuron", Integer: true, Min: -0.8, Max: float64(len(times)) - 0.2},
		Series: []Series{spikes},
	}}}
}

// Pairs holds the two directions of one layer's synapses: entry k of both is
// the same pair of neurons.
type Pairs struct {
	Name        string    // e.g. "FC1"
	Method      string    // e.g. "RDD", the legend entry
	Feedforward []float64 // weights W
	Feedback    []float64 // weights B, of the synapses the other way
	Color       Color
}

// WeightScatter draws feedback against feedforward weights, a panel for each
// entry, with the correlation and the sign alignment (the percentage of the
// nonzero feedback weights that have their feedforward weight's sign) in its
// title. It is the report's Figure 1(b, c).
func WeightScatter(title string, pairs ...Pairs) Figure {
	f := Figure{Title: title}
	for _, p := range pairs {
		panel := Panel{
			Title: p.Name,
			X:     Axis{Label: "feedforward weight"},
			Y:     Axis{Label: "feedback weight"},
			Series: []Series{
				{Kind: Horizontal, Y: []float64{0}, Color: Grey},
				{Kind: Vertical, X: []float64{0}, Color: Grey},
				{Name: p.Method, Kind: Cloud, X: p.Feedforward, Y: p.Feedback, Color: p.Color},
			},
		}
		if n := len(p.Feedforward); n == len(p.Feedback) && n > 1 {
			r := "–" // if all weights of one direction are equal
			if v := stat.Correlation(p.Feedforward, p.Feedback, nil); !math.IsNaN(v) {
				r = tickLabel(v, 2)
			}
			panel.Title = fmt.Sprintf("%s: r = %s, signs %.1f %%", p.Name, r, signAlignment(p.Feedforward, p.Feedback))
		}
		f.Panels = append(f.Panels, panel)
	}
	return f
}

// signAlignment returns the percentage of the nonzero feedback weights whose
// sign is the feedforward weight's, 0 if all are zero: what package align
// measures.
func signAlignment(forward, feedback []float64) float64 {
	same, nonzero := 0, 0
	for i, b := range feedback {
		if b != 0 {
			nonzero++
			if b > 0 == (forward[i] > 0) && forward[i] != 0 {
				same++
			}
		}
	}
	return 100 * float64(same) / float64(max(nonzero, 1))
}

// Discontinuity is a regression discontinuity design as it is drawn.
type Discontinuity struct {
	Title  string
	X, Y   Axis    // running variable and outcome
	Cutoff float64 // where treatment begins
	// Binned means of the outcome, one entry per bin; SE may be nil.
	BinX, BinMean, BinSE []float64
	// The lines fitted on either side, as points to join; SE, the standard
	// errors of the fit, may be nil.
	Left, Right Fit
	// The observations themselves, drawn faintly behind; nil for none.
	RunningVariable, Outcome []float64
}

// Fit is one fitted curve.
type Fit struct{ X, Y, SE []float64 }

// RDPlot draws an outcome against its running variable: binned means with
// their standard errors, the fits on both sides, and the cutoff between them.
func RDPlot(d Discontinuity) Figure {
	p := Panel{X: d.X, Y: d.Y}
	if d.RunningVariable != nil || d.Outcome != nil {
		p.Series = append(p.Series, Series{Name: "observations", Kind: Cloud, X: d.RunningVariable, Y: d.Outcome, Color: Grey})
	}
	p.Series = append(p.Series,
		Series{Name: "cutoff", Kind: Vertical, X: []float64{d.Cutoff}, Style: Dashed, Color: Black},
		Series{Name: "mean of a bin ± s.e.", Kind: Points, X: d.BinX, Y: d.BinMean, Error: d.BinSE, Color: Black},
		Series{Name: "fit below", Kind: Line, X: d.Left.X, Y: d.Left.Y, Error: d.Left.SE, Color: Vermillion},
		Series{Name: "fit above", Kind: Line, X: d.Right.X, Y: d.Right.Y, Error: d.Right.SE, Color: Blue},
	)
	if d.BinSE == nil {
		p.Series[len(p.Series)-3].Name = "mean of a bin"
	}
	return Figure{Title: d.Title, Panels: []Panel{p}}
}

// Curve is one quantity followed along x in one or more runs.
type Curve struct {
	Name string
	X    []float64   // one per point
	Runs [][]float64 // [run][point], e.g. a run for each seed
	// Gaps allows NaN in Runs: the point is left out of every mean.
	Gaps  bool
	Style Style
	Color Color
}

// Curves draws the mean of each curve's runs with its standard error (the
// sample's s.d. / √runs) as a band; no band for a single run.
func Curves(title string, x, y Axis, curves ...Curve) Figure {
	f := Figure{Title: title, Panels: []Panel{{X: x, Y: y}}}
	for _, c := range curves {
		s, err := c.Series()
		if err != nil {
			f.err = err
			return f
		}
		f.Panels[0].Series = append(f.Panels[0].Series, s)
	}
	return f
}

// Series returns the mean ± standard error over the runs. The error is an
// *invalid.Error if there is no run or one has not as many points as X.
func (c Curve) Series() (Series, error) {
	if len(c.Runs) == 0 {
		return Series{}, invalid.New("runs of the curve "+quote(c.Name), 0, "at least 1")
	}
	for i, run := range c.Runs {
		if len(run) != len(c.X) {
			return Series{}, invalid.Newf(fmt.Sprintf("length of run %d of the curve %s", i, quote(c.Name)), len(run), "%d, that of X", len(c.X))
		}
	}
	s := Series{Name: c.Name, Kind: Line, X: c.X, Y: make([]float64, len(c.X)), Gaps: c.Gaps, Style: c.Style, Color: c.Color}
	if len(c.Runs) > 1 {
		s.Error = make([]float64, len(c.X))
	}
	sample := make([]float64, len(c.Runs))
	for j := range c.X {
		for i, run := range c.Runs {
			sample[i] = run[j]
		}
		if s.Error == nil {
			s.Y[j] = sample[0]
			continue
		}
		mean, sd := stat.MeanStdDev(sample, nil)
		s.Y[j], s.Error[j] = mean, sd/math.Sqrt(float64(len(sample)))
	}
	return s, nil
}

// Grid joins the panels of several figures into one, columns panels in a row. The
// title of a figure with one panel becomes the panel's, if that has none.
func Grid(title string, columns int, figures ...Figure) Figure {
	grid := Figure{Title: title, Columns: columns}
	for _, f := range figures {
		if f.err != nil && grid.err == nil {
			grid.err = f.err
		}
		grid.Panels = append(grid.Panels, f.Panels...)
		if last := len(grid.Panels) - 1; len(f.Panels) == 1 && f.Panels[0].Title == "" {
			grid.Panels[last].Title = f.Title
		}
	}
	return grid
}
