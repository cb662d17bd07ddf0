package figures

import (
	"slices"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
)

// Across draws a number of records, such as rddkit.Signs(1).At(-1), against a number
// of their experiments: each point is the mean ± standard error over records that
// differ in their seeds only, and each method has its colour.
func Across(x chart.Axis, at func(rddkit.Experiment) float64, y chart.Axis, of func(*rddkit.Record) float64, records ...*rddkit.Record) chart.Figure {
	arms, err := armsOf(records)
	if err != nil {
		return chart.Failed(err)
	}
	var methods []chart.Series
	for _, a := range arms {
		first := a.Records[0]
		k := slices.IndexFunc(methods, func(s chart.Series) bool { return s.Name == first.Label() })
		if k < 0 {
			k, methods = len(methods), append(methods, chart.Series{Name: first.Label(), Kind: chart.Points, Color: colorOf(first)})
		}
		s, mean := &methods[k], rddkit.Mean(a.Records, of)
		s.X, s.Y, s.Error = append(s.X, at(first.Experiment)), append(s.Y, mean.Mean), append(s.Error, mean.StandardError)
	}
	return chart.Figure{Panels: []chart.Panel{{X: x, Y: y, Series: methods}}}
}
