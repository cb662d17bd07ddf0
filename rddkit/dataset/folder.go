package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/weightalign/lab/rddkit/invalid"
)

// layout is how the files of a data set of one's own lie.
type layout string

const (
	arrayFiles layout = "NumPy arrays"
	archive    layout = "a NumPy archive"
	pictures   layout = "pictures in a folder per class"
)

// folder is a data set of one's own on disk.
type folder struct {
	layout layout
	path   string // of the folder, or of the .npz
}

// layoutOf returns how the data set at a path lies, or "" if there is none.
func layoutOf(path string) layout {
	stat, err := os.Stat(path)
	switch {
	case err != nil:
		return ""
	case !stat.IsDir():
		if stat.Mode().IsRegular() && strings.HasSuffix(path, ".npz") {
			return archive
		}
		return ""
	}
	for _, name := range arrayNames {
		if isFile(filepath.Join(path, name+".npy")) {
			return arrayFiles
		}
	}
	if archives, _ := filepath.Glob(filepath.Join(escaped(path), "*.npz")); len(archives) == 1 && isFile(archives[0]) {
		return archive
	}
	if isFolder(filepath.Join(path, "train")) && isFolder(filepath.Join(path, "test")) {
		return pictures
	}
	return ""
}

// escaped is a path as a pattern that means itself.
func escaped(path string) string {
	if os.PathSeparator == '\\' {
		return path // where patterns have no escapes
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

func isFolder(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.IsDir()
}

// openFolder finds out how the data set lies.
func openFolder(name, path string) (folder, error) {
	f := folder{layoutOf(path), path}
	if f.layout == "" {
		found := path + " has nothing of the kind"
		if _, err := os.Stat(path); err != nil {
			found = path + " is not there"
		}
		return f, invalid.Newf("data set", name, "the path of a folder that holds %s.npy, or one .npz with these arrays, or train/CLASS/*.png and test/CLASS/*.png: %s",
			strings.Join(arrayNames, ".npy, "), found)
	}
	if f.layout == archive && isFolder(path) {
		archives, err := filepath.Glob(filepath.Join(escaped(path), "*.npz"))
		if err != nil || len(archives) != 1 {
			return f, invalid.New("data set", name, "the path of a folder with one .npz")
		}
		f.path = archives[0]
	}
	return f, nil
}

func (f folder) read(ctx context.Context) (*Set, error) {
	switch f.layout {
	case pictures:
		return readPictures(ctx, f.path)
	case archive:
		return readArchive(ctx, f.path)
	}
	return readArrays(ctx, f.path)
}

// stamp is a digest of the names, sizes and times of the data set's files.
func (f folder) stamp() (string, error) {
	sum := sha256.New()
	add := func(path string, info fs.FileInfo) {
		fmt.Fprintf(sum, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
	}
	if f.layout != pictures {
		paths := []string{f.path}
		if f.layout == arrayFiles {
			paths = nil
			for _, name := range arrayNames {
				paths = append(paths, filepath.Join(f.path, name+".npy"))
			}
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil {
				add(path, info)
			}
		}
		return hex.EncodeToString(sum.Sum(nil)), nil
	}
	for _, part := range []string{"train", "test"} {
		part = filepath.Join(f.path, part)
		classes, err := os.ReadDir(part) // follows links, other than filepath.WalkDir
		if err != nil {
			return "", err
		}
		for _, class := range classes {
			files, err := os.ReadDir(filepath.Join(part, class.Name()))
			if err != nil {
				continue // not a folder, which reading it will say
			}
			for _, file := range files {
				path := filepath.Join(part, class.Name(), file.Name())
				if info, err := os.Stat(path); err == nil {
					add(path, info)
				}
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// folders remembers what was read from each path, so that a plan of many runs
// does not read it for each.
var folders = struct {
	sync.Mutex
	read map[folder]*memory
}{read: make(map[folder]*memory)}

// memory is what is known of a folder while no file of it changes.
type memory struct {
	sync.Mutex
	stamp    string
	until    time.Time // when the stamp is to be looked at again
	contents ownContents
	set      weak.Pointer[Set] // while anybody has it
}

// contents reads the folder, unless what is asked for is known and no file has
// changed since.
func (f folder) contents(ctx context.Context, images bool) (ownContents, error) {
	folders.Lock()
	m := folders.read[f]
	if m == nil {
		m = new(memory)
		folders.read[f] = m
	}
	folders.Unlock()
	m.Lock()
	defer m.Unlock()

	begin := time.Now()
	stamp, fresh := m.stamp, begin.Before(m.until)
	if !fresh {
		var err error
		if stamp, err = f.stamp(); err != nil {
			return ownContents{}, err
		}
		// Looking at 60 000 pictures takes a while: a twentieth of the time at most.
		m.until = time.Now().Add(20 * time.Since(begin))
	}
	if stamp == m.stamp && m.stamp != "" {
		c := m.contents
		if c.set = m.set.Value(); c.set != nil || !images {
			return c, nil
		}
	}
	set, stamp, err := f.readStamped(ctx)
	if err != nil {
		m.stamp, m.until = "", time.Time{}
		return ownContents{}, err
	}
	c := contentsOf(set)
	m.stamp, m.contents, m.set = stamp, c, weak.Make(set)
	m.contents.set = nil
	return c, nil
}

// readStamped reads the folder, which must not change meanwhile.
func (f folder) readStamped(ctx context.Context) (*Set, string, error) {
	stamp, err := f.stamp()
	if err != nil {
		return nil, "", err
	}
	set, err := f.read(ctx)
	if err != nil {
		return nil, "", err
	}
	if again, err := f.stamp(); err != nil || again != stamp {
		return nil, "", invalid.New(f.path, "changed while it was read", "files that stay as they are")
	}
	return set, stamp, nil
}
