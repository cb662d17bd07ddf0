// Package atomicfile writes files that appear whole or not at all, on every
// system that Go builds for.
//
// What is written goes into a temporary file in the same folder, ".NAME-*.tmp",
// which has the rights of the file that it will replace, or 0644 less the umask
// if there is none, so that nobody reads there what they could not read later.
// A program that is killed while it writes leaves it behind: [Clean] removes it.
package atomicfile

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// File is a temporary file that becomes the file at a path.
type File struct {
	*os.File
	path  string
	done  bool
	hasty bool // does not wait for the disk
}

const suffix = ".tmp"

// Create opens a temporary file for what shall stand at path. Nothing changes at
// path until [File.Commit]. Defer [File.Discard].
func Create(path string) (*File, error) {
	rights := fs.FileMode(0o644)
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		rights = info.Mode().Perm()
	}
	dir, name := filepath.Split(path)
	for {
		temporary := filepath.Join(dir, "."+name+"-"+strconv.FormatUint(rand.Uint64(), 36)+suffix)
		f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, rights)
		if errors.Is(err, fs.ErrExist) {
			continue // one of some 10^19 names
		}
		if err != nil {
			return nil, err
		}
		return &File{File: f, path: path}, nil
	}
}

// Commit makes what was written the file at path. Whoever opens path meanwhile
// gets the old file or the new one.
func (f *File) Commit() error {
	// Without it a crash of the machine may leave an empty file in place of both.
	if !f.hasty {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.done = true
	return nil
}

// Discard removes the temporary file; after Commit it does nothing.
func (f *File) Discard() {
	if !f.done {
		f.Close()
		os.Remove(f.Name())
		f.done = true
	}
}

// WriteFile makes data the content of the file at path.
func WriteFile(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// WriteHastily is WriteFile for what can be made again from other files: it does
// not wait for the disk, so that a crash of the machine may leave the file empty.
func WriteHastily(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	f.hasty = true
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// Clean removes what programs that were killed left in a folder. Only for whoever
// alone writes there: the temporary files of a living program go, too.
func Clean(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var failed error
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, ".") && strings.HasSuffix(name, suffix) && e.Type().IsRegular() {
			failed = errors.Join(failed, os.Remove(filepath.Join(dir, name)))
		}
	}
	return failed
}
