package verify

import (
	"os"
	"path/filepath"
	"testing"
)

func mustPassLIF(t *testing.T, dir, kind string, rows int) {
	t.Helper()
	report, err := Dir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if report.Kind != kind || len(report.Rows) < rows {
		t.Errorf("%s: kind %q with %d rows, want %s with at least %d", dir, report.Kind, len(report.Rows), kind, rows)
	}
	for _, row := range report.Rows {
		if !row.OK() {
			t.Errorf("%s: %s deviation %.2g, tolerance %.2g", row.Quantity, row.Measure, row.Deviation, row.Tolerance)
		}
		if testing.Verbose() && row.Measure != "unequal entries" {
			t.Logf("%s: %s deviation %.2g, tolerance %.2g", row.Quantity, row.Measure, row.Deviation, row.Tolerance)
		}
	}
}

func TestLIFFixturesAreMet(t *testing.T) {
	for dir, rows := range map[string]int{"small": 100, "two_epochs": 60, "fuzzy": 30} {
		t.Run(dir, func(t *testing.T) { mustPassLIF(t, filepath.Join("testdata", "lif_rdd", dir), "lif_rdd", rows) })
	}
	mustPassLIF(t, filepath.Join("testdata", "lif_rdd", "metrics"), "lif_rdd metrics", 28)
}

// The network at the report's size.
func TestLIFReferenceIsMet(t *testing.T) {
	reference := os.Getenv("RDDKIT_REFERENCE")
	if reference == "" {
		t.Skip("RDDKIT_REFERENCE, the folder of the reference numbers, is not set")
	}
	mustPassLIF(t, filepath.Join(reference, "lif_rdd", "report_size"), "lif_rdd", 30)
}
