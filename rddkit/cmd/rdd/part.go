package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
)

// partVariable is where parts' number is looked for when an engine does not tell.
const partVariable = "RDDKIT_PARTS"

// An engine starts one program many times, with variables that tell which time it
// is.
type engine struct {
	name  string
	index string // variable of the number of this task
	// first, last and step are variables, or "" where the engine has none.
	first, last, step string
	count             string // variable of the number of tasks
	from              int    // the first index where no variable tells
	undefined         string // value of index outside an array
}

var engines = []engine{
	{name: "Slurm", index: "SLURM_ARRAY_TASK_ID", first: "SLURM_ARRAY_TASK_MIN", last: "SLURM_ARRAY_TASK_MAX", step: "SLURM_ARRAY_TASK_STEP"},
	{name: "Kubernetes", index: "JOB_COMPLETION_INDEX", count: "JOB_COMPLETIONS"}, // the latter by the manifest
	{name: "AWS Batch", index: "AWS_BATCH_JOB_ARRAY_INDEX", count: "AWS_BATCH_JOB_ARRAY_SIZE"},
	{name: "Grid Engine", index: "SGE_TASK_ID", first: "SGE_TASK_FIRST", last: "SGE_TASK_LAST", step: "SGE_TASK_STEPSIZE", undefined: "undefined"},
	{name: "PBS", index: "PBS_ARRAY_INDEX", from: 1},
	{name: "Torque", index: "PBS_ARRAYID", from: 1},
	{name: "LSF", index: "LSB_JOBINDEX", from: 1, undefined: "0"},
}

// part is which share of a sweep is this process'.
type part struct {
	k, n   int
	engine string // that told, "" if none did
}

// parsePart reads "K/N"; "/N", whose K an array engine tells; "all"; or "", where
// both are the engine's, or all if there is none.
func parsePart(text string) (part, error) {
	const allowed = `"K/N" with K from 1 to N, "/N" under an array engine, or "all"`
	all := part{k: 1, n: 1}
	if text == "all" {
		return all, nil
	}
	k, n, slash := strings.Cut(text, "/")
	if text != "" && !slash {
		return part{}, invalid.New("-part", text, allowed)
	}
	parts := 0
	if n != "" {
		var err error
		if parts, err = strconv.Atoi(n); err != nil || parts < 1 {
			return part{}, invalid.New("-part", text, allowed)
		}
	}
	if k != "" {
		share, err := strconv.Atoi(k)
		if err != nil || share < 1 || share > parts {
			return part{}, invalid.New("-part", text, allowed)
		}
		return part{k: share, n: parts}, nil
	}
	for _, e := range engines {
		if value := os.Getenv(e.index); value != "" && value != e.undefined {
			return e.part(value, parts)
		}
	}
	if text != "" {
		return part{}, invalid.New("-part", text, allowed)
	}
	return all, nil
}

// part makes of an engine's variables which part of n this is; n is 0 if the user
// did not say.
func (e engine) part(value string, n int) (part, error) {
	number := func(variable string, otherwise int) (int, error) {
		text := os.Getenv(variable)
		if variable == "" || text == "" {
			return otherwise, nil
		}
		v, err := strconv.Atoi(text)
		if err != nil {
			return 0, invalid.New(variable, text, "a whole number, as "+e.name+" sets it")
		}
		return v, nil
	}
	index, err := number(e.index, 0)
	if err != nil {
		return part{}, err
	}
	first, err := number(e.first, e.from)
	if err != nil {
		return part{}, err
	}
	step, err := number(e.step, 1)
	if err != nil || step < 1 {
		return part{}, invalid.New(e.step, os.Getenv(e.step), "at least 1")
	}
	if n == 0 {
		switch {
		case e.last != "":
			last, err := number(e.last, -1)
			if err != nil {
				return part{}, err
			}
			n = (last-first)/step + 1
		default:
			for _, variable := range []string{e.count, partVariable} {
				if n, err = number(variable, 0); n != 0 || err != nil {
					break
				}
			}
			if err != nil {
				return part{}, err
			}
		}
	}
	if n < 1 {
		return part{}, invalid.Newf("-part", "", `"/N": %s says that this is task %s, and not of how many (or set %s; "all" for the whole sweep)`, e.name, value, partVariable)
	}
	k := (index-first)/step + 1
	if index < first || (index-first)%step != 0 || k > n {
		return part{}, invalid.Newf(e.index, value, "one of %d parts, from %d in steps of %d; name the part with -part K/N", n, first, step)
	}
	return part{k, n, e.name}, nil
}

func (p part) String() string {
	text := fmt.Sprintf("part %d of %d", p.k, p.n)
	if p.engine != "" {
		text += ", as " + p.engine + " says"
	}
	return text
}

// ownPart returns this process' share of the experiments, and tells which it is.
func ownPart(text string, experiments []rddkit.Experiment, stderr io.Writer) ([]rddkit.Experiment, error) {
	p, err := parsePart(text)
	if err != nil || p.n == 1 {
		return experiments, err
	}
	own, err := rddkit.Part(p.k, p.n, experiments...)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stderr, "%s: %d of %d runs\n", p, len(own), len(experiments))
	return own, nil
}
