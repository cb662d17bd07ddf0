package align

import (
	"errors"
	"reflect"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// counting is a learner as a cell writes one: what is exported is its state.
type counting struct {
	FeedbackAlignment
	Rate   float64
	Calls  int
	Traces [][]float64
	hidden int
}

func TestExportedFieldsAreTheState(t *testing.T) {
	ran := &counting{Rate: 0, Calls: 3, Traces: [][]float64{{1, 2}, {3}}, hidden: 5}
	state, err := MarshalState(ran)
	if err != nil {
		t.Fatal(err)
	}
	made := &counting{Rate: 0.5, Calls: 1, hidden: 7}
	if err := UnmarshalState(made, state); err != nil {
		t.Fatal(err)
	}
	if want := (&counting{Calls: 3, Traces: ran.Traces, hidden: 7}); !reflect.DeepEqual(made, want) {
		t.Errorf("restored %+v, want %+v", made, want)
	}
	before := *made
	if err := UnmarshalState(made, state[:len(state)/2]); !errors.As(err, new(*invalid.Error)) || !reflect.DeepEqual(*made, before) {
		t.Errorf("of half a state: %v, %+v", err, made)
	}
}

func TestLearnersWithoutStateHaveNone(t *testing.T) {
	for _, l := range []Learner{FeedbackAlignment{}, Backprop{}, SignSymmetry{}, &struct{ FeedbackAlignment }{}} {
		state, err := MarshalState(l)
		if err != nil || len(state) > 0 {
			t.Errorf("%T: state %q, %v", l, state, err)
		}
		if err := UnmarshalState(l, nil); err != nil {
			t.Errorf("%T: %v", l, err)
		}
		if err := UnmarshalState(l, []byte{1}); !errors.As(err, new(*invalid.Error)) {
			t.Errorf("%T takes a state that is not empty: %v", l, err)
		}
	}
}
