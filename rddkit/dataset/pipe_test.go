//go:build unix

package dataset

import (
	"path/filepath"
	"syscall"
	"testing"
)

// Opening a pipe for reading waits for a writer, whatever the context says.
func TestPipesAreRefused(t *testing.T) {
	pipe := func(path string) string {
		writeFile(t, filepath.Join(filepath.Dir(path), "beside"), nil)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := tinyCIFAR()
	s.archive()
	from := t.TempDir()
	archive := pipe(filepath.Join(from, "tiny-binary.tar.gz"))
	wantInvalid(t, fetch(t.Context(), s.info, FetchOptions{Dir: t.TempDir(), From: from}), archive, "a regular file")
	wantInvalid(t, fetch(t.Context(), s.info, FetchOptions{Dir: t.TempDir(), From: archive}), archive, "a folder")

	dir := t.TempDir()
	place := pipe(filepath.Join(dir, "batches-bin", "test_batch.bin"))
	wantInvalid(t, fetch(t.Context(), s.info, FetchOptions{Dir: dir}), place, "a regular file")

	// The downloaded archive's place, and a partial file's.
	m := &mirror{files: map[string][]byte{"tiny-binary.tar.gz": s.archive()}}
	s.info.Mirrors = []string{m.start(t)}
	dir = t.TempDir()
	pipe(filepath.Join(dir, "batches-bin", "tiny-binary.tar.gz"))
	pipe(filepath.Join(dir, "batches-bin", "tiny-binary.tar.gz.partial"))
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
		t.Error(err)
	}
	if _, err := load(t.Context(), s.info, Options{Dir: dir, Offline: true}); err != nil {
		t.Error(err)
	}
}
