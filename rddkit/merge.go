package rddkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/lock"
	"github.com/weightalign/lab/rddkit/invalid"
)

// Merged is what Merge made of one record.
type Merged struct {
	From   string // its run folder, or its file
	Name   string
	Epochs int   // done, there
	Before int   // epochs done that the same record had in the folder merged into, -1 if it had none
	Copied bool  // the one of From is now in the folder merged into
	Err    error // why not, if the two differ or one cannot be read; nil if there was no need
}

// Merge brings the records of other folders into dir: run folders, or files of
// stored runs. Of two records of the same name the one of more epochs wins, if it
// is the other and more: where they differ in what both have, to the bit, neither
// is touched, and Merged says so. A record that a process is at work on stays as
// it is. Every record appears whole. The error is of what stops all.
func Merge(ctx context.Context, dir string, from ...string) ([]Merged, error) {
	if len(from) == 0 {
		return nil, invalid.New("from", "", "at least one folder of records")
	}
	var all []Merged
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	into, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	for _, root := range from {
		info, err := os.Stat(root)
		if err != nil || !info.IsDir() {
			return all, invalid.New("from", root, "a folder of records")
		}
		if os.SameFile(info, into) {
			return all, invalid.New("from", root, "another folder than the one merged into")
		}
		paths, err := recordsIn(root)
		if err != nil {
			return all, err
		}
		for _, path := range paths {
			if err := ctx.Err(); err != nil {
				return all, err
			}
			all = append(all, mergeOne(ctx, dir, path))
		}
	}
	return all, nil
}

// recordsIn are the records in a folder, or the folder itself if it is one.
func recordsIn(root string) (paths []string, err error) {
	if _, err := os.Stat(filepath.Join(root, "run.json")); err == nil {
		return []string{root}, nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			if _, err := os.Stat(filepath.Join(path, "run.json")); err == nil {
				paths = append(paths, path)
			}
		case isArchive(path):
			paths = append(paths, path)
		}
	}
	return paths, nil
}

func mergeOne(ctx context.Context, dir, path string) Merged {
	m := Merged{From: path, Name: filepath.Base(path), Before: -1}
	copied, err := m.merge(ctx, filepath.Join(dir, m.Name))
	m.Copied, m.Err = copied, err
	return m
}

// merge brings the record at m.From to a place, and says whether it had to.
func (m *Merged) merge(ctx context.Context, to string) (copied bool, err error) {
	if holder, busy, err := lock.Held(lockOf(m.From)); err == nil && busy {
		return false, fmt.Errorf("process %d on %s is at work on it", holder.PID, holder.Host)
	}
	beside, err := os.MkdirTemp(filepath.Dir(to), ".merge-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(beside)
	draft := filepath.Join(beside, m.Name)
	if err := copyRecord(m.From, draft); err != nil {
		return false, err
	}
	record, err := Open(draft) // what was copied, whatever became of its source
	if err != nil {
		return false, err
	}
	m.Epochs = record.EpochsDone()
	own := record.name
	if own == "" { // of the first format
		if own, err = record.Experiment.Name(); err != nil {
			return false, err
		}
	}
	if own != strings.TrimSuffix(m.Name, ".npz") {
		return false, invalid.New(m.From, "the record of "+own, "that of its own name: it was renamed or copied")
	}
	if isArchive(to) {
		return m.replaceFile(draft, record, to)
	}
	held, err := lock.Acquire(ctx, lockOf(to), lock.Options{})
	if err != nil {
		return false, err
	}
	defer held.Release()
	if need, err := m.compare(record, to); !need || err != nil {
		return false, err
	}
	return true, moveFiles(draft, to, held)
}

// copyRecord copies a run folder's files, or a stored run's file.
func copyRecord(from, to string) error {
	if isArchive(from) {
		return copyFile(from, to)
	}
	if err := os.Mkdir(to, 0o777); err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Type().IsRegular() && !strings.HasPrefix(f.Name(), ".") {
			if err := copyFile(filepath.Join(from, f.Name()), filepath.Join(to, f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := atomicfile.Create(to)
	if err != nil {
		return err
	}
	defer out.Discard()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Commit()
}

// compare says whether the record shall replace what is at a place.
func (m *Merged) compare(record *Record, to string) (need bool, err error) {
	there, err := Open(to)
	if _, missing := os.Stat(filepath.Join(to, "run.json")); err != nil && !isArchive(to) && errors.Is(missing, fs.ErrNotExist) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	m.Before = there.EpochsDone()
	common := min(m.Epochs, m.Before)
	if what := differs(record.Series, there.Series, common); what != "" {
		return false, fmt.Errorf("conflict: %s of the first %d epochs is not that of %s", what, common, to)
	}
	if m.Epochs != m.Before {
		return m.Epochs > m.Before, nil
	}
	for layer := 1; layer <= record.Layers(); layer++ {
		a, b, err := record.Pairs(layer)
		x, y, err2 := there.Pairs(layer)
		if err != nil && err2 != nil && isArchive(to) {
			continue // both without weights
		} else if err != nil || err2 != nil {
			return false, errors.Join(err, err2)
		}
		if !slices.Equal(a, x) || !slices.Equal(b, y) {
			return false, fmt.Errorf("conflict: the weights of FC%d are not those of %s", layer, to)
		}
	}
	return false, nil
}

// differs names the first of the series in which the first epochs of two records
// differ by any bit, "" if none does. Durations do not count.
func differs(a, b Series, epochs int) string {
	x, y := a.head(epochs), b.head(epochs)
	for name, values := range x {
		// Printed, NaN is NaN, and other numbers are as their bits.
		if !reflect.DeepEqual(values, y[name]) && fmt.Sprint(values) != fmt.Sprint(y[name]) {
			return name
		}
	}
	return ""
}

// head has the numbers of the first epochs, by name.
func (s Series) head(epochs int) map[string]any {
	head := map[string]any{
		"TrainError": s.TrainError[:epochs+1], "TestError": s.TestError[:epochs+1],
		"TrainCost": s.TrainCost[:epochs+1], "TestCost": s.TestCost[:epochs+1],
	}
	for layer := range s.Symmetry {
		head[fmt.Sprintf("Symmetry of FC%d", layer+1)] = s.Symmetry[layer][:epochs]
	}
	for name, values := range s.Measured {
		head[name] = values[:epochs]
	}
	return head
}

// moveFiles moves a record's files into its folder, as a save does: its state
// first, run.json last.
func moveFiles(draft, to string, held *lock.Lock) error {
	files, err := os.ReadDir(draft)
	if err != nil {
		return err
	}
	rank := map[string]int{stateFile: -1, "run.json": 1}
	slices.SortStableFunc(files, func(a, b fs.DirEntry) int { return rank[a.Name()] - rank[b.Name()] })
	for _, f := range files {
		if err := held.Check(); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(draft, f.Name()), filepath.Join(to, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile brings a stored run to its place.
func (m *Merged) replaceFile(draft string, record *Record, to string) (copied bool, err error) {
	there, err := os.ReadFile(to)
	if errors.Is(err, fs.ErrNotExist) {
		return true, os.Rename(draft, to)
	} else if err != nil {
		return false, err
	}
	if text, err := os.ReadFile(draft); err != nil || bytes.Equal(text, there) {
		m.Before = m.Epochs
		return false, err
	}
	if need, err := m.compare(record, to); !need || err != nil {
		return false, err
	}
	return true, os.Rename(draft, to)
}
