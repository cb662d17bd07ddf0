//go:build (linux || darwin) && (amd64 || arm64)

package gemm

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Also in a folder whose name would be a pattern.
func TestTheWheelOfTheCheckoutIsFound(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a[b]*?")
	var want []string
	for _, python := range []string{"python3", "python3.11"} {
		lib := filepath.Join(root, ".lab", "lib", python, "site-packages", "scipy_openblas32", "lib")
		if err := os.MkdirAll(lib, 0o777); err != nil {
			t.Fatal(err)
		}
		want = append(want, lib)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module github.com/weightalign/lab\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	got := usualPlaces()
	for i := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], want[i]+string(filepath.Separator)+"libscipy_openblas.") {
			t.Errorf("%q, want files in %q first", got, want)
		}
	}
	if !slices.ContainsFunc(got[len(want):], func(path string) bool { return !strings.HasPrefix(path, root) }) {
		t.Errorf("%q: none of the system's", got)
	}
}

func TestWhatIsAbsentAndWhatCannotBeLoaded(t *testing.T) {
	there := filepath.Join(t.TempDir(), "library.so")
	if err := os.WriteFile(there, []byte("no library"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, message string
		absent        bool
	}{
		{there, there + ": file too short", false},
		{filepath.Dir(there), ": cannot read file data: Is a directory", true},
		{there + "0", "cannot open", true},
		{"libopenblas.so.0", "libopenblas.so.0: cannot open shared object file: No such file or directory", true},
		{"libopenblas.so.0", "libgfortran.so.5: cannot open shared object file: No such file or directory", false},
		{"libopenblas.so.0", "/usr/lib/libopenblas.so.0: invalid ELF header", false},
	} {
		if got := absent(c.path, errors.New(c.message)); got != c.absent {
			t.Errorf("%s, %s: absent is %v", c.path, c.message, got)
		}
	}
}

// Goroutines move from thread to thread meanwhile.
func TestTheReasonOfAFailureIsAlwaysTold(t *testing.T) {
	stop := make(chan struct{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	for range 2000 {
		if _, _, err := open("libnowhere.so.0"); !errors.Is(err, errAbsent) {
			t.Errorf("error %q", err)
			break
		}
	}
	close(stop)
	group.Wait()
}
