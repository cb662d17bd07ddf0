package verify

import "testing"

// Three of the small networks, over fewer runs and batches than "rdd verify"
// takes.
func TestReplayFeedbackLearning(t *testing.T) {
	r, err := readRecorded("testdata/feedback", "feedback_learning.json")
	if err != nil {
		t.Fatal(err)
	}
	settings := smallNetworks()
	if len(settings) != 17 {
		t.Errorf("%d settings", len(settings))
	}
	replay := func(name string) []Row {
		var c comparison
		if err := r.smallNetwork(t.Context(), &c, name, settings[name], 6, 300); err != nil {
			t.Fatal(err)
		}
		return c.rows
	}
	for _, name := range []string{"linear_10-8-6-8_0.01", "sigmoid_30-20-20-10_1", "linear_30-20-20-20_0.01_batchsum"} {
		for _, row := range replay(name) {
			if !row.OK() {
				t.Errorf("%s: %s deviation %.3g, tolerance %.3g", row.Quantity, row.Measure, row.Deviation, row.Tolerance)
			}
		}
	}

	// What another noise, one loss change for a whole batch, or a file that lacks
	// a number would give must be noticed.
	settings["linear_10-8-6-8_0.01"] = settings["linear_30-20-20-20_0.01_batchsum"]
	for _, row := range replay("linear_10-8-6-8_0.01") {
		if row.Quantity == "linear_10-8-6-8_0.01 angle, top" && row.OK() {
			t.Errorf("another network passes as %s: %v", row.Quantity, row.Deviation)
		}
	}
	delete(r, "fixed_weights_small.sigmoid_30-20-20-10_1.mean.2.0")
	if rows := replay("sigmoid_30-20-20-10_1"); rows[0].OK() {
		t.Error("a missing number passes")
	}
}
