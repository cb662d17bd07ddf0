package rd_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/weightalign/lab/rddkit/rd"
)

// column reads one column of the reference data: U.S. Senate elections (x:
// Democratic margin of victory, per cent; y: vote share two elections later) and
// a synthetic fuzzy design (x, d, y) with a known effect of 1.5.
func column(file, name string) []float64 {
	f, err := os.Open("testdata/rd/" + file)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		log.Fatal(err)
	}
	var values []float64
	for i, head := range rows[0] {
		for _, row := range rows[1:] {
			if head == name {
				v, err := strconv.ParseFloat(row[i], 64)
				if err != nil {
					log.Fatal(err)
				}
				values = append(values, v)
			}
		}
	}
	return values
}

// What winning a Senate seat is worth at the same seat's next election.
func ExampleSharp() {
	margin, share := column("senate.csv", "x"), column("senate.csv", "y")
	r, err := rd.Sharp(margin, share, rd.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r)
	// Output:
	// Sharp regression discontinuity at cutoff 0
	// Kernel triangular, bandwidth mserd, variance nn (3 neighbours)
	//                          Left        Right
	// N                         595          702
	// Unique N                  595          665
	// Effective N               360          323
	// Distinct x in h           360          323
	// Order (p)                   1            1
	// Bias order (q)              2            2
	// Bandwidth (h)         17.7544      17.7544
	// Bias bandw. (b)       28.0281      28.0281
	// rho (h/b)             0.63345      0.63345
	//
	// Method               Estimate  Std. err.         z    P>|z|   95 % interval
	// Conventional            7.414      1.459     5.083   <0.001   [4.555, 10.273]
	// Bias-corrected          7.507      1.459     5.146   <0.001   [4.647, 10.366]
	// Robust                  7.507      1.741     4.311   <0.001   [4.094, 10.919]
}

