package verify

import (
	"os"
	"path/filepath"
	"testing"
)

// The recorded means and their errors are those of published models of neurons,
// simulated anew; see testdata/credit/README.md.
func TestReplayCredit(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates days of neurons' time: a minute and a half of one core")
	}
	// rdd verify learns at all three correlations; here the hardest one.
	defer func(all []float64) { learningCorrelations = all }(learningCorrelations)
	learningCorrelations = []float64{0.99}
	rows, err := replayCredit(t.Context(), "testdata/credit")
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

// A number that is wrong, or missing, must be noticed.
func TestReplayCreditCanFail(t *testing.T) {
	var w worst
	w.against([]float64{1, 2, 3}, 2.1, 0.1)
	if w.z > creditZ {
		t.Errorf("a deviation within its error counts as %.2g standard errors", w.z)
	}
	w.against([]float64{1.99, 2, 2.01}, 2.1, 0.01)
	if !(w.z > creditZ) {
		t.Errorf("a deviation of nearly ten standard errors counts as %.2g", w.z)
	}
	w = worst{}
	w.against([]float64{1, 2, 3}, recorded{}.at("missing"), 0.1)
	w.against([]float64{1, 2, 3}, 2, 0.1)
	if !(w.z > creditZ) {
		t.Errorf("a missing number counts as %.2g standard errors", w.z)
	}

	dir := t.TempDir()
	if recognisesCredit(dir) {
		t.Error("an empty folder was taken for the fixture")
	}
	if err := os.WriteFile(filepath.Join(dir, "causal_effect.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	var c comparison
	if err := replayCausalEffect(t.Context(), &c, dir); err == nil {
		t.Error("an empty file passed")
	}
}
