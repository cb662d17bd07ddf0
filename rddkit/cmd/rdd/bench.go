package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/gemm"
	"github.com/weightalign/lab/rddkit/internal/machine"
	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/nn"
)

// benchmark is what this machine does with the report's CIFAR-10 network.
// Times are medians.
type benchmark struct {
	machine.Machine
	Backend      string `json:"backend"`      // of matrix products
	Convolutions string `json:"convolutions"` // what multiplies in them
	Cores        int    `json:"cores"`

	RDDSeconds   float64 `json:"rdd_phase_seconds"`     // one phase, every neuron driven
	RDDSimulated float64 `json:"rdd_simulated_seconds"` // in that phase
	RDDRealtime  float64 `json:"rdd_realtime_factor"`   // simulated per wall-clock second
	RDDSteps     float64 `json:"rdd_steps_per_second"`  // of 1 ms

	TrainFA float64 `json:"train_images_per_second"` // feedback alignment
	TrainBP float64 `json:"train_bp_images_per_second"`
	Eval    float64 `json:"eval_images_per_second"`

	GEMM          float64 `json:"gemm_gflops"`    // of square products, one per core
	TrainGFLOPS   float64 `json:"train_gflops"`   // of the products in training
	TrainFraction float64 `json:"train_fraction"` // TrainGFLOPS / GEMM, though most products of TrainGFLOPS are those of Convolutions
}

const mostRepeats = 10_000

func benchCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	asJSON := set.Bool("json", false, "print JSON")
	repeat := set.Int("repeat", 5, "take the median of so many measurements")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), `usage: rdd bench [flags]
Measures an RDD phase, training and evaluation at CIFAR-10 size (about half a minute).
The rate of training's products is given beside that of large square ones, also as their ratio
(train_fraction). The backend multiplies the square ones. Most of training's are of
convolutions, which may have kernels of their own: the line "convolutions" tells.`)
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if *repeat < 1 || *repeat > mostRepeats {
		return invalid.Newf("-repeat", *repeat, "at least 1, at most %d", mostRepeats)
	}
	if err := noArguments(set); err != nil {
		return err
	}
	b, err := newBenchmark()
	if err != nil {
		return err
	}
	for _, measure := range []func(context.Context, int) error{b.gemm, b.rdd, b.train} {
		if err := measure(ctx, *repeat); err != nil {
			return err
		}
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(b)
	}
	fmt.Fprintf(stdout, `%s, %d cores, %s %s
matrix products                 %s
  one square product per core   %8.0f GFLOP/s
convolutions                    %s
RDD phase, 1600-384-192-10      %8.3f s for %g s simulated: %.0f times real time, %.0f steps/s
training, CIFAR-10, batch 128
  FA                            %8.0f images/s
  BP                            %8.0f images/s: %.0f GFLOP/s, %.0f %% of the square products' rate
evaluation                      %8.0f images/s
`, b.Processor, b.Cores, b.Go, b.Platform, b.Backend, b.GEMM, b.Convolutions,
		b.RDDSeconds, b.RDDSimulated, b.RDDRealtime, b.RDDSteps,
		b.TrainFA, b.TrainBP, b.TrainGFLOPS, 100*b.TrainFraction, b.Eval)
	return nil
}

// newBenchmark names the machine and opens what multiplies on it.
func newBenchmark() (*benchmark, error) {
	if err := gemm.Open(); err != nil {
		return nil, err
	}
	return &benchmark{Machine: machine.This(), Backend: gemm.Name(), Convolutions: gemm.Convolutions(), Cores: runtime.GOMAXPROCS(0)}, nil
}

// median returns the median duration, in seconds, of repeat calls of do after
// one to warm up.
func median(ctx context.Context, repeat int, do func() error) (float64, error) {
	seconds := make([]float64, 0, repeat)
	for i := range repeat + 1 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		if i > 0 {
			seconds = append(seconds, time.Since(start).Seconds())
		}
	}
	slices.Sort(seconds)
	return (seconds[(repeat-1)/2] + seconds[repeat/2]) / 2, nil
}

func (b *benchmark) gemm(ctx context.Context, repeat int) error {
	const n, products = 768, 4
	uniform := func(name string) blas32.General {
		return blas32.General{Rows: n, Cols: n, Stride: n, Data: draw(name, n*n, 1)}
	}
	x, y := uniform("x"), uniform("y")
	results := make([]blas32.General, b.Cores)
	for i := range results {
		results[i] = uniform("z")
	}
	seconds, err := median(ctx, repeat, func() error {
		parallel.For(b.Cores, func(i int) {
			for range products {
				blas32.Gemm(blas.NoTrans, blas.Trans, 1, x, y, 0, results[i])
			}
		})
		return nil
	})
	b.GEMM = float64(b.Cores) * products * 2 * n * n * n / seconds / 1e9
	return err
}

func (b *benchmark) rdd(ctx context.Context, repeat int) error {
	learner, err := align.NewRDD(align.RDDOptions{})
	if err != nil {
		return err
	}
	sizes := []int{1600, 384, 192, 10}
	var layers []align.Layer
	for l, in := range sizes[:len(sizes)-1] {
		out := sizes[l+1]
		bound := 1 / math.Sqrt(float64(in))
		layers = append(layers, align.Layer{In: in, Out: out,
			Forward: draw(fmt.Sprint("forward", l), in*out, bound), Feedback: draw(fmt.Sprint("feedback", l), in*out, bound)})
	}
	b.RDDSimulated = learner.Options().Time
	// The warm-up phase brings the driven set to its steady state: every neuron.
	b.RDDSeconds, err = median(ctx, repeat, func() error { return learner.Learn(ctx, layers, nil) })
	b.RDDRealtime = b.RDDSimulated / b.RDDSeconds
	b.RDDSteps = 1000 * b.RDDRealtime
	return err
}

func (b *benchmark) train(ctx context.Context, repeat int) error {
	const batch, channels, side, batches = 128, 3, 32, 4
	network, err := nn.Report(nn.ReportConfig{Channels: channels, Side: side}, 0)
	if err != nil {
		return err
	}
	images := draw("images", batch*channels*side*side, 1)
	labels := make([]uint8, batch)
	for i := range labels {
		labels[i] = uint8(i % 10)
	}
	rate := func(do func() error) (float64, error) {
		seconds, err := median(ctx, repeat, func() error {
			for range batches {
				if err := do(); err != nil {
					return err
				}
			}
			return nil
		})
		return batch * batches / seconds, err
	}
	train := func() error {
		_, _, err := network.TrainBatch(images, labels, nn.ReportSGD())
		return err
	}
	if b.TrainFA, err = rate(train); err != nil {
		return err
	}
	network.SetRoute(nn.ThroughWeight)
	if b.TrainBP, err = rate(train); err != nil {
		return err
	}
	// Products per image: forwards and for the weights' gradients in every
	// layer, back to the layer below in all but the first.
	conv1, conv2 := 28*28*64*75, 10*10*64*1600
	affine := 1600*384 + 384*192 + 192*10
	b.TrainGFLOPS = 2 * float64(2*conv1+3*conv2+3*affine) * b.TrainBP / 1e9
	b.TrainFraction = b.TrainGFLOPS / b.GEMM
	b.Eval, err = rate(func() error {
		_, _, err := network.Evaluate(images, labels)
		return err
	})
	return err
}

// draw returns n numbers, uniform in ±bound.
func draw(name string, n int, bound float64) []float32 {
	random := stream.New(0, "bench "+name)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32((2*random.Float64() - 1) * bound)
	}
	return x
}
