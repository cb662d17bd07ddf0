package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/figures"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/report"
)

func figuresCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("figures", flag.ContinueOnError)
	out := set.String("out", "out", "folder for the files")
	compare := set.Bool("report", false, "draw nothing; print the report's Figures 1 to 4 in numbers, ours beside theirs, as Markdown (without RUN: from the stored runs)")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), "usage: rdd figures [flags] RUN…\nDraws run folders together, each figure as PNG, SVG, HTML and TSV.")
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if set.NArg() == 0 && !*compare {
		return invalid.New("RUN", "", "at least one run folder")
	}
	var records []*rddkit.Record
	for _, dir := range set.Args() {
		if _, err := os.Stat(filepath.Join(dir, "run.json")); set.NArg() > 1 && errors.Is(err, fs.ErrNotExist) {
			// A shell's data/runs/* also has those whose first epoch is not over.
			fmt.Fprintf(stderr, "rdd figures: left out %s, which has no epoch yet\n", dir)
			continue
		}
		record, err := rddkit.Open(dir)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	if set.NArg() > 0 && len(records) == 0 {
		return invalid.New("RUN", strings.Join(set.Args(), " "), "at least one run folder with an epoch")
	}
	if *compare {
		if set.NArg() == 0 {
			var err error
			if records, err = rddkit.Stored(); err != nil {
				return err
			}
		}
		_, err := io.WriteString(stdout, report.Markdown(report.Compare(records...)))
		return err
	}
	type named struct {
		name   string
		figure chart.Figure
	}
	drawn := []named{
		{"sign-alignment", figures.SignAlignment(records...)},
		{"r-self", figures.RSelf(records...)},
		{"training-error", figures.TrainingError(records...)},
		{"test-error", figures.TestError(records...)},
	}
	// Stored short runs come without weights.
	weighed := slices.DeleteFunc(slices.Clone(records), func(r *rddkit.Record) bool {
		_, _, err := r.Pairs(1)
		return errors.As(err, new(*invalid.Error))
	})
	if len(weighed) > 0 {
		drawn = append(drawn, named{"weights", figures.Weights(weighed...)})
	} else {
		fmt.Fprintln(stderr, "rdd figures: no figure of the weights, which none of these runs has")
	}
	for _, f := range drawn {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.figure.Save(*out, f.name); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		fmt.Fprintf(stdout, "%s/%s.{png,svg,html,tsv}\n", *out, f.name)
	}
	return nil
}
