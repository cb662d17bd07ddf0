package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/weightalign/lab/rddkit/internal/verify"
	"github.com/weightalign/lab/rddkit/invalid"
)

// errDeviation means that a fixture was replayed and a number is off.
var errDeviation = errors.New("a deviation is beyond its tolerance")

func verifyCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("verify", flag.ContinueOnError)
	asJSON := set.Bool("json", false, "print JSON, one report per fixture; a deviation that is infinite or could not be measured is null")
	all := set.Bool("all", false, "print every row, not only the worst of each kind")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), `usage: rdd verify [flags] PATH…
Replays the reference fixtures at the paths: folders with fixtures at any depth, or files of them.
Numbers that were recorded of random runs take minutes; folders whose files are of no fixture are
named on stderr.`)
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return invalid.New("PATH", "", "at least one fixture, or a folder with some")
	}
	fixtures, skipped, err := verify.Find(set.Args()...)
	if err != nil {
		return err
	}
	for _, dir := range skipped {
		fmt.Fprintf(stderr, "rdd verify: skipped the files of %s: they are of no fixture\n", dir)
	}
	reports := make([]verify.Report, len(fixtures))
	beyond := false
	for i, dir := range fixtures {
		if reports[i], err = verify.Dir(ctx, dir); err != nil {
			return err
		}
		beyond = beyond || !reports[i].OK()
		if !*asJSON {
			printReport(stdout, reports[i], *all)
		}
	}
	if *asJSON {
		if err := printJSON(stdout, reports); err != nil {
			return err
		}
	}
	if beyond {
		return errDeviation
	}
	return nil
}

// printJSON prints null for what JSON has no number for.
func printJSON(w io.Writer, reports []verify.Report) error {
	type row struct {
		verify.Row
		Deviation *float64 `json:"deviation"` // instead of Row's
		OK        bool     `json:"ok"`
	}
	type report struct {
		Dir  string `json:"dir"`
		Kind string `json:"kind"`
		OK   bool   `json:"ok"`
		Rows []row  `json:"rows"`
	}
	out := make([]report, len(reports))
	for i, r := range reports {
		out[i] = report{Dir: r.Dir, Kind: r.Kind, OK: r.OK()}
		for _, w := range r.Rows {
			now := row{Row: w, OK: w.OK()}
			if !math.IsNaN(w.Deviation) && !math.IsInf(w.Deviation, 0) {
				now.Deviation = &w.Deviation
			}
			out[i].Rows = append(out[i].Rows, now)
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// printReport prints a table: every row that fails, and, unless all are wanted,
// of those that pass the worst of each measure and tolerance.
func printReport(w io.Writer, r verify.Report, all bool) {
	failed := 0
	for _, row := range r.Rows {
		if !row.OK() {
			failed++
		}
	}
	fmt.Fprintf(w, "%s (%s): %d quantities, %d beyond tolerance\n", r.Dir, r.Kind, len(r.Rows), failed)
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range shown(r.Rows, all) {
		verdict := "ok"
		if !row.OK() {
			verdict = "BEYOND"
		}
		fmt.Fprintf(table, "  %s\t%s\t%.3g\tof %.3g\t%s\n", row.Quantity, row.Measure, row.Deviation, row.Tolerance, verdict)
	}
	table.Flush()
}

func shown(rows []verify.Row, all bool) []verify.Row {
	if all {
		return rows
	}
	type class struct {
		measure   string
		tolerance float64
	}
	worst := make(map[class]int)
	for i, row := range rows {
		c := class{row.Measure, row.Tolerance}
		if at, ok := worst[c]; row.OK() && (!ok || row.Deviation > rows[at].Deviation) {
			worst[c] = i
		}
	}
	var kept []verify.Row
	for i, row := range rows {
		if at, ok := worst[class{row.Measure, row.Tolerance}]; !row.OK() || ok && at == i {
			kept = append(kept, row)
		}
	}
	return kept
}
