package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/weightalign/lab/rddkit/dataset"
	"github.com/weightalign/lab/rddkit/invalid"
	"github.com/weightalign/lab/rddkit/show"
	"github.com/weightalign/lab/rddkit/show/terminal"
)

const dataUsage = `usage: rdd data list   [-dir DIR] [-json]
       rdd data fetch  [-dir DIR] [-from DIR] [-offline] NAME...
       rdd data verify [-dir DIR] [-json] [NAME...]

list    prints every data set: images, licence, and whether its files are here
fetch   downloads data sets and verifies them; with -from, takes files you have
verify  reads data sets and compares every file with the manifest
        (without a name: those that are here)

A data set of your own is a folder with train_images.npy, train_labels.npy,
test_images.npy and test_labels.npy, an .npz with these arrays, or a folder with
train/CLASS/*.png and test/CLASS/*.png. Its name is its path (./mine), or mine
alone if it lies in DIR.

"rdd data list -h" and so on list the flags.
`

// dataCommand carries out "rdd data …".
func dataCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, dataUsage)
		return errUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "-h", "-help", "--help", "help":
		fmt.Fprint(stdout, dataUsage)
		return nil
	case "list", "fetch", "verify":
	default:
		return invalid.New("command of rdd data", name, "list, fetch or verify")
	}

	set := flag.NewFlagSet("data "+name, flag.ContinueOnError)
	set.Usage = func() {
		fmt.Fprintf(set.Output(), "%s\nflags of rdd data %s:\n", dataUsage, name)
		set.PrintDefaults()
	}
	dir := set.String("dir", "", "`folder` of the data sets (default $RDDKIT_DATA, else data/cache of the checkout)")
	var asJSON, offline bool
	var from string
	if name == "fetch" {
		set.BoolVar(&offline, "offline", false, "forbid the network, as RDDKIT_OFFLINE=1 does")
		set.StringVar(&from, "from", "", "copy the files from this `folder`, or archive, instead of downloading them")
	} else {
		set.BoolVar(&asJSON, "json", false, "print JSON")
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	for _, arg := range set.Args() {
		if strings.HasPrefix(arg, "-") {
			return invalid.New("argument", arg, "flags before the names of data sets")
		}
		if _, err := dataset.Missing(arg, *dir); err != nil {
			return err
		}
	}
	switch name {
	case "list":
		if set.NArg() > 0 {
			return invalid.New("argument", set.Arg(0), "none: list shows every data set")
		}
		return listData(*dir, asJSON, stdout)
	case "fetch":
		if set.NArg() == 0 {
			return invalid.Newf("data set", "", "at least one of %s", strings.Join(dataset.Names(), ", "))
		}
		return fetchData(ctx, set.Args(), dataset.FetchOptions{Dir: *dir, From: from, Offline: offline}, stdout)
	default:
		return verifyData(ctx, set.Args(), *dir, asJSON, stdout)
	}
}

func listData(dir string, asJSON bool, stdout io.Writer) error {
	type row struct {
		dataset.Info
		Here    bool     `json:"here"`
		Missing []string `json:"missing"`
		Error   string   `json:"error,omitempty"` // of data of one's own that cannot be read
	}
	var rows []row
	for _, name := range dataNames(dir) {
		info, err := dataset.Describe(name)
		if err != nil {
			rows = append(rows, row{Info: dataset.Info{Name: name, Format: "own"}, Error: err.Error()})
			continue
		}
		missing, err := dataset.Missing(name, dir)
		if err != nil {
			return err
		}
		rows = append(rows, row{Info: info, Here: len(missing) == 0, Missing: missing})
	}
	if asJSON {
		return writeJSON(stdout, rows)
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tTRAIN\tTEST\tIMAGE\tFILES\tLICENCE")
	for _, r := range rows {
		state := "here"
		switch {
		case r.Error != "":
			fmt.Fprintf(table, "%s\t\t\t\tdamaged\t%s\n", r.Name, r.Error)
			continue
		case r.Embedded:
			state = "embedded"
		case r.Digest != "":
			state = "your own"
		case len(r.Missing) == len(r.Files):
			state = "not here"
		case !r.Here:
			state = fmt.Sprintf("%d of %d here", len(r.Files)-len(r.Missing), len(r.Files))
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d×%d×%d\t%s\t%s\n", r.Name, r.TrainRows, r.TestRows, r.Channels, r.Side, r.Side, state, r.Licence)
	}
	return table.Flush()
}

// dataNames returns the names of the data sets that may lie in dir: the known
// ones, and those of the user's own that are there.
func dataNames(dir string) []string {
	if dir == "" {
		return dataset.Names()
	}
	own := dataset.Own("")
	known := slices.DeleteFunc(dataset.Names(), func(name string) bool { return slices.Contains(own, name) })
	return append(known, dataset.Own(dir)...)
}

func fetchData(ctx context.Context, names []string, o dataset.FetchOptions, stdout io.Writer) error {
	for _, name := range names {
		var shown show.Progress
		var shownFile string
		end := func() {
			if shown != nil {
				shown.Done()
			}
		}
		o.Progress = func(file string, done, total int64) {
			if file != shownFile {
				end()
				shown, shownFile = terminal.NewProgress(file), file
			}
			shown.Update(int(done), int(total), fmt.Sprintf("%.1f MB", float64(done)/1e6))
		}
		err := dataset.Fetch(ctx, name, o)
		end()
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: complete and verified\n", name)
	}
	return nil
}

// verifyData reads every data set that is named, or here. It reports on all of
// them before it fails.
func verifyData(ctx context.Context, names []string, dir string, asJSON bool, stdout io.Writer) error {
	named := len(names) > 0
	if !named {
		names = dataNames(dir)
	}
	type row struct {
		Name   string `json:"name"`
		Train  int    `json:"train"` // images
		Test   int    `json:"test"`
		OK     bool   `json:"ok"`
		Digest string `json:"digest,omitempty"` // of one's own
		Error  string `json:"error,omitempty"`
	}
	var rows []row
	var failures []error
	for _, name := range names {
		if missing, err := dataset.Missing(name, dir); err != nil {
			return err
		} else if len(missing) > 0 && !named {
			continue
		}
		r := row{Name: name}
		if set, err := dataset.Load(ctx, name, dataset.Options{Dir: dir, Offline: true}); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.Error = err.Error()
			failures = append(failures, err)
		} else {
			r.OK, r.Train, r.Test, r.Digest = true, set.Train.Len(), set.Test.Len(), set.Digest
		}
		rows = append(rows, r)
		if !asJSON && r.OK {
			found := "all files as the manifest says"
			if r.Digest != "" {
				found = "your own, identity " + r.Digest
			}
			fmt.Fprintf(stdout, "%s: %d training and %d test images, %s\n", name, r.Train, r.Test, found)
		}
	}
	if asJSON {
		if err := writeJSON(stdout, rows); err != nil {
			return err
		}
	}
	return errors.Join(failures...)
}

func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}
