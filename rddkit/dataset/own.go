package dataset

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/invalid"
)

// own is a data set of one's own: a folder, an archive, or a function.
type own struct {
	name   string
	title  string
	source string // the path, or "" for a function
	// read returns what the set is and, if images are wanted, all of it, checked.
	read func(ctx context.Context, images bool) (ownContents, error)
}

// ownContents is what a data set of one's own holds.
type ownContents struct {
	channels, side, classes int
	train, test             int // images
	digest                  string
	set                     *Set // or nil
}

func contentsOf(set *Set) ownContents {
	return ownContents{set.Channels, set.Side, set.Classes, set.Train.Len(), set.Test.Len(), set.Digest, set}
}

// resolve returns what a name means: one of the manifest's sets, or else a data
// set of one's own. dir is where a plain name is looked for; see Options.Dir.
func resolve(name, dir string) (Info, *own, error) {
	if name == "" {
		name = Default
	}
	if set, ok := registered(name); ok {
		return Info{}, set, nil
	}
	if i := slices.IndexFunc(manifest, func(info Info) bool { return info.Name == name }); i >= 0 {
		return manifest[i], nil, nil
	}
	path, ok := pathOf(name, dir)
	if !ok {
		return Info{}, nil, invalid.Newf("data set", name, "one of %s, or a folder of your own (./%s)", strings.Join(Names(), ", "), name)
	}
	folder, err := openFolder(name, path)
	if err != nil {
		return Info{}, nil, err
	}
	return Info{}, &own{name: name, title: string(folder.layout) + " in " + path, source: path, read: folder.contents}, nil
}

// pathOf returns the path that a name means: itself if it looks like one, else
// that of a data set of one's own in dir.
func pathOf(name, dir string) (path string, ok bool) {
	if rest, ok := strings.CutPrefix(filepath.ToSlash(name), "$RDDKIT_DATA/"); ok {
		dir, err := place.Datasets()
		return filepath.Join(dir, rest), err == nil
	}
	if rest, ok := strings.CutPrefix(filepath.ToSlash(name), "~/"); ok {
		home, err := os.UserHomeDir()
		return filepath.Join(home, rest), err == nil
	}
	if strings.ContainsRune(name, '/') || strings.ContainsRune(name, filepath.Separator) || name == "." || name == ".." {
		path, err := filepath.Abs(name)
		return path, err == nil
	}
	dir, err := resolveDir(dir)
	if err != nil {
		return "", false
	}
	for _, path := range []string{filepath.Join(dir, name), filepath.Join(dir, name+".npz")} {
		if layoutOf(path) != "" {
			return path, true
		}
	}
	return name, strings.HasSuffix(name, ".npz")
}

// Own returns the names of the data sets of one's own in dir ("": the default
// place, where their names need no folder).
func Own(dir string) []string {
	folder, err := resolveDir(dir)
	if err != nil {
		return nil
	}
	entries, _ := os.ReadDir(folder)
	var names []string
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".npz")
		known := slices.ContainsFunc(manifest, func(info Info) bool { return info.Name == name })
		if known || strings.HasPrefix(name, ".") || layoutOf(filepath.Join(folder, entry.Name())) == "" {
			continue
		}
		if dir != "" {
			name = filepath.Join(folder, entry.Name())
		}
		names = append(names, name)
	}
	return slices.Compact(names)
}

// contents is read, with the data set's name before an error: what is wrong is in
// a file, which the error names, not the name.
func (o *own) contents(ctx context.Context, images bool) (ownContents, error) {
	c, err := o.read(ctx, images)
	if err != nil {
		err = fmt.Errorf("data set %s: %w", o.name, err)
	}
	return c, err
}

// describe says what the data set is.
func (o *own) describe(ctx context.Context) (Info, error) {
	c, err := o.contents(ctx, false)
	if err != nil {
		return Info{}, err
	}
	return Info{
		Name: o.name, Title: o.title, Format: "own", Channels: c.channels, Side: c.side, Classes: c.classes,
		TrainRows: c.train, TestRows: c.test, Licence: "not known here", Source: o.source, Digest: c.digest,
	}, nil
}

// Identity returns what tells a data set of one's own from others of its name: a
// digest of its images and labels, 12 hexadecimal digits. It is "" for the sets
// of the manifest, whose names say it all. Two folders, or a folder and a
// function, that hold the same images in the same order have the same.
//
// The data set is read for it, and once more only if the size or the time of one
// of its files has changed. It fails as [Load] does.
func Identity(name string) (string, error) {
	_, mine, err := resolve(name, "")
	if err != nil || mine == nil {
		return "", err
	}
	info, err := mine.describe(context.Background())
	return info.Digest, err
}

// Label returns a data set's name as it is fit for a file's name or a legend: of
// a folder its last element, letters, digits, "-", "_" and "." alone, and
// never a known set's name for another.
func Label(name string) string {
	if name == "" {
		return Default
	}
	if _, ok := registered(name); ok || slices.ContainsFunc(manifest, func(info Info) bool { return info.Name == name }) {
		return name
	}
	label := name
	if path, err := filepath.Abs(name); err == nil {
		label = filepath.Base(path)
	}
	label = strings.Map(func(r rune) rune {
		if strings.ContainsRune(labelSigns, r) {
			return r
		}
		return '-'
	}, strings.TrimSuffix(label, ".npz"))
	label = strings.Trim(label[:min(len(label), maxName)], "-.")
	if label == "" {
		label = "data"
	}
	if slices.Contains(known(), label) {
		label += "-folder"
	}
	return label
}

const (
	labelSigns = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	maxName    = 64
)

// known returns the names of the manifest's sets and the registered ones.
func known() []string {
	var names []string
	for _, info := range manifest {
		names = append(names, info.Name)
	}
	return append(names, registeredNames()...)
}

// loadOwn is load for a data set of one's own.
func loadOwn(ctx context.Context, o *own, options Options) (*Set, error) {
	c, err := o.contents(ctx, true)
	if err != nil {
		return nil, err
	}
	set := *c.set
	set.Name = o.name
	set.Train = set.Train.slice(0, atMost(c.train, options.TrainLimit))
	set.Test = set.Test.slice(0, atMost(c.test, options.TestLimit))
	return &set, nil
}
