package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/internal/invalid"
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
		record, err := rddkit.Open(dir)
		if err != nil {
			return err
		}
		records = append(records, record)
	}
	if *compare {
		if set.NArg() == 0 {
			var err error
			if records, _, err = rddkit.Stored(); err != nil {
				return err
			}
		}
		_, err := io.WriteString(stdout, report.Markdown(report.Compare(records...)))
		return err
	}
	for _, f := range []struct {
		name   string
		figure chart.Figure
	}{
		{"sign-alignment", chart.SignAlignment(records...)},
		{"r-self", chart.RSelf(records...)},
		{"training-error", chart.TrainingError(records...)},
		{"test-error", chart.TestError(records...)},
		{"weights", chart.Weights(records...)},
	} {
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
