package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/weightalign/lab/rddkit/internal/invalid"
	"github.com/weightalign/lab/rddkit/internal/verify"
)

// errDeviation means that a fixture was replayed and a number is off.
var errDeviation = errors.New("a deviation is beyond its tolerance")

func verifyCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("verify", flag.ContinueOnError)
	asJSON := set.Bool("json", false, "print JSON, one report per folder")
	all := set.Bool("all", false, "print every row, not only the worst of each kind")
	set.Usage = func() {
		fmt.Fprintln(set.Output(), "usage: rdd verify [flags] DIR…\nReplays reference fixtures; files among the arguments are passed over.")
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	var reports []verify.Report
	for _, dir := range set.Args() {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			continue // a README or manifest that a shell's * brought along
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		report, err := verify.Dir(dir)
		if err != nil {
			return err
		}
		reports = append(reports, report)
	}
	if len(reports) == 0 {
		return invalid.New("DIR", fmt.Sprint(set.Args()), "at least one fixture folder")
	}
	if *asJSON {
		if err := printJSON(stdout, reports); err != nil {
			return err
		}
	} else {
		printReports(stdout, reports, *all)
	}
	for _, r := range reports {
		if !r.OK() {
			return errDeviation
		}
	}
	return nil
}

func printJSON(w io.Writer, reports []verify.Report) error {
	type row struct {
		verify.Row
		OK bool `json:"ok"`
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
			out[i].Rows = append(out[i].Rows, row{w, w.OK()})
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// printReports prints a table per folder: every row that fails, and, unless
// all are wanted, of those that pass the worst of each measure and tolerance.
func printReports(w io.Writer, reports []verify.Report, all bool) {
	for _, r := range reports {
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
