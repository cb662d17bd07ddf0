//go:build unix

package rddkit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weightalign/lab/rddkit/invalid"
)

// A named pipe in place of any file of a record, its own or a shorter one's, is
// refused or replaced: nobody waits for a writer that never comes.
func TestPipesHoldNobody(t *testing.T) {
	want := mustRun(t, t.TempDir(), tiny)
	shorter := strings.TrimSuffix(want.Name(), "3") + "2"
	for _, c := range []struct {
		name, file string
		refused    bool
	}{
		{want.Name(), "run.json", false},
		{want.Name(), "train_err.npy", false},
		{want.Name(), "weight_1.npy", false},
		{want.Name(), stateFile, true},
		{want.Name(), previousFile, true},
		{shorter, stateFile, false},
		{shorter, previousFile, false},
	} {
		dir := t.TempDir()
		if c.name == want.Name() {
			copyFolder(t, filepath.Join(dir, c.name), want.Dir)
			if c.refused { // the states are looked at
				for _, name := range []string{"run.json", stateFile, previousFile} {
					if err := os.Remove(filepath.Join(dir, c.name, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
		} else if err := os.Mkdir(filepath.Join(dir, c.name), 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, c.name, c.file)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(path, 0o644); err != nil {
			t.Skip("no pipes on this file system: ", err)
		}
		ended := make(chan error, 1)
		go func() {
			r, err := (&Runner{Dir: dir, Notice: func(string) {}}).Run(context.Background(), tiny)
			if err == nil {
				same(t, c.name+"/"+c.file, r, want)
			}
			ended <- err
		}()
		select {
		case err := <-ended:
			var wrong *invalid.Error
			switch {
			case c.refused && (!errors.As(err, &wrong) || !strings.Contains(err.Error(), path)):
				t.Errorf("%s/%s: %v", c.name, c.file, err)
			case !c.refused && err != nil:
				t.Errorf("%s/%s: %v", c.name, c.file, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s/%s holds the run", c.name, c.file)
		}
	}
}
