package chart

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit/invalid"
)

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

// Seeded is a curve of a run for each of the seeds 0 to n-1: y(seed, x) at each x;
// NaN is a gap. Auto is the next color of the palette.
func Seeded(name string, color Color, n int, x []float64, y func(seed uint64, x float64) float64) Curve {
	c := Curve{Name: name, X: x, Runs: make([][]float64, max(n, 0)), Color: color, Gaps: true}
	for seed := range c.Runs {
		for _, at := range x {
			c.Runs[seed] = append(c.Runs[seed], y(uint64(seed), at))
		}
	}
	return c
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
