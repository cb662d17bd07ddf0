package rddkit

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/invalid"
)

func TestTheZeroExperimentIsTheReports(t *testing.T) {
	got, err := Experiment{}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	want := Experiment{
		Dataset: "fashion-mnist-10k", Method: RDD, Epochs: 100, RDDTime: 90, Drive: "accumulating",
		BatchSize: 128, LearningRate: 0.01, Momentum: 0.9, Loss: "double-softmax", Augment: "on",
		Carry: "all", RDDRate: 0.001, Interval: 10, RefractorySteps: 3, Network: "c64k5-c64k5-384-192",
	}
	if got != want {
		t.Errorf("resolved to\n%+v, want\n%+v", got, want)
	}
	if again, err := got.Resolve(); err != nil || again != got {
		t.Errorf("resolving again gave %+v, %v", again, err)
	}
}

func TestBadFieldsAreNamed(t *testing.T) {
	for field, e := range map[string]Experiment{
		"Dataset":      {Dataset: "cifar"},
		"Method":       {Method: "rdd2"},
		"Epochs":       {Epochs: -1},
		"BatchSize":    {BatchSize: 1},
		"LearningRate": {LearningRate: math.NaN()},
		"Momentum":     {Momentum: 1},
		"WeightDecay":  {WeightDecay: -0.1},
		"Loss":         {Loss: "hinge"},
		"Augment":      {Augment: "yes"},
		"TrainLimit":   {TrainLimit: -1},
		"TestLimit":    {TestLimit: -1},

		"TrainEpochs":     {TrainEpochs: -2},
		"RDDEpochs":       {RDDEpochs: -1},
		"Carry":           {Carry: "parameters"},
		"RDDRate":         {RDDRate: -0.001},
		"Interval":        {Interval: math.NaN()},
		"EscapeWidth":     {EscapeWidth: -0.1},
		"RefractorySteps": {RefractorySteps: -3},
		"RDDTime":         {RDDTime: -90},
		"rive":            {Drive: "stale"}, // Drive or drive
	} {
		_, err := e.Resolve()
		var bad *invalid.Error
		if !errors.As(err, &bad) || !strings.Contains(bad.Field, field) {
			t.Errorf("%+v: error %v, want one that names %s", e, err, field)
		}
	}
	for _, e := range []Experiment{{RDDTime: 10}, {RDDTime: 100}, {Interval: 0.0015}, {Method: FeedbackAlignment, Noise: math.NaN()}, {LearningRate: 1e7}} {
		var bad *invalid.Error
		if _, err := e.Resolve(); !errors.As(err, &bad) || strings.Contains(bad.Field, ".") {
			t.Errorf("%+v: error %v, want one that names a field of Experiment", e, err)
		}
	}
	if _, err := (Experiment{Method: FeedbackAlignment, RDDTime: 10}).Resolve(); err != nil {
		t.Errorf("an RDD time that FA has no use for: %v", err)
	}
	for _, e := range []Experiment{{RDDTime: math.Inf(1)}, {RDDTime: math.NaN()}, {RDDTime: 0.0001}, {Momentum: math.NaN()}, {LearningRate: math.Inf(1)}} {
		if _, err := e.Resolve(); err == nil {
			t.Errorf("%+v passed", e)
		}
	}
}

