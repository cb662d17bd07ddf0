package verify

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/invalid"
)

// metricsReplayer compares the metrics of weight symmetry.
var metricsReplayer = Replayer{
	Kind: "lif_rdd metrics",
	Recognises: func(dir string) bool {
		m, err := openMetrics(dir)
		return err == nil && len(m.Cases) > 0 && len(m.Columns) == len(metricColumns)
	},
	Replay: replayMetrics,
}

type metricsManifest struct {
	Columns []string `json:"columns_of_values"`
	Cases   []struct {
		M, N int
		Note string
	}
}

var metricColumns = []string{"sign_alignment_percent", "decay", "sparse", "self", "amp", "info", "symm"}

// metricTolerance is relative to the larger of the value and 1.
const metricTolerance = 1e-12

func openMetrics(dir string) (m metricsManifest, err error) {
	return m, readJSON(dir, "manifest.json", &m)
}

func replayMetrics(_ context.Context, dir string) ([]Row, error) {
	m, err := openMetrics(dir)
	if err != nil {
		return nil, err
	}
	f, err := openLIF(dir)
	if err != nil {
		return nil, err
	}
	values, err := f.read("", "values", len(m.Cases), len(metricColumns))
	if err != nil {
		return nil, err
	}
	var c comparison
	for k, shape := range m.Cases {
		if shape.M < 1 || shape.N < 1 {
			return nil, invalid.New(filepath.Join(dir, "manifest.json"), fmt.Sprintf("case %d of %d×%d weights", k, shape.M, shape.N), "at least 1 neuron each")
		}
		w, err := f.read("", fmt.Sprintf("W_%d", k), shape.M, shape.N)
		if err != nil {
			return nil, err
		}
		b, err := f.read("", fmt.Sprintf("B_%d", k), shape.N, shape.M)
		if err != nil {
			return nil, err
		}
		x, err := f.read("", fmt.Sprintf("x_%d", k), shape.N, 1)
		if err != nil {
			return nil, err
		}
		got := align.Measure(w.Float64(), b.Float64(), shape.N, shape.M, x.Float64())
		for i, value := range []float64{got.SignAlignment, got.Decay, got.Sparse, got.Self, got.Amp, got.Info, got.Symm} {
			want := values.Float64()[k*len(metricColumns)+i]
			c.add(fmt.Sprintf("%s of case %d", metricColumns[i], k), "relative", deviation([]float64{value}, []float64{want}, 1), metricTolerance)
		}
	}
	return c.rows, nil
}
