package chart

// Discontinuity is a regression discontinuity design as it is drawn.
type Discontinuity struct {
	Title  string
	X, Y   Axis    // running variable and outcome
	Cutoff float64 // where treatment begins
	// Binned means of the outcome, one entry per bin. SE may be nil, and NaN for
	// a bin whose error is not known, such as one of a single observation.
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
