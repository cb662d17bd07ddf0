package verify

import (
	"os"
	"path/filepath"
	"testing"
)

func mustPass(t *testing.T, dir string, rows int) {
	t.Helper()
	report, err := Dir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if report.Kind != "convnet" || len(report.Rows) < rows {
		t.Errorf("%s: kind %q with %d rows, want convnet with at least %d", dir, report.Kind, len(report.Rows), rows)
	}
	worst := Row{}
	for _, row := range report.Rows {
		if !row.OK() {
			t.Errorf("%s: %s deviation %.2g, tolerance %.2g", row.Quantity, row.Measure, row.Deviation, row.Tolerance)
		}
		if row.Tolerance > 0 && row.Deviation/row.Tolerance > worst.Deviation/max(worst.Tolerance, 1e-300) {
			worst = row
		}
	}
	t.Logf("%d rows; nearest to its tolerance: %s, %.2g of %.2g", len(report.Rows), worst.Quantity, worst.Deviation, worst.Tolerance)
}

func TestConvnetFixturesAreMet(t *testing.T) {
	mustPass(t, "testdata/convnet/tiny", 3*(51+45+46+4))
	mustPass(t, "testdata/convnet/weight_decay", 2*(45+46+4))
}

// The whole reference: the same in double precision, and the CIFAR-10 shape.
func TestConvnetReferenceIsMet(t *testing.T) {
	reference := os.Getenv("RDDKIT_REFERENCE")
	if reference == "" {
		t.Skip("RDDKIT_REFERENCE, the folder of the reference numbers, is not set")
	}
	mustPass(t, filepath.Join(reference, "convnet"), 1000)
	mustPass(t, filepath.Join(reference, "convnet", "cifar_shape"), 3*60)
}
