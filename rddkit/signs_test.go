package rddkit

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Neurons above with the balances that were put into their weights come out in
// order, each with its own share of right signs.
func TestSignsByBalance(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	w := Weights{In: 2000, Out: 9, Forward: make([]float32, 9*2000), Feedback: make([]float32, 9*2000)}
	shares := []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.85, 0.75, 0.65, 0.55} // by balance, from the most negative
	squares := 0.0
	for j := range w.Out {
		rank := (j*5 + 2) % w.Out // neurons are not in the order of their balance
		for i := range w.In {
			v := random.NormFloat64() + 0.2*float64(rank-4)
			sign := 1.0
			if random.Float64() > shares[rank] {
				sign = -1
			}
			w.Forward[j*w.In+i], w.Feedback[i*w.Out+j] = float32(v), float32(sign*v)
			squares += v * v
		}
	}
	scale := math.Sqrt(squares / float64(len(w.Forward)))
	balance, right, err := SignsByBalance(w, w.Out)
	if err != nil {
		t.Fatal(err)
	}
	for k := range balance {
		if want := 0.2 * float64(k-4) / scale; math.Abs(balance[k]-want) > 0.1 || math.Abs(right[k]-100*shares[k]) > 5 {
			t.Errorf("group %d: balance %.3f, %.1f %% right; want %.3f, %.1f %%", k, balance[k], right[k], want, 100*shares[k])
		}
	}
	var bad *invalid.Error
	for _, groups := range []int{0, w.Out + 1} {
		if _, _, err := SignsByBalance(w, groups); !errors.As(err, &bad) {
			t.Errorf("%d groups: %v", groups, err)
		}
	}
}

func ExampleSignsByBalance() {
	// Two neurons below, two above: the first one's weights are balanced.
	w := Weights{In: 2, Out: 2, Forward: []float32{1, -1, 1, 1}, Feedback: []float32{2, -1, -2, 1}}
	balance, right, _ := SignsByBalance(w, 2)
	fmt.Println(balance, right)
	// Output: [0 1] [100 50]
}
