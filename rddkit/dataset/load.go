package dataset

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Options says how to load a data set. The zero value is the normal way.
type Options struct {
	// Dir is the folder of the full data sets. Default: $RDDKIT_DATA, else
	// data/cache in the checkout, else rddkit/data in the user's cache folder.
	Dir string
	// Offline forbids the network; so does the environment variable
	// RDDKIT_OFFLINE=1. Without it, files that are missing are fetched.
	Offline bool
	// TrainLimit and TestLimit keep at most the first so many images. 0: all.
	TrainLimit, TestLimit int
	// Progress, if set, hears of downloads; see FetchOptions.
	Progress func(file string, done, total int64)
}

// Load reads a data set ("" is Default) into memory and checks it against the
// manifest: sizes, magic numbers, counts, labels, and SHA-256 of every file that
// it reads. Files that are not there are fetched, unless that is forbidden. The
// name may also be that of data of one's own (see the package's comment), which
// callers may share: they copy what they change.
//
// The error is an *invalid.Error that names the field or file, what was found
// and what is wanted, if the name or an option is not allowed, or a file is
// missing, truncated or altered.
func Load(ctx context.Context, name string, o Options) (*Set, error) {
	if o.TrainLimit < 0 {
		return nil, invalid.New("TrainLimit", o.TrainLimit, "0 (all) or more")
	}
	if o.TestLimit < 0 {
		return nil, invalid.New("TestLimit", o.TestLimit, "0 (all) or more")
	}
	info, mine, err := resolve(name, o.Dir)
	if err != nil {
		return nil, err
	}
	if mine != nil {
		return loadOwn(ctx, mine, o)
	}
	return load(ctx, info, o)
}

// load loads one of the manifest's sets.
func load(ctx context.Context, info Info, o Options) (*Set, error) {
	dir := o.Dir
	if !info.Embedded {
		var err error
		if dir, err = resolveDir(dir); err != nil {
			return nil, err
		}
		if err := info.complete(ctx, dir, o); err != nil {
			return nil, err
		}
	}

	set := &Set{Name: info.Name, Channels: info.Channels, Side: info.Side, Classes: info.Classes}
	trainRows, testRows := atMost(info.TrainRows, o.TrainLimit), atMost(info.TestRows, o.TestLimit)
	parts := make(map[string]Split)
	if info.Files[0].Part == "both" {
		all := info.newSplit(info.TrainRows + info.TestRows)
		parts["both"] = all
		set.Train, set.Test = all.slice(0, trainRows), all.slice(info.TrainRows, info.TrainRows+testRows)
	} else {
		set.Train, set.Test = info.newSplit(trainRows), info.newSplit(testRows)
		parts["train"], parts["test"] = set.Train, set.Test
	}

	type kind struct{ part, holds string }
	first := make(map[kind]int) // images of earlier files of the kind
	var reads []func() error
	for _, f := range info.Files {
		from := first[kind{f.Part, f.Holds}]
		first[kind{f.Part, f.Holds}] += f.Rows
		whole := parts[f.Part]
		if from >= whole.Len() {
			continue // beyond the limit
		}
		into := whole.slice(from, min(from+f.Rows, whole.Len()))
		reads = append(reads, func() error { return info.read(ctx, dir, f, into) })
	}
	errs := make([]error, len(reads))
	parallel.For(len(reads), func(i int) { errs[i] = reads[i]() })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return set, nil
}

func atMost(rows, limit int) int {
	if limit == 0 {
		return rows
	}
	return min(rows, limit)
}

// complete makes sure that every file is in dir, fetching what is missing if
// it may.
func (info Info) complete(ctx context.Context, dir string, o Options) error {
	missing := info.missing(dir)
	if len(missing) == 0 {
		info.tidy(filepath.Join(dir, info.Folders[0]))
		return nil
	}
	found := "not in " + filepath.Join(dir, info.Folders[0])
	if len(missing) < len(info.Files) {
		found = fmt.Sprintf("incomplete: %s %s", strings.Join(missing, ", "), found)
	}
	if name, ok := info.neighbour(dir); ok {
		return invalid.Newf("data set "+info.Name, found, "all %d files; those that are there make the data set %s", len(info.Files), name)
	}
	offline, err := isOffline(o.Offline)
	if err != nil {
		return err
	}
	if offline {
		wanted := invalid.Newf("data set "+info.Name, found, "all %d files; the network is forbidden (Offline or RDDKIT_OFFLINE); elsewhere, or with -from DIR for files that you have: %s", len(info.Files), info.command(o.Dir))
		return explain(wanted, info.otherVersion(dir))
	}
	return fetch(ctx, info, FetchOptions{Dir: dir, Progress: o.Progress})
}

// isOffline reports whether the option or the environment forbids the network.
func isOffline(option bool) (bool, error) {
	value := os.Getenv("RDDKIT_OFFLINE")
	if option || value == "" {
		return option, nil
	}
	offline, err := strconv.ParseBool(value)
	if err != nil {
		return false, invalid.New("environment variable RDDKIT_OFFLINE", value, "1 or 0")
	}
	return offline, nil
}

// newSplit allocates a split for so many images.
func (info Info) newSplit(rows int) Split {
	s := Split{Channels: info.Channels, Side: info.Side, Labels: make([]uint8, rows)}
	if info.Format == "usps" {
		s.Values = make([]float32, rows*s.ImageLen())
	} else {
		s.Pixels = make([]uint8, rows*s.ImageLen())
	}
	return s
}

// slice returns images from … to-1, sharing memory.
func (s *Split) slice(from, to int) Split {
	part := *s
	part.Labels = s.Labels[from:to:to]
	each := s.ImageLen()
	if s.Pixels != nil {
		part.Pixels = s.Pixels[from*each : to*each : to*each]
	} else {
		part.Values = s.Values[from*each : to*each : to*each]
	}
	return part
}

// read reads and checks one file; into takes its first images or labels.
func (info Info) read(ctx context.Context, dir string, f File, into Split) error {
	path, _ := info.find(dir, f)
	c, err := open(ctx, path, info.Embedded, f)
	if err != nil {
		return err
	}
	defer c.file.Close()
	switch {
	case info.Format == "cifar10":
		err = readCIFAR(c, 0, info.Classes, into.Pixels, into.Labels)
	case info.Format == "cifar100":
		err = readCIFAR(c, coarseClasses, info.Classes, into.Pixels, into.Labels)
	case info.Format == "usps":
		err = readUSPS(c, info.Classes, into.Values, into.Labels)
	case f.Holds == "images":
		err = readIDXImages(c, f.Rows, info.Side, into.Pixels)
	default:
		err = readIDXLabels(c, f.Rows, info.Classes, into.Labels)
	}
	if err != nil {
		return c.explain(err)
	}
	return c.finish()
}
