package show_test

import (
	"github.com/weightalign/lab/rddkit/show"
)

func ExampleTable() {
	show.Table(
		[]string{"layer", "FA (%)", "RDD (%)"},
		[][]any{
			{"FC1", 50.7572, 77.5522},
			{"FC2", 57.82, 89.84},
		})
	// Output:
	// layer  FA (%)  RDD (%)
	// FC1     50.76    77.55
	// FC2     57.82    89.84
}

func ExampleMarkdown() {
	show.Markdown("**RDD** aligns the signs of 77.6 % of the weights.")
	show.HTML("<p>Only a notebook shows this.</p>")
	// Output: **RDD** aligns the signs of 77.6 % of the weights.
}
