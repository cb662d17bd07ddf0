package place

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkout makes a checkout of the module, and goes into a folder of it.
func checkout(t *testing.T) (root string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(root, "notebooks", "mine")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte(module+"\n\ngo 1.26.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	t.Setenv("RDDKIT_DATA", "")
	t.Setenv("RDDKIT_RUNS", "")
	return root
}

func TestTheCheckoutIsFoundFromBelow(t *testing.T) {
	root := checkout(t)
	if got, ok := Checkout(); got != root || !ok {
		t.Errorf("%q, %v; want %q", got, ok, root)
	}
	data, err := Datasets()
	if want := filepath.Join(root, "data", "cache"); data != want || err != nil {
		t.Errorf("%q, %v; want %q", data, err, want)
	}
	runs, err := Runs()
	if want := filepath.Join(root, "data", "runs"); runs != want || err != nil {
		t.Errorf("%q, %v; want %q", runs, err, want)
	}
	t.Setenv("RDDKIT_RUNS", "elsewhere")
	runs, err = Runs()
	if want := filepath.Join(root, "notebooks", "mine", "elsewhere"); runs != want || err != nil {
		t.Errorf("%q, %v; want %q", runs, err, want)
	}
}

func TestNoCheckoutOfSomebodyElse(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	for name, give := range map[string]func(root string) error{
		"a folder of another's": func(root string) error { return os.Chown(root, 65534, 65534) },
		"a go.mod of another's": func(root string) error { return os.Chown(filepath.Join(root, "go.mod"), 65534, 65534) },
	} {
		t.Run(name, func(t *testing.T) {
			root := checkout(t)
			if err := give(root); err != nil {
				t.Skip(err) // only root can give a file away
			}
			var told bytes.Buffer
			warnings = &told
			defer func() { warnings = os.Stderr }()
			for range 2 {
				if got, ok := Checkout(); ok {
					t.Errorf("found %q", got)
				}
			}
			if runs, err := Runs(); err != nil || strings.HasPrefix(runs, root) {
				t.Errorf("runs in %q, %v", runs, err)
			}
			if text := told.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, root) {
				t.Errorf("told %q, want one line that names the folder", text)
			}
		})
	}
}
