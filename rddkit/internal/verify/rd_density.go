package verify

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/rd"
)

const rdDensityFixed = 1e-7 // density test at a fixed bandwidth

func replayDensity(c *comparison, dir string) error {
	type estimate struct {
		Order   int
		FLeft   float64 `json:"f_left"`
		FRight  float64 `json:"f_right"`
		Diff    float64
		SELeft  float64 `json:"se_left"`
		SERight float64 `json:"se_right"`
		SEDiff  float64 `json:"se_diff"`
		T, P    float64
	}
	var file struct {
		LocalPolynomial []struct {
			ID, Data string
			Options  struct {
				Cutoff     float64
				P          int
				Kernel     string
				VCE        string
				Bandwidth  string
				H          *[2]float64
				MassPoints bool `json:"mass_points"`
			}
			Result struct {
				H     [2]float64
				Table *struct {
					PilotB                 float64 `json:"pilot_b"`
					PilotC                 float64 `json:"pilot_c"`
					Left, Right, Diff, Sum float64
				} `json:"bandwidth_table"`
				Robust, Conventional estimate
				NEff                 [2]int `json:"n_eff"`
				N                    [2]int
			}
		} `json:"local_polynomial"`
		McCrary []struct {
			ID, Data string
			Options  struct {
				Cutoff float64
				Bin, H json.RawMessage
			}
			Result struct {
				Bin, H          float64
				HLeft           float64 `json:"h_left"`
				HRight          float64 `json:"h_right"`
				FLeft           float64 `json:"f_left"`
				FRight          float64 `json:"f_right"`
				Theta, SE, Z, P float64
			}
		}
		Binomial []struct {
			Data        string
			Cutoff      float64
			HalfWindow  float64 `json:"half_window"`
			Left, Right int
			P           float64
		}
		Published []struct {
			Run  string `json:"matches_run"`
			N    [2]int
			NEff [2]int `json:"n_eff"`
			H    [2]float64
			T    float64 `json:"T_robust"`
			P    float64 `json:"p_robust"`
		} `json:"published_rounded"`
	}
	if err := readJSON(dir, "density.json", &file); err != nil {
		return err
	}
	samples := map[string][]float64{}
	sample := func(name string) ([]float64, error) {
		if x, ok := samples[name]; ok {
			return x, nil
		}
		columns, err := readColumns(dir, name, "x")
		if err != nil {
			return nil, err
		}
		samples[name] = columns[0]
		return columns[0], nil
	}
	density := func(id string, tolerance float64, got rd.DensityEstimate, want estimate) {
		c.relative(id+" densities, difference", tolerance,
			[]float64{float64(got.Order), got.Density[0], got.Density[1], got.Difference},
			[]float64{float64(want.Order), want.FLeft, want.FRight, want.Diff})
		c.relative(id+" standard errors, T", tolerance,
			[]float64{got.StdErr[0], got.StdErr[1], got.DiffStdErr, got.T},
			[]float64{want.SELeft, want.SERight, want.SEDiff, want.T})
		c.pvalues(id+" p", []float64{got.P}, []float64{want.P})
	}
	results := map[string]*rd.DensityResult{}
	for _, run := range file.LocalPolynomial {
		x, err := sample(run.Data)
		if err != nil {
			return err
		}
		kernel, err := rd.ParseKernel(run.Options.Kernel)
		if err != nil {
			return err
		}
		o := rd.DensityOptions{
			Cutoff: run.Options.Cutoff, Kernel: kernel, Order: run.Options.P,
			PlugIn: run.Options.VCE == "plugin", IgnoreMassPoints: !run.Options.MassPoints,
		}
		tolerance := rdSelected
		if run.Options.H != nil {
			o.H, tolerance = *run.Options.H, rdDensityFixed
		}
		id := "density " + run.ID
		got, err := rd.DensityTest(x, o)
		if err != nil {
			return fmt.Errorf("density.json, run %s: %w", run.ID, err)
		}
		results[run.ID] = got
		want := run.Result
		c.counts(id+" N, effective", append(got.N[:], got.Effective[:]...), append(want.N[:], want.NEff[:]...))
		if table := want.Table; table != nil && got.Bandwidths != nil {
			b := got.Bandwidths
			c.relative(id+" bandwidths", rdSelected,
				[]float64{got.H[0], got.H[1], b.PilotBias, b.PilotVariance, b.Left, b.Right, b.Difference, b.Sum},
				[]float64{want.H[0], want.H[1], table.PilotB, table.PilotC, table.Left, table.Right, table.Diff, table.Sum})
		}
		density(id+" conventional", tolerance, got.Conventional, want.Conventional)
		density(id+" robust", tolerance, got.Robust, want.Robust)
	}
	for _, p := range file.Published {
		got := results[p.Run]
		if got == nil {
			return invalid.New("matches_run", p.Run, "the id of a run of density.json")
		}
		c.counts("density "+p.Run+" N as published", append(got.N[:], got.Effective[:]...), append(p.N[:], p.NEff[:]...))
		c.add("density "+p.Run+" h as published", "absolute", absolute(got.H[:], p.H[:]), 0.00051)
		c.add("density "+p.Run+" T, p as published", "absolute",
			absolute([]float64{got.Robust.T, got.Robust.P}, []float64{p.T, p.P}), 0.000051)
	}
	for _, run := range file.McCrary {
		x, err := sample(run.Data)
		if err != nil {
			return err
		}
		o := rd.McCraryOptions{Cutoff: run.Options.Cutoff}
		tolerance := rdFixed
		for _, v := range []struct {
			text json.RawMessage
			to   *float64
		}{{run.Options.Bin, &o.Bin}, {run.Options.H, &o.H}} {
			if strings.HasPrefix(string(v.text), `"`) { // "default"
				tolerance = rdSelected
			} else if err := json.Unmarshal(v.text, v.to); err != nil {
				return invalid.New("density.json, run "+run.ID, string(v.text), `a number or "default"`)
			}
		}
		got, err := rd.McCrary(x, o)
		if err != nil {
			return fmt.Errorf("density.json, run %s: %w", run.ID, err)
		}
		w := run.Result
		c.relative("McCrary "+run.ID, tolerance,
			[]float64{got.Bin, got.H, got.Sides[0], got.Sides[1], got.Density[0], got.Density[1], got.Theta, got.StdErr, got.Z},
			[]float64{w.Bin, w.H, w.HLeft, w.HRight, w.FLeft, w.FRight, w.Theta, w.SE, w.Z})
		c.pvalues("McCrary "+run.ID+" p", []float64{got.P}, []float64{w.P})
	}
	for _, w := range file.Binomial {
		x, err := sample(w.Data)
		if err != nil {
			return err
		}
		id := fmt.Sprintf("binomial %s ±%g", strings.TrimSuffix(w.Data, ".csv"), w.HalfWindow)
		got, err := rd.Binomial(x, w.Cutoff, w.HalfWindow)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.counts(id+" counts", got.N[:], []int{w.Left, w.Right})
		c.pvalues(id+" p", []float64{got.P}, []float64{w.P})
	}
	return nil
}

