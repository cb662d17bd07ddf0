package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The fixtures come from rdrobust, rddensity, rdd, rdlocrand, statsmodels and
// independent code; see testdata/rd/README.md.
func TestReplayRD(t *testing.T) {
	rows, err := replayRD(t.Context(), "testdata/rd")
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

// A fixture that differs anywhere is noticed, and a damaged one is an error.
func TestReplayRDNotices(t *testing.T) {
	for _, c := range []struct {
		file, old, new string
		rows           string // a row that must fail; "" for an error
	}{
		{"senate.json", "7.414130801972355", "7.414150801972355", "senate default estimates"},
		{"senate.json", "[360, 323]", "[360, 324]", "senate default N, unique, effective at h and b"},
		{"fuzzy.json", "1.4835603646018038", "1.4835703646018038", "fuzzy fuzzy_default estimates"},
		{"online.json", "0.09083980256371595", "0.09083980456371595", "online descent raw_g1_window 100 points lines, beta"},
		{"density.json", "-0.8752730140856426", "-0.8752760140856426", "density senate_default robust standard errors, T"},
		{"density.json", "25.84938023262461", "25.84945023262461", "McCrary senate_mccrary_default"},
		{"locrand.json", "0.551515151515152", "0.551525151515152", "local randomisation -0.75 to 0.75 means, s.d., difference, tests"},
		{"senate.json", `"triangular"`, `"gaussian"`, ""},
		{"senate.csv", "x,y", "x,z", ""},
		{"online.csv", "0.47459685", "NaN", ""},
		{"density.json", `"description"`, "description", ""},
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/rd")); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, c.file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := []byte(strings.ReplaceAll(compact(string(text)), compact(c.old), c.new))
		if strings.HasSuffix(c.file, ".csv") {
			changed = []byte(strings.ReplaceAll(string(text), c.old, c.new))
		}
		if err := os.WriteFile(path, changed, 0o644); err != nil {
			t.Fatal(err)
		}
		rows, err := replayRD(t.Context(), dir)
		if (err != nil) != (c.rows == "") {
			t.Errorf("%s with %s: error %v", c.file, c.new, err)
			continue
		}
		noticed := c.rows == ""
		for _, row := range rows {
			noticed = noticed || row.Quantity == c.rows && !row.OK()
		}
		if !noticed {
			t.Errorf("%s with %s: row %q is missing or passes", c.file, c.new, c.rows)
		}
	}
}

// compact leaves out the white space of a JSON text.
func compact(text string) string { return strings.Join(strings.Fields(text), "") }

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
