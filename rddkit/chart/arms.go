package chart

import (
	"fmt"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/report"
)

// Arm is one arm of a comparison: records that differ in their seeds only, under
// a name of the reader's choosing, and the report's curve that they should meet.
type Arm struct {
	Name    string
	Records []*rddkit.Record
	Color   Color
	Style   Style
	// Figure and Series name a curve of the report ("Fig. 1(a)", "RDD"), drawn in
	// the arm's colour as far as the arm goes; empty for none. Of training errors
	// Figure is the panel of Fig. 4: "left", "middle" or "right".
	Figure, Series string
}

// SignAlignmentOf draws what [SignAlignment] draws, for arms: mean ± standard
// error over each arm's records.
func SignAlignmentOf(arms ...Arm) Figure {
	return ofArms("Sign alignment of feedback and feedforward weights", Axis{Label: "sign alignment", Unit: "%"}, (*rddkit.Record).SignAlignment, report.SignAlignment, arms)
}

// RSelfOf draws what [RSelf] draws, for arms.
func RSelfOf(arms ...Arm) Figure {
	return ofArms("Weight alignment R_self = −trace(B W)", Axis{Label: "R_self"}, (*rddkit.Record).RSelf, report.RSelf, arms)
}

// TrainingErrorOf draws what [TrainingError] draws, for arms.
func TrainingErrorOf(arms ...Arm) Figure {
	// The report's epoch e is after epoch e+1 of training.
	lines, err := linesOf(arms, 1, func(r *rddkit.Record) []float64 { return r.TrainError }, report.TrainingError)
	if err != nil {
		return Figure{err: err}
	}
	return Grid("Training error", 0, Curves("", Axis{Label: "epochs of training", Integer: true}, Axis{Label: "training error", Unit: "%"}, lines...))
}

func ofArms(title string, y Axis, values func(*rddkit.Record, int) []float64, reportOf func(figure, layer, series string) (report.Curve, error), arms []Arm) Figure {
	f := Figure{Title: title, Columns: rddkit.Layers}
	for layer := 1; layer <= rddkit.Layers; layer++ {
		name := fmt.Sprintf("FC%d", layer)
		lines, err := linesOf(arms, 0, func(r *rddkit.Record) []float64 { return values(r, layer) },
			func(figure, series string) (report.Curve, error) { return reportOf(figure, name, series) })
		if err != nil {
			return Figure{err: err}
		}
		panel := Curves("", Axis{Label: "epoch", Integer: true}, y, lines...)
		if panel.err != nil {
			return panel
		}
		panel.Panels[0].Title = name
		f.Panels = append(f.Panels, panel.Panels...)
	}
	return f
}

// linesOf makes the curves of a panel: each arm's, and behind them the report's,
// shifted along the epochs.
func linesOf(arms []Arm, shift float64, values func(*rddkit.Record) []float64, reportOf func(figure, series string) (report.Curve, error)) ([]Curve, error) {
	if len(arms) == 0 {
		return nil, invalid.New("arms", 0, "at least 1")
	}
	var lines []Curve
	for i, a := range arms {
		if len(a.Records) == 0 {
			return nil, invalid.New(fmt.Sprintf("arms[%d].Records", i), 0, "at least 1")
		}
		color := a.Color
		if color == Auto {
			color = Color(1 + i%int(Grey))
		}
		ours := arm{name: a.Name, color: color, records: a.Records}.curve(values)
		ours.Style = a.Style
		if a.Figure != "" {
			c, err := reportOf(a.Figure, a.Series)
			if err != nil {
				return nil, err
			}
			line := reported(c, arm{color: color}, shift, len(ours.X))
			line.Name = fmt.Sprintf("report, %s %s", a.Figure, a.Series)
			if a.Figure != c.Figure { // a panel
				line.Name = fmt.Sprintf("report, %s %s, %s", c.Figure, a.Figure, a.Series)
			}
			lines = append(lines, line)
		}
		lines = append(lines, ours)
	}
	return behind(lines), nil
}
