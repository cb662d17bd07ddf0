package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/invalid"
)

func storeCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("store", flag.ContinueOnError)
	out := set.String("out", "", "folder for the copies (default data/results of the checkout)")
	pairs := set.Int("pairs", rddkit.PairsStored, "keep a sample of this many weight pairs of each layer")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), "usage: rdd store [flags] RUN…\nCopies what notebooks show of run folders: the series and a sample of the weights.")
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return invalid.New("RUN", "", "at least one run folder")
	}
	if *out == "" {
		root, ok := place.Checkout()
		if !ok {
			return errors.New("not in a checkout: name a folder with -out")
		}
		*out = filepath.Join(root, "data", "results")
	}
	for _, dir := range set.Args() {
		if err := ctx.Err(); err != nil {
			return err
		}
		record, err := rddkit.Open(dir)
		if err != nil {
			return err
		}
		stored, err := rddkit.Store(record, *out, *pairs)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: %d of %d epochs\n", stored.Dir, stored.EpochsDone(), stored.Experiment.Epochs)
	}
	return nil
}
