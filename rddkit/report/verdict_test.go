package report

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
)

func TestVerdictsFollowTheNumbers(t *testing.T) {
	of := func(mean, se float64) rddkit.Estimate {
		return rddkit.Estimate{Mean: mean, StandardError: se, Seeds: 3}
	}
	one := rddkit.EstimateOf(2) // without a standard error
	none := rddkit.EstimateOf()
	for _, c := range []struct{ got, want Verdict }{
		{Above(of(2, 0.9)), Agrees},
		{Above(of(2, 1.1)), chance},
		{Above(of(-2, 0.9)), DoesNot},
		{Above(one), Agrees},
		{Below(one), DoesNot},
		{Above(none), NotTestable},
		{Near(of(50, 0.1), 51.9, 2), Agrees},
		{Near(of(50, 0.1), 52.1, 2), DoesNot},
		{Near(of(50, 2), 53, 0), Agrees},
		{Near(one, 3, 0), DoesNot},
		{Near(none, 3, 1), NotTestable},
		{All("x", Agrees, Agrees), Agrees},
		{All("x", DoesNot, DoesNot), DoesNot},
		{All("x", Agrees, DoesNot), DependsOn("x")},
		{All("x", Agrees, NotTestable), Agrees},
		{All("x", NotTestable), NotTestable},
		{All("x"), NotTestable},
		{Split("x", Part{"a", Agrees}, Part{"b", Agrees}), Agrees},
		{Split("x", Part{"a", Agrees}, Part{"b", chance}, Part{"c", DoesNot}, Part{"d", Agrees}), DependsOn("x (agrees: a, d; does not: c; within chance: b)")},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestATableHasEveryClaimOnce(t *testing.T) {
	if n := len(Claims()); n != 15+14 {
		t.Errorf("%d claims", n)
	}
	var findings []Finding
	for _, c := range Claims() {
		findings = append(findings, Finding{ID: c.ID, Verdict: Agrees})
	}
	if text, err := Verdicts("T", findings[15:]...); err != nil || strings.Count(text, "\n") != 2+14 || !strings.Contains(text, "| **agrees** | [06](06_learning_feedback.ipynb) |\n") {
		t.Errorf("%v, %s", err, text)
	}
	if _, rows, err := Table("", findings...); err != nil || len(rows) != len(findings) {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	for what, bad := range map[string][]Finding{
		"one is missing":     findings[1:15],
		"one is there twice": append([]Finding{{ID: "R3"}}, findings[:15]...),
		"one of another":     findings[:16],
	} {
		if _, _, err := Table("R", bad...); !errors.As(err, new(*invalid.Error)) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	findings[0].Verdict, findings[1].Verdict, findings[2].Verdict = DoesNot, NotTestable, DependsOn("x")
	if got, want := Count(findings...), "29 claims: 26 agree, 1 depend on something, 1 do not, 1 are not testable here."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheGapIsThatOfSharedSeeds(t *testing.T) {
	run := func(seed uint64, epochs int, last float64) *rddkit.Record {
		r := made(t, fa, epochs)
		r.Experiment.Seed = seed
		for e := range epochs + 1 {
			r.TestError = append(r.TestError, 100-(100-last)*float64(e)/float64(epochs))
		}
		return r
	}
	a := Arms{
		FA:  []*rddkit.Record{run(0, 4, 60), run(1, 4, 60), run(2, 4, 60)},
		RDD: []*rddkit.Record{run(0, 4, 30), run(1, 4, 40)},
		BP:  []*rddkit.Record{run(0, 4, 20), run(1, 2, 60), run(5, 4, 20)},
	}
	seeds, epochs := a.Seeds()
	if len(seeds) != 2 || epochs[0] != 4 || epochs[1] != 2 || Common(a.FA, a.BP) != 2 || Common(a.FA, nil) != 0 {
		t.Errorf("seeds %d of %d epochs", seeds, epochs)
	}
	if got := a.Closed(4, rddkit.TestErrors); got.Seeds != 1 || math.Abs(got.Mean-75) > 1e-9 {
		t.Errorf("%v of %d seeds, want 75 of seed 0", got, got.Seeds)
	}
	// After two epochs: (80-65)/(80-60) and (80-70)/(80-60).
	if got := a.Closed(2, rddkit.TestErrors); got.Seeds != 2 || math.Abs(got.Mean-62.5) > 1e-9 {
		t.Errorf("%v of %d seeds, want 62.5", got, got.Seeds)
	}
	if _, rows := a.Table(2, 4, 5); len(rows) != 2 || rows[0][2] != "80.00 ± 0.00" || rows[1][2] != "60.00" {
		t.Errorf("rows %v", rows)
	}
	if _, rows := Spent(a.FA); len(rows) != 2 || rows[1][1] != 3 || rows[1][2] != 12 {
		t.Errorf("spent %v", rows)
	}
}

func TestFittedNumbersHaveDistances(t *testing.T) {
	_, rows, err := Fitted()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		t.Log(r...)
		if r[4] == "NaN" {
			t.Errorf("no run of %v", r)
		}
	}
}
