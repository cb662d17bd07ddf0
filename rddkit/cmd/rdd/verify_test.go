package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/verify"
)

func TestVerifyReplaysWhatIsBelowAFolderAndNamesTheRest(t *testing.T) {
	dir := t.TempDir()
	for _, fixture := range []string{"rd", "lif_rdd/metrics"} {
		if err := os.CopyFS(filepath.Join(dir, fixture), os.DirFS(filepath.Join("../../internal/verify/testdata", fixture))); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(dir, "other")
	if err := os.Mkdir(other, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "numbers.csv"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{dir}, {filepath.Join(dir, "rd", "senate.json"), filepath.Join(dir, "rd", "senate.csv"), filepath.Join(dir, "lif_rdd")}} {
		code, stdout, stderr := rdd(append([]string{"verify"}, args...)...)
		if code != 0 || strings.Count(stdout, " 0 beyond tolerance") != 2 || !strings.Contains(stdout, filepath.Join(dir, "rd")+" (rd)") {
			t.Errorf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
		}
		if strings.Contains(stderr, other) != (len(args) == 1) {
			t.Errorf("%v: stderr %q", args, stderr)
		}
	}
	for _, path := range []string{other, filepath.Join(other, "numbers.csv"), filepath.Join(dir, "nowhere")} {
		if code, stdout, stderr := rdd("verify", dir, path); code != 2 || !strings.Contains(stderr, path) || stdout != "" {
			t.Errorf("%s: exit code %d, %q, %q", path, code, stdout, stderr)
		}
	}
}

func TestVerifyPrintsJSONOfWhatIsNoNumber(t *testing.T) {
	var out bytes.Buffer
	err := printJSON(&out, []verify.Report{{Dir: "d", Rows: []verify.Row{
		{Quantity: "a", Deviation: math.NaN(), Tolerance: 1}, {Quantity: "b", Deviation: math.Inf(1), Tolerance: 1}, {Quantity: "c", Deviation: 0.5, Tolerance: 1},
	}}})
	var reports []struct {
		OK   bool
		Rows []struct {
			Quantity  string
			Deviation *float64
			OK        bool
		}
	}
	if failure := json.Unmarshal(out.Bytes(), &reports); err != nil || failure != nil || len(reports) != 1 || len(reports[0].Rows) != 3 {
		t.Fatalf("%v, %v, %s", err, failure, &out)
	}
	rows := reports[0].Rows
	if reports[0].OK || rows[0].Deviation != nil || rows[0].OK || rows[1].Deviation != nil || rows[1].OK || rows[2].Deviation == nil || *rows[2].Deviation != 0.5 || !rows[2].OK {
		t.Errorf("%s", &out)
	}
}
