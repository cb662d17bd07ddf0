package chart

import (
	"fmt"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/internal/invalid"
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
	// the arm's colour as far as the arm goes; empty for none.
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

func ofArms(title string, y Axis, values func(*rddkit.Record, int) []float64, reportOf func(figure, layer, series string) (report.Curve, error), arms []Arm) Figure {
	if len(arms) == 0 {
		return Figure{err: invalid.New("arms", 0, "at least 1")}
	}
	f := Figure{Title: title, Columns: rddkit.Layers}
	for layer := 1; layer <= rddkit.Layers; layer++ {
		name := fmt.Sprintf("FC%d", layer)
		var lines []Curve
		for i, a := range arms {
			if len(a.Records) == 0 {
				return Figure{err: invalid.New(fmt.Sprintf("arms[%d].Records", i), 0, "at least 1")}
			}
			color := a.Color
			if color == Auto {
				color = Color(1 + i%int(Grey))
			}
			ours := arm{name: a.Name, color: color, records: a.Records}.curve(func(r *rddkit.Record) []float64 { return values(r, layer) })
			ours.Style = a.Style
			if a.Figure != "" {
				c, err := reportOf(a.Figure, name, a.Series)
				if err != nil {
					return Figure{err: err}
				}
				line := reported(c, arm{name: fmt.Sprintf("report %s %s", a.Figure, a.Series), color: color}, true, 0, len(ours.X))
				line.Name = fmt.Sprintf("report, %s %s", a.Figure, a.Series)
				lines = append(lines, line)
			}
			lines = append(lines, ours)
		}
		panel := Curves("", Axis{Label: "epoch", Integer: true}, y, behind(lines)...)
		if panel.err != nil {
			return panel
		}
		panel.Panels[0].Title = name
		f.Panels = append(f.Panels, panel.Panels...)
	}
	return f
}
