package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit"
)

// smallRuns makes n records of one small experiment's seeds below dir.
func smallRuns(t testing.TB, dir string, n int) []string {
	t.Helper()
	runner := rddkit.Runner{Dir: dir}
	e := rddkit.Experiment{Method: rddkit.FeedbackAlignment, Epochs: 1, TrainLimit: 16, TestLimit: 8, BatchSize: 16}
	var folders []string
	for _, e := range rddkit.Seeds(n, e) {
		r, err := runner.Run(context.Background(), e)
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, r.Dir)
	}
	return folders
}

// Several runs have joint figures, and each its weights: 20,000 pairs a layer.
func TestFiguresOfSeveralRuns(t *testing.T) {
	dir := t.TempDir()
	runs := smallRuns(t, filepath.Join(dir, "runs"), 2)
	out := filepath.Join(dir, "out")
	code, stdout, stderr := rdd(append([]string{"figures", "-out", out, "-dpi", "96", "-width", "600"}, runs...)...)
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	var names []string
	tables, _ := filepath.Glob(filepath.Join(out, "*.tsv"))
	for _, path := range tables {
		names = append(names, strings.TrimSuffix(filepath.Base(path), ".tsv"))
	}
	want := []string{"r-self", "sign-alignment", "test-error", "training-error", "weights-" + filepath.Base(runs[0]), "weights-" + filepath.Base(runs[1])}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("figures %q, want %q", names, want)
	}
	table, err := os.ReadFile(filepath.Join(out, "weights-"+filepath.Base(runs[1])+".tsv"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(table, []byte("\tcloud\t")); n > 3*rddkit.PairsStored || n <= rddkit.PairsStored {
		t.Errorf("%d pairs in the table of the weights", n)
	}
	file, err := os.ReadFile(filepath.Join(out, "sign-alignment.png"))
	if err != nil {
		t.Fatal(err)
	}
	if size, err := png.DecodeConfig(bytes.NewReader(file)); err != nil || size.Width != 600 {
		t.Errorf("the picture is %d pixels wide, %v; want 600", size.Width, err)
	}
	// A run that is named twice, or lies in two folders, is one run.
	if code, _, stderr := rdd("figures", "-out", out, runs[0], runs[0]); code != 0 {
		t.Errorf("one run twice: exit code %d, %s", code, stderr)
	}
	for _, wrong := range [][]string{{"-dpi", "5"}, {"-width", "5"}} {
		if code, _, stderr := rdd(append(append([]string{"figures", "-out", t.TempDir()}, wrong...), runs...)...); code != 2 {
			t.Errorf("%v: exit code %d, %s", wrong, code, stderr)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := figuresCommand(ctx, append([]string{"-out", t.TempDir()}, runs...), &bytes.Buffer{}, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// BenchmarkFigures draws 100 run folders, and reports the most memory that the
// process had resident (on Linux): it is to stay below 500 MB.
func BenchmarkFigures(b *testing.B) {
	if testing.Short() {
		b.Skip("minutes, for many records")
	}
	dir := b.TempDir()
	args := append([]string{"-out", filepath.Join(dir, "out")}, smallRuns(b, filepath.Join(dir, "runs"), 100)...)
	for b.Loop() {
		if err := figuresCommand(context.Background(), args, &bytes.Buffer{}, os.Stderr); err != nil {
			b.Fatal(err)
		}
	}
	if peak, err := peakMemory(); err == nil {
		b.ReportMetric(peak/1e6, "MB-peak")
	}
}

// peakMemory is the most memory, in bytes, that the process has had.
func peakMemory() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kB, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return 1024 * kB, err
		}
	}
	return 0, fmt.Errorf("no VmHWM")
}
