package figures

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/invalid"
)

func TestArmsAreDrawnUnderTheirNames(t *testing.T) {
	short := rddkit.Experiment{Dataset: "cifar10"}
	long := short
	long.RDDTime = 180
	f := SignAlignment(
		Arm{Name: "90 s", Records: []*rddkit.Record{record(t, short, 3, 60), record(t, short, 2, 64)}},
		Arm{Name: "180 s", Records: []*rddkit.Record{record(t, long, 3, 70)}, Color: chart.Purple, Figure: "Fig. 2", Series: "RDD long"},
	)
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	named := namedSeries(f, 1) // FC2
	if got := named["90 s"]; len(got.Y) != 2 || got.Y[1] != 64 || got.Error[1] != 2 {
		t.Errorf("90 s is %+v, want the mean 64 ± 2 of 62 and 66 in epoch 1", got)
	}
	if got := named["180 s"]; len(got.Y) != 3 || got.Y[0] != 71 || got.Color != chart.Purple {
		t.Errorf("180 s is %+v, want 71, 72, 73 in purple", got)
	}
	if got := named["report, Fig. 2 RDD long"]; len(got.Y) != 3 || got.Style != chart.Reported || got.Color != chart.Purple || got.Y[0] < 76 || got.Y[0] > 77 {
		t.Errorf("the report's curve is %+v, want its first three points from 76.4 in the arm's colour", got)
	}
}

// The report's first training error is after an epoch, ours is before it.
func TestTrainingErrorsOfArms(t *testing.T) {
	f := TrainingError(Arm{Name: "a", Records: []*rddkit.Record{record(t, rddkit.Experiment{Dataset: "cifar10"}, 3, 60)}, Figure: "left", Series: "FA"})
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := namedSeries(f, 0)["report, Fig. 4 left, FA"]; len(got.X) != 3 || got.X[0] != 1 || got.X[2] != 3 || got.Y[0] < 53.9 || got.Y[0] > 54 {
		t.Errorf("the report's curve is %+v, want 53.94 after the first epoch of three", got)
	}
}

func TestArmsThatCannotBeDrawn(t *testing.T) {
	r := []*rddkit.Record{record(t, rddkit.Experiment{}, 2, 60)}
	for what, f := range map[string]chart.Figure{
		"no arms":          SignAlignment[Arm](),
		"an arm of none":   RSelf(Arm{Name: "none"}),
		"no such panel":    TrainingError(Arm{Name: "a", Records: r, Figure: "Fig. 4", Series: "RDD"}),
		"no such a figure": SignAlignment(Arm{Name: "a", Records: r, Figure: "Fig. 9", Series: "RDD"}),
	} {
		var bad *invalid.Error
		if err := f.Validate(); !errors.As(err, &bad) {
			t.Errorf("%s: %v, want an invalid input", what, err)
		}
	}
	if err := RSelf(Arm{Name: "a", Records: r}).Validate(); err != nil {
		t.Error(err)
	}
}

