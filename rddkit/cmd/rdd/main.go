// Command rdd runs rddkit's experiments from a terminal: long runs, sweeps,
// clusters.
//
//	rdd train     carry out an experiment (a flag for every field), writing a run folder
//	rdd sweep     carry out every combination of the values that flags list, several at once
//	rdd data      list, fetch and verify the data sets
//	rdd store     copy what notebooks show of run folders into data/results
//	rdd merge     bring the records of other folders, as of another machine, into one
//	rdd figures   draw runs as PNG, SVG, PDF, HTML and TSV files, or compare them with the report
//	rdd rd        estimate a jump at a cutoff from a CSV file: regression discontinuity
//	rdd talk      train the networks of the talk's second half
//	rdd verdicts  print every claim of both documents with its verdict
//	rdd bench     measure this machine
//	rdd version   print versions and the backend of the matrix products
//
// "rdd COMMAND -h" lists a command's flags. The exit code is 0, 1 for a
// failure, or 2 for a wrong flag, value or file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/weightalign/lab/rddkit/invalid"
)

// subcommand is its first line of help and what it does.
type subcommand struct {
	name, help string
	run        func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

func commands() []subcommand {
	return []subcommand{
		{"train", "carry out an experiment, writing a run folder", trainCommand},
		{"sweep", "carry out every combination of values, several at once", sweepCommand},
		{"data", "list, fetch and verify the data sets", dataCommand},
		{"store", "copy what notebooks show of runs into data/results", storeCommand},
		{"merge", "bring the records of other folders into one", mergeCommand},
		{"figures", "draw stored runs, or compare them with the report", figuresCommand},
		{"rd", "estimate a jump at a cutoff from a CSV file", rdCommand},
		{"talk", "train the networks of the talk's second half", talkCommand},
		{"verdicts", "print every claim of both documents with its verdict", verdictsCommand},
		{"bench", "measure this machine", benchCommand},
		{"version", "print versions and the backend of the matrix products", versionCommand},
	}
}

func main() {
	os.Exit(exitCode(dispatch(untilInterrupted(), os.Args[1:], os.Stdout, os.Stderr), os.Stderr))
}

// untilInterrupted returns a context that Ctrl-C or SIGTERM ends. The next one
// ends the program at once, whatever it is doing.
func untilInterrupted() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

// dispatch carries out a command. One whose results could not be printed failed,
// as on a full disk.
func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	out := &output{to: stdout}
	if err := command(ctx, args, out, stderr); err != nil {
		return err
	}
	return out.failed
}

// output is standard output, with the error that ended it.
type output struct {
	to     io.Writer
	failed error
}

func (o *output) Write(text []byte) (int, error) {
	if o.failed != nil {
		return 0, o.failed
	}
	n, err := o.to.Write(text)
	o.failed = err
	return n, err
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		usage(stderr)
		return errUsage
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		usage(stdout)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	usage(stderr)
	return invalid.New("command", args[0], "one of those above")
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: rdd COMMAND [flags]")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s  %s\n", c.name, c.help)
	}
	fmt.Fprintln(w, `"rdd COMMAND -h" lists a command's flags.`)
}

// errUsage is an error whose account was printed already.
var errUsage = errors.New("usage")

func exitCode(err error, stderr io.Writer) int {
	var wrong *invalid.Error
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintln(stderr, "rdd:", err)
	if errors.As(err, &wrong) {
		return 2
	}
	return 1
}

// parse reads a sub-command's flags. The flag package prints what is wrong
// with them.
func parse(set *flag.FlagSet, args []string, stderr io.Writer) error {
	set.SetOutput(stderr)
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	return nil
}

// noArguments refuses what is left of the arguments after the flags.
func noArguments(set *flag.FlagSet) error {
	if set.NArg() == 0 {
		return nil
	}
	return invalid.New("arguments of rdd "+set.Name(), strings.Join(set.Args(), " "), "none")
}
