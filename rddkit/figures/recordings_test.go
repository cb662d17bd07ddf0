package figures

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/rd"
	"github.com/weightalign/lab/rddkit/spike"
)

func TestAFigureOfARecording(t *testing.T) {
	// Input counts that make neuron 0 fire and leave neuron 1 silent.
	const steps = 60
	counts := make([]uint8, steps*2)
	for step := range 20 {
		counts[2*step] = 2
	}
	net := &spike.Network{Sizes: []int{2, 1}, Weights: [][]float64{{1, 1}}}
	r, err := spike.Record(context.Background(), net, steps, spike.NewRecordedInput([][]uint8{counts}))
	if err != nil {
		t.Fatal(err)
	}
	fired := 0
	for step := range steps {
		fired += int(r.Spikes[0][2*step])
	}
	if fired == 0 {
		t.Fatal("the driven neuron did not fire")
	}
	for figure, want := range map[*chart.Figure]int{new(Neuron(r, 0, 0, 0, steps)): fired, new(Raster("", r, 0)): fired, new(Neuron(r, 0, 1, 0, steps)): 0} {
		table, err := figure.TSV()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(table, "\tspike\t"); got != want {
			t.Errorf("%d spikes drawn, want %d:\n%s", got, want, table)
		}
	}
	for _, bad := range []chart.Figure{Neuron(r, 2, 0, 0, 9), Neuron(r, 0, 2, 0, 9), Neuron(r, 0, 0, 9, 9), Raster("", r, -1)} {
		if bad.Validate() == nil {
			t.Error("a figure of what is not in the recording")
		}
	}
}

func TestRDDrawsSingleObservationsWithoutABar(t *testing.T) {
	figure := RD("", chart.Axis{Label: "x"}, chart.Axis{Label: "y"}, &rd.PlotData{
		Left:  rd.PlotSide{Bins: []rd.Bin{{N: 1, X: -1.5, Y: 7, StdErr: math.NaN()}, {N: 4, X: -0.5, Y: 1, StdErr: 0.1}}, Curve: []rd.Point{{X: -1, Y: 1}, {X: 0, Y: 1}}},
		Right: rd.PlotSide{Bins: []rd.Bin{{N: 4, X: 0.5, Y: 2, StdErr: 0.1}}, Curve: []rd.Point{{X: 0, Y: 2}, {X: 1, Y: 2}}},
	})
	table, err := figure.TSV()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table, "\t-1.5\t7\t\n") {
		t.Errorf("the bin of a single observation is not drawn, or with an error:\n%s", table)
	}
	for what, draw := range map[string]func() ([]byte, error){"picture": figure.PNG, "drawing": figure.SVG, "interactive twin": figure.Option} {
		if _, err := draw(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
