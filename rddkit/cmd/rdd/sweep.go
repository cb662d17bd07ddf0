package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"gonum.org/v1/gonum/stat"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show"
	"github.com/weightalign/lab/rddkit/show/terminal"
)

const sweepUsage = `usage: rdd sweep [flags]
Carries out every combination of the values that flags name, separated by
commas, several at once, for example

  rdd sweep -dataset mnist,usps -method fa,rdd,bp -rdd-time 30,90 -seeds 3 -epochs 20

Each has a run folder of its own, as with "rdd train"; combinations that differ
only in what their method has no use for are one. The same command goes on with
those that were interrupted. One that fails does not stop the others.

With -slurm, on a login node of a cluster, tasks of a job array do the work.
Ctrl-C leaves them alone, and the same command attaches to them again. Under
another array engine each task is given the whole command, with -part.
`

func sweepCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("sweep", flag.ContinueOnError)
	var g grid
	g.flags(set)
	seeds := set.Int("seeds", 1, "run this many seeds of each, from each -seed upward")
	out := set.String("out", "", "folder for the run folders (default data/runs of the checkout)")
	cores := set.Int("cores", runtime.GOMAXPROCS(0), "how many to run at once; with -slurm, cores of a task (default 1)")
	memory := set.Int64("memory", 0, "memory in MB for those that run at once (default three quarters of what this machine or container has)")
	list := set.Bool("list", false, "run nothing; print what would be run, with the memory of each")
	asJSON := set.Bool("json", false, "print the table as JSON, a row for each run")
	share := set.String("part", "", "run only this part: K/N; /N where an array engine tells K; all (default what Slurm, Kubernetes, AWS Batch or Grid Engine tells)")
	var cluster slurmFlags
	cluster.define(set)
	set.Usage = func() {
		fmt.Fprint(set.Output(), sweepUsage)
		set.PrintDefaults()
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if err := noArguments(set); err != nil {
		return err
	}
	if err := checkSeeds(*seeds); err != nil {
		return err
	}
	switch {
	case *cores < 1:
		return invalid.New("-cores", *cores, "at least 1")
	case *memory < 0 || *memory > 1<<30:
		return invalid.New("-memory", *memory, "a number of MB, or 0 for the default")
	}
	experiments, err := g.experiments(*seeds)
	if err != nil {
		return err
	}
	runner := rddkit.Runner{Dir: *out, KeepGoing: true}
	if err := cluster.apply(set, &runner, *cores, stderr); err != nil {
		return err
	}
	if !cluster.on {
		if experiments, err = ownPart(*share, experiments, stderr); err != nil {
			return err
		}
	}
	if *list {
		return printPlan(stdout, experiments)
	}
	lines := terminal.NewLines()
	runner.Watch = func(e rddkit.Experiment) show.Progress {
		name, _ := e.Name() // resolved before
		return lines.Add(name)
	}
	var records []*rddkit.Record
	if cluster.on {
		records, err = sweepOnSlurm(ctx, &runner, experiments, lines, stderr)
	} else {
		budget := *memory * 1e6
		if budget == 0 {
			budget = threeQuarters()
		}
		debug.SetMemoryLimit(budget) // the collector works harder rather than beyond it
		runner.Cores, runner.Memory = *cores, budget
		records, err = runner.Sweep(ctx, experiments...)
		lines.Close()
	}
	if wrong := new(invalid.Error); records == nil && errors.As(err, &wrong) {
		return err
	}
	if !cluster.on && errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "interrupted; the same command goes on from there")
		err = context.Canceled // once, not of every run
	}
	if *asJSON {
		return cmp.Or(writeJSON(stdout, results(records)), err)
	}
	return cmp.Or(printTable(stdout, g.varied(*seeds), records), printFailures(stdout, err))
}

// threeQuarters returns three quarters of the memory that this process may use,
// in bytes.
func threeQuarters() int64 {
	limit, err := memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)()
	if err != nil || limit == 0 || limit > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(limit / 4 * 3)
}

// grid is what the flags name: a list of values for some of an experiment's
// fields.
type grid struct {
	fields []string
	values map[string][]string
}

// flags defines a flag in set for every field of an experiment.
func (g *grid) flags(set *flag.FlagSet) {
	g.values = make(map[string][]string)
	e, err := rddkit.Experiment{}.Resolve()
	if err != nil {
		panic(err) // the defaults are right
	}
	fields := flag.NewFlagSet("", flag.ContinueOnError)
	e.Flags(fields)
	fields.VisitAll(func(f *flag.Flag) {
		g.fields = append(g.fields, f.Name)
		usage := f.Usage
		if f.DefValue != "0" && f.DefValue != "" {
			usage = fmt.Sprintf("%s (default %s)", usage, f.DefValue)
		}
		set.Func(f.Name, usage, func(list string) error {
			values := strings.Split(list, ",")
			for _, v := range values {
				if err := f.Value.Set(v); err != nil {
					return err
				}
			}
			g.values[f.Name] = values
			return nil
		})
	})
}

// mostRuns bounds what one sweep has.
const mostRuns = 100_000

