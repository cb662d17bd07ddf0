// Package place says where files live: downloads and run records in the
// checkout's data folder, which git ignores, or, without a checkout, in the
// user's cache folder.
package place

import (
	"os"
	"path/filepath"
	"strings"
)

const module = "module github.com/weightalign/lab"

// Checkout returns the folder of the checkout that holds the working
// directory, and whether there is one.
func Checkout() (dir string, ok bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
			first, _, _ := strings.Cut(string(text), "\n")
			if strings.TrimSpace(first) == module {
				return dir, true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
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