// Fixed bandwidths, another kernel and another variance.
func ExampleSharp_options() {
	margin, share := column("senate.csv", "x"), column("senate.csv", "y")
	r, err := rd.Sharp(margin, share, rd.Options{Kernel: rd.Uniform, H: rd.Both(15), Variance: rd.HC2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.4f (%.4f)\n", r.Conventional.Estimate, r.Conventional.StdErr)
	// Output:
	// 6.9638 (1.5060)
}

func ExampleFuzzy() {
	x, d, y := column("fuzzy.csv", "x"), column("fuzzy.csv", "d"), column("fuzzy.csv", "y")
	r, err := rd.Fuzzy(x, d, y, rd.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r)
	// Output:
	// Fuzzy regression discontinuity at cutoff 0
	// Kernel triangular, bandwidth mserd, variance nn (3 neighbours)
	//                          Left        Right
	// N                        1021          979
	// Unique N                 1021          979
	// Effective N               344          306
	// Distinct x in h           344          306
	// Order (p)                   1            1
	// Bias order (q)              2            2
	// Bandwidth (h)        0.334209     0.334209
	// Bias bandw. (b)      0.523332     0.523332
	// rho (h/b)            0.638618     0.638618
	//
	// Method               Estimate  Std. err.         z    P>|z|   95 % interval
	// Effect of the treatment
	// Conventional           1.4836     0.2238     6.630   <0.001   [1.0450, 1.9221]
	// Bias-corrected         1.4733     0.2238     6.584   <0.001   [1.0347, 1.9118]
	// Robust                 1.4733     0.2667     5.523   <0.001   [0.9504, 1.9961]
	// Intention to treat (jump of the outcome)
	// Conventional           0.9730     0.2099     4.636   <0.001   [0.5616, 1.3845]
	// Bias-corrected         0.9718     0.2099     4.630   <0.001   [0.5604, 1.3832]
	// Robust                 0.9718     0.2493     3.898   <0.001   [0.4832, 1.4603]
	// First stage (jump of the treatment)
	// Conventional          0.65589    0.06547    10.018   <0.001   [0.52756, 0.78421]
	// Bias-corrected        0.65957    0.06547    10.074   <0.001   [0.53125, 0.78789]
	// Robust                0.65957    0.07761     8.498   <0.001   [0.50746, 0.81168]
	// Anderson-Rubin 95 % set of the effect: [0.8768, 1.954]
}

func ExampleSelectBandwidth() {
	margin, share := column("senate.csv", "x"), column("senate.csv", "y")
	s, err := rd.SelectBandwidth(margin, share, rd.Options{Selector: rd.MSETwo})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(s)
	// Output:
	// Bandwidth selection: spread 25.6811, 1260 distinct x, pilot 15.8667
	// Stage order deriv                 variance V                     bias B           regularisation R                  bandwidth
	// d         3     3   1.8511e+05,   1.2017e+05   5.9934e-06,  -2.9758e-06            0,            0      55.6914,      62.0169
	// b         2     2       8604.8,       5865.7   0.00046479,   0.00035278   5.8476e-07,   1.8868e-07      27.1039,      29.3436
	// h         1     0       22.353,       14.691     0.002161,    0.0012557   1.5551e-05,   5.9307e-06      16.1698,      18.1265
}

// Is the density of the margin continuous at zero?
func ExampleDensityTest() {
	r, err := rd.DensityTest(column("density_senate.csv", "x"), rd.DensityOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r)
	// Output:
	// Local-polynomial density test at cutoff 0
	// Kernel triangular, jackknife variance
	//                          Left        Right
	// N                         640          750
	// Effective N               408          460
	// Bandwidth (h)         19.8411      27.1188
	// Density, order 2    0.0221892    0.0180376
	//   std. error       0.00201656   0.00150319
	// Density, order 3    0.0216859    0.0181377
	//   std. error       0.00328848   0.00237054
	//
	// Method            Order   Difference  Std. err.         T    P>|T|
	// Conventional          2    -0.004152   0.002515    -1.651    0.099
	// Robust                3    -0.003548   0.004054    -0.875    0.381
}

// A sample in which points just below zero were moved above it.
func ExampleBinomial() {
	r, err := rd.Binomial(column("density_manip.csv", "x"), 0, 0.1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r)
	// Output:
	// Binomial test within 0.1 of cutoff 0: p < 0.001, n = 48 + 116
}

func ExampleLocalRandomisation() {
	margin, share := column("senate.csv", "x"), column("senate.csv", "y")
	r, err := rd.LocalRandomisation(margin, share, rd.RandomisationOptions{Window: [2]float64{-0.75, 0.75}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r)
	// Output:
	// Local randomisation at cutoff 0, window [-0.75, 0.75]
	//                          Left        Right
	// N                          15           22
	// Mean                  42.8076      52.4971
	// Std. dev.             7.04209      7.74169
	//
	// Method               Estimate  Std. err.         z    P>|z|   95 % interval
	// Difference              9.689      2.456     3.946   <0.001   [4.876, 14.503]
	//
	// Permutations: p < 0.001 (5 of 10000 draws as extreme)
	// Rank sum: z = -3.217, p = 0.001
	// Kolmogorov-Smirnov distance: 0.5515
}

func ExamplePlacebo() {
	margin, share := column("senate.csv", "x"), column("senate.csv", "y")
	results, err := rd.Placebo(margin, share, rd.Options{}, -15, 15)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		fmt.Printf("at %v: %.2f, p = %.2f\n", r.Options.Cutoff, r.Conventional.Estimate, r.Robust.P)
	}
	// Output:
	// at -15: -6.89, p = 0.23
	// at 15: -1.22, p = 0.65
}

func ExamplePlot() {
	margin, share := column("senate.csv", "x"), column("senate.csv", "y")
	data, err := rd.Plot(margin, share, rd.PlotOptions{})
	if err != nil {
		log.Fatal(err)
	}
	b := data.Right.Bins[0]
	fmt.Printf("%d and %d bins; the first on the right: %d points, mean %.2f (s.e. %.2f)\n",
		data.Options.Bins[0], data.Options.Bins[1], b.N, b.Y, b.StdErr)
	fmt.Printf("curve from the right at the cutoff: %.2f\n", data.Right.Curve[0].Y)
	// Output:
	// 8 and 9 bins; the first on the right: 228 points, mean 54.23 (s.e. 0.59)
	// curve from the right at the cutoff: 53.34
}

// A stream of points with a jump of 1.5 at 0.5.
func ExampleOnlineLeastSquares() {
	x, y := column("online.csv", "x"), column("online.csv", "y")
	exact := rd.OnlineLeastSquares{Cutoff: 0.5, Window: 0.25}
	descent := rd.OnlineDescent{Cutoff: 0.5, Window: 0.25}
	for i := range x {
		exact.Add(x[i], y[i])
		descent.Add(x[i], y[i])
	}
	fmt.Printf("least squares %.4f ± %.4f, gradient descent %.4f\n", exact.Jump(), exact.StdErr(), descent.Jump())
	// Output:
	// least squares 1.4783 ± 0.0241, gradient descent 1.6311
}

func ExampleOnlineFuzzy() {
	random := rand.New(rand.NewPCG(1, 2))
	f := rd.OnlineFuzzy{Window: 0.5}
	for range 20_000 {
		x := 2*random.Float64() - 1
		d, chance := 0.0, 0.2
		if x >= 0 {
			chance = 0.8
		}
		if random.Float64() < chance {
			d = 1
		}
		f.Add(x, d, 3*d+x+0.1*random.NormFloat64())
	}
	fmt.Printf("%.2f\n", f.Effect())
	// Output:
	// 3.00
}

// Windows of several trials: standard errors that allow for what a trial's windows
// have in common.
func ExampleSample_Sharp() {
	windows, _, err := rd.OpenCSV("testdata/rd_more/d28_neurons.csv", rd.Columns{Cluster: "cl"})
	if err != nil {
		log.Fatal(err)
	}
	r, err := windows.Sharp(rd.Options{H: rd.Both(0.4)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Robust)
	fmt.Println(r.Left.Clusters, "cells,", r.Left.Distinct, "values of x on the left within the bandwidth")
	// Output:
	// 0.4077 (std. err. 0.1017, t(14.7) = 4.008, p = 0.001, interval [0.1905, 0.6249])
	// 24 cells, 51 values of x on the left within the bandwidth
}

// A voltage on a grid of step 0.5, over a curve that bends by at most 0.1 per
// squared unit.
func ExampleHonest() {
	random := rand.New(rand.NewPCG(1, 2))
	var volts, rate []float64
	for range 1000 {
		v := math.Floor(8*random.Float64()-4) / 2
		y := 0.05*v*v + random.NormFloat64()
		if v >= 0 {
			y++
		}
		volts, rate = append(volts, v), append(rate, y)
	}
	r, err := rd.Honest(volts, rate, rd.Options{Kernel: rd.Uniform, H: rd.Both(2)}, 0.1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r)
	// Output:
	// Honest intervals at cutoff 0, kernel uniform, order 1
	//                          Left        Right
	// N                         521          479
	// Effective N               521          479
	// Distinct x in h             4            4
	// Bandwidth (h)               2            2
	//
	// Estimate 1.0774, std. err. 0.1313
	//                              Largest bias   95 % interval
	// Curvature up to 0.1                0.0740   [0.7841, 1.3707]
	// Fit no worse at the cutoff         0.0711   [0.6774, 1.4728]
}

// Two neurons, each with a threshold of its own.
func ExampleMany() {
	random := rand.New(rand.NewPCG(3, 4))
	var neurons []rd.Unit
	for i, threshold := range []float64{-55, -50} {
		u := rd.Unit{Name: fmt.Sprint("neuron ", i+1), Cutoff: threshold}
		for range 2000 {
			volts := threshold + 4*random.NormFloat64()
			rate := 5 + 0.1*volts + random.NormFloat64()
			if volts >= threshold {
				rate += 2
			}
			u.X, u.Y = append(u.X, volts), append(u.Y, rate)
		}
		neurons = append(neurons, u)
	}
	r, err := rd.Many(context.Background(), neurons, rd.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(r)
	// Output:
	// Unit                 Cutoff   Weight  Robust est.  Std. err.         z    P>|z|   95 % interval
	// neuron 1                -55    0.400       1.7948     0.1692    10.605   <0.001   [1.4631, 2.1265]
	// neuron 2                -50    0.600       2.0171     0.1390    14.507   <0.001   [1.7446, 2.2897]
	// Weighted                       1.000       1.9283     0.1074    17.948   <0.001   [1.7177, 2.1388]
	// By precision                               1.9275     0.1074    17.941   <0.001   [1.7170, 2.1381]
	// Pooled                                     1.9540     0.1218    16.048   <0.001   [1.7154, 2.1927]
	// Equal effects: Wald statistic 1.030 of 1 differences, p = 0.310
}

// Density, placebo cutoffs, bandwidths and donuts.
func ExampleSample_Check() {
	s := rd.Sample{X: column("senate.csv", "x"), Y: column("senate.csv", "y")}
	v, err := s.Check(rd.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(v)
	// Output:
	// Density of x continuous at the cutoff: T = -0.760, p = 0.447
	// Binomial test within 4.4386 of cutoff 0: p = 0.417, n = 116 + 103
	// Robust estimate                    Estimate  Std. err.         z    P>|z|   Interval
	// placebo cutoff -13.3                 -2.601      4.231    -0.615    0.539   [-10.894, 5.691]
	// placebo cutoff 20.53                  0.474      5.482     0.086    0.931   [-10.270, 11.218]
	// bandwidth 8.877, 8.877                9.375      2.364     3.966   <0.001   [4.742, 14.008]
	// bandwidth 17.75, 17.75                7.507      1.741     4.311   <0.001   [4.094, 10.919]
	// bandwidth 35.51, 35.51                8.001      1.348     5.934   <0.001   [5.358, 10.643]
	// without |x - c| < 0.3551              7.062      1.860     3.797   <0.001   [3.417, 10.707]
	// without |x - c| < 0.8877              6.248      2.257     2.768    0.006   [1.825, 10.672]
	// without |x - c| < 1.775               3.273      2.511     1.304    0.192   [-1.648, 8.194]
}

// How many windows does an effect take?
func ExampleResult_PointsFor() {
	r, err := rd.Sharp(column("senate.csv", "x"), column("senate.csv", "y"), rd.Options{})
	if err != nil {
		log.Fatal(err)
	}
	n, err := r.PointsFor(3, 0.8)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("an effect of 3 is found with a chance of %.0f %% here, of 80 %% with %d points\n", 100*r.Power(3), n)
	// Output:
	// an effect of 3 is found with a chance of 41 % here, of 80 % with 3430 points
}

// Two recordings, trial by trial, in constant memory.
func ExampleOnlineLeastSquares_Merge() {
	random := rand.New(rand.NewPCG(5, 6))
	var recordings [2]rd.OnlineLeastSquares
	for i := range recordings {
		for range 30 { // trials
			effect := 1 + 0.5*random.NormFloat64()
			for range 1000 { // windows
				x, y := 2*random.Float64()-1, random.NormFloat64()
				if x >= 0 {
					y += effect
				}
				recordings[i].Add(x, y)
			}
			recordings[i].EndCluster()
		}
	}
	if err := recordings[0].Merge(&recordings[1]); err != nil {
		log.Fatal(err)
	}
	clustered, err := recordings[0].Clustered(0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(clustered)
	// Output:
	// 1.05683 (std. err. 0.06827, t(59) = 15.479, p < 0.001, interval [0.92022, 1.19345])
}
