package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBenchmarksKeysAndNoPathOfThisMachine(t *testing.T) {
	b, err := newBenchmark()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Fields("backend convolutions cores rdd_phase_seconds rdd_simulated_seconds rdd_realtime_factor " +
		"rdd_steps_per_second train_images_per_second train_bp_images_per_second eval_images_per_second gemm_gflops train_gflops train_fraction") {
		if _, ok := keys[key]; !ok {
			t.Errorf("no key %s", key)
		}
	}
	backend, convolutions := keys["backend"].(string), keys["convolutions"].(string)
	if backend == "" || strings.Contains(backend, "/") || strings.Contains(backend, "convolutions") || convolutions == "" {
		t.Errorf("backend %q, convolutions %q", backend, convolutions)
	}
}

func TestBenchAndVersionTakeNoArguments(t *testing.T) {
	for _, args := range [][]string{{"bench", "fast", "now"}, {"bench", "-json", "fast", "now"}, {"version", "fast", "now"}} {
		if code, stdout, stderr := rdd(args...); code != 2 || !strings.Contains(stderr, "fast now") || stdout != "" {
			t.Errorf("rdd %s: exit code %d, %q, %q", strings.Join(args, " "), code, stdout, stderr)
		}
	}
	if code, stdout, stderr := rdd("version", "-h"); code != 0 || !strings.Contains(stdout+stderr, "usage: rdd version") || strings.Contains(stdout+stderr, "convolutions:") {
		t.Errorf("rdd version -h: exit code %d, %q", code, stdout+stderr)
	}
}
