package align

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/spike"
)

// Taking out spikes of a neuron whose weight is zero changes nothing: the
// simulation of the neuron above is repeated to the bit but for rounding.
func TestInterventionsRepeatTheSimulation(t *testing.T) {
	layers, err := Random(1, 20, 10)
	if err != nil {
		t.Fatal(err)
	}
	l := layers[0]
	l.Forward[3*20+5] = 0
	effects, err := Interventions(context.Background(), l, spike.Params{}, 1, 60, 3, 0.3)
	if err != nil {
		t.Fatal(err)
	}
	if e := effects; e.Weight[5] != 0 || e.Windows[5] < 100 || e.Mean[5] != 0 || e.StandardError[5] != 0 {
		t.Errorf("weight %g: %g ± %g in %d windows, want no effect in at least 100", e.Weight[5], e.Mean[5], e.StandardError[5], e.Windows[5])
	}
	// A large weight's effect has its sign, by many standard errors.
	best := 0
	for i := range 20 {
		if math.Abs(float64(l.Forward[60+i])) > math.Abs(float64(l.Forward[60+best])) {
			best = i
		}
	}
	mean, sign := effects.Mean[best], math.Copysign(1, effects.Weight[best])
	if sign*mean < 4*effects.StandardError[best] {
		t.Errorf("weight %g: %g ± %g", effects.Weight[best], mean, effects.StandardError[best])
	}
}

func TestInterventionsNameBadInput(t *testing.T) {
	layers, err := Random(1, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for field, call := range map[string]func() error{
		"upper": func() error {
			_, err := Interventions(context.Background(), layers[0], spike.Params{}, 1, 1, 1, 0.1)
			return err
		},
		"near": func() error {
			_, err := Interventions(context.Background(), layers[0], spike.Params{}, 1, 1, 0, 0)
			return err
		},
		"seconds": func() error {
			_, err := Interventions(context.Background(), layers[0], spike.Params{}, 1, 0, 0, 1)
			return err
		},
	} {
		var bad *invalid.Error
		if err := call(); !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// What Record keeps is what Observe reads off the fast simulation.
func TestRecordIsTheRunThatObserveSees(t *testing.T) {
	layers, err := Random(1, 6, 4)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Record(context.Background(), layers[0], spike.Params{}, 5, 4)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Observe(context.Background(), layers[0], spike.Params{}, 5, 4, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, w := range r.Windows[0] {
		if w.Neuron == 2 {
			n++
		}
	}
	if n != len(o.Drive) || n < 20 {
		t.Errorf("%d windows recorded, %d observed", n, len(o.Drive))
	}
	if _, err := Record(context.Background(), layers[0], spike.Params{}, 5, 1e9); err == nil {
		t.Error("more memory than there is was not refused")
	}
}
