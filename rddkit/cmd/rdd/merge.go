package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/invalid"
)

func mergeCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("merge", flag.ContinueOnError)
	set.Usage = func() {
		fmt.Fprint(set.Output(), `usage: rdd merge DIR FROM…
Brings the records of other folders, as copied from another machine, into DIR: run
folders or stored runs. Of two of the same name the one of more epochs wins. Where
they differ in what both have, both stay as they are, and are named.
`)
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if set.NArg() < 2 {
		return invalid.New("DIR FROM…", set.NArg(), "a folder, and at least one to take records from")
	}
	merged, err := rddkit.Merge(ctx, set.Arg(0), set.Args()[1:]...)
	same, kept := 0, 0
	for _, m := range merged {
		switch {
		case m.Err != nil:
			kept++
			fmt.Fprintf(stdout, "%s: left alone: %v\n", m.From, m.Err)
		case m.Copied && m.Before < 0:
			fmt.Fprintf(stdout, "%s: copied, %d epochs\n", m.Name, m.Epochs)
		case m.Copied:
			fmt.Fprintf(stdout, "%s: %d epochs in place of %d\n", m.Name, m.Epochs, m.Before)
		default:
			same++
		}
	}
	if same > 0 {
		fmt.Fprintf(stdout, "%d were there already, as long or longer\n", same)
	}
	if err == nil && kept > 0 {
		err = fmt.Errorf("%d of %d records were left alone", kept, len(merged))
	}
	return err
}
