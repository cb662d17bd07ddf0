package dataset

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A file comes into its place whole, by way of a partial file beside it, with
// its rights. There are two kinds, so that no two programs write to one:
//
//	NAME.partial-…  is being written by a program, or is what one left that was
//	                killed: nothing has been written to it for staleAfter
//	NAME.partial    is the beginning of a download that was stopped
//
// The next program to fetch NAME waits while another's grows; then it takes over
// the longest beginning, as a copy (a link would lead its writes elsewhere, and
// the other may only be slow), and removes what is stale.

// staleAfter is how long a partial file rests before it counts as left behind and
// is removed. A download that receives nothing ends sooner.
const staleAfter = 3 * time.Minute

// patience is how long another program's partial file may rest before this one
// no longer waits for it. A variable for tests.
var patience = 10 * time.Second

const (
	stopped = ".partial"
	inWork  = ".partial-"
)

// partial is a file on its way to its place.
type partial struct {
	place string
	file  *os.File
	size  int64
}

// newPartial begins a file; the caller ends it with install, keep or drop.
func newPartial(place string) (*partial, error) {
	for {
		name := fmt.Sprintf("%s%s%016x", place, inWork, rand.Uint64())
		file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &partial{place: place, file: file}, nil
	}
}

func (p *partial) path() string { return p.file.Name() }

func (p *partial) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.size += int64(n)
	return n, err
}

// restart throws away what is there.
func (p *partial) restart() error {
	p.size = 0
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// touch tells other programs that this one is at work.
func (p *partial) touch() { os.Chtimes(p.path(), time.Time{}, time.Now()) }

// install moves the file into its place.
func (p *partial) install() error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := p.file.Close(); err != nil {
		return err
	}
	return os.Rename(p.path(), p.place)
}

// keep ends the file; what came is there for the next download.
func (p *partial) keep() {
	p.file.Close()
	if p.size == 0 || os.Rename(p.path(), p.place+stopped) != nil {
		os.Remove(p.path())
	}
}

// drop ends the file and leaves nothing. After install it does nothing.
func (p *partial) drop() {
	p.file.Close()
	os.Remove(p.path())
}

// takeOver copies the longest beginning that others have, of at most so many
// bytes, and removes what they left.
func (p *partial) takeOver(most int64) error {
	all := leftovers(p.place)
	slices.SortFunc(all, func(a, b leftover) int { return cmp.Compare(b.size, a.size) })
	for _, l := range all {
		if l.regular && l.size <= most && p.size == 0 && l.path != p.path() {
			if err := p.copyOf(l.path, most); err != nil {
				return err
			}
		}
		if !l.live {
			os.Remove(l.path)
		}
	}
	return nil
}

func (p *partial) copyOf(path string, most int64) error {
	from, err := os.Open(path)
	if err != nil {
		return nil // another program was faster, or it is not ours to read
	}
	defer from.Close()
	_, err = io.Copy(p, io.LimitReader(from, most))
	return err
}

// leftover is a partial file of another program.
type leftover struct {
	path    string
	size    int64
	regular bool
	live    bool // it was written to lately
}

// leftovers returns the partial files of place.
func leftovers(place string) []leftover {
	entries, _ := os.ReadDir(filepath.Dir(place))
	var all []leftover
	for _, entry := range entries {
		suffix, ours := strings.CutPrefix(entry.Name(), filepath.Base(place))
		if !ours || suffix != stopped && !strings.HasPrefix(suffix, inWork) || entry.IsDir() {
			continue
		}
		stat, err := entry.Info() // of a link itself
		if err != nil {
			continue
		}
		regular := stat.Mode().IsRegular()
		all = append(all, leftover{
			path: filepath.Join(filepath.Dir(place), entry.Name()), size: stat.Size(), regular: regular,
			live: regular && suffix != stopped && time.Since(stat.ModTime()) < staleAfter,
		})
	}
	return all
}

// tidy removes what downloads of the data set left behind, if all its files are
// there. A folder that is not ours to write to stays as it is.
func (info Info) tidy(folder string) {
	names := []string{}
	for _, f := range info.Files {
		names = append(names, f.Name, strings.TrimSuffix(f.Name, ".gz"))
	}
	if info.Archive != nil {
		names = append(names, info.Archive.Name)
	}
	for _, name := range names {
		for _, l := range leftovers(filepath.Join(folder, name)) {
			if !l.live {
				os.Remove(l.path)
			}
		}
	}
}

// othersPause is between two looks at what another program does.
const othersPause = 100 * time.Millisecond

// waitForOthers waits while another program fetches the file, until it is there
// or what the other has does not grow any more. It reports how much that is.
func waitForOthers(ctx context.Context, place string, there func() bool, report func(size int64)) error {
	var size int64
	grown := time.Now()
	for !there() {
		most, live := int64(0), false
		for _, l := range leftovers(place) {
			if l.live {
				most, live = max(most, l.size), true
			}
		}
		if !live || time.Since(grown) > patience {
			return nil
		}
		if most != size {
			size, grown = most, time.Now()
			report(size)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(othersPause):
		}
	}
	return nil
}
