package feedback

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// Theorem 1: in linear and sigmoid networks the weight error of the last hidden
// layer falls as the number of samples to the power −½, and small noise of any
// size gives the same error. Over seeds 0 to 3 and 30 to 3000 batches the fitted
// slopes were −0.496 to −0.480 when this was written.
func TestTheorem1(t *testing.T) {
	for _, activation := range []nn.Activation{nn.Linear, nn.Sigmoid} {
		var last []float64
		for _, noise := range []float64{0.01, 0.1} {
			runs, err := RunAll[*ConvergenceCurve](context.Background(), nil, WithSeeds(4, func(seed uint64) Convergence {
				return Convergence{Sizes: []int{10, 8, 6, 8}, Activation: activation, Batches: 3000, Seed: seed, Learner: align.PerturbationOptions{Noise: noise}}
			})...)
			if err != nil {
				t.Fatal(err)
			}
			errors := MeanCurve(Gather(runs, func(c *ConvergenceCurve) []float64 { return c.WeightError(1) }))
			if slope := Slope(runs[0].Batches, errors, 30); math.Abs(slope+0.5) > 0.1 {
				t.Errorf("activation %d, noise %v: slope %.3f, want −½", activation, noise, slope)
			}
			last = append(last, errors[len(errors)-1])
		}
		if math.Abs(math.Log(last[0]/last[1])) > 0.1 {
			t.Errorf("activation %d: errors %v with noise 0.01 and 0.1", activation, last)
		}
	}
}

// Theorem 2: with errors of full rank and a restart, the lower layer of a linear
// network finds its weights too (0.13 at 30 000 batches in the reference; 0.44 at
// 3000). Where the errors have fewer dimensions than neurons, it does not, yet
// passes the right error on.
func TestTheorem2NeedsErrorsOfFullRank(t *testing.T) {
	if testing.Short() {
		t.Skip("runs 40 000 batches of small networks, some seconds")
	}
	run := func(sizes ...int) ([]float64, []float64) {
		runs, err := RunAll[*ConvergenceCurve](context.Background(), nil, WithSeeds(4, func(seed uint64) Convergence {
			return Convergence{Sizes: sizes, Batches: 5000, Seed: seed, Learner: align.PerturbationOptions{Restart: 1000}}
		})...)
		if err != nil {
			t.Fatal(err)
		}
		return MeanCurve(Gather(runs, func(c *ConvergenceCurve) []float64 { return c.WeightError(0) })),
			MeanCurve(Gather(runs, func(c *ConvergenceCurve) []float64 { return c.Angle(0) }))
	}
	full, fullAngle := run(10, 8, 6, 8)
	narrow, narrowAngle := run(10, 8, 6, 2) // 2 outputs, 6 neurons above
	last := len(full) - 1
	if full[last] > 0.5 || narrow[last] < math.Sqrt(1-2./6) {
		t.Errorf("weight error %.3f with full rank, %.3f with 2 dimensions of 6 (its floor is %.3f)", full[last], narrow[last], math.Sqrt(1-2./6))
	}
	if fullAngle[last] > 6 || narrowAngle[last] > 6 {
		t.Errorf("angles %.1f and %.1f degrees, want both to vanish", fullAngle[last], narrowAngle[last])
	}
}

func TestSlope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		power, factor := rapid.Float64Range(-2, 2).Draw(t, "power"), rapid.Float64Range(0.01, 100).Draw(t, "factor")
		batches := []int{1, 10, 30, 100, 1000}
		errors := make([]float64, len(batches))
		for i, b := range batches {
			errors[i] = factor * math.Pow(float64(b), power)
		}
		errors[0] = 1e9 // before from
		if slope := Slope(batches, errors, 10); math.Abs(slope-power) > 1e-9 {
			t.Errorf("slope %v, want %v", slope, power)
		}
	})
	if !math.IsNaN(Slope([]int{10}, []float64{1}, 0)) {
		t.Error("a line through one point")
	}
}

func TestMeanAngle(t *testing.T) {
	// 90, 0 and 180 degrees; rows of zeros do not count.
	a := []float32{1, 0, 2, 2, 1, 1, 0, 0}
	b := []float32{0, 3, 1, 1, -1, -1, 1, 1}
	if got := align.MeanAngle(a, b, 2); math.Abs(got-90) > 1e-5 {
		t.Errorf("%v degrees, want 90", got)
	}
}

// Results are the same on any number of cores, and differ between seeds.
func TestRunsDoNotDependOnCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []*ConvergenceCurve
	for _, cores := range []int{1, 3} {
		runtime.GOMAXPROCS(cores)
		told := 0
		runs, err := RunAll[*ConvergenceCurve](context.Background(), func(done, total int, _ string) { told = done * 100 / total },
			WithSeeds(3, func(seed uint64) Convergence { return Convergence{Batches: 100, Seed: seed} })...)
		if err != nil {
			t.Fatal(err)
		}
		if told != 100 {
			t.Errorf("progress ended at %d %%", told)
		}
		if first == nil {
			first = runs
		} else if !reflect.DeepEqual(first, runs) {
			t.Error("other bits on other cores")
		}
	}
	if reflect.DeepEqual(first[0], first[1]) {
		t.Error("two seeds, one result")
	}
}

