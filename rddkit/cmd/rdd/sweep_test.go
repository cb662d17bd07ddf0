package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// little are flags that make runs short.
var little = []string{"-epochs", "1", "-train-limit", "32", "-test-limit", "16", "-batch-size", "16"}

func TestSweepRunsEveryCombinationOnce(t *testing.T) {
	runs := filepath.Join(t.TempDir(), "runs")
	// FA has no use for the RDD time: 2 of RDD and 1 of FA, times two seeds.
	args := append([]string{"sweep", "-method", "rdd,fa", "-rdd-time", "3,6", "-seeds", "2", "-cores", "2", "-out", runs}, little...)
	code, stdout, stderr := rdd(args...)
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if !strings.HasPrefix(lines[0], "method") || !strings.Contains(lines[0], "rdd-time") || strings.Contains(lines[0], "dataset") {
		t.Errorf("headers %q, want the fields that vary", lines[0])
	}
	if n := strings.Count(stdout, "±"); n != 3*6 {
		t.Errorf("%d means with standard errors, want 6 in each of 3 rows:\n%s", n, stdout)
	}
	folders, err := os.ReadDir(runs)
	if err != nil || len(folders) != 6 {
		t.Fatalf("%d run folders, %v", len(folders), err)
	}
	// Again, it reads what it made.
	code, stdout, _ = rdd(append(args, "-json")...)
	var rows []struct {
		Run        string
		Experiment struct {
			Method string
			Seed   int
		}
		EpochsDone    int       `json:"epochs_done"`
		SignAlignment []float64 `json:"sign_alignment_percent"`
	}
	if err := json.Unmarshal([]byte(stdout), &rows); code != 0 || err != nil || len(rows) != 6 {
		t.Fatalf("JSON: exit code %d, %v\n%s", code, err, stdout)
	}
	for _, r := range rows {
		if r.EpochsDone != 1 || len(r.SignAlignment) != 3 || !strings.HasPrefix(filepath.Base(r.Run), r.Experiment.Method+"-") {
			t.Errorf("row %+v", r)
		}
	}
}

// A data set that cannot be had does not keep the others from being run.
func TestSweepGoesOnWithoutWhatFails(t *testing.T) {
	t.Setenv("RDDKIT_OFFLINE", "1")
	t.Setenv("RDDKIT_DATA", t.TempDir())
	args := append([]string{"sweep", "-dataset", "usps,fashion-mnist-10k", "-method", "fa", "-out", t.TempDir()}, little...)
	code, stdout, stderr := rdd(args...)
	if code == 0 || !strings.Contains(stderr, "fa-usps-") || strings.Count(stdout, "fashion-mnist-10k") != 1 {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestSweepListsWhatItWouldRun(t *testing.T) {
	runs := filepath.Join(t.TempDir(), "runs")
	code, stdout, stderr := rdd("sweep", "-list", "-dataset", "cifar10,usps", "-method", "fa,bp", "-out", runs)
	if code != 0 || strings.Count(stdout, "go run ./rddkit/cmd/rdd train") != 4 {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(runs); err == nil {
		t.Error("a list made a folder")
	}
}
