package align

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/reference"
	"github.com/weightalign/lab/rddkit/spike"
)

// recordedSpikes are spikes from elsewhere, [layer].
type recordedSpikes []*spike.Raster

func (r recordedSpikes) Spikes(layer int) *spike.Raster  { return r[layer] }
func (r recordedSpikes) Windows(int, int) []spike.Window { return nil }

// stdwiManifest is what a fixture of spike-timing-dependent weight inference says
// of itself.
type stdwiManifest struct {
	Below int     `json:"neurons_below"`
	Above int     `json:"neurons_above"`
	Steps int     `json:"steps"`
	Step  float64 `json:"dt_ms"`
	Cases map[string]struct {
		Hyper struct {
			Fast       float64 `json:"tau_fast_ms"`
			Slow       float64 `json:"tau_slow_ms"`
			HeightFast float64 `json:"height_fast"`
			HeightSlow float64 `json:"height_slow"`
			Rate       float64 `json:"rate"`
			Decay      float64 `json:"decay"`
			AllToAll   bool    `json:"all_to_all"`
			FirstStep  int     `json:"first_step"`
		} `json:"hyper_parameters"`
		Tolerance struct {
			Float64 float64 `json:"float64_absolute"`
			Float32 float64 `json:"float32_absolute"`
		} `json:"tolerance"`
		Correlation float64 `json:"correlation_with_weight"`
		SignPercent float64 `json:"sign_percent"`
	} `json:"cases"`
	Files map[string]struct {
		Holds string `json:"holds"`
	} `json:"files"`
}

// steps returns the steps that the account of a file names, in brackets.
func (m *stdwiManifest) steps(t *testing.T, file string) (steps []int) {
	text := m.Files[file+".npy"].Holds
	from, to := strings.Index(text, "["), strings.Index(text, "]")
	if from < 0 || to < from || json.Unmarshal([]byte(text[from:to+1]), &steps) != nil {
		t.Fatalf("%s: the manifest names no steps: %q", file, text)
	}
	return steps
}

// The rule gives the numbers of the published one, spike by spike: guesses on the
// way and at the end, and traces.
func TestReferenceSTDWI(t *testing.T) {
	reference.Replay(t, "arena/stdwi", replaySTDWI)
}

// The rows above would not pass if a number of the fixture were another.
func TestReferenceSTDWINotices(t *testing.T) {
	reference.MustNotice(t, filepath.Join("testdata", "arena", "stdwi"), replaySTDWI,
		"guess", "weight", "spikes_below", "spikes_above", "all_last", "all_quarters", "published_last", "published_quarters", "published_fast_trace", "published_slow_trace",
		"nearest_last", "nearest_quarters", "nearest_fast_trace", "nearest_slow_trace")
}

