package report

import (
	"strings"
	"testing"
)

func TestEveryClaimOfTheReportIsJudged(t *testing.T) {
	findings, err := OfReport()
	if err != nil {
		t.Fatal(err)
	}
	_, rows, err := Table("R", findings...)
	if err != nil || len(rows) != 15 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, f := range findings {
		t.Log(f.ID, f.Ours, "|", f.Scale, "|", f.Verdict)
		if strings.Contains(f.Ours, "NaN") {
			t.Errorf("%s: %s", f.ID, f.Ours)
		}
	}
}

func TestEveryClaimOfTheTalkIsJudged(t *testing.T) {
	neurons, err := OfNeurons(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	layers, err := OfFeedback(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	findings := append(neurons, layers...)
	_, rows, err := Table("T", findings...)
	if err != nil || len(rows) != 14 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, f := range findings {
		t.Log(f.ID, f.Ours, "|", f.Scale, "|", f.Verdict)
		if strings.Contains(f.Ours, "NaN") {
			t.Errorf("%s: %s", f.ID, f.Ours)
		}
	}
}
