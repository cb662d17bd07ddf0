package chart_test

import (
	"fmt"

	"github.com/weightalign/lab/rddkit/chart"
)

// Two seeds of one method, and the table of what is drawn: mean and standard
// error.
func ExampleCurves() {
	figure := chart.Curves("Sign alignment of FC1",
		chart.Axis{Label: "epoch"}, chart.Axis{Label: "sign alignment", Unit: "%", Min: 40, Max: 100},
		chart.Curve{Name: "RDD", X: []float64{0, 1, 2}, Runs: [][]float64{{62, 67, 70}, {64, 69, 72}}})
	table, err := figure.TSV()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(table)
	// Output:
	// # 1	x: epoch	y: sign alignment (%)
	// panel	series	kind	x	y	standard error
	// 1	RDD	line	0	63	1
	// 1	RDD	line	1	68	1
	// 1	RDD	line	2	71	1
}

// A figure refuses data that cannot be drawn, and says which.
func ExampleFigure_Validate() {
	figure := chart.Curves("", chart.Axis{Label: "epoch"}, chart.Axis{Label: "error"},
		chart.Curve{Name: "RDD", X: []float64{0, 1, 2}, Runs: [][]float64{{3, 1}}})
	fmt.Println(figure.Validate())
	// Output:
	// length of run 0 of the curve "RDD" is 2: want 3, that of X
}
