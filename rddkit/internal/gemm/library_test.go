//go:build (linux || darwin) && (amd64 || arm64) && !static

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

// wheels makes the folders of the wheel below a checkout, and returns them.
func wheels(t *testing.T, root string) []string {
	var dirs []string
	for _, python := range []string{"python3", "python3.11"} {
		lib := filepath.Join(root, ".lab", "lib", python, "site-packages", "scipy_openblas32", "lib")
		if err := os.MkdirAll(lib, 0o777); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, lib)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module github.com/weightalign/lab\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return dirs
}

// Also in a folder whose name would be a pattern.
func TestTheWheelThatWasInstalledIsFound(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a[b]*?")
	want := wheels(t, root)
	t.Setenv(LabVariable, filepath.Join(root, ".lab"))
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

func TestNothingIsTakenFromAroundTheWorkingDirectory(t *testing.T) {
	root := t.TempDir()
	wheels(t, root)
	below := filepath.Join(root, "somebody", "works here")
	if err := os.MkdirAll(below, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, lab := range []string{"", ".lab", "../../.lab"} { // a relative path names no folder
		t.Setenv(LabVariable, lab)
		for _, dir := range []string{root, below} {
			t.Chdir(dir)
			for _, path := range usualPlaces() {
				if strings.HasPrefix(path, root) || strings.ContainsRune(path, '/') && !filepath.IsAbs(path) {
					t.Errorf("%s=%s in %s: %s is a place", LabVariable, lab, dir, path)
				}
			}
		}
	}
}

func TestALibraryOfSomebodyElseIsNotLoaded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libopenblas.so")
	if err := os.WriteFile(path, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	link := path + ".0"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		if _, _, err := open(name); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
			t.Errorf("%s: error %v", name, err)
		}
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