// What a method does not use cannot split an arm: a record of FA that was made
// with another drive than the next is one of the same arm.
func TestUnusedFieldsSplitNoArm(t *testing.T) {
	fa := rddkit.Experiment{Method: rddkit.FeedbackAlignment}
	stale := fa
	stale.Drive, stale.RDDTime, stale.Carry, stale.Seed = "fresh", 180, "nothing", 1
	other := fa
	other.Seed, other.LearningRate = 2, 0.05
	a, b, c := record(t, fa, 2, 50), record(t, stale, 2, 52), record(t, other, 2, 60)
	arms, err := Arms(a, b, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(arms) != 2 || len(arms[0].Records) != 2 || arms[0].Name != "FA, learning-rate 0.01" || arms[1].Name != "FA, learning-rate 0.05" {
		t.Errorf("arms %+v", arms)
	}
	for _, e := range []rddkit.Experiment{fa, stale, other, {}, {Method: rddkit.NodePerturbation, Noise: 0.01}, {Carry: "all", Drive: "accumulating", Momentum: 0.9}} {
		resolved, err := e.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		if e.Normal() != resolved.Normal() {
			t.Errorf("%+v and its resolved form are two arms: %+v and %+v", e, e.Normal(), resolved.Normal())
		}
		one, err := e.Name()
		if err != nil {
			t.Fatal(err)
		}
		if two, err := e.Normal().Name(); err != nil || two != one {
			t.Errorf("%+v is %s, put to normal %s, %v", e, one, two, err)
		}
	}
}

// Each method's first arm has the method's colour; no two arms look alike, not
// even of methods with one colour.
func TestArmsHaveLooksOfTheirOwn(t *testing.T) {
	var records []*rddkit.Record
	for _, m := range rddkit.Methods() {
		for _, rate := range []float64{0.01, 0.02, 0.03, 0.04} {
			records = append(records, record(t, rddkit.Experiment{Method: m, LearningRate: rate}, 2, 50))
		}
	}
	arms, err := armsOf(records)
	if err != nil {
		t.Fatal(err)
	}
	if len(arms) != len(records) {
		t.Fatalf("%d arms of %d records", len(arms), len(records))
	}
	looks := map[chart.Look]string{}
	for i, a := range arms {
		look := chart.Look{Color: a.Color, Style: a.Style}
		if other, ok := looks[look]; ok {
			t.Errorf("%s looks like %s: %v", a.Name, other, look)
		}
		looks[look] = a.Name
		if own := colorOf(a.Records[0]); i%4 == 0 && a.Color != own {
			t.Errorf("%s is %v, want its method's %v", a.Name, a.Color, own)
		}
	}
	// FA, BP and RDD have three of the six colours; the other three go to further
	// arms, and then these are in their methods' colours.
	for i, want := range []chart.Look{{Color: chart.Vermillion}, {Color: chart.Blue}, {Color: chart.Purple}, {Color: chart.Ochre}, {Color: chart.Sky}, {Color: chart.Blue, Style: chart.Dashed}} {
		few := []rddkit.Experiment{{Method: rddkit.FeedbackAlignment}, {}, {LearningRate: 0.02}, {LearningRate: 0.03}, {LearningRate: 0.04}, {LearningRate: 0.05}, {Method: rddkit.Backpropagation}}
		var records []*rddkit.Record
		for _, e := range few {
			records = append(records, record(t, e, 2, 50))
		}
		arms, err := armsOf(records)
		if err != nil {
			t.Fatal(err)
		}
		if got := (chart.Look{Color: arms[i].Color, Style: arms[i].Style}); got != want {
			t.Errorf("%s is %v, want %v", arms[i].Name, got, want)
		}
	}
	if s := namedSeries(SignAlignment(records...), 0); len(s) != len(records) {
		t.Errorf("%d series of %d arms", len(s), len(records))
	}
}

func TestGroupsHaveRowsOfPanels(t *testing.T) {
	r := record(t, rddkit.Experiment{}, 2, 60)
	f := SignAlignment(Arm{Name: "a", Group: "small", Records: []*rddkit.Record{r}}, Arm{Name: "a", Group: "large", Records: []*rddkit.Record{r}})
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(f.Panels) != 6 || f.Columns != 3 || f.Panels[0].Title != "small FC1" || f.Panels[5].Title != "large FC3" {
		t.Errorf("%d panels in rows of %d, the last %q", len(f.Panels), f.Columns, f.Panels[len(f.Panels)-1].Title)
	}
	if f := TrainingError(Arm{Name: "a", Group: "small", Records: []*rddkit.Record{r}}); f.Panels[0].Title != "" || f.Title != "Training error" {
		t.Errorf("a lone panel is titled %q below %q", f.Panels[0].Title, f.Title)
	}
	for n, want := range map[int]int{1: 1, 3: 3, 4: 4, 5: 3, 8: 4, 9: 3} {
		if got := columns(n); got != want {
			t.Errorf("%d layers in rows of %d, want %d", n, got, want)
		}
	}
}

// A shorter record of a run is the beginning of the longer, not another seed.
func TestOneSeedCountsOnce(t *testing.T) {
	e, other := rddkit.Experiment{}, rddkit.Experiment{Seed: 1}
	f := SignAlignment(record(t, e, 2, 60), record(t, other, 4, 64), record(t, e, 4, 60), record(t, e, 3, 60))
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	if s := namedSeries(f, 0)["RDD"]; len(s.Y) != 4 || s.Y[0] != 62 || s.Error[0] != 2 {
		t.Errorf("two seeds of four epochs are %v ± %v", s.Y, s.Error)
	}
}

// A method of one's own has the colour that it was registered with; one that is
// no colour is told.
func TestColoursOfOwnMethods(t *testing.T) {
	own := func(name, color string) rddkit.Method {
		return rddkit.Register(rddkit.Definition[struct{}]{Name: name, Color: color, New: func(struct{}, rddkit.Experiment) (align.Learner, error) {
			return align.FeedbackAlignment{}, nil
		}})
	}
	t.Cleanup(func() { own("blue-ish", "blue") }) // other tests draw all methods
	if f := SignAlignment(record(t, rddkit.Experiment{Method: own("mine", "#123456")}, 2, 60)); f.Validate() != nil || namedSeries(f, 0)["mine"].Color != chart.RGB(0x12, 0x34, 0x56) {
		t.Errorf("series %v, %v", namedSeries(f, 0), f.Validate())
	}
	var bad *invalid.Error
	if err := SignAlignment(record(t, rddkit.Experiment{Method: own("blue-ish", "blu")}, 2, 60)).Validate(); !errors.As(err, &bad) || !strings.Contains(err.Error(), "blue-ish") {
		t.Errorf("error %v", err)
	}
}

var builtIn = rddkit.Methods() // before tests register their own

// No two methods of the laboratory have colours that are hard to tell apart: nearer
// than 20 in CIELAB, where 2.3 is just noticed side by side.
func TestMethodsHaveColoursApart(t *testing.T) {
	lab := func(m rddkit.Method) [3]float64 {
		c, err := chart.ParseColor(m.Color())
		if err != nil {
			t.Fatal(err)
		}
		var light [3]float64 // of red, green and blue, by sRGB
		for i := range light {
			light[i] = math.Pow((float64(c>>(16-8*i)&0xff)/255+0.055)/1.055, 2.4)
		}
		f := func(r, g, b, white float64) float64 { return math.Cbrt((r*light[0] + g*light[1] + b*light[2]) / white) }
		x, y, z := f(0.4124, 0.3576, 0.1805, 0.9505), f(0.2126, 0.7152, 0.0722, 1), f(0.0193, 0.1192, 0.9505, 1.089)
		return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
	}
	for i, a := range builtIn {
		for _, b := range builtIn[:i] {
			p, q := lab(a), lab(b)
			if d := math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2]); d < 20 {
				t.Errorf("%s (%s) and %s (%s) are %.0f apart", a, a.Color(), b, b.Color(), d)
			}
		}
	}
}

func TestSweepHasAnArmForEachMethod(t *testing.T) {
	t.Chdir(t.TempDir()) // no checkout: records go to the cache
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	e := rddkit.Experiment{Network: "5", Epochs: 1, TrainLimit: 20, TestLimit: 10, BatchSize: 10}
	arms, err := Sweep(t.Context(), 2, e, rddkit.FeedbackAlignment, rddkit.Backpropagation)
	if err != nil || len(arms) != 2 {
		t.Fatalf("%d arms, %v", len(arms), err)
	}
	for i, m := range []rddkit.Method{rddkit.FeedbackAlignment, rddkit.Backpropagation} {
		for seed, r := range arms[i].Records {
			if arms[i].Name != m.String() || r.Experiment.Method != m || r.Experiment.Seed != uint64(seed) || len(arms[i].Records) != 2 {
				t.Errorf("%s has %s, seed %d", arms[i].Name, r.Experiment.Method, r.Experiment.Seed)
			}
		}
	}
	e.Epochs = -1
	if _, err := Sweep(t.Context(), 1, e, rddkit.FeedbackAlignment); err == nil {
		t.Error("an experiment that cannot be was carried out")
	}
}
