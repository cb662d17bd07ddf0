package dataset

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/weightalign/lab/rddkit/invalid"
)

// FetchOptions says how to fetch a data set. The zero value downloads it to the
// default place.
type FetchOptions struct {
	// Dir is the folder of the full data sets; see Options.Dir.
	Dir string
	// From is a folder that already has the files, under their published names,
	// in it or in the folders that the manifest lists, compressed or not; or the
	// published archive. They are copied; nothing is downloaded.
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
// takes its place, so that a file in place is a good one.
//
// The error is an *invalid.Error if a file is there but altered (Fetch never
// overwrites one), From lacks a file, or the network is forbidden.
func Fetch(ctx context.Context, name string, o FetchOptions) error {
	info, err := Describe(name)
	if err != nil {
		return err
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
	for _, f := range info.Files {
		path, ok := info.find(dir, f)
		if !ok {
			missing = append(missing, f)
		} else if err := verify(ctx, path, f); err != nil {
			return fmt.Errorf("%w; remove it, or choose another folder, to fetch it", err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	folder := filepath.Join(dir, filepath.FromSlash(info.Folders[0]))
	if o.From != "" {
		return copyFrom(ctx, info, o.From, folder, missing)
	}
	offline, err := isOffline(o.Offline)
	if err != nil {
		return err
	}
	if offline {
		return invalid.New("data set "+info.Name, "not downloaded", "no network (Offline or RDDKIT_OFFLINE) and -from DIR, a folder that has its files")
	}
	if len(info.Mirrors) == 0 {
		return invalid.New("data set "+info.Name, "without a public address", "-from DIR, a folder that has its files")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if info.Archive != nil {
		return fetchArchive(ctx, info, folder, missing, o.Progress)
	}
	for _, f := range missing {
		d := download{
			path:     filepath.Join(folder, f.Name),
			most:     max(f.Size, f.PublishedSize) + 1<<10, // gzip may lengthen a little
			expected: f.PublishedSize,
			verify:   func(path string) error { return verify(ctx, path, f) },
			progress: o.Progress,
		}
		if err := d.fromMirrors(ctx, info); err != nil {
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

// copyFrom takes the missing files from a folder that has them.
func copyFrom(ctx context.Context, info Info, from, folder string, missing []File) error {
	if stat, err := os.Stat(from); err != nil || !stat.IsDir() {
		return invalid.New("from", from, "a folder")
	}
	there := info
	there.Folders = append(slices.Clone(info.Folders), ".")
	if info.Archive != nil && len(there.missing(from)) > 0 {
		archive := filepath.Join(from, info.Archive.Name)
		if _, err := os.Stat(archive); err == nil {
			if err := verifyArchive(ctx, archive, info.Archive); err != nil {
				return err
			}
			return unpack(ctx, archive, folder, missing)
		}
	}
	sources := make([]string, len(missing))
	for i, f := range missing { // all are verified before the first is copied
		source, ok := there.find(from, f)
		if !ok {
			return invalid.Newf("from", from, "a folder that holds %s", f.Name)
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
	return nil
}

// install writes what source gives to path, atomically, if it is f.
func install(ctx context.Context, path string, source io.Reader, f File) error {
	out, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer out.Cleanup()
	if _, err := io.Copy(out, source); err != nil {
		return err
	}
	if err := verify(ctx, out.Name(), f); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}

func fetchArchive(ctx context.Context, info Info, folder string, missing []File, progress func(string, int64, int64)) error {
	archive := filepath.Join(folder, info.Archive.Name)
	if verifyArchive(ctx, archive, info.Archive) != nil { // else an earlier call broke off while unpacking
		d := download{
			path:     archive,
			most:     info.Archive.Size,
			expected: info.Archive.Size,
			verify:   func(path string) error { return verifyArchive(ctx, path, info.Archive) },
			progress: progress,
		}
		if err := d.fromMirrors(ctx, info); err != nil {
			return err
		}
	}
	if err := unpack(ctx, archive, folder, missing); err != nil {
		return err
	}
	return os.Remove(archive)
}

func verifyArchive(ctx context.Context, path string, want *Archive) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, contextReader{ctx, file})
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.SHA256 {
		return invalid.Newf(path, fmt.Sprintf("altered or truncated: %d bytes with SHA-256 %s", size, got), "%d bytes with SHA-256 %s", want.Size, want.SHA256)
	}
	return nil
}

// unpack takes the wanted files out of a .tar.gz, whatever folder they are in.
func unpack(ctx context.Context, archive, folder string, wanted []File) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	stream, err := gzip.NewReader(contextReader{ctx, file})
	if err != nil {
		return invalid.New(archive, err.Error(), "a .tar.gz archive")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
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
		if err := install(ctx, filepath.Join(folder, wanted[i].Name), in, wanted[i]); err != nil {
			return err
		}
		wanted = slices.Delete(wanted, i, i+1)
	}
	return nil
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

// download is one file on its way to path, by way of path + ".partial".
type download struct {
	path     string
	most     int64 // bytes; more is an error
	expected int64 // bytes, for progress; 0: unknown
	verify   func(path string) error
	progress func(file string, done, total int64)
}

const (
	tries        = 4                // of one mirror that breaks off but gives something each time
	stallTimeout = 60 * time.Second // without a byte
)

var errTooLong = errors.New("the answer is longer than the file")

// fromMirrors downloads the file from the first mirror that has a good one.
func (d download) fromMirrors(ctx context.Context, info Info) error {
	var failures []string
	for _, mirror := range info.Mirrors {
		address := strings.TrimSuffix(mirror, "/") + "/" + filepath.Base(d.path)
		err := d.fromMirror(ctx, address)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failures = append(failures, fmt.Sprintf("%s: %v", address, err))
	}
	return fmt.Errorf("data set %s: %s could not be downloaded (\"rdd data fetch -from DIR %s\" takes a copy that you have):\n  %s",
		info.Name, filepath.Base(d.path), info.Name, strings.Join(failures, "\n  "))
}

// fromMirror downloads from one address, going on after breaks, and puts the
// file in place if it is good.
func (d download) fromMirror(ctx context.Context, address string) error {
	partial := d.path + ".partial"
	var err error
	for try := range tries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond << try):
			}
		}
		before := sizeOf(partial)
		err = d.get(ctx, address, partial)
		if err == nil {
			if err = d.verify(partial); err == nil {
				return os.Rename(partial, d.path)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			os.Remove(partial)
			if before == 0 {
				return err // this mirror has another file
			}
			continue // what was there before was not its beginning: from the start
		}
		if errors.Is(err, errTooLong) {
			os.Remove(partial)
		}
		if sizeOf(partial) <= before && !errors.Is(err, errNotResumed) {
			return err // it gave nothing
		}
	}
	return err
}

func sizeOf(path string) int64 {
	stat, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return stat.Size()
}

var errNotResumed = errors.New("the server does not go on where the download broke off")

// get downloads to partial, asking only for what is not there yet. What came
// before a failure stays in partial.
func (d download) get(ctx context.Context, address, partial string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("nothing came for %v", stallTimeout)) })
	defer stalled.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept-Encoding", "identity") // the file as it is
	have := sizeOf(partial)
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return cause(ctx, err)
	}
	defer response.Body.Close()
	flags := os.O_WRONLY | os.O_CREATE
	switch {
	case response.StatusCode == http.StatusOK:
		flags |= os.O_TRUNC
		have = 0
	case response.StatusCode == http.StatusPartialContent && have > 0 &&
		strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)):
		flags |= os.O_APPEND
	case response.StatusCode == http.StatusPartialContent:
		os.Remove(partial)
		return errNotResumed
	case response.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return nil // it was all there
	default:
		return errors.New(response.Status)
	}
	out, err := os.OpenFile(partial, flags, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := response.Body.Read(buffer)
		stalled.Reset(stallTimeout)
		have += int64(n)
		if have > d.most {
			return errTooLong
		}
		if _, err := out.Write(buffer[:n]); err != nil {
			return err
		}
		if d.progress != nil && n > 0 {
			d.progress(filepath.Base(d.path), have, d.expected)
		}
		if err == io.EOF {
			return errors.Join(out.Sync(), out.Close())
		}
		if err != nil {
			return cause(ctx, err)
		}
	}
}

// cause prefers the reason for which a context was cancelled, and leaves out
// the address, which fromMirrors names.
func cause(ctx context.Context, err error) error {
	if reason := context.Cause(ctx); reason != nil {
		return reason
	}
	if inner := new(url.Error); errors.As(err, &inner) {
		return inner.Err
	}
	return err
}
