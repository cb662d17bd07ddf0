package verify

import (
	"fmt"
	"strings"
	"testing"
)

// The fixtures come from rdrobust, rddensity, rdd, rdlocrand, statsmodels and
// independent code; see testdata/rd/README.md.
func TestReplayRD(t *testing.T) {
	rows, err := replayRD("testdata/rd")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if !row.OK() {
			t.Errorf("%s: %s deviation %.3g, tolerance %.3g", row.Quantity, row.Measure, row.Deviation, row.Tolerance)
		}
	}
	t.Logf("%d rows", len(rows))
}

// FuzzParseColumns checks that any text either is an error or gives columns of
// equal length whose values are finite.
func FuzzParseColumns(f *testing.F) {
	f.Add("x,y\n1,2\n")
	f.Add("x,d,y\n1,0,2\nNaN,1,3\n")
	f.Add("y,x\n\"1\",1e999\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		columns, err := parseColumns(strings.NewReader(text), "x", "y")
		if err != nil {
			return
		}
		if len(columns) != 2 || len(columns[0]) != len(columns[1]) {
			t.Fatal(fmt.Sprint("columns of unequal length: ", columns))
		}
		for _, column := range columns {
			for _, v := range column {
				if v-v != 0 {
					t.Fatal(v)
				}
			}
		}
	})
}
