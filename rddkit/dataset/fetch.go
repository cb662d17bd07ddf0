package dataset

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// FetchOptions says how to fetch a data set. The zero value downloads it to the
// default place.
type FetchOptions struct {
	// Dir is the folder of the full data sets; see Options.Dir.
	Dir string
	// From is a folder that already has the files, under their published names,
	// in it or in the folders that the manifest lists, compressed or not, or in
	// the published archive; or that archive itself. They are copied; nothing is
	// downloaded.
	From string
	// Offline forbids the network; so does the environment variable
	// RDDKIT_OFFLINE=1.
	Offline bool
	// Progress, if set, is called during downloads with the bytes of file that
	// are there and those that are expected (0: unknown).
	Progress func(file string, done, total int64)
}

// Fetch puts the files of a data set ("" is Default, which needs none) in place:
// downloaded from the manifest's mirrors in turn, or copied with From. Files
// already there are verified and kept. A download that breaks off leaves a
// .partial file, from which the next goes on. Every file is verified before it
// takes its place, so that a file in place is a good one. Several programs may
// fetch a data set at once: one downloads, the others wait for it.
//
// The error is an *invalid.Error if a file is there but altered (Fetch never
// overwrites one), From lacks a file, the network is forbidden, or the data set
// is one of your own.
func Fetch(ctx context.Context, name string, o FetchOptions) error {
	info, mine, err := resolve(name, o.Dir)
	if err != nil {
		return err
	}
	if mine != nil {
		return invalid.New("data set "+name, "your own: "+mine.title, "one that can be fetched")
	}
	return fetch(ctx, info, o)
}

func fetch(ctx context.Context, info Info, o FetchOptions) error {
	if info.Embedded {
		return nil
	}
	dir, err := resolveDir(o.Dir)
	if err != nil {
		return err
	}
	var missing []File
	folder := filepath.Join(dir, filepath.FromSlash(info.Folders[0]))
	for _, f := range info.Files {
		path, ok := info.find(dir, f)
		if !ok {
			if err := free(filepath.Join(folder, f.Name)); err != nil {
				return err
			}
			missing = append(missing, f)
		} else if err := verify(ctx, path, f); err != nil {
			return fmt.Errorf("%w; remove it, or choose another folder, to fetch it", err)
		}
	}
	if len(missing) == 0 {
		info.tidy(folder)
		return nil
	}
	if o.From != "" {
		return copyFrom(ctx, info, o.From, folder, missing)
	}
	offline, err := isOffline(o.Offline)
	if err != nil {
		return err
	}
	if offline {
		return invalid.Newf("data set "+info.Name, "not in "+folder, "the network, which Offline (-offline) or RDDKIT_OFFLINE=1 forbids, or a folder that has its files: %s", info.command(o.Dir, "-from DIR"))
	}
	if len(info.Mirrors) == 0 {
		return invalid.Newf("data set "+info.Name, "without a public address", "a folder that has its files: %s", info.command(o.Dir, "-from DIR"))
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if info.Archive != nil {
		err = fetchArchive(ctx, info, folder, missing, o)
	} else {
		err = fetchFiles(ctx, info, folder, missing, o)
	}
	if err == nil {
		info.tidy(folder)
	}
	return err
}

// free returns an error if something that is no file is in a file's place: a
// pipe, say, or a link to a disk that is not there. It is not ours to replace.
func free(path string) error {
	stat, err := os.Lstat(path)
	if err != nil || isFile(path) { // another program may have put it there just now
		return nil
	}
	return invalid.New(path, stat.Mode().Type().String(), "a regular file, or nothing, to fetch it")
}

func fetchFiles(ctx context.Context, info Info, folder string, missing []File, o FetchOptions) error {
	for _, f := range missing {
		path := filepath.Join(folder, f.Name)
		d := download{
			path:     path,
			most:     max(f.Size, f.PublishedSize) + 1<<10, // gzip may lengthen a little
			expected: f.PublishedSize,
			verify:   func(path string) error { return verify(ctx, path, f) },
			there:    func() bool { return isFile(path) },
			done:     (*partial).install,
			progress: o.Progress,
		}
		if err := d.fromMirrors(ctx, info, o.Dir); err != nil {
			return err
		}
	}
	return nil
}

// verify reads a whole file and compares it with the manifest.
func verify(ctx context.Context, path string, f File) error {
	c, err := open(ctx, path, false, f)
	if err != nil {
		return err
	}
	defer c.file.Close()
	return c.finish()
}

// copyFrom takes the missing files from a folder that has them, or the archive,
// or from the archive itself.
func copyFrom(ctx context.Context, info Info, from, folder string, missing []File) error {
	stat, err := os.Stat(from)
	if err != nil || !stat.IsDir() && (info.Archive == nil || !stat.Mode().IsRegular()) {
		return invalid.Newf("from", from, "a folder that has the files of %s", info.Name)
	}
	there := info
	there.Folders = append(slices.Clone(info.Folders), ".")
	if info.Archive != nil && (!stat.IsDir() || len(there.missing(from)) > 0) {
		archive := from
		if stat.IsDir() {
			archive = filepath.Join(from, info.Archive.Name)
		}
		if _, err := os.Stat(archive); err == nil {
			if err := verifyArchive(ctx, archive, info.Archive); err != nil {
				return explain(err, info.otherVersion(filepath.Dir(from), filepath.Base(from)))
			}
			return unpack(ctx, archive, folder, missing)
		}
	}
	sources := make([]string, len(missing))
	for i, f := range missing { // all are verified before the first is copied
		source, ok := there.find(from, f)
		if !ok {
			return explain(invalid.Newf("from", from, "a folder that holds %s", f.Name), info.otherVersion(from))
		}
		if err := verify(ctx, source, f); err != nil {
			return err
		}
		sources[i] = source
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for i, f := range missing {
		source, err := os.Open(sources[i])
		if err != nil {
			return err
		}
		err = install(ctx, filepath.Join(folder, filepath.Base(sources[i])), source, f)
		source.Close()
		if err != nil {
			return err
		}
	}
	info.tidy(folder)
	return nil
}

// explain adds a hint to an error.
func explain(err error, hint string) error {
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, hint)
}

// otherVersions are published forms of a data set that are not read, by format.
var otherVersions = map[string][]string{
	"cifar10": {"cifar-10-python.tar.gz", "cifar-10-batches-py", "data_batch_1", "cifar-10-matlab.tar.gz", "cifar-10-batches-mat", "data_batch_1.mat"},
	"cifar100": {"cifar-100-python.tar.gz", "cifar-100-python", "cifar-100-matlab.tar.gz", "cifar-100-matlab",
		"train", "train.mat"},
}

// otherVersion looks in a folder, at the names given or all, for a form of the
// data set that is not read, and says so.
func (info Info) otherVersion(folder string, names ...string) (hint string) {
	for _, name := range otherVersions[info.Format] {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			kind := "Python"
			if strings.Contains(name, "mat") {
				kind = "MATLAB"
			}
			return fmt.Sprintf("%s there is the %s version, the binary one is wanted (%s, from %s)", name, kind, info.Archive.Name, info.Source)
		}
	}
	return ""
}

