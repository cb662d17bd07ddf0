package align

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// Rules of a contest learn what each learns alone, and get better.
func TestContest(t *testing.T) {
	rdd := func() (SpikeRule, error) { return NewRDD(RDDOptions{}) }
	stdwi := func() (SpikeRule, error) { return NewSTDWI(STDWIOptions{}) }
	c := Contest{Sizes: []int{30, 20, 10}, Runs: 12, Simulation: SimulationOptions{Time: 4, Drive: spike.Fresh, Seed: 3}, Rules: []func() (SpikeRule, error){rdd, stdwi}}
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
	failure := errors.New("none today")
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
	c.Rules = []func() (SpikeRule, error){func() (SpikeRule, error) { return nil, failure }}
	if _, err := c.Run(context.Background()); !errors.Is(err, failure) {
		t.Errorf("a rule that fails: %v", err)
	}
}
