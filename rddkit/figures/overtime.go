package figures

import (
	"fmt"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
)

// OverTime draws the sign alignment of each fully connected layer against the time
// that the neurons were simulated so far, before the epoch's training: with it,
// arms whose epochs have different RDD times can be compared. See [SignAlignment].
func OverTime[S Source](of ...S) chart.Figure {
	arms, err := armsOf(of)
	if err != nil {
		return chart.Failed(err)
	}
	layers := arms[0].layers()
	for _, a := range arms {
		layers = min(layers, a.layers())
	}
	var panels []chart.Figure
	for layer := 1; layer <= layers; layer++ {
		var curves []chart.Curve
		for _, a := range arms {
			c := a.curve(func(r *rddkit.Record) []float64 { return r.SignAlignment(layer) })
			for i := range c.X {
				c.X[i] = a.Records[0].Experiment.RDDTime * (c.X[i] + 1)
			}
			curves = append(curves, c)
		}
		panels = append(panels, chart.Curves(fmt.Sprintf("FC%d", layer), chart.Axis{Label: "simulated so far", Unit: "s"},
			chart.Axis{Label: "sign alignment", Unit: "%"}, curves...))
	}
	f := chart.Grid("Sign alignment against simulated time", columns(layers), panels...)
	f.ShareY = true
	return f
}
