package jobs

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestJobsToComeAreTakenToBeAsLong(t *testing.T) {
	var got []string
	sum := NewSum(3, func(done, total int, text string) { got = append(got, fmt.Sprint(done, total, text)) })
	a, b := sum.Part(0), sum.Part(1)
	a(0, 0, "fetching")
	a(1, 4, "a")
	b(2, 10, "b")
	a(4, 4, "a")
	if want := []string{"0 0fetching", "1 12a", "3 21b", "6 21a"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("told %q, want %q", got, want)
	}
	NewSum(1, nil).Part(0)(1, 2, "nobody listens")
}

// Whatever the jobs tell, the sum is that of what each told last.
func TestTheSumIsOfTheLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "jobs")
		last, lengths := make([]int, n), make([]int, n)
		var done, total int
		sum := NewSum(n, func(d, t int, _ string) { done, total = d, t })
		for range rapid.IntRange(1, 20).Draw(t, "calls") {
			i := rapid.IntRange(0, n-1).Draw(t, "job")
			lengths[i] = rapid.IntRange(0, 9).Draw(t, "total")
			last[i] = rapid.IntRange(0, lengths[i]).Draw(t, "done")
			sum.Part(i)(last[i], lengths[i], "")
			wantDone, wantTotal, known := 0, 0, 0
			for i := range n {
				wantDone, wantTotal = wantDone+last[i], wantTotal+lengths[i]
				if lengths[i] > 0 {
					known++
				}
			}
			if wantTotal = wantTotal * n / max(known, 1); done != wantDone || total != wantTotal {
				t.Fatalf("%d of %d, want %d of %d", done, total, wantDone, wantTotal)
			}
		}
	})
}

func TestPartsAtOnce(t *testing.T) {
	var done int
	sum := NewSum(8, func(d, _ int, _ string) { done = d })
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 100 {
				sum.Part(i)(k+1, 100, "")
			}
		})
	}
	all.Wait()
	if done != 800 {
		t.Errorf("%d done", done)
	}
}
