package dataset

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/place"
)

// command returns the command line by which the user, where they are, fetches
// the data set into dir ("": the default).
func (info Info) command(dir string, flags ...string) string {
	words := []string{program(), "data fetch"}
	if dir != "" {
		if strings.ContainsAny(dir, " \"'$&;()*?") {
			dir = strconv.Quote(dir)
		}
		words = append(words, "-dir", dir)
	}
	return strings.Join(append(append(words, flags...), info.Name), " ")
}

// program returns how the program rdd is started: as it was, or by go run, from
// the working directory if that lies in a checkout.
func program() string {
	const path = "rddkit/cmd/rdd"
	self := filepath.Base(os.Args[0])
	// "go run" builds into a folder that is gone afterwards.
	if (self == "rdd" || self == "rdd.exe") && !strings.Contains(os.Args[0], "go-build") {
		return os.Args[0]
	}
	if root, ok := place.Checkout(); ok {
		if wd, err := os.Getwd(); err == nil {
			if relative, err := filepath.Rel(wd, filepath.Join(root, path)); err == nil {
				if !strings.HasPrefix(relative, "..") {
					relative = "./" + relative
				}
				return "go run " + filepath.ToSlash(relative)
			}
		}
	}
	return "go run github.com/weightalign/lab/" + path
}
