package report

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// small makes the simulations short.
var small = size{seeds: 1, starts: gridOfStarts(2), grid: full.grid, learn: 20, ten: 60, batches: 30, rddTime: 3, images: 16, epochs: 1, phases: 1, few: 16, many: 32}

func TestEveryNumberIsComputedAgain(t *testing.T) {
	t.Setenv("RDDKIT_RUNS", t.TempDir())
	last := 0
	numbers, err := recompute(t.Context(), !testing.Short(), nil, small, func(done, total int, _ string) { last = total - done })
	if err != nil || last != 0 {
		t.Fatal(err, last)
	}
	has := map[int]bool{10: true} // of the files
	for _, n := range numbers {
		t.Log(n.Item, n.What, "|", n.Found, "|", n.Now)
		has[n.Item] = true
		if math.IsNaN(n.Now.Mean) || math.IsInf(n.Now.Mean, 0) || n.Now.Seeds == 0 {
			t.Errorf("%d: %s: %v", n.Item, n.What, n.Now)
		}
	}
	for item := 1; item <= 11; item++ {
		if simulated := item == 3 || item == 8 || item == 9; has[item] != (!simulated || !testing.Short()) {
			t.Errorf("item %d has numbers: %t", item, has[item])
		}
	}
}

func TestOnlyWhatIsAskedForIsComputed(t *testing.T) {
	numbers, err := Recompute(t.Context(), false, []int{6, 2}, nil)
	if err != nil || numbers[0].Item != 2 || numbers[len(numbers)-1].Item != 6 {
		t.Errorf("%v, %v", numbers, err)
	}
	if _, err := Recompute(t.Context(), false, []int{1, 12}, nil); !errors.As(err, new(*invalid.Error)) {
		t.Errorf("item 12: error %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Recompute(stopped, true, []int{9}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
}