// Every method lowers the test loss of the classifier within 300 batches of the
// embedded images. Direct and learned feedback are ahead of feedback alignment.
func TestClassifierLearnsByEveryMethod(t *testing.T) {
	for _, method := range Algorithms {
		curve, err := Classifier{Training: Training{Algorithm: method, Batches: 300, WarmUp: warmUp(method), TestImages: 500, Records: []int{1}}}.Run(context.Background(), nil)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if !reflect.DeepEqual(curve.Batches, []int{1, 300}) || !(curve.TestLoss[1] < curve.TestLoss[0]) {
			t.Errorf("%s: test losses %v after %v batches", method, curve.TestLoss, curve.Batches)
		}
		if withB := method == FA || method.learnsFeedback(); withB != (curve.Layers != nil) {
			t.Errorf("%s: layers %v", method, curve.Layers)
		}
		if method == NPLeastSquares && curve.Layers[1][1].Angle > 45 {
			t.Errorf("angle %v after 100 batches of warm-up and 300 more", curve.Layers[1][1].Angle)
		}
		if method.String() == "" {
			t.Errorf("%q has no name", string(method))
		}
	}
}

func warmUp(m Algorithm) int {
	if m == NPLeastSquares {
		return 100
	}
	return 0
}

func TestAutoencoderLearns(t *testing.T) {
	for _, method := range []Algorithm{BP, BPAdam, FA, NPGradient} {
		curve, err := Autoencoder{Hidden: []int{20, 2}, Training: Training{Algorithm: method, Batches: 200, TestImages: 100, Records: []int{1}}}.Run(context.Background(), nil)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if curve.Accuracy != nil || !(curve.TestLoss[1] < curve.TestLoss[0]) {
			t.Errorf("%s: test losses %v, accuracy %v", method, curve.TestLoss, curve.Accuracy)
		}
	}
}

