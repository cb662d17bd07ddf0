package rd

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/invalid"
)

// close9 fails unless got is want to 1e-9, relative to scale where that is larger.
func close9(t rapid.TB, what string, got, want, scale float64) {
	t.Helper()
	if d := math.Abs(got - want); !(d <= 1e-9*max(math.Abs(want), scale)) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

// Online estimators, fed in parts that merge, give what Sharp and Fuzzy give with
// the uniform kernel at H = Window: the jump, and its homoskedastic, robust and
// clustered standard errors.
func TestOnlineEqualsBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		window := rapid.Float64Range(0.4, 1.2).Draw(t, "window")
		parts := rapid.IntRange(1, 4).Draw(t, "parts")
		perCluster := rapid.IntRange(5, 60).Draw(t, "points of a cluster")
		level := rapid.SampledFrom([]float64{0, 100, -1e4}).Draw(t, "level of y")
		at := rapid.SampledFrom([]float64{0, -55, 1000}).Draw(t, "cutoff")
		var s Sample
		lines, means, fuzzies := make([]OnlineLeastSquares, parts), make([]OnlineMeans, parts), make([]OnlineFuzzy, parts)
		for i := range parts {
			lines[i] = OnlineLeastSquares{Cutoff: at, Window: window}
			means[i] = OnlineMeans{Cutoff: at, Window: window}
			fuzzies[i] = OnlineFuzzy{Cutoff: at, Window: window}
		}
		clusters := 12 * parts
		for g := range clusters {
			part := g * parts / clusters
			effect := random.NormFloat64()
			for range perCluster {
				x := at + 2*random.Float64() - 1
				d, chance := 0.0, 0.2
				if x >= at {
					chance = 0.9
				}
				if random.Float64() < chance {
					d = 1
				}
				y := level + (x - at) + (2+effect)*d + random.NormFloat64()*(1+math.Abs(x-at))
				s.X, s.D, s.Y, s.Cluster = append(s.X, x), append(s.D, d), append(s.Y, y), append(s.Cluster, g)
				lines[part].Add(x, y)
				means[part].Add(x, y)
				fuzzies[part].Add(x, d, y)
			}
			lines[part].EndCluster()
			fuzzies[part].EndCluster()
		}
		line, mean, fuzzy := &lines[0], &means[0], &fuzzies[0]
		for i := 1; i < parts; i++ {
			if err := errors.Join(line.Merge(&lines[i]), mean.Merge(&means[i]), fuzzy.Merge(&fuzzies[i])); err != nil {
				t.Fatal(err)
			}
		}
		o := Options{Cutoff: at, Kernel: Uniform, H: Both(window), Variance: HC1Pooled}
		plain := Sample{X: s.X, Y: s.Y, D: s.D}
		batch, err := plain.Sharp(o)
		if err != nil {
			t.Fatal(err)
		}
		se := batch.Conventional.StdErr
		close9(t, "jump", line.Jump(), batch.Conventional.Estimate, se)
		robust, err := line.Robust(0)
		if err != nil {
			t.Fatal(err)
		}
		close9(t, "jump from sums", robust.Estimate, batch.Conventional.Estimate, se)
		close9(t, "robust standard error", robust.StdErr, se, 0)
		close9(t, "robust interval", robust.Hi, batch.Conventional.Hi, se)
		ratio, err := plain.Fuzzy(o)
		if err != nil {
			t.Fatal(err)
		}
		robust, err = fuzzy.Robust(0)
		if err != nil {
			t.Fatal(err)
		}
		weak := math.Abs(ratio.FirstStage.Conventional.Z) < 3 // digits are lost in dividing
		if !weak {
			close9(t, "ratio", fuzzy.Effect(), ratio.Conventional.Estimate, ratio.Conventional.StdErr)
			close9(t, "its robust standard error", robust.StdErr, ratio.Conventional.StdErr, 0)
		}
		o.Variance = CR1
		batch, err = s.Sharp(o)
		if err != nil {
			t.Fatal(err)
		}
		clustered, err := line.Clustered(0.9)
		if err != nil {
			t.Fatal(err)
		}
		close9(t, "clustered standard error", clustered.StdErr, batch.Conventional.StdErr, 0)
		if ratio, err = s.Fuzzy(o); err != nil {
			t.Fatal(err)
		}
		if clustered, err = fuzzy.Clustered(0); err != nil {
			t.Fatal(err)
		}
		if !weak {
			close9(t, "ratio's clustered standard error", clustered.StdErr, ratio.Conventional.StdErr, 0)
		}
		o.Variance, o.Order = HC2, LocalConstant
		constant, err := plain.Sharp(o)
		if err != nil {
			t.Fatal(err)
		}
		close9(t, "difference of means", mean.Jump(), constant.Conventional.Estimate, constant.Conventional.StdErr)
		close9(t, "its standard error", mean.StdErr(), constant.Conventional.StdErr, 0) // unequal variances: HC2 is Neyman's
	})
}

