// Package figures makes figures of what the laboratory measured: records of
// experiments, recordings of spikes, regression discontinuity plots, training
// with feedback that learns. Package chart draws them.
//
// What takes records sorts them into arms, which are told apart by colour, style
// and name; it takes arms of the reader's own making as well:
//
//	figures.SignAlignment(records...).Show()
//	figures.SignAlignment(
//		figures.Arm{Name: "90 s", Records: short},
//		figures.Arm{Name: "180 s", Records: long, Color: chart.Purple},
//	).Show()
//
// Every function returns a [chart.Figure], which a cell can change before it is
// shown; input that cannot be drawn is an error of all its methods.
package figures
