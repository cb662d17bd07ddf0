package rd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// neurons with thresholds of their own; effects as given, recorded in the same
// trials, whose common disturbance is shared times the noise.
func neurons(random *rand.Rand, effects []float64, trials, windows int, shared float64) []Unit {
	units := make([]Unit, len(effects))
	for i := range units {
		units[i] = Unit{Name: fmt.Sprint("n", i), Cutoff: float64(10 * i)}
	}
	for trial := range trials {
		common := shared * random.NormFloat64()
		for i := range units {
			u := &units[i]
			for range windows {
				z := 2*random.Float64() - 1
				y := z + random.NormFloat64()
				if z >= 0 {
					y += effects[i] + common
				}
				u.X, u.Y, u.Cluster = append(u.X, u.Cutoff+z), append(u.Y, y), append(u.Cluster, trial)
			}
		}
	}
	return units
}

// Weighted is rdmulti's: the units' estimates by their shares of the points within
// the bandwidths, and for independent units Σ w² Var.
func TestManyByDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 3))
	units := neurons(random, []float64{1, 2, 3}, 30, 60, 0)
	for i := range units {
		units[i].Cluster = nil
	}
	r, err := Many(context.Background(), units, Options{})
	if err != nil {
		t.Fatal(err)
	}
	points, estimate, variance, inverse := 0.0, 0.0, 0.0, 0.0
	var singles []*Result
	for _, u := range units {
		s, err := Sharp(u.X, u.Y, Options{Cutoff: u.Cutoff})
		if err != nil {
			t.Fatal(err)
		}
		singles = append(singles, s)
		points += float64(s.Left.Effective + s.Right.Effective)
		inverse += 1 / (s.Robust.StdErr * s.Robust.StdErr)
	}
	precise, q := 0.0, 0.0
	for i, s := range singles {
		w := float64(s.Left.Effective+s.Right.Effective) / points
		near(t, "weight", r.Units[i].Weight, w)
		estimate += w * s.Conventional.Estimate
		variance += w * w * s.Robust.StdErr * s.Robust.StdErr
		precise += s.Robust.Estimate / (s.Robust.StdErr * s.Robust.StdErr) / inverse
	}
	for _, s := range singles { // Cochran's Q
		q += math.Pow((s.Robust.Estimate-precise)/s.Robust.StdErr, 2)
	}
	near(t, "weighted estimate", r.Weighted.Conventional.Estimate, estimate)
	near(t, "weighted standard error", r.Weighted.Robust.StdErr, math.Sqrt(variance))
	near(t, "by precision", r.Precise.Estimate, precise)
	near(t, "its standard error", r.Precise.StdErr, 1/math.Sqrt(inverse))
	near(t, "equality", r.Equality.Statistic, q)
	if r.Equality.DF != 2 || r.Equality.P > 1e-6 {
		t.Errorf("effects 1, 2, 3: %+v", r.Equality)
	}
	if text := r.String(); !strings.Contains(text, "n2") || !strings.Contains(text, "Pooled") {
		t.Error(text)
	}
}

// Trials that several neurons share make their effects dependent: the interval of
// the mean covers, and the test of equality keeps its level, with clusters.
func TestManyWithSharedTrials(t *testing.T) {
	n := draws(t, 60)
	random := rand.New(rand.NewPCG(9, 9))
	var covered, independent, rejected float64
	for range n {
		units := neurons(random, []float64{1, 1, 1, 1}, 40, 40, 1)
		r, err := Many(context.Background(), units, Options{})
		if err != nil {
			t.Fatal(err)
		}
		covered += covers(r.Weighted.Robust, 1) / float64(n)
		if r.Equality.P < 0.05 {
			rejected += 1 / float64(n)
		}
		for i := range units {
			units[i].Cluster = nil
		}
		if r, err = Many(context.Background(), units, Options{}); err != nil {
			t.Fatal(err)
		}
		independent += covers(r.Weighted.Robust, 1) / float64(n)
	}
	t.Logf("taken for independent: %.3f", independent)
	if independent > 0.88 {
		t.Errorf("without clusters %.3f covers: the design is no test", independent)
	}
	between(t, "weighted, shared trials", covered, n, 0.925, 0.975)
	between(t, "equal effects not rejected", 1-rejected, n, 0.90, 0.97)
}

func TestManyLeavesOutWhatFails(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 3))
	units := neurons(random, []float64{1, 1}, 20, 20, 0)
	units = append(units, Unit{Name: "silent", Cutoff: 0, Sample: Sample{X: []float64{1, 2}, Y: []float64{0, 0}}})
	r, err := Many(context.Background(), units, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Units[2].Err == nil || len(r.Warnings) == 0 || !strings.Contains(r.Warnings[0].Error(), "silent") {
		t.Error(r.Units[2].Err, r.Warnings)
	}
	near(t, "weights", r.Units[0].Weight+r.Units[1].Weight, 1)
	var wrong *invalid.Error
	if _, err := Many(context.Background(), nil, Options{}); !errors.As(err, &wrong) || wrong.Field != "units" {
		t.Error(err)
	}
	if _, err := Many(context.Background(), units[2:], Options{}); err == nil {
		t.Error("no unit was left, and no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Many(ctx, units, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// rdmulti 2.0.0 on three units: weights, the weighted and the pooled effect, robust.
func TestManyAgreesWithRDMulti(t *testing.T) {
	units, _, err := OpenUnits("testdata/many/three_units.csv", Columns{Unit: "unit", Cutoff: "cutoff"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Many(context.Background(), units, Options{})
	if err != nil {
		t.Fatal(err)
	}
	close6 := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6*math.Abs(want)+5e-7 { // printed to six decimals
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	for i, want := range [][4]float64{{0.20588235, 1.215371, 1.299773, 0.065478}, {0.42058824, 2.416992, 2.464856, 0.052271}, {0.37352941, 2.949983, 2.888882, 0.103277}} {
		u := r.Units[i]
		close6("weight", u.Weight, want[0])
		close6("estimate", u.Conventional.Estimate, want[1])
		close6("robust estimate", u.Robust.Estimate, want[2])
		close6("robust variance", u.Robust.StdErr*u.Robust.StdErr, want[3])
	}
	close6("weighted estimate", r.Weighted.Conventional.Estimate, 2.368687)
	close6("weighted robust estimate", r.Weighted.Robust.Estimate, 2.383372)
	close6("weighted robust variance", r.Weighted.Robust.StdErr*r.Weighted.Robust.StdErr, 0.026431)
	close6("pooled estimate", r.Pooled.Conventional.Estimate, 2.237738)
	close6("pooled robust estimate", r.Pooled.Robust.Estimate, 2.237954)
	close6("pooled robust variance", r.Pooled.Robust.StdErr*r.Pooled.Robust.StdErr, 0.027007)
}
