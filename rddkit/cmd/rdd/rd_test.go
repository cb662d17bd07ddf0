package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fixtures = "../../rd/testdata/"

func TestRDPrintsTheTableAndDrawsThePicture(t *testing.T) {
	out := filepath.Join(t.TempDir(), "pictures", "jump")
	code, stdout, stderr := rdd("rd", "-check", "-honest", "-effect", "7", "-plot", out, fixtures+"rd/senate.csv")
	if code != 0 {
		t.Fatal(code, stderr)
	}
	for _, part := range []string{
		"Effective N               360          323\n", "Robust                  7.507      1.741     4.311   <0.001   [4.094, 10.919]\n",
		"Honest intervals", "Density of x continuous", "placebo cutoff", "An effect of 7 is found",
	} {
		if !strings.Contains(stdout, part) {
			t.Errorf("no %q in\n%s", part, stdout)
		}
	}
	for _, ending := range []string{".png", ".svg", ".html", ".tsv"} {
		if info, err := os.Stat(out + ending); err != nil || info.Size() == 0 {
			t.Error(ending, err)
		}
	}
}

func TestRDReadsColumnsAndOptions(t *testing.T) {
	neurons := fixtures + "rd_more/d28_neurons.csv"
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-d", "d", fixtures + "rd/fuzzy.csv"}, "Anderson-Rubin"},
		{[]string{"-cluster", "cl", "-bandwidth", "0.4", neurons}, "0.08764"}, // statsmodels' clustered standard error
		{[]string{"-covariates", "z", "-weights", "w", "-selector", "cerrd", "-kernel", "uniform", neurons}, "bandwidth cerrd"},
		{[]string{"-donut", "0.01,0.02", "-derivative", "1", "-order", "2", neurons}, "Without points nearer than 0.01, 0.02"},
		{[]string{"-window", "-0.75,0.75", fixtures + "rd/senate.csv"}, "Permutations: p"},
		{[]string{"-unit", "cl", "-bandwidth", "0.9", neurons}, "Equal effects"},
	} {
		code, stdout, stderr := rdd(append([]string{"rd"}, c.args...)...)
		if code != 0 || !strings.Contains(stdout, c.says) {
			t.Errorf("rdd rd %v: exit code %d, %s%s; want %q", c.args, code, stdout, stderr, c.says)
		}
	}
}

func TestRDNamesWhatIsWrong(t *testing.T) {
	senate := fixtures + "rd/senate.csv"
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "FILE.csv"},
		{[]string{senate, senate}, "one file"},
		{[]string{"nowhere.csv"}, "nowhere.csv"},
		{[]string{"-x", "volt", senate}, `column X is "volt"`},
		{[]string{"-kernel", "gaussian", senate}, "triangular"},
		{[]string{"-bandwidth", "1,2,3", senate}, "-bandwidth"},
		{[]string{"-bandwidth", "-1", senate}, "H is"},
		{[]string{"-cutoffs", "c", senate}, "-unit"},
		{[]string{"-unit", "x", "-check", senate}, "-check"},
		{[]string{"-cutoff", "1000", senate}, "points on the right"},
		{[]string{"-effect", "1", "-power", "80", senate}, "power"},
	} {
		code, stdout, stderr := rdd(append([]string{"rd"}, c.args...)...)
		if code != 2 || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("rdd rd %v: exit code %d, %q, %q; want 2 and %q", c.args, code, stdout, stderr, c.says)
		}
	}
}