// The textbook standard error is that of least squares on (1, T, z, Tz).
func TestOnlineTextbookStdErr(t *testing.T) {
	// On the left y = 0, 1, 0 and on the right 2, 2, 5 at z = ∓3, ∓2, ∓1: lines
	// of slope 0 and 1.5, residuals −1/3, 2/3, −1/3 and 1/2, −1, 1/2.
	var l OnlineLeastSquares
	for i, y := range []float64{0, 1, 0} {
		l.Add(float64(i-3), y)
	}
	for i, y := range []float64{2, 2, 5} {
		l.Add(float64(i+1), y)
	}
	near(t, "jump", l.Jump(), 0-1./3)
	near(t, "standard error", l.StdErr(), math.Sqrt((6./9+1.5)/2*2*(1./3+4./2)))
}

// Estimators of different settings do not merge, and too few points are an error.
func TestOnlineRefuses(t *testing.T) {
	var wrong *invalid.Error
	a, b := OnlineLeastSquares{Window: 1}, OnlineLeastSquares{Window: 2}
	if err := a.Merge(&b); !errors.As(err, &wrong) {
		t.Error(err)
	}
	if _, err := a.Robust(0); !errors.As(err, &wrong) || wrong.Field != "points on the left" {
		t.Error(err)
	}
	for i := range 10 {
		a.Add(float64(i)/10-0.45, float64(i*i%7))
	}
	if _, err := a.Clustered(0); !errors.As(err, &wrong) || wrong.Field != "clusters" {
		t.Error(err)
	}
	if _, err := a.Robust(95); !errors.As(err, &wrong) || wrong.Field != "Level" {
		t.Error(err)
	}
	if _, err := a.Robust(0); err != nil {
		t.Error(err)
	}
	var f OnlineFuzzy
	for i := range 10 {
		f.Add(float64(i)-4.5, 0, float64(i*i%7))
	}
	if _, err := f.Robust(0); !errors.As(err, &wrong) || wrong.Field != "jump of d at the cutoff" {
		t.Error(err)
	}
}

// In a long stream with a far-off level sums keep their digits.
func TestOnlineLongStream(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	normal := distuv.Normal{Sigma: 1, Src: random}
	n := 200_000
	x, y := make([]float64, n), make([]float64, n)
	l := OnlineLeastSquares{Cutoff: 40}
	for i := range x {
		x[i] = 40 + normal.Rand()
		y[i] = 1e5 + x[i] + float64(sideOf(x[i]-40)) + normal.Rand()
		l.Add(x[i], y[i])
	}
	batch, err := Sharp(x, y, Options{Cutoff: 40, Kernel: Uniform, H: Both(100), Variance: HC1Pooled})
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Robust(0)
	if err != nil {
		t.Fatal(err)
	}
	close9(t, "jump", got.Estimate, batch.Conventional.Estimate, got.StdErr)
	close9(t, "standard error", got.StdErr, batch.Conventional.StdErr, 0)
}