func replaySTDWI(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
	var m stdwiManifest
	f.JSON(&m)
	f.Ignore("README.md")
	guess, weight := f.Array("guess", m.Above, m.Below).Float64(), f.Array("weight", m.Above, m.Below).Float64()
	below, above := f.Array("spikes_below", -1, 2).Int(), f.Array("spikes_above", -1, 2).Int()
	for _, name := range slices.Sorted(maps.Keys(m.Cases)) {
		c := m.Cases[name]
		h := c.Hyper
		o := STDWIOptions{
			// The heights are in units of the fast one: rate and decay take that up.
			FastTime: h.Fast / 1000, SlowTime: h.Slow / 1000, SlowHeight: h.HeightSlow / h.HeightFast,
			Rate: h.Rate * h.HeightFast, Decay: h.Decay / h.HeightFast, Skip: float64(h.FirstStep) * m.Step / 1000, Nearest: !h.AllToAll, Unscaled: true,
		}
		if h.FirstStep == 0 {
			o.Skip = -1
		}
		// As the program has them, nearest-spike traces lose a spike in step 0, and
		// the slow one is scaled by what the whole run adds up to.
		lost := 0
		if o.Nearest {
			lost = 1
			o.SlowHeight *= nearestRatio(below, m.Below, m.Steps, m.Step/1000, o)
		}
		seen := recordedSpikes{rasterOf(below, m.Below, m.Steps, lost), rasterOf(above, m.Above, m.Steps, 0)}

		rule, err := NewSTDWI(o)
		if err != nil {
			t.Fatal(err)
		}
		p := spike.DefaultParams()
		p.Step = m.Step / 1000
		if err := rule.Begin(SpikeRun{Params: p, Sizes: []int{m.Below, m.Above}, PhaseSteps: m.Steps, Feedback: [][]float32{make([]float32, m.Above*m.Below)}}); err != nil {
			t.Fatal(err)
		}
		for j := range m.Above {
			for i := range m.Below {
				rule.layers[0].tile(i / tileWidth)[j][i%tileWidth] = guess[j*m.Below+i]
			}
		}
		quarters := m.steps(t, name+"_quarters")
		wantQuarters := f.Array(name+"_quarters", len(quarters), m.Above, m.Below).Float64()
		ends := append([]int{m.Steps}, quarters...)
		var traceSteps []int
		var fast, slow []float64
		if traces := name + "_fast_trace"; f.Has(traces) {
			traceSteps = m.steps(t, traces)
			fast, slow = f.Array(traces, m.Below, len(traceSteps)).Float64(), f.Array(name+"_slow_trace", m.Below, len(traceSteps)).Float64()
			for _, step := range traceSteps {
				ends = append(ends, step+1)
			}
		}
		for step := 1999; step < m.Steps; step += 1999 {
			ends = append(ends, step)
		}
		slices.Sort(ends)
		got := func() (flat []float64) {
			estimates := rule.Estimates(0)
			for j := range m.Above {
				for i := range m.Below {
					flat = append(flat, estimates[i*m.Above+j])
				}
			}
			return flat
		}
		now := 0
		for _, end := range slices.Compact(ends) {
			rule.Stretch(seen, spike.Stretch{First: now, Steps: end - now})
			now = end
			if k := slices.Index(quarters, end); k >= 0 {
				rows.Absolute(fmt.Sprintf("%s: guess before step %d", name, end), c.Tolerance.Float64, got(), wantQuarters[k*m.Above*m.Below:][:m.Above*m.Below])
			}
			if k := slices.Index(traceSteps, end-1); k >= 0 {
				for i := range m.Below {
					rows.Absolute(name+": fast traces", c.Tolerance.Float64, []float64{rule.fast[i/tileWidth][i%tileWidth] * h.HeightFast}, []float64{fast[i*len(traceSteps)+k]})
					rows.Absolute(name+": slow traces", c.Tolerance.Float64, []float64{rule.slow[i/tileWidth][i%tileWidth] * h.HeightFast}, []float64{slow[i*len(traceSteps)+k]})
				}
			}
		}
		last := got()
		rows.Absolute(name+": guess at the end", c.Tolerance.Float64, last, f.Array(name+"_last", m.Above, m.Below).Float64())
		rows.Absolute(name+": correlation with the weights", 1e-9, []float64{pearson(last, weight)}, []float64{c.Correlation})
		rows.Absolute(name+": signs, %", 1e-9, []float64{100 * sameSide(last, weight)}, []float64{c.SignPercent})
		feedback := make([]float32, m.Above*m.Below)
		if err := rule.Update(0, feedback); err != nil {
			t.Fatal(err)
		}
		for j := range m.Above {
			for i := range m.Below {
				rows.Absolute(name+": feedback weights", c.Tolerance.Float32, []float64{float64(feedback[i*m.Above+j])}, []float64{last[j*m.Below+i]})
			}
		}
	}
}

// rasterOf makes a raster of spikes, each a neuron and a step, from step first on.
func rasterOf(spikes []int, neurons, steps, first int) *spike.Raster {
	r := spike.NewRaster(neurons, 0, steps)
	for k := 0; k < len(spikes); k += 2 {
		if spikes[k+1] >= first {
			r.Fire(spikes[k+1], spikes[k])
		}
	}
	return r
}

// nearestRatio returns the sum of all fast traces of a run over that of all slow
// ones, a spike in step 0 lost.
func nearestRatio(spikes []int, neurons, steps int, step float64, o STDWIOptions) float64 {
	fired := rasterOf(spikes, neurons, steps, 1)
	sumFast, sumSlow := 0.0, 0.0
	for i := range neurons {
		fast, slow := 0.0, 0.0
		for t := range steps {
			fast, slow = fast*math.Exp(-step/o.FastTime), slow*math.Exp(-step/o.SlowTime)
			if fired.Fired(t, i) {
				fast, slow = 1, o.SlowHeight
			}
			sumFast += fast
			sumSlow += slow
		}
	}
	return sumFast / sumSlow
}

// sameSide is the part of pairs with (a ≥ 0) = (b ≥ 0).
func sameSide(a, b []float64) float64 {
	same := 0
	for i := range a {
		if (a[i] >= 0) == (b[i] >= 0) {
			same++
		}
	}
	return float64(same) / float64(len(a))
}

func pearson(a, b []float64) float64 {
	mean := func(x []float64) (m float64) {
		for _, v := range x {
			m += v / float64(len(x))
		}
		return m
	}
	ma, mb := mean(a), mean(b)
	var ab, aa, bb float64
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}
