package figures

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Alignment stands at the mean of what its seeds used, where they used something.
func TestAgainstEffort(t *testing.T) {
	a, b := record(t, rddkit.Experiment{Method: rddkit.KolenPollack}, 3, 60), record(t, rddkit.Experiment{Method: rddkit.KolenPollack, Seed: 1}, 3, 62)
	a.Costs = [][]align.Cost{{{}, {}}, {{}, {Operations: 100}}, {{}, {Operations: 200}}}
	b.Costs = [][]align.Cost{{{}, {}}, {{}, {Operations: 300}}, {{}, {Operations: 400}}}
	f := AgainstEffort(Operations, a, b)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	s := namedSeries(f, 1)["Kolen–Pollack"]
	if fmt.Sprint(s.X, s.Y) != "[200 300] [63 64]" || len(f.Panels) != 3 || f.Panels[0].X.Label != Operations.Axis.Label {
		t.Errorf("%d panels, FC2 at %v: %v", len(f.Panels), s.X, s.Y)
	}
	var bad *invalid.Error
	if err := AgainstEffort(Spikes, a, b).Validate(); !errors.As(err, &bad) {
		t.Errorf("an effort that the method does not make: %v", err)
	}
	if err := AgainstEffort(Operations, record(t, rddkit.Experiment{}, 2, 60)).Validate(); !errors.As(err, &bad) {
		t.Errorf("a record without costs: %v", err)
	}
}

func TestContestIsDrawn(t *testing.T) {
	reached := func(signs ...float64) (of []align.Metrics) {
		for _, s := range signs {
			of = append(of, align.Metrics{SignAlignment: s})
		}
		return of
	}
	one := &align.Course{Seconds: []float64{4, 8}, Spikes: []float64{100, 200}, Reached: [][][]align.Metrics{{reached(50, 60), reached(55, 65)}, {reached(70, 80), reached(75, 85)}}}
	two := &align.Course{Seconds: []float64{4, 8}, Spikes: []float64{300, 400}, Reached: [][][]align.Metrics{{reached(52, 62), reached(57, 67)}, {reached(72, 82), reached(77, 87)}}}
	f := Contest("same spikes", Spikes, []string{"STDWI", "mine"}, one, two)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	s, mine := namedSeries(f, 1)["STDWI"], namedSeries(f, 1)["mine"]
	if want, _ := chart.ParseColor(rddkit.STDWI.Color()); fmt.Sprint(s.X, s.Y) != "[200 300] [56 66]" || s.Color != want || fmt.Sprint(mine.Y) != "[76 86]" {
		t.Errorf("FC2 at %v: %v in %v; mine %v", s.X, s.Y, s.Color, mine.Y)
	}
	headers, rows := ContestTable([]string{"STDWI", "mine"}, one, two)
	if fmt.Sprint(headers, rows) != "[sign alignment, % FC1 FC2] [[STDWI 61.00 ± 1.00 66.00 ± 1.00] [mine 81.00 ± 1.00 86.00 ± 1.00]]" {
		t.Errorf("table %v %v", headers, rows)
	}
	var bad *invalid.Error
	if err := Contest("", Spikes, []string{"STDWI"}, one).Validate(); !errors.As(err, &bad) {
		t.Errorf("a rule without a name: %v", err)
	}
}

func TestCosts(t *testing.T) {
	c := &align.Course{Seconds: []float64{1, 2}, Spikes: []float64{600, 1500},
		Reached: [][][]align.Metrics{{{{SignAlignment: 75}, {SignAlignment: 87.5}}}},
		Layers:  [][]align.Layer{{{In: 20, Out: 10, Forward: make([]float32, 200)}}},
		Seen:    [][]align.Traffic{{{Spikes: 100}, {Spikes: 300}}}}
	f, headers, rows := Costs("costs", []string{"RDD"}, []*align.Course{c}, []*align.Course{c})
	if err := f.Validate(); err != nil || len(f.Panels) != 4 {
		t.Fatalf("%d panels, %v", len(f.Panels), err)
	}
	// 100 signs are known, then 150.
	if got := f.Panels[0].Series[0].Y; !slices.Equal(got, []float64{6, 10}) {
		t.Errorf("%v spikes for each, want 6 and 10", got)
	}
	if got := f.Panels[2].Series[0].Y; !slices.Equal(got, []float64{10, 20}) {
		t.Errorf("%v events for each, want 10 and 20", got)
	}
	if len(rows) != 2 || len(rows[0]) != len(headers) || rows[1][0] != "FC2: 20 to 10" {
		t.Errorf("rows %v under %v", rows, headers)
	}
	climb := Climb("up", []string{"RDD"}, func(rule int, seconds float64) float64 { return 70 + seconds }, c)
	if got := climb.Panels[0].Series; len(got) != 2 || !slices.Equal(got[1].Y, []float64{71, 72}) {
		t.Errorf("series %+v", got)
	}
}