func replayLocalRandomisation(c *comparison, dir string) error {
	var file struct {
		Cutoff  float64
		Data    string
		Windows []struct {
			Window      [2]float64
			N           [2]int
			Mean, SD    [2]float64
			Difference  float64 `json:"difference_in_means"`
			SE          float64 `json:"neyman_se"`
			Z           float64
			P           float64 `json:"p_large_sample"`
			KS          float64 `json:"ks_statistic"`
			RankSumZ    float64 `json:"ranksum_z"`
			RankSumP    float64 `json:"ranksum_p"`
			Permutation struct {
				Package float64 `json:"p_estimate_rdrandinf_20000"`
				Own     float64 `json:"p_estimate_own_20000"`
			}
		}
	}
	if err := readJSON(dir, "locrand.json", &file); err != nil {
		return err
	}
	data, err := readColumns(dir, file.Data, "x", "y")
	if err != nil {
		return err
	}
	const draws = 20_000 // as recorded
	for _, w := range file.Windows {
		id := fmt.Sprintf("local randomisation %g to %g", w.Window[0], w.Window[1])
		got, err := rd.LocalRandomisation(data[0], data[1], rd.RandomisationOptions{Cutoff: file.Cutoff, Window: w.Window, Draws: draws})
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		c.counts(id+" N", got.N[:], w.N[:])
		c.relative(id+" means, s.d., difference, tests", rdFixed,
			[]float64{got.Mean[0], got.Mean[1], got.StdDev[0], got.StdDev[1], got.Difference.Estimate, got.Difference.StdErr, got.Difference.Z, got.KolmogorovSmirnov, got.RankSumZ},
			[]float64{w.Mean[0], w.Mean[1], w.SD[0], w.SD[1], w.Difference, w.SE, w.Z, w.KS, w.RankSumZ})
		c.pvalues(id+" p", []float64{got.Difference.P, got.RankSumP}, []float64{w.P, w.RankSumP})
		// Three standard errors of a p estimated from that many draws.
		p := float64(got.AsExtreme) / draws
		for _, want := range []float64{w.Permutation.Package, w.Permutation.Own} {
			spread := max(p, want)
			c.add(id+" permutation p", "absolute", math.Abs(p-want), 3*math.Sqrt(spread*(1-spread)/draws))
		}
	}
	return nil
}
