package align

import (
	"context"
	"slices"
	"testing"
)

// A state from before costs were counted goes on to the same feedback weights.
func TestAStateOfTheFirstFormatGoesOn(t *testing.T) {
	options := RDDOptions{Time: 20, Interval: 10, Seed: 3}
	layers := func() []Layer {
		l := Layer{In: 20, Out: 8, Forward: make([]float32, 160), Feedback: make([]float32, 160)}
		for i := range l.Forward {
			l.Forward[i], l.Feedback[i] = float32(i*i%7)-3, float32(i*i%5)-2
		}
		return []Layer{l}
	}
	first := layers()
	learner, err := NewRDD(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := learner.Learn(context.Background(), first, nil); err != nil {
		t.Fatal(err)
	}
	state, err := learner.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	after := slices.Clone(first[0].Feedback)
	at := len(stateMagic)
	earlier := slices.Concat(firstMagic, state[at:at+8], state[at+32:]) // without seconds, spikes, operations
	again, err := NewRDD(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.UnmarshalBinary(earlier); err != nil {
		t.Fatal(err)
	}
	second := layers()
	copy(second[0].Feedback, after)
	for l, from := range map[*RDD][]Layer{learner: first, again: second} {
		if err := l.Learn(context.Background(), from, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(first[0].Feedback, second[0].Feedback) {
		t.Error("the feedback weights differ")
	}
	if slices.Equal(first[0].Feedback, layers()[0].Feedback) {
		t.Error("nothing was learned")
	}
}
