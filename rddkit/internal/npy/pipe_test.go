//go:build unix

package npy

import (
	"path/filepath"
	"syscall"
	"testing"
)

// Opening a pipe for reading waits for a writer.
func TestAPipeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe.npz")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ReadFile(path)
	wantInvalid(t, err, path, "a regular file")
	_, err = ReadArchive(path)
	wantInvalid(t, err, path, "a regular file")
}
