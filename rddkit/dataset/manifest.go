package dataset

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/data"
	"github.com/weightalign/lab/rddkit/internal/place"
)

// Default is the data set that an empty name means. It is embedded: no
// download, no folder.
const Default = "fashion-mnist-10k"

// Info is what the manifest (data/manifest.json) says about a data set.
type Info struct {
	Name      string   `json:"name"`
	Title     string   `json:"title"`
	Format    string   `json:"format"`             // of its files: "cifar10", "cifar100", "idx" or "usps"; "own" for data of one's own
	Channels  int      `json:"channels"`           // 3 for colour, 1 for grey
	Side      int      `json:"side"`               // rows and columns of an image
	Classes   int      `json:"classes"`            // labels are 0 … Classes-1
	TrainRows int      `json:"train_rows"`         // training images
	TestRows  int      `json:"test_rows"`          // test images
	Licence   string   `json:"licence"`            // of the images
	Source    string   `json:"source"`             // the page of whoever made it
	Embedded  bool     `json:"embedded,omitempty"` // its files are inside the program
	Folders   []string `json:"folders"`            // where its files may lie; Fetch puts them in the first
	Mirrors   []string `json:"mirrors,omitempty"`  // addresses to which a file's name is appended, in order of preference
	Archive   *Archive `json:"archive,omitempty"`  // if the mirrors have one archive instead of the files
	Files     []File   `json:"files"`
	Digest    string   `json:"digest,omitempty"` // see Identity
}

// Archive is a .tar.gz that holds all files of a data set.
type Archive struct {
	Name   string `json:"file"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// File is one file of a data set. A file that is found compressed by gzip is
// read through it; whether it is compressed makes no other difference.
type File struct {
	Name   string `json:"file"`
	Part   string `json:"part"`  // "train", "test", or "both": the training images first
	Holds  string `json:"holds"` // "images", "labels", or "images and labels"
	Rows   int    `json:"rows"`  // images or labels
	Size   int64  `json:"size"`  // bytes of its contents, uncompressed
	SHA256 string `json:"sha256,omitempty"`

	// Of the compressed file as it is published. Mirrors may compress the same
	// contents differently, so SHA256 decides where it is known.
	PublishedSize   int64  `json:"published_size,omitempty"`
	PublishedSHA256 string `json:"published_sha256,omitempty"`
}

var manifest = func() []Info {
	var m struct {
		Sets []Info `json:"sets"`
	}
	if err := json.Unmarshal(data.Manifest, &m); err != nil {
		panic("dataset: the embedded manifest is damaged: " + err.Error())
	}
	return m.Sets
}()

// Names returns the name of every data set: those of the manifest, the embedded
// one first, then the registered ones, then those of one's own in the default
// place. A folder elsewhere is named by its path.
func Names() []string {
	names := known()
	for _, name := range Own("") {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Describe returns what the manifest says about a data set ("" is Default),
// without a look at its files, or what data of one's own holds: that is read
// for it, unless it was before and has not changed. The error is an
// *invalid.Error if there is no such name, or the data is not as it should be.
func Describe(name string) (Info, error) {
	info, mine, err := resolve(name, "")
	if err != nil || mine == nil {
		return info, err
	}
	return mine.describe(context.Background())
}

// Missing returns the names of those files of a data set that are not in dir
// ("" is the default place), or nothing if it is embedded or one's own. It does
// not look into the files: Load does.
func Missing(name, dir string) ([]string, error) {
	info, mine, err := resolve(name, dir)
	if err != nil || mine != nil {
		return nil, err
	}
	if dir, err = resolveDir(dir); err != nil {
		return nil, err
	}
	return info.missing(dir), nil
}

func resolveDir(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	return place.Datasets()
}

// missing returns the names of the files that find does not find in dir.
func (info Info) missing(dir string) []string {
	var names []string
	for _, f := range info.Files {
		if _, ok := info.find(dir, f); !ok {
			names = append(names, f.Name)
		}
	}
	return names
}

// find returns the path of a file of the data set under dir, compressed or not.
func (info Info) find(dir string, f File) (path string, ok bool) {
	if info.Embedded {
		return info.Folders[0] + "/" + f.Name, true
	}
	for _, folder := range info.Folders {
		for _, name := range []string{f.Name, strings.TrimSuffix(f.Name, ".gz")} {
			path := filepath.Join(dir, filepath.FromSlash(folder), name)
			if stat, err := os.Stat(path); err == nil && stat.Mode().IsRegular() {
				return path, true
			}
		}
	}
	return "", false
}

// neighbour returns another data set that shares info's folder and whose files
// are all in dir: what a user who has half of info probably wants.
func (info Info) neighbour(dir string) (name string, ok bool) {
	for _, other := range manifest {
		if other.Name != info.Name && other.Folders[0] == info.Folders[0] && len(other.missing(dir)) == 0 {
			return other.Name, true
		}
	}
	return "", false
}

// owner names the data set to which a file of that checksum belongs, for
// errors: " (that is the file of the data set …)", or "".
func owner(sums ...string) string {
	for _, info := range manifest {
		for _, f := range info.Files {
			for _, sum := range sums {
				if sum != "" && (sum == f.SHA256 || sum == f.PublishedSHA256) {
					return fmt.Sprintf(" (that file belongs to the data set %s)", info.Name)
				}
			}
		}
	}
	return ""
}
