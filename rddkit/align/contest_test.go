package align

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// Rules of a contest learn what each learns alone, and get better.
func TestContest(t *testing.T) {
	c := Contest{Sizes: []int{30, 20, 10}, Runs: 12, Simulation: SimulationOptions{Time: 4, Drive: spike.Fresh, Seed: 3}, Rules: []RuleOptions{RDDOptions{}, STDWIOptions{}}}
	both, err := c.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c.Rules = c.Rules[1:]
	alone, err := c.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(alone.Reached[0], both.Reached[1]) || !reflect.DeepEqual(alone.Spikes, both.Spikes) {
		t.Error("a rule does another thing beside others")
	}
	if n := len(both.Seconds); n != 12 || both.Seconds[0] != 4 || both.Seconds[11] < 47.9 || both.Spikes[11] < 10*both.Spikes[0] {
		t.Errorf("%d runs, seconds %v, spikes %v", n, both.Seconds, both.Spikes)
	}
	for rule, layers := range both.Reached {
		for layer, reached := range layers {
			if last := reached[11]; last.SignAlignment < 70 || last.Angle > 70 {
				t.Errorf("rule %d, layer %d: %+v after 48 s", rule, layer, last)
			}
		}
	}
	for field, bad := range map[string]Contest{
		"Contest.Runs":  {Sizes: c.Sizes, Rules: c.Rules},
		"Contest.Rules": {Sizes: c.Sizes, Runs: 1},
		"sizes":         {Runs: 1, Rules: c.Rules},
	} {
		var wrong *invalid.Error
		if _, err := bad.Run(context.Background()); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	c.Rules = []RuleOptions{SpikeCountOptions{}, STDWIOptions{Rate: -1}}
	var wrong *invalid.Error
	if _, err := c.Run(context.Background()); !errors.As(err, &wrong) || wrong.Field != "STDWIOptions.Rate" {
		t.Errorf("options that are not allowed: %v", err)
	}
}

// What a contest hands out beside the rules' marks: the layers in the end, the
// given ones untouched, and what each layer showed.
func TestContestOnGivenLayers(t *testing.T) {
	layers, err := Random(1, 30, 20, 10)
	if err != nil {
		t.Fatal(err)
	}
	before := copyFeedback(layers)
	c := Contest{Layers: layers, Runs: 2, Simulation: SimulationOptions{Time: 4, Drive: spike.Fresh, Seed: 2}, Rules: []RuleOptions{RDDOptions{}}}
	course, err := c.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(layers, before) {
		t.Error("the given layers have changed")
	}
	for l, end := range course.Layers[0] {
		if m := Measure(end.Forward, end.Feedback, end.In, end.Out, make([]float64, end.In)); m != course.Reached[0][l][1] {
			t.Errorf("layer %d ends with %+v, want %+v", l, m, course.Reached[0][l][1])
		}
		first, last := course.Seen[l][0], course.Seen[l][1]
		if len(last.Above) != end.Out || floats.Sum(last.Above) <= floats.Sum(first.Above) || last.Spikes <= first.Spikes || last.Crossed <= first.Crossed || last.Missed <= first.Missed {
			t.Errorf("layer %d showed %+v, then %+v", l, first, last)
		}
	}
	lone := Contest{Layers: layers[1:], Runs: 1, Simulation: c.Simulation, Rules: c.Rules}
	if course, err = lone.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if seen := course.Seen[0][0]; math.Abs(seen.Seconds-4) > 1e-9 || seen.Spikes+floats.Sum(seen.Above) != course.Spikes[0] {
		t.Errorf("in %v s %v and %v spikes, want %v together in 4 s", seen.Seconds, seen.Spikes, floats.Sum(seen.Above), course.Spikes[0])
	}
}

func TestCourseKnowsSigns(t *testing.T) {
	c := Course{Reached: [][][]Metrics{{{{SignAlignment: 50}, {SignAlignment: 75}}}}, Layers: [][]Layer{{{Forward: make([]float32, 200)}}}}
	if got := c.Known(0, 0); !slices.Equal(got, []float64{0, 100}) {
		t.Errorf("%v, want [0 100]", got)
	}
	if got := c.Last(0, 0).SignAlignment; got != 75 {
		t.Errorf("%v, want 75", got)
	}
}

func TestTrafficIsStuck(t *testing.T) {
	seen := Traffic{Seconds: 10, Above: []float64{0, 9, 500, 3300}}
	if got := seen.Stuck(spike.Params{}); got != 0.75 {
		t.Errorf("%v, want 0.75", got)
	}
}

// A course begins with what was before, and ends with what was reached.
func TestFollow(t *testing.T) {
	layers, err := Random(1, 12, 8, 4)
	if err != nil {
		t.Fatal(err)
	}
	measure := func(l Layer) Metrics {
		return Measure(l.Forward, l.Feedback, l.In, l.Out, make([]float64, l.In))
	}
	before := measure(layers[0])
	learner, err := NewRDD(RDDOptions{Time: 4, Interval: 1})
	if err != nil {
		t.Fatal(err)
	}
	course, err := Follow(context.Background(), learner, layers)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(course.Seconds, []float64{0, 1, 2, 3, 4}) || len(course.Reached) != 1 || len(course.Reached[0]) != 2 {
		t.Fatalf("seconds %v, %d rules", course.Seconds, len(course.Reached))
	}
	if got := course.Reached[0][0][0]; got != before {
		t.Errorf("before: %+v, want %+v", got, before)
	}
	for i, l := range layers {
		if got, want := course.Reached[0][i][4], measure(l); got != want {
			t.Errorf("layer %d in the end: %+v, want %+v", i, got, want)
		}
	}
	if _, err := Follow(context.Background(), learner, nil); err == nil {
		t.Error("no layers are followed")
	}
}
