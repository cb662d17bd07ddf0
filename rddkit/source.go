package rddkit

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

// source is where the files of a record lie: a run folder, or the archive of a
// stored run.
type source interface {
	read(name string) ([]byte, error) // fs.ErrNotExist for a file that is not there
	size(name string) (int64, error)
	where(name string) string // for messages
}

// largestFile bounds what is read of a record's file.
const largestFile = npy.MaxBytes

type folder string

func (f folder) where(name string) string { return filepath.Join(string(f), name) }

func (f folder) size(name string) (int64, error) {
	info, err := os.Stat(f.where(name))
	switch {
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, invalid.New(f.where(name), info.Mode().Type(), "a regular file")
	case info.Size() > largestFile:
		return 0, invalid.Newf(f.where(name), info.Size(), "at most %d bytes", int64(largestFile))
	}
	return info.Size(), nil
}

func (f folder) read(name string) ([]byte, error) {
	if _, err := f.size(name); err != nil {
		return nil, err
	}
	return os.ReadFile(f.where(name))
}

// archive is a stored run: one .npz file.
type archive struct {
	path string
	*zip.Reader
}

func openArchive(path string) (*archive, error) {
	dir, name := filepath.Split(path)
	text, err := folder(dir).read(name)
	if err != nil {
		return nil, err
	}
	r, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return nil, invalid.New(path, err.Error(), "a stored run, an .npz file")
	}
	return &archive{path, r}, nil
}

func (a *archive) where(name string) string { return a.path + ": " + name }

func (a *archive) member(name string) (*zip.File, error) {
	for _, f := range a.File {
		if f.Name == name {
			if f.UncompressedSize64 > largestFile {
				return nil, invalid.Newf(a.where(name), f.UncompressedSize64, "at most %d bytes", int64(largestFile))
			}
			return f, nil
		}
	}
	return nil, &fs.PathError{Op: "open", Path: a.where(name), Err: fs.ErrNotExist}
}

func (a *archive) size(name string) (int64, error) {
	f, err := a.member(name)
	if err != nil {
		return 0, err
	}
	return int64(f.UncompressedSize64), nil
}

func (a *archive) read(name string) ([]byte, error) {
	f, err := a.member(name)
	if err != nil {
		return nil, err
	}
	in, err := f.Open()
	if err != nil {
		return nil, invalid.New(a.where(name), err.Error(), "a readable member")
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, largestFile))
	if err != nil {
		return nil, invalid.New(a.where(name), err.Error(), "an undamaged member")
	}
	return text, nil
}

// fileDigest is what run.json says of another file of the record.
type fileDigest struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func digestOf(text []byte) fileDigest {
	sum := sha256.Sum256(text)
	return fileDigest{int64(len(text)), hex.EncodeToString(sum[:])}
}

// damageError says that a file of a record is not what run.json says of it.
type damageError struct{ path, what string }

func (e *damageError) Error() string {
	return fmt.Sprintf("%s is %s: a save was cut short, or the file was changed or damaged; delete it and run the same experiment again, which restores it from the record's state, if that is intact", e.path, e.what)
}

// Unwrap makes it one of the errors about bad input.
func (e *damageError) Unwrap() error { return invalid.New(e.path, e.what, "as it was saved") }

// readChecked returns a file that must be what the digests say.
func (r *Record) readChecked(name string) ([]byte, error) {
	text, err := r.source.read(name)
	if r.digests == nil { // a record from before there were any
		return text, err
	}
	want, named := r.digests[name]
	switch {
	case err != nil && named:
		return nil, &damageError{r.source.where(name), "missing"}
	case err != nil:
		return nil, err
	case !named:
		return nil, &damageError{r.source.where(name), "not named in run.json"}
	case digestOf(text) != want:
		return nil, &damageError{r.source.where(name), "not what run.json says of it"}
	}
	return text, nil
}

// readArray returns an array file that must be what the digests say.
func (r *Record) readArray(name string) (npy.Array, error) {
	text, err := r.readChecked(name)
	if err != nil {
		return npy.Array{}, err
	}
	return npy.Parse(text, r.source.where(name))
}

// complete reports whether every file that run.json names is there in its size.
func (r *Record) complete() error {
	for name, want := range r.digests {
		if size, err := r.source.size(name); err != nil || size != want.Size {
			return &damageError{r.source.where(name), "missing or of another size than run.json says"}
		}
	}
	return nil
}

// isArchive reports whether a path names a stored run, not a run folder.
func isArchive(path string) bool { return strings.HasSuffix(path, ".npz") }
