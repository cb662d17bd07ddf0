package rd

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

func TestReadCSV(t *testing.T) {
	const text = "trial, drive ,rate,w,base,neuron,theta\na,0.5,1,1,7,n1,0\nb,-1,2,2,8,n1,0\na,1.5,NA,1,9,n1,0\na, 3 ,4,0.5,10,n2,2\n"
	s, left, err := ReadCSV(strings.NewReader(text), Columns{X: "drive", Y: "rate", Weights: "w", Covariates: []string{"base"}, Cluster: "trial"})
	if err != nil {
		t.Fatal(err)
	}
	if left != 1 || !slices.Equal(s.X, []float64{0.5, -1, 3}) || !slices.Equal(s.Y, []float64{1, 2, 4}) || !slices.Equal(s.Weights, []float64{1, 2, 0.5}) ||
		!slices.Equal(s.Covariates[0], []float64{7, 8, 10}) || !slices.Equal(s.Cluster, []int{0, 1, 0}) || s.D != nil {
		t.Errorf("%+v, %d left out", s, left)
	}
	units, left, err := ReadUnits(strings.NewReader(text), Columns{X: "drive", Y: "rate", Unit: "neuron", Cutoff: "theta", Cluster: "trial"}, 0)
	if err != nil || left != 1 || len(units) != 2 {
		t.Fatal(units, left, err)
	}
	if u := units[1]; u.Name != "n2" || u.Cutoff != 2 || !slices.Equal(u.X, []float64{3}) || !slices.Equal(u.Cluster, []int{0}) {
		t.Errorf("%+v", u)
	}
	// Without names: x and y, or the first two; other separators; a byte-order mark.
	for _, text := range []string{"y,x\n1,2\n", "\ufeffx;y\n2;1\n", "volt\trate\n2\t1\n", "a,b\r\n2,1\r\n"} {
		s, _, err := ReadCSV(strings.NewReader(text), Columns{})
		if err != nil || !slices.Equal(s.X, []float64{2}) || !slices.Equal(s.Y, []float64{1}) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
	for _, c := range []struct {
		text, field string
		columns     Columns
	}{
		{"", "first row", Columns{}},
		{"x,y\n", "rows", Columns{}},
		{"x,y\n1,2\n3\n", "row", Columns{}},
		{"x,y\n1,two\n", "y in line 2", Columns{}},
		{"x,y\n1,Inf\n", "y in line 2", Columns{}},
		{"x,y\n1,2\n", "column D", Columns{D: "d"}},
		{"x\n1\n", "column Y", Columns{}},
		{"x,y,n,c\n1,2,a,1\n1,2,a,2\n", "c of a", Columns{Unit: "n", Cutoff: "c"}},
	} {
		_, _, err := ReadUnits(strings.NewReader(c.text), c.columns, 0)
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Field != c.field {
			t.Errorf("%q: %v, want an error about %s", c.text, err, c.field)
		}
	}
}

// Any text either is an error or gives columns of equal length whose values are
// finite.
func FuzzReadUnits(f *testing.F) {
	f.Add("x,y,u,c\n1,2,a,b\n")
	f.Add("x;y\n1;2\nNA;3\n")
	f.Add("y,x\n\"1\",1e999\n")
	f.Add("\ufeff\"x\ty\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range []Columns{{}, {X: "x", Y: "y", Unit: "u", Cluster: "c"}} {
			units, _, err := ReadUnits(strings.NewReader(text), c, 0)
			if err != nil {
				continue
			}
			for _, u := range units {
				if len(u.X) == 0 || len(u.X) != len(u.Y) || u.Cluster != nil && len(u.Cluster) != len(u.X) {
					t.Fatalf("%+v", u)
				}
				for i := range u.X {
					if !finite(u.X[i]) || !finite(u.Y[i]) {
						t.Fatal(u.X[i], u.Y[i])
					}
				}
			}
		}
	})
}