// The two learners meet: node perturbation turns the error of the last hidden
// layer into the gradient within 32 000 images; both start where the other did.
func TestMeeting(t *testing.T) {
	curve, err := Meeting{TrainBatches: 200, Seconds: 4, Interval: 2, Batches: 1000}.Run(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(curve.Seconds, []float64{0, 2, 4}) || len(curve.RDD) != 2 || len(curve.RDD[1]) != 3 {
		t.Fatalf("seconds %v, %d layers", curve.Seconds, len(curve.RDD))
	}
	for l := range 2 {
		if curve.RDD[l][0] != curve.Perturbation[l][0] {
			t.Errorf("layer %d starts at %v and at %v", l, curve.RDD[l][0], curve.Perturbation[l][0])
		}
		if curve.RDD[l][0] == curve.RDD[l][2] {
			t.Errorf("layer %d learned nothing from spikes", l)
		}
	}
	if last := len(curve.Images) - 1; curve.Images[last] != 32000 || curve.Perturbation[1][last].Angle > 30 {
		t.Errorf("%v degrees after %d images", curve.Perturbation[1][last].Angle, curve.Images[last])
	}
}

func TestStoredRunsAreReadBack(t *testing.T) {
	dir := t.TempDir()
	for seed := range uint64(2) {
		s := TrainingRun{Task: "classifier", Dataset: "mnist", Hidden: []int{50, 20}}
		s.TrainingCurve = TrainingCurve{Algorithm: NPLeastSquares, Seed: seed, Batches: []int{1, 2}, TestLoss: []float64{3, 2}, Accuracy: []float64{10, 20}}
		if err := s.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := ReadRuns(dir, "classifier", "mnist")
	if err != nil || len(runs) != 2 || runs[1].Seed != 1 || runs[0].Name() != "classifier-mnist-50-20-np-least-squares-seed0.json" || runs[0].TestLoss[1] != 2 {
		t.Errorf("read %+v (%v)", runs, err)
	}
	if _, err := ReadRuns(filepath.Join(dir, "elsewhere"), "classifier", "mnist"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("read a folder that is not there: %v", err)
	}
	for _, damage := range []string{"{", "{}", `{"Method":"hebb","Batches":[1],"TestLoss":[1]}`, `{"Method":"fa","Batches":[1],"TestLoss":[1],"Layers":[[]]}`} {
		if err := os.WriteFile(filepath.Join(dir, "classifier-mnist-50-20-fa-seed0.json"), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		var wrong *invalid.Error
		if _, err := ReadRuns(dir, "classifier", "mnist"); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", damage, err)
		}
	}
}

// Fashion-MNIST has a smaller data set whose name begins like its own, and the
// folder's name is no pattern.
func TestReadTakesOneDataSet(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "what [now]?")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	sets := []string{"fashion-mnist", "fashion-mnist-10k"}
	for _, set := range sets {
		s := TrainingRun{Task: "classifier", Dataset: set, Hidden: []int{50, 20}}
		s.TrainingCurve = TrainingCurve{Algorithm: FA, Batches: []int{1}, TestLoss: []float64{3}}
		if err := s.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, set := range sets {
		runs, err := ReadRuns(dir, "classifier", set)
		if err != nil || len(runs) != 1 || runs[0].Dataset != set {
			t.Errorf("%s: read %+v (%v)", set, runs, err)
		}
	}
}

// silent is an experiment that does not know how long it takes.
type silent struct{}

func (silent) Run(_ context.Context, progress func(done, total int, text string)) (int, error) {
	progress(0, 0, "somewhere")
	return 7, nil
}

// What is told is what is done of a total that is not known, which is 0.
func TestRunsOfUnknownLength(t *testing.T) {
	var told []string
	got, err := RunAll[int](context.Background(), func(done, total int, text string) { told = append(told, fmt.Sprint(done, total, text)) }, silent{}, silent{})
	if err != nil || !reflect.DeepEqual(got, []int{7, 7}) || !reflect.DeepEqual(told, []string{"0 0somewhere", "0 0somewhere"}) {
		t.Errorf("%v (%v), told %q", got, err, told)
	}
}

func TestRunsOfNothing(t *testing.T) {
	for _, n := range []int{0, -1} {
		none := WithSeeds(n, func(seed uint64) Convergence { return Convergence{Seed: seed} })
		if len(none) != 0 {
			t.Errorf("%d copies, want none for %d", len(none), n)
		}
		var wrong *invalid.Error
		if _, err := RunAll[*ConvergenceCurve](context.Background(), nil, none...); !errors.As(err, &wrong) || wrong.Field != "experiments" {
			t.Errorf("a sweep of nothing returned %v", err)
		}
	}
	if mean := MeanCurve(nil); mean != nil {
		t.Errorf("the mean of no runs is %v", mean)
	}
	if mean := MeanCurve([][]float64{{1, 4}, {3, 8}}); !reflect.DeepEqual(mean, []float64{2, 6}) {
		t.Errorf("mean %v, want 2 and 6", mean)
	}
}

func TestBadExperiments(t *testing.T) {
	ctx := context.Background()
	run := func(r any) error {
		var err error
		switch r := r.(type) {
		case Convergence:
			_, err = r.Run(ctx, nil)
		case Classifier:
			_, err = r.Run(ctx, nil)
		case Meeting:
			_, err = r.Run(ctx, nil)
		}
		return err
	}
	for field, experiment := range map[string]any{
		"Sizes":                     Convergence{Sizes: []int{3, 2}},
		"Batches":                   Convergence{Batches: -1},
		"PerturbationOptions.Noise": Convergence{Learner: align.PerturbationOptions{Noise: math.NaN()}},
		"Algorithm":                 Classifier{Training: Training{Algorithm: "hebb"}},
		"WarmUp":                    Classifier{Training: Training{Algorithm: FA, WarmUp: 5}},
		"layers[0].Units":           Classifier{Hidden: []int{0}},
	} {
		var wrong *invalid.Error
		if err := run(experiment); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	for _, bad := range []struct {
		field   string
		meeting Meeting
	}{
		{"Hidden", Meeting{Hidden: []int{}}},
		{"TrainBatches", Meeting{TrainBatches: -1}},
		{"Batches", Meeting{Batches: -3}},
		{"Noise", Meeting{Noise: -0.01}},
		{"Noise", Meeting{Noise: 2000}},
		{"Interval", Meeting{Hidden: []int{30, 20, 10}}}, // 10 s are no multiple of 3 steps
		{"Interval", Meeting{Interval: -1}},
		{"Interval", Meeting{Interval: 0.001}},
		{"Interval", Meeting{Interval: math.Inf(1), Seconds: math.Inf(1)}},
		{"Seconds", Meeting{Interval: 30}},
		{"Seconds", Meeting{Seconds: math.NaN()}},
		{"Seconds", Meeting{Seconds: -10}},
	} {
		var wrong *invalid.Error
		if _, err := bad.meeting.Run(stopped, nil); !errors.As(err, &wrong) || wrong.Field != bad.field {
			t.Errorf("before training, %+v: %v, want an error about %s", bad.meeting, err, bad.field)
		}
	}
	if _, err := (Meeting{Hidden: []int{30, 20, 10}, Seconds: 0.9, Interval: 0.3}).Run(stopped, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("three hidden layers: %v", err)
	}
	if _, err := (Convergence{}).Run(stopped, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run returned %v", err)
	}
}

// Least squares finds the feedforward weights of a linear network's last hidden
// layer; the slope of the error is the theorem's −½.
func ExampleConvergence() {
	curve, err := Convergence{Sizes: []int{10, 8, 6, 8}, Batches: 3000}.Run(context.Background(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	last := len(curve.Batches) - 1
	fmt.Printf("after %d batches the angle to the true gradient is below 5 degrees: %t\n", curve.Batches[last], curve.Angle(1)[last] < 5)
	fmt.Printf("slope near -1/2: %t\n", math.Abs(Slope(curve.Batches, curve.WeightError(1), 30)+0.5) < 0.15)
	// Output:
	// after 3000 batches the angle to the true gradient is below 5 degrees: true
	// slope near -1/2: true
}
