package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show/terminal"
)

func trainCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("train", flag.ContinueOnError)
	experiment, err := rddkit.Experiment{}.Resolve()
	if err != nil {
		return err
	}
	experiment.Flags(set)
	seeds := set.Int("seeds", 1, "run this many seeds, from -seed upward")
	methods := set.Bool("methods", false, "list the methods and their options, and run nothing")
	out := set.String("out", "", "folder for the run folders (default data/runs of the checkout)")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), "usage: rdd train [flags]\nCarries out an experiment, or goes on with it where it was interrupted.")
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if err := noArguments(set); err != nil {
		return err
	}
	if *methods {
		_, err := io.WriteString(stdout, rddkit.Usage())
		return err
	}
	if err := checkSeeds(*seeds); err != nil {
		return err
	}
	if err := refuseZeros(set, experiment); err != nil {
		return err
	}
	for _, e := range rddkit.Seeds(*seeds, experiment) {
		progress := terminal.NewProgress("rdd train")
		runner := rddkit.Runner{Dir: *out, Progress: progress.Update}
		record, err := runner.Run(ctx, e)
		progress.Done()
		if errors.Is(err, context.Canceled) {
			fmt.Fprintln(stderr, "interrupted; the same command goes on from the last epoch that was saved")
		}
		if err != nil {
			return err
		}
		printRecord(stdout, record)
	}
	return nil
}

// checkSeeds checks -seeds, before there is an experiment for each.
func checkSeeds(n int) error {
	if n < 1 || n > rddkit.MostSeeds {
		return invalid.Newf("-seeds", n, "at least 1, at most %d", rddkit.MostSeeds)
	}
	return nil
}

// printRecord prints the last epoch of a record in one line each of result
// and place.
func printRecord(w io.Writer, r *rddkit.Record) {
	n := r.EpochsDone()
	e := r.Experiment
	fmt.Fprintf(w, "%s on %s, seed %d, %d epochs: train error %.2f %%, test error %.2f %%, sign alignment %s",
		r.Label(), e.Dataset, e.Seed, n, r.TrainError[n], r.TestError[n], layerNames(r))
	for layer := 1; layer <= r.Layers(); layer++ {
		values := r.SignAlignment(layer)
		fmt.Fprintf(w, " %.2f", values[len(values)-1])
	}
	fmt.Fprintf(w, " %%\n  per epoch %.1f s (feedback weights %.2f, training %.1f, evaluation %.1f); %s\n",
		mean(r.LearnSeconds)+mean(r.TrainSeconds)+mean(r.TestSeconds), mean(r.LearnSeconds), mean(r.TrainSeconds), mean(r.TestSeconds), r.Dir)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// layerNames is "FC1–FC3" of a record with three fully connected layers.
func layerNames(r *rddkit.Record) string {
	if r.Layers() == 1 {
		return "FC1"
	}
	return fmt.Sprintf("FC1–FC%d", r.Layers())
}
