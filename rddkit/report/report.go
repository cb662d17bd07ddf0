// Package report holds the curves of the 4-page reproducibility report ("COMP6248
// Reproducibility Challenge: Spike-based Causal Inference for Weight
// Alignment"), so that a new run can be laid over them. All are for CIFAR-10.
//
// It also holds every claim of the report and of the talk (Lansdell 2020), as
// [Claims], and judges them by stored runs and by simulations of some seconds:
// [OfReport], [OfNeurons], [OfFeedback]. [Fitted] says which settings were chosen by
// the report's own curves, [GapArms] how much of the way from feedback alignment to
// backpropagation regression discontinuity goes.
//
// The values were read off the report's figures to about a ninth of a pixel
// ([Curve.Uncertainty]); that says nothing of how much a run would vary with
// another seed. Mind when comparing: in the figures of sign alignment and R_self
// epoch e is measured before epoch e trains the weights (for RDD, after its RDD
// phase); in those of the training error it is after epoch e+1 of training. The
// FA curves of Fig. 2 and Fig. 4 middle are a run of other settings. The sign
// alignment of Fig. 2 and the R_self of its RDD run have 95 points for, probably,
// 100 epochs.
package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/weightalign/lab/data"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Quantities that the report's figures show.
const (
	SignAlignmentQuantity = "sign alignment" // percent of weights whose feedback weight has their sign
	RSelfQuantity         = "R_self"         // −trace(B·W) of a layer, no unit
	TrainingErrorQuantity = "training error" // percent
)

// Curve is one curve of one panel.
type Curve struct {
	Figure      string    // "Fig. 1(a)", "Fig. 1(d)", "Fig. 2", "Fig. 3", "Fig. 4"
	Panel       string    // the layer: "FC1", "FC2", "FC3"; in Fig. 4 "left (reproduction)" and so on
	Quantity    string    // one of the constants above
	Unit        string    // "percent" or "dimensionless"
	Series      string    // "FA", "RDD", "RDD long" (twice the RDD time), "Fuzzy RDD"
	Epochs      []float64 // 0, 1, 2, … on the panel's x axis
	Values      []float64 // one per epoch
	Uncertainty float64   // bound on how far Values are from what was drawn, in Unit
}

var curves = sync.OnceValue(func() []Curve {
	var panels []struct {
		Figure, Panel, Quantity, Unit string
		Series                        []struct {
			Name        string
			Values      []float64 `json:"values_every_epoch"`
			Uncertainty float64
		}
	}
	if err := json.Unmarshal(data.ReportFigures, &panels); err != nil {
		panic("report: the embedded figures are damaged: " + err.Error())
	}
	var all []Curve
	for _, p := range panels {
		for _, s := range p.Series {
			c := Curve{Figure: p.Figure, Panel: p.Panel, Quantity: p.Quantity, Unit: p.Unit, Series: s.Name, Values: s.Values, Uncertainty: s.Uncertainty}
			for epoch := range s.Values {
				c.Epochs = append(c.Epochs, float64(epoch))
			}
			all = append(all, c)
		}
	}
	return all
})

// Curves returns every curve of the report, in the order of its figures. The
// slices are the caller's.
func Curves() []Curve {
	all := slices.Clone(curves())
	for i := range all {
		all[i].Epochs, all[i].Values = slices.Clone(all[i].Epochs), slices.Clone(all[i].Values)
	}
	return all
}

// SignAlignment returns a layer's sign alignment per epoch, in percent, for
// example of figure "Fig. 1(a)", layer "FC1", series "RDD". The error is an
// *invalid.Error if the report has no such curve.
func SignAlignment(figure, layer, series string) (Curve, error) {
	return find(SignAlignmentQuantity, figure, layer, series)
}

// RSelf returns a layer's R_self = −trace(B·W) per epoch, for example of figure
// "Fig. 1(d)", layer "FC1", series "RDD". The error is an *invalid.Error if the
// report has no such curve.
func RSelf(figure, layer, series string) (Curve, error) {
	return find(RSelfQuantity, figure, layer, series)
}

// TrainingError returns a training error per epoch, in percent, of Fig. 4: panel
// "left", "middle" or "right". The error is an *invalid.Error if the report has
// no such curve.
func TrainingError(panel, series string) (Curve, error) {
	return find(TrainingErrorQuantity, "Fig. 4", panel, series)
}

func find(quantity, figure, panel, series string) (Curve, error) {
	var has []string
	for _, c := range Curves() {
		if c.Quantity != quantity {
			continue
		}
		if short, _, _ := strings.Cut(c.Panel, " ("); c.Figure == figure && (c.Panel == panel || short == panel) && c.Series == series {
			return c, nil
		}
		has = append(has, fmt.Sprintf("%s %s %s", c.Figure, c.Panel, c.Series))
	}
	return Curve{}, invalid.Newf("curve of "+quantity, fmt.Sprintf("%s %s %s", figure, panel, series), "one of %s", strings.Join(has, ", "))
}
