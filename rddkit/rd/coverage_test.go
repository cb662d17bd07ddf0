package rd

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// draws is how many data sets a coverage is counted over: few in ordinary tests,
// as many as RDDKIT_DRAWS says for a table to quote (2000, say).
func draws(t *testing.T, usual int) int {
	if s := os.Getenv("RDDKIT_DRAWS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("RDDKIT_DRAWS is %q: want a number of draws", s)
		}
		return n
	}
	if testing.Short() {
		return usual / 4
	}
	return usual
}

// between fails unless a coverage counted over n draws is within low to high, give
// or take 3.5 standard errors of counting (a false alarm once in 4,000 times).
func between(t *testing.T, what string, got float64, n int, low, high float64) {
	t.Helper()
	allowed := 3.5 * math.Sqrt(0.05*0.95/float64(n))
	t.Logf("%-50s %.4f (%d draws)", what, got, n)
	if got < low-allowed || got > high+allowed {
		t.Errorf("%s: covers %.4f, want %.3f to %.3f ± %.3f", what, got, low, high, allowed)
	}
}

// covers reports 1 if the interval holds the truth.
func covers(i Inference, truth float64) float64 {
	if i.Lo <= truth && truth <= i.Hi {
		return 1
	}
	return 0
}

// 20 cells of 100 windows each that differ in their effect, in their level, or in
// both: intervals with clusters cover the mean effect, those without do not.
func TestCoverageOfClusters(t *testing.T) {
	n := draws(t, 150)
	for _, c := range []struct {
		name          string
		effect, level float64 // s.d. between cells
	}{{"effects differ", 0.5, 0}, {"levels differ", 0, 0.5}, {"both differ", 0.5, 0.5}} {
		random := rand.New(rand.NewPCG(20, 100))
		var conventional, robust, without float64
		for range n {
			var s Sample
			for cell := range 20 {
				effect, level := 1+c.effect*random.NormFloat64(), c.level*random.NormFloat64()
				for range 100 {
					x := 2*random.Float64() - 1
					y := level + math.Sin(2*x) + 0.5*random.NormFloat64()
					if x >= 0 {
						y += effect
					}
					s.X, s.Y, s.Cluster = append(s.X, x), append(s.Y, y), append(s.Cluster, cell)
				}
			}
			r, err := s.Sharp(Options{})
			if err != nil {
				t.Fatal(err)
			}
			conventional += covers(r.Conventional, 1) / float64(n)
			robust += covers(r.Robust, 1) / float64(n)
			s.Cluster = nil
			if r, err = s.Sharp(Options{}); err != nil {
				t.Fatal(err)
			}
			without += covers(r.Robust, 1) / float64(n)
		}
		t.Logf("%-50s %.4f", c.name+": conventional, clusters", conventional)
		t.Logf("%-50s %.4f", c.name+": robust, no clusters", without)
		between(t, c.name+": robust, clusters", robust, n, 0.93, 0.97)
		if c.effect > 0 && without > robust {
			t.Errorf("%s: without clusters the interval covers %.3f, with them %.3f", c.name, without, robust)
		}
	}
}

// designs are the published ones of Calonico, Cattaneo & Titiunik (2014): after Lee
// (2008), after Ludwig & Miller (2007), and the first with other curvature.
var designs = []struct {
	name        string
	left, right []float64
	robust      float64 // coverage of rdrobust's robust interval over 2,000 draws
}{
	{"1, Lee", []float64{0.48, 1.27, 7.18, 20.21, 21.54, 7.33}, []float64{0.52, 0.84, -3.00, 7.99, -9.01, 3.56}, 0.9225},
	{"2, Ludwig & Miller", []float64{3.71, 2.30, 3.28, 1.45, 0.23, 0.03}, []float64{0.26, 18.49, -54.81, 74.30, -45.02, 9.83}, 0.941},
	{"3, Lee modified", []float64{0.48, 1.27, -0.5 * 7.18, 0.7 * 20.21, 1.1 * 21.54, 1.5 * 7.33}, []float64{0.52, 0.84, -0.1 * 3.00, -0.3 * 7.99, -0.1 * 9.01, 3.56}, 0.919},
}

// The robust intervals cover as often as rdrobust's, whose intervals they are:
// 0.9225, 0.941 and 0.919 of 2,000 draws of 500 points.
func TestCoverageOfPublishedDesigns(t *testing.T) {
	n := draws(t, 150)
	for _, d := range designs {
		random := rand.New(rand.NewPCG(500, 2014))
		beta := distuv.Beta{Alpha: 2, Beta: 4, Src: random}
		truth := d.right[0] - d.left[0]
		x, y := make([]float64, 500), make([]float64, 500)
		var conventional, robust float64
		for range n {
			for i := range x {
				x[i] = 2*beta.Rand() - 1
				mu := d.left
				if x[i] >= 0 {
					mu = d.right
				}
				y[i] = polynomialAt(mu, x[i]) + 0.1295*random.NormFloat64()
			}
			r, err := Sharp(x, y, Options{})
			if err != nil {
				t.Fatal(err)
			}
			conventional += covers(r.Conventional, truth) / float64(n)
			robust += covers(r.Robust, truth) / float64(n)
		}
		t.Logf("%-50s %.4f", d.name+": conventional", conventional)
		between(t, d.name+": robust", robust, n, d.robust-0.015, d.robust+0.015)
	}
}