// experiments returns the combinations with so many seeds of each, in the order
// of the fields, without those whose record another has.
func (g *grid) experiments(seeds int) ([]rddkit.Experiment, error) {
	runs := seeds
	for _, name := range g.fields {
		if runs *= max(len(g.values[name]), 1); runs > mostRuns {
			return nil, invalid.Newf("combinations of values and seeds", "too many", "at most %d", mostRuns)
		}
	}
	all := []rddkit.Experiment{{}}
	for _, name := range g.fields {
		values := g.values[name]
		if values == nil {
			continue
		}
		var more []rddkit.Experiment
		for _, e := range all {
			for _, v := range values {
				next := e
				set := flag.NewFlagSet("", flag.ContinueOnError)
				next.Flags(set)
				if err := set.Set(name, v); err != nil {
					return nil, invalid.New("-"+name, v, err.Error())
				}
				if err := refuseZeros(set, next); err != nil {
					return nil, err
				}
				more = append(more, next)
			}
		}
		all = more
	}
	var different []rddkit.Experiment
	known := make(map[string]bool)
	for _, e := range all {
		for _, e := range rddkit.Seeds(seeds, e) {
			name, err := e.Name()
			if err != nil {
				return nil, err
			}
			if !known[name] {
				known[name] = true
				different = append(different, e)
			}
		}
	}
	return different, nil
}

// varied returns the fields of which there are several values.
func (g *grid) varied(seeds int) []string {
	var names []string
	for _, name := range g.fields {
		if len(g.values[name]) > 1 && name != "seed" {
			names = append(names, name)
		}
	}
	return names
}

// refuseZeros refuses a zero that was given and would mean a default of another
// value.
func refuseZeros(set *flag.FlagSet, e rddkit.Experiment) error {
	resolved, err := e.Resolve()
	if err != nil {
		return nil // told elsewhere, with the field
	}
	fields := flag.NewFlagSet("", flag.ContinueOnError)
	resolved.Flags(fields)
	set.Visit(func(f *flag.Flag) {
		field := fields.Lookup(f.Name)
		if given := f.Value.String(); field != nil && (given == "0" || given == "") && field.Value.String() != given && err == nil {
			err = invalid.Newf("-"+f.Name, given, "another value: 0 would stand for the default, %s", field.Value)
		}
	})
	return err
}

func printPlan(w io.Writer, experiments []rddkit.Experiment) error {
	var rows [][]any
	for _, e := range experiments {
		name, err := e.Name()
		if err != nil {
			return err
		}
		memory, err := e.Memory()
		if err != nil {
			return err
		}
		rows = append(rows, []any{name, memory / 1e6, e.Command()})
	}
	return writeTable(w, []string{"run", "memory, MB", "command"}, rows)
}

func writeTable(w io.Writer, headers []string, rows [][]any) error {
	text, err := show.TextTable(headers, rows)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// result is a run in numbers, after its last epoch.
type result struct {
	Run           string            `json:"run"` // folder
	Experiment    rddkit.Experiment `json:"experiment"`
	Epochs        int               `json:"epochs_done"`
	TrainError    float64           `json:"train_error_percent"`
	TestError     float64           `json:"test_error_percent"`
	SignAlignment []float64         `json:"sign_alignment_percent"` // of FC1, FC2, …
	Seconds       float64           `json:"seconds_per_epoch"`
}

func resultOf(r *rddkit.Record) result {
	x := result{Run: r.Dir, Experiment: r.Experiment, Epochs: r.EpochsDone(), TrainError: rddkit.Last(r.TrainError), TestError: rddkit.Last(r.TestError),
		Seconds: mean(r.LearnSeconds) + mean(r.TrainSeconds) + mean(r.TestSeconds)}
	for layer := 1; layer <= r.Layers(); layer++ {
		x.SignAlignment = append(x.SignAlignment, rddkit.Last(r.SignAlignment(layer)))
	}
	return x
}

func results(records []*rddkit.Record) []result {
	all := []result{}
	for _, r := range records {
		if r != nil {
			all = append(all, resultOf(r))
		}
	}
	return all
}

// printTable prints a row for each combination: the fields that vary, and what
// came of them as mean ± standard error over its seeds.
func printTable(w io.Writer, varied []string, records []*rddkit.Record) error {
	headers := append(slices.Clone(varied), "seeds", "epochs", "train error, %", "test error, %")
	var rows [][]any
	var keys []string
	groups := make(map[string][]result)
	layers := 0 // of the largest network
	for _, r := range results(records) {
		layers = max(layers, len(r.SignAlignment))
		e := r.Experiment
		e.Seed = 0
		name, err := e.Name()
		if err != nil {
			return err
		}
		if groups[name] == nil {
			keys = append(keys, name)
		}
		groups[name] = append(groups[name], r)
	}
	if len(keys) == 0 {
		return nil
	}
	for layer := range layers {
		headers = append(headers, fmt.Sprintf("FC%d, %%", layer+1))
	}
	headers = append(headers, "s per epoch")
	for _, key := range keys {
		group := groups[key]
		set := flag.NewFlagSet("", flag.ContinueOnError)
		e := group[0].Experiment
		e.Flags(set)
		var row []any
		for _, name := range varied {
			row = append(row, set.Lookup(name).Value.String())
		}
		row = append(row, len(group), group[0].Epochs,
			over(group, func(r result) float64 { return r.TrainError }), over(group, func(r result) float64 { return r.TestError }))
		for layer := range layers {
			if layer >= len(group[0].SignAlignment) {
				row = append(row, "")
				continue
			}
			row = append(row, over(group, func(r result) float64 { return r.SignAlignment[layer] }))
		}
		rows = append(rows, append(row, over(group, func(r result) float64 { return r.Seconds })))
	}
	return writeTable(w, headers, rows)
}

func over(group []result, of func(result) float64) string {
	var values []float64
	for _, r := range group {
		values = append(values, of(r))
	}
	if len(values) == 1 {
		return fmt.Sprintf("%.2f", values[0])
	}
	mean, deviation := stat.MeanStdDev(values, nil)
	return fmt.Sprintf("%.2f ± %.2f", mean, deviation/math.Sqrt(float64(len(values))))
}
