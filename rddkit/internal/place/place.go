// Package place says where files live: downloads and run records in the
// checkout's data folder, which git ignores, or, without a checkout, in the
// user's cache folder.
//
// A checkout is found by walking upwards from the working directory. One that
// belongs to somebody else is passed over, with a warning: whoever may write in
// /tmp could otherwise say what the data and the records of those are who work
// below it.
package place

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const module = "module github.com/weightalign/lab"

// Checkout returns the folder of the checkout that holds the working
// directory, and whether there is one that belongs to the user or to root.
func Checkout() (dir string, ok bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		file := filepath.Join(dir, "go.mod")
		if text, err := os.ReadFile(file); err == nil {
			first, _, _ := strings.Cut(string(text), "\n")
			if strings.TrimSpace(first) == module {
				err := cmp.Or(Owned(dir), Owned(file))
				if err == nil {
					return dir, true
				}
				warn(dir, err)
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

var (
	warned   sync.Map              // the folders of which it was told
	warnings io.Writer = os.Stderr // tests replace it
)

func warn(dir string, why error) {
	if _, before := warned.LoadOrStore(dir, true); !before {
		fmt.Fprintf(warnings, "rddkit: warning: the checkout %s is not used for data and records: %v ($RDDKIT_DATA and $RDDKIT_RUNS name folders)\n", dir, why)
	}
}

// Datasets returns the folder of the full data sets: $RDDKIT_DATA if set, else
// data/cache in the checkout, else rddkit/data in the user's cache folder.
func Datasets() (string, error) { return find("RDDKIT_DATA", "cache", "data") }

// Runs returns the folder of the run records: $RDDKIT_RUNS if set, else
// data/runs in the checkout, else rddkit/runs in the user's cache folder.
func Runs() (string, error) { return find("RDDKIT_RUNS", "runs", "runs") }

func find(variable, inCheckout, inCache string) (string, error) {
	if dir := os.Getenv(variable); dir != "" {
		return filepath.Abs(dir)
	}
	if root, ok := Checkout(); ok {
		return filepath.Join(root, "data", inCheckout), nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "rddkit", inCache), nil
}
