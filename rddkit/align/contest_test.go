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
