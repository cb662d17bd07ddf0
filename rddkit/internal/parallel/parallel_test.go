package parallel

import (
	"sync/atomic"
	"testing"
)

func TestForCallsEachIndexOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 1000} {
		calls := make([]atomic.Int32, n)
		For(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Errorf("n = %d: index %d was called %d times", n, i, got)
			}
		}
	}
}

func TestForPassesThePanicOn(t *testing.T) {
	defer func() {
		if r := recover(); r != "index 7" {
			t.Errorf("recovered %v, want the panic of index 7", r)
		}
	}()
	For(100, func(i int) {
		if i == 7 {
			panic("index 7")
		}
	})
}
