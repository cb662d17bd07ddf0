// Package chart draws figures from results, each one twice from the same data:
// a static picture (PNG, SVG, PDF; gonum/plot), which shows wherever a notebook is
// read, and an interactive twin (Apache ECharts, through go-echarts' option
// types) with values under the pointer, zoom and a legend that switches series
// off and on. A figure also hands out the table of what it drew.
//
// A [Figure] is a value made of [Panel] and [Series]; the ready ones ([Curves],
// [RDPlot], [Grid]) return it, and so does package figures, which makes figures
// of experiments and recordings: a cell can change it before it is shown:
//
//	figure := figures.SignAlignment(records...)
//	figure.Title = "Five seeds"
//	show.Check(figure.Show())
//
// No network is needed: the ECharts library is embedded. A notebook's first
// cell calls [Init], which puts the library into the page once; a page made by
// [Figure.Save] carries it. Where scripts do not run (GitHub's viewer, a
// notebook that is not trusted) the static picture is what shows.
//
// Texts are broken or cut so that panels keep most of their room, and a letter
// that the pictures' font (Liberation Sans) lacks is a box in PNG and PDF, and
// itself in SVG and pages. Marks along axes have as many digits as tell them
// apart. No two names of a figure look alike, see [Next]; every picture carries
// an alternative text ([Figure.Alternative]).
//
// Bad data is not drawn: NaN, infinities, empty series and lengths that do not
// fit are refused by every method with an *invalid.Error that names the
// series. NaN stands for a gap only where [Series.Gaps] says so.
package chart
