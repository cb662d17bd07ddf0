package reference

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
)

// A Fixture reads the files of one fixture for a test, and ends the test where
// one is missing, damaged or other than its manifest says.
type Fixture struct {
	Path string // of its JSON file
	Dir  string // of that file

	// Edit, if it is set, may change an array after it was read: a test uses it
	// to show that a change is noticed.
	Edit func(name string, a npy.Array)

	t        testing.TB
	listed   map[string]string               // SHA-256 of the files, as far as a manifest has them
	archives map[string]map[string]npy.Array // that were read, by path
	used     map[string]bool                 // files, and members of archives as "a.npz:name"
	ignored  []string                        // patterns
}

// Open returns the fixture with the JSON file at path, or in the folder at path.
func Open(t testing.TB, file string) *Fixture {
	t.Helper()
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		file = filepath.Join(file, "manifest.json")
	}
	f := &Fixture{Path: file, Dir: filepath.Dir(file), t: t, listed: map[string]string{}, archives: map[string]map[string]npy.Array{}, used: map[string]bool{}}
	var manifest struct {
		Files map[string]struct {
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if text := f.read(filepath.Base(file)); isManifest(file) && json.Unmarshal(text, &manifest) == nil {
		for name, listed := range manifest.Files {
			f.listed[name] = listed.SHA256
		}
	}
	return f
}

// JSON decodes the fixture's JSON file into v.
func (f *Fixture) JSON(v any) {
	f.t.Helper()
	f.JSONFile(filepath.Base(f.Path), v)
}

// JSONFile decodes another JSON file of the fixture into v.
func (f *Fixture) JSONFile(name string, v any) {
	f.t.Helper()
	if err := json.Unmarshal(f.read(name), v); err != nil {
		f.t.Fatalf("%s: %v", filepath.Join(f.Dir, name), err)
	}
}

// Has reports whether the array is there: a file name.npy, or a member of an
// archive beside the fixture's JSON file.
func (f *Fixture) Has(name string) bool { return f.HasFile(name+".npy") || f.holder(name) != "" }

// HasFile reports whether the file is there.
func (f *Fixture) HasFile(name string) bool {
	_, err := os.Stat(filepath.Join(f.Dir, filepath.FromSlash(name)))
	return err == nil
}

// Array returns the array of the file name.npy or, where there is none, the
// member called name of an archive beside the fixture's JSON file. It must be of
// the given shape; -1 stands for any length.
func (f *Fixture) Array(name string, shape ...int) npy.Array {
	f.t.Helper()
	var a npy.Array
	if archive := f.holder(name); f.HasFile(name + ".npy") {
		f.read(name + ".npy")
		var err error
		if a, err = npy.ReadFile(filepath.Join(f.Dir, filepath.FromSlash(name)+".npy")); err != nil {
			f.t.Fatal(err)
		}
		f.edit(name, a)
	} else if archive != "" {
		a = f.Archive(archive)[name]
		f.used[archive+".npz:"+name] = true
	} else {
		f.t.Fatalf("%s has no array %s", f.Dir, name)
	}
	if !slices.EqualFunc(a.Shape, shape, func(got, want int) bool { return want == -1 || got == want }) {
		f.t.Fatalf("%s: %s is of shape %v, want %v (-1: any length)", f.Dir, name, a.Shape, shape)
	}
	return a
}

// Archive returns every array of the file name.npz.
func (f *Fixture) Archive(name string) map[string]npy.Array {
	f.t.Helper()
	if a, there := f.archives[name]; there {
		return a
	}
	f.read(name + ".npz")
	a, err := npy.ReadArchive(filepath.Join(f.Dir, filepath.FromSlash(name)+".npz"))
	if err != nil {
		f.t.Fatal(err)
	}
	for member, array := range a {
		f.edit(name+":"+member, array)
	}
	f.archives[name] = a
	return a
}

// Ignore says of files of the fixture that they are for information, and not
// replayed: patterns as of path.Match, "name/*" for all below a folder.
func (f *Fixture) Ignore(patterns ...string) { f.ignored = append(f.ignored, patterns...) }

func (f *Fixture) edit(name string, a npy.Array) {
	if f.Edit != nil {
		f.Edit(name, a)
	}
}

// holder returns the archive beside the JSON file that has a member called name.
func (f *Fixture) holder(name string) string {
	paths, err := filepath.Glob(filepath.Join(f.Dir, "*.npz"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, p := range paths {
		archive := strings.TrimSuffix(filepath.Base(p), ".npz")
		if _, there := f.Archive(archive)[name]; there {
			return archive
		}
	}
	return ""
}

// read returns the bytes of a file, which must be those of the manifest.
func (f *Fixture) read(name string) []byte {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.Dir, filepath.FromSlash(name)))
	if err != nil {
		f.t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if got, want := hex.EncodeToString(sum[:]), f.listed[name]; want != "" && got != want {
		f.t.Fatalf("%s has SHA-256 %s, want the manifest's %s", filepath.Join(f.Dir, name), got, want)
	}
	f.used[name] = true
	return text
}

// unused returns the files of numbers below the fixture's manifest, and the
// members of archives beside it, that were neither read nor ignored.
func (f *Fixture) unused() (names []string) {
	if !isManifest(f.Path) {
		return nil
	}
	note := func(name string) {
		ignored := slices.ContainsFunc(f.ignored, func(pattern string) bool {
			if folder, below := strings.CutSuffix(pattern, "/*"); below && strings.HasPrefix(name, folder+"/") {
				return true
			}
			match, err := path.Match(pattern, name)
			return err == nil && match
		})
		if !ignored && !f.used[name] {
			names = append(names, name)
		}
	}
	err := filepath.WalkDir(f.Dir, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if ext := filepath.Ext(at); ext == ".npy" || ext == ".npz" || ext == ".json" || ext == ".csv" {
			name, err := filepath.Rel(f.Dir, at)
			note(filepath.ToSlash(name))
			return err
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	for archive, members := range f.archives {
		if strings.Contains(archive, "/") {
			continue // read as a whole
		}
		for name := range members {
			note(archive + ".npz:" + name)
		}
	}
	slices.Sort(names)
	return names
}

// missing returns the files that the manifest lists and that are not here.
func (f *Fixture) missing() (names []string) {
	for name := range f.listed {
		if !f.HasFile(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
