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
	dpi := set.Int("dpi", 0, "image pixels to an inch of the PNG files (0 for 192)")
	width := set.Int("width", 0, "width of the figures in pixels, 96 to an inch (0 for 900)")
	compare := set.Bool("report", false, "draw nothing; print the report's Figures 1 to 4 in numbers, ours beside theirs, as Markdown (without RUN: from the stored runs)")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), "usage: rdd figures [flags] RUN…\nDraws run folders together, and the weights of each, as PNG, SVG, PDF, HTML and TSV.")
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
		if set.NArg() > 1 && withoutEpoch(dir) {
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
	drawn := []drawing{
		{"sign-alignment", func() chart.Figure { return figures.SignAlignment(records...) }},
		{"r-self", func() chart.Figure { return figures.RSelf(records...) }},
		{"training-error", func() chart.Figure { return figures.TrainingError(records...) }},
		{"test-error", func() chart.Figure { return figures.TestError(records...) }},
	}
	// Each record's weights are in memory while they are drawn only.
	for i, r := range records {
		name := "weights"
		if len(records) > 1 {
			name += "-" + r.Name()
			if slices.ContainsFunc(records[:i], func(o *rddkit.Record) bool { return o.Name() == r.Name() }) {
				name += fmt.Sprintf("-%d", i+1) // in another folder
			}
		}
		drawn = append(drawn, drawing{name, func() chart.Figure { return figures.Weights(r) }})
	}
	without := 0
	for _, d := range drawn {
		if err := ctx.Err(); err != nil {
			return err
		}
		f := d.figure()
		f.DPI, f.Width = *dpi, *width
		err := f.Save(*out, d.name)
		switch {
		case withoutWeights(err):
			without++
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", d.name, err)
		}
		fmt.Fprintf(stdout, "%s.{png,svg,pdf,html,tsv}\n", filepath.Join(*out, d.name))
	}
	switch {
	case without == len(records):
		fmt.Fprintln(stderr, "rdd figures: no figure of the weights, which none of these runs has")
	case without > 0:
		fmt.Fprintf(stderr, "rdd figures: no figure of the weights of %d runs, which have none\n", without)
	}
	return nil
}

// drawing is a figure that is made when its turn comes.
type drawing struct {
	name   string
	figure func() chart.Figure
}

// withoutEpoch says that dir is a folder without the description of a run.
func withoutEpoch(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() { // a stored run is a file
		return false
	}
	_, err = os.Stat(filepath.Join(dir, "run.json"))
	return errors.Is(err, fs.ErrNotExist)
}

// withoutWeights says that a record is one of which no weights were kept, as of
// stored short runs.
func withoutWeights(err error) bool {
	var bad *invalid.Error
	return errors.As(err, &bad) && bad.Value == "without weights"
}
