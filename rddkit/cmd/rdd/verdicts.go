package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/report"
	"github.com/weightalign/lab/rddkit/show"
	"github.com/weightalign/lab/rddkit/show/terminal"
)

// verdicts is what rdd verdicts prints.
type verdicts struct {
	Claims  []judged     `json:"claims"`
	Numbers []recomputed `json:"numbers"`

	findings []report.Finding
}

// judged is a claim with its finding.
type judged struct {
	ID       string `json:"id"`
	Claim    string `json:"claim"`
	Place    string `json:"place"`
	ItsScale string `json:"its_scale"`
	Ours     string `json:"ours"`
	OurScale string `json:"our_scale"`
	Verdict  string `json:"verdict"`
	Notebook string `json:"notebook"`
}

// recomputed is a report.Number.
type recomputed struct {
	Item          int      `json:"item"`
	What          string   `json:"what"`
	Found         string   `json:"as_found_by_the_reader,omitempty"`
	Mean          float64  `json:"recomputed"`
	StandardError *float64 `json:"standard_error,omitempty"` // of the mean over N
	N             int      `json:"n"`
}

const verdictsUsage = `usage: rdd verdicts [flags]
Prints every claim of the report and of the talk with its verdict, from the stored
runs and simulations of some seconds, and then numbers by which a reader
contradicted the notebooks: as found, and computed again. Those that need
simulations of minutes are computed with -simulate only.
`

func verdictsCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("verdicts", flag.ContinueOnError)
	asJSON := set.Bool("json", false, "print JSON")
	simulate := set.Bool("simulate", false, "also compute the reader's numbers that take minutes")
	only := set.String("items", "", "only these items of the reader's list, 1 to 11, separated by commas; no claims")
	set.Usage = func() {
		fmt.Fprint(set.Output(), verdictsUsage)
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if err := noArguments(set); err != nil {
		return err
	}
	items, err := itemsOf(*only)
	if err != nil {
		return err
	}
	root, ok := place.Checkout()
	if !ok {
		return errors.New("not in a checkout, where the stored runs are")
	}
	var v verdicts
	if items == nil {
		if err := v.judge(ctx); err != nil {
			return err
		}
	}
	if err := v.recompute(ctx, *simulate, items); err != nil {
		return err
	}
	if err := v.files(ctx, root, items); err != nil {
		return err
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	return v.print(stdout)
}

func itemsOf(list string) (items []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		if list == "" {
			break
		}
		item, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || item < 1 || item > 11 {
			return nil, invalid.New("-items", list, "numbers from 1 to 11, separated by commas")
		}
		items = append(items, item)
	}
	return items, nil
}

// judge sets findings beside the claims.
func (v *verdicts) judge(ctx context.Context) error {
	progress := terminal.NewProgress("claims")
	defer progress.Done()
	of := map[string]report.Finding{}
	for i, judge := range []func(context.Context) ([]report.Finding, error){
		func(context.Context) ([]report.Finding, error) { return report.OfReport() }, report.OfNeurons, report.OfFeedback,
	} {
		progress.Update(i, 3, []string{"report", "talk, neurons", "talk, feedback"}[i])
		findings, err := judge(ctx)
		if err != nil {
			return err
		}
		for _, f := range findings {
			of[f.ID] = f
		}
		v.findings = append(v.findings, findings...)
	}
	progress.Update(3, 3, "")
	for _, c := range report.Claims() {
		f := of[c.ID]
		v.Claims = append(v.Claims, judged{c.ID, c.Says, c.Where, c.Scale, f.Ours, f.Scale, string(f.Verdict), c.Notebook})
	}
	return nil
}

func (v *verdicts) recompute(ctx context.Context, simulate bool, items []int) error {
	progress := terminal.NewProgress("numbers")
	defer progress.Done()
	numbers, err := report.Recompute(ctx, simulate, items, progress.Update)
	for _, n := range numbers {
		v.add(n)
	}
	return err
}

// add keeps the numbers in the order of the items.
func (v *verdicts) add(n report.Number) {
	r := recomputed{Item: n.Item, What: n.What, Found: n.Found, Mean: n.Now.Mean, N: n.Now.Seeds}
	if !math.IsNaN(n.Now.StandardError) {
		r.StandardError = &n.Now.StandardError
	}
	at := len(v.Numbers)
	for at > 0 && v.Numbers[at-1].Item > n.Item {
		at--
	}
	v.Numbers = slices.Insert(v.Numbers, at, r)
}

// files is item 10: how many numbers in the notebooks' prose are in no output.
func (v *verdicts) files(ctx context.Context, root string, items []int) error {
	if items != nil && !slices.Contains(items, 10) {
		return nil
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return fmt.Errorf("item 10: %w", err)
	}
	check := exec.CommandContext(ctx, python, filepath.Join(root, "binder", "check_files.py"), "numbers")
	var out, errors bytes.Buffer
	check.Stdout, check.Stderr = &out, &errors
	faults := 0
	switch err := check.Run(); {
	case err == nil:
	case check.ProcessState != nil && check.ProcessState.ExitCode() == 1 && errors.Len() == 0:
		faults = strings.Count(out.String(), "\n")
	default:
		return fmt.Errorf("item 10: %s: %w: %s", check, err, &errors)
	}
	v.add(report.Number{Item: 10, What: "numbers in the notebooks' prose that are in no output and have no source", Found: "4 places", Now: rddkit.EstimateOf(float64(faults))})
	return nil
}

func (v *verdicts) print(w io.Writer) error {
	var text strings.Builder
	for _, document := range [][2]string{{"R", "report"}, {"T", "talk"}} {
		if v.Claims == nil {
			break
		}
		findings := slices.DeleteFunc(slices.Clone(v.findings), func(f report.Finding) bool { return !strings.HasPrefix(f.ID, document[0]) })
		table, err := report.Verdicts(document[0], findings...)
		if err != nil {
			return err
		}
		table = strings.ReplaceAll(table, "](", "](notebooks/")
		fmt.Fprintf(&text, "# Claims of the %s\n\n%s\n\n%s\n", document[1], report.Count(findings...), table)
	}
	var rows [][]any
	for _, n := range v.Numbers {
		now := strconv.FormatFloat(n.Mean, 'g', 4, 64)
		if n.StandardError != nil {
			now = rddkit.Estimate{Mean: n.Mean, StandardError: *n.StandardError, Seeds: n.N}.String()
		}
		rows = append(rows, []any{n.Item, n.What, n.Found, now, n.N})
	}
	table, err := show.MarkdownTable([]string{"item", "number", "as found by the reader", "recomputed", "n"}, rows)
	if err != nil {
		return err
	}
	fmt.Fprintf(&text, "# Numbers of a reader's review\n\n%s", table)
	_, err = io.WriteString(w, text.String())
	return err
}
