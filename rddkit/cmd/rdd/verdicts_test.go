package main

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/report"
)

func TestVerdictsPrintsWhatWasFoundBesideWhatIsComputed(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("item 10 needs Python")
	}
	code, stdout, stderr := rdd("verdicts", "-items", "6, 10")
	for _, line := range []string{"| item | number | as found by the reader | recomputed | n |", "| 6 | CIFAR-10, test accuracy of DFA, % | 42.9 | ", "| 10 | numbers in the notebooks' prose"} {
		if code != 0 || !strings.Contains(stdout, line) {
			t.Errorf("exit code %d, no %q in\n%s%s", code, line, stdout, stderr)
		}
	}
	if strings.Contains(stdout, "Claims") {
		t.Errorf("claims were not asked for:\n%s", stdout)
	}
	code, stdout, stderr = rdd("verdicts", "-items", "1,2", "-json")
	var v verdicts
	if err := json.Unmarshal([]byte(stdout), &v); code != 0 || err != nil || len(v.Numbers) < 10 || v.Numbers[0].Item != 1 || v.Numbers[0].Found == "" {
		t.Errorf("exit code %d, %v, %s%s", code, err, stdout, stderr)
	}
}

func TestEveryClaimIsPrinted(t *testing.T) {
	v := verdicts{Claims: []judged{{}}}
	for _, c := range report.Claims() {
		v.findings = append(v.findings, report.Finding{ID: c.ID, Verdict: report.Agrees})
	}
	var text strings.Builder
	if err := v.print(&text); err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Claims() {
		if !strings.Contains(text.String(), "| "+c.ID+" |") || !strings.Contains(text.String(), "](notebooks/"+c.Notebook+")") {
			t.Errorf("no %s", c.ID)
		}
	}
	full := errors.New("no space left on device")
	if err := v.print(failing{full}); !errors.Is(err, full) {
		t.Errorf("on a full disk: error %v", err)
	}
}