// install writes what source gives to path, atomically, if it is f.
func install(ctx context.Context, path string, source io.Reader, f File) error {
	p, err := newPartial(path)
	if err != nil {
		return err
	}
	defer p.drop()
	most := max(f.Size, f.PublishedSize) + 1<<10
	if _, err := io.Copy(p, contextReader{ctx, io.LimitReader(source, most)}); err != nil {
		return err
	}
	if err := verify(ctx, p.path(), f); err != nil {
		return err
	}
	return p.install()
}

func fetchArchive(ctx context.Context, info Info, folder string, missing []File, o FetchOptions) error {
	archive := filepath.Join(folder, info.Archive.Name)
	if isFile(archive) && verifyArchive(ctx, archive, info.Archive) == nil { // somebody put it there
		return unpack(ctx, archive, folder, missing)
	}
	d := download{
		path:     archive,
		most:     info.Archive.Size,
		expected: info.Archive.Size,
		verify:   func(path string) error { return verifyArchive(ctx, path, info.Archive) },
		there: func() bool {
			return !slices.ContainsFunc(missing, func(f File) bool { return !isFile(filepath.Join(folder, f.Name)) })
		},
		done:     func(p *partial) error { return unpack(ctx, p.path(), folder, missing) },
		progress: o.Progress,
	}
	return d.fromMirrors(ctx, info, o.Dir)
}

func verifyArchive(ctx context.Context, path string, want *Archive) error {
	file, size, err := openRegular(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if size != want.Size {
		return invalid.Newf(path, fmt.Sprintf("%d bytes", size), "%d bytes with SHA-256 %s", want.Size, want.SHA256)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, contextReader{ctx, file}); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.SHA256 {
		return invalid.Newf(path, "altered: SHA-256 "+got, "%d bytes with SHA-256 %s", want.Size, want.SHA256)
	}
	return nil
}

// unpack takes the wanted files out of a .tar.gz, whatever folder they are in.
func unpack(ctx context.Context, archive, folder string, wanted []File) error {
	file, _, err := openRegular(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return unpackFrom(ctx, file, archive, wanted, func(f File, in io.Reader) error {
		return install(ctx, filepath.Join(folder, f.Name), in, f)
	})
}

// unpackFrom calls found with the contents of every wanted file of a .tar.gz.
func unpackFrom(ctx context.Context, in io.Reader, archive string, wanted []File, found func(File, io.Reader) error) error {
	stream, err := gzip.NewReader(contextReader{ctx, in})
	if err != nil {
		return invalid.New(archive, err.Error(), "a .tar.gz archive")
	}
	wanted = slices.Clone(wanted)
	for in := tar.NewReader(stream); len(wanted) > 0; {
		header, err := in.Next()
		if err == io.EOF {
			return invalid.Newf(archive, "incomplete", "an archive that holds %s", wanted[0].Name)
		}
		if err != nil {
			return invalid.New(archive, err.Error(), "a .tar.gz archive")
		}
		i := slices.IndexFunc(wanted, func(f File) bool { return f.Name == path.Base(header.Name) })
		if i < 0 || header.Typeflag != tar.TypeReg {
			continue
		}
		if err := found(wanted[i], in); err != nil {
			return err
		}
		wanted = slices.Delete(wanted, i, i+1)
	}
	return nil
}

// openRegular opens a file that is neither a folder nor a pipe, which could keep
// a reader waiting for ever.
func openRegular(path string) (file *os.File, size int64, err error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !stat.Mode().IsRegular() {
		return nil, 0, invalid.New(path, stat.Mode().Type().String(), "a regular file")
	}
	file, err = os.Open(path)
	return file, stat.Size(), err
}

func isFile(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.Mode().IsRegular()
}

// contextReader fails when its context ends.
type contextReader struct {
	ctx context.Context
	in  io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}