func TestNamesTellExperimentsApart(t *testing.T) {
	name := func(e Experiment) string {
		n, err := e.Name()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	base := Experiment{Method: RDD, Epochs: 5}
	for what, other := range map[string]Experiment{
		"seed":     {Method: RDD, Epochs: 5, Seed: 1},
		"RDD time": {Method: RDD, Epochs: 5, RDDTime: 180},
		"drive":    {Method: RDD, Epochs: 5, Drive: "fresh"},
		"epochs":   {Method: RDD, Epochs: 6},
		"batch":    {Method: RDD, Epochs: 5, BatchSize: 1024},

		"end of training": {Method: RDD, Epochs: 5, TrainEpochs: None},
		"end of RDD":      {Method: RDD, Epochs: 5, RDDEpochs: 1},
		"memory":          {Method: RDD, Epochs: 5, Carry: "driven"},
		"rate":            {Method: RDD, Epochs: 5, RDDRate: 0.01},
		"interval":        {Method: RDD, Epochs: 5, Interval: 5},
		"noise":           {Method: RDD, Epochs: 5, EscapeWidth: 0.1},
		"refractory time": {Method: RDD, Epochs: 5, RefractorySteps: 10},
	} {
		if name(other) == name(base) {
			t.Errorf("another %s has the same name %s", what, name(base))
		}
	}
	if a, b := name(Experiment{Method: FeedbackAlignment}), name(Experiment{Method: FeedbackAlignment, RDDTime: 180}); a != b {
		t.Errorf("the RDD time tells runs of feedback alignment apart: %s, %s", a, b)
	}
	if a, b := name(Experiment{}), name(Experiment{RDDTime: 90, Drive: "accumulating"}); a != b {
		t.Errorf("a default written out changes the name: %s, %s", a, b)
	}
}

// Stored runs must be found again: names do not change with the code.
func TestNamesStay(t *testing.T) {
	for want, e := range map[string]Experiment{
		"rdd-fashion-mnist-10k-d147fc812308-2": {Epochs: 2, TrainLimit: 2560, TestLimit: 500},
		"fa-cifar10-71976f321b84-60":           {Dataset: "cifar10", Method: FeedbackAlignment, Epochs: 60, Carry: "nothing", RDDRate: 0.1, EscapeWidth: 1},
	} {
		if got, err := e.Name(); err != nil || got != want {
			t.Errorf("named %s, %v; want %s", got, err, want)
		}
	}
}

func TestEveryFieldIsAFlag(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Experiment{
			Dataset: "usps", Method: FuzzyRDD, Drive: "fresh", Loss: "softmax", Augment: "off",
			Epochs:       rapid.IntRange(1, 999).Draw(t, "epochs"),
			Seed:         rapid.Uint64().Draw(t, "seed"),
			RDDTime:      90 * float64(rapid.IntRange(1, 9).Draw(t, "nineties")),
			BatchSize:    rapid.IntRange(2, 2048).Draw(t, "batch size"),
			LearningRate: rapid.Float64Range(1e-6, 1).Draw(t, "learning rate"),
			Momentum:     rapid.Float64Range(1e-6, 0.999).Draw(t, "momentum"),
			WeightDecay:  rapid.Float64Range(0, 0.5).Draw(t, "weight decay"),
			TrainLimit:   rapid.IntRange(0, 99).Draw(t, "train limit"),
			TestLimit:    rapid.IntRange(0, 99).Draw(t, "test limit"),

			TrainEpochs: rapid.IntRange(None, 9).Draw(t, "train epochs"), RDDEpochs: rapid.IntRange(0, 9).Draw(t, "RDD epochs"),
			Carry: "nothing", RDDRate: 0.002, Interval: 5, EscapeWidth: 0.3, RefractorySteps: 7,
		}
		// The flags whose defaults are want print want; reading them back gives it.
		var args []string
		set := flag.NewFlagSet("", flag.ContinueOnError)
		copied := want
		copied.Flags(set)
		set.VisitAll(func(f *flag.Flag) { args = append(args, "-"+f.Name+"="+f.Value.String()) })
		if len(args) != reflect.TypeFor[Experiment]().NumField() {
			t.Fatalf("%d flags for %d fields", len(args), reflect.TypeFor[Experiment]().NumField())
		}
		var got Experiment
		set = flag.NewFlagSet("", flag.ContinueOnError)
		set.SetOutput(io.Discard)
		got.Flags(set)
		if err := set.Parse(args); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("flags %v gave\n%+v, want\n%+v", args, got, want)
		}
	})
}

func ExampleExperiment_Resolve() {
	_, err := Experiment{Loss: "hebb"}.Resolve()
	fmt.Println(err)
	// Output: Loss is "hebb": want double-softmax or softmax
}

func TestMethodsAndSeeds(t *testing.T) {
	all := Seeds(2, Experiment{Epochs: 3, Seed: 4}.With(RDD, FeedbackAlignment)...)
	var got []string
	for _, e := range all {
		got = append(got, fmt.Sprint(string(e.Method), e.Seed, e.Epochs))
	}
	if want := []string{"rdd4 3", "rdd5 3", "fa4 3", "fa5 3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Seeds(-1, all...); len(got) != 0 {
		t.Errorf("%d experiments of no seeds", len(got))
	}
}
