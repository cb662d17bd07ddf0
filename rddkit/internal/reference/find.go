package reference

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Environment is the variable that names more fixtures: folders with some at any
// depth, or files of one, as $PATH does folders. A relative path begins at the
// module's root.
const Environment = "RDDKIT_REFERENCE"

// found is one fixture: its kind and its JSON file.
type found struct{ kind, path string }

// scan returns the fixtures at and below root, which may be a part of a fixture
// or a file of one: then it is the whole fixture. Unknown are the files of
// numbers that are of no fixture.
func scan(root string) (fixtures []found, unknown []string, err error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, nil, invalid.Newf("fixture", root, "a folder or a file of one (%v)", err)
	}
	if !info.IsDir() {
		if kind, err := kindOf(root); kind != "" && !isManifest(root) {
			return []found{{kind, root}}, nil, err
		}
		root = filepath.Dir(root)
	}
	if outer, err := enclosing(root); err != nil || outer != "" {
		root = outer
		if err != nil {
			return nil, nil, err
		}
	}
	var manifests, rest []string // folders that a manifest describes; files that are no fixture by themselves
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".json":
			kind, err := kindOf(path)
			if err != nil {
				return err
			}
			if kind == "" {
				rest = append(rest, path)
				return nil
			}
			fixtures = append(fixtures, found{kind, path})
			if isManifest(path) {
				manifests = append(manifests, filepath.Dir(path))
			}
		case ".npy", ".npz", ".csv", ".tsv":
			rest = append(rest, path)
		}
		return nil
	})
	fixtures = slices.DeleteFunc(fixtures, func(f found) bool { return !isManifest(f.path) && belowOne(f.path, manifests) })
	beside := func(path string) bool { // data that lies beside the JSON file that tells of it
		return filepath.Ext(path) != ".json" && slices.ContainsFunc(fixtures, func(f found) bool { return filepath.Dir(f.path) == filepath.Dir(path) })
	}
	for _, path := range rest {
		if !belowOne(path, manifests) && !beside(path) {
			unknown = append(unknown, path)
		}
	}
	return fixtures, unknown, err
}

// enclosing returns the folder of the nearest manifest of a known kind above
// dir, if dir has none and is one of its parts; else "".
func enclosing(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		path := filepath.Join(at, "manifest.json")
		if _, err := os.Stat(path); err == nil {
			if kind, err := kindOf(path); err != nil || kind != "" {
				return at, err
			}
			return "", nil
		}
		if at == filepath.Dir(at) {
			return "", nil
		}
	}
}

func belowOne(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(path, dir+string(filepath.Separator)) })
}

// named returns the paths in $RDDKIT_REFERENCE.
func named() ([]string, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	paths := filepath.SplitList(os.Getenv(Environment))
	for i, path := range paths {
		if !filepath.IsAbs(path) {
			paths[i] = filepath.Join(root, path)
		}
	}
	return paths, nil
}

// moduleRoot returns the folder of go.mod.
func moduleRoot() (string, error) {
	root, err := os.Getwd() // a test's is its package's folder
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			return root, nil
		}
		if root == filepath.Dir(root) {
			return "", errors.New("reference: no go.mod above the working folder")
		}
		root = filepath.Dir(root)
	}
}

// committed returns the folders testdata of the module's packages.
func committed() ([]string, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	direct, err := filepath.Glob(filepath.Join(root, "rddkit/*/testdata"))
	internal, failure := filepath.Glob(filepath.Join(root, "rddkit/internal/*/testdata"))
	return append(direct, internal...), errors.Join(err, failure)
}

// find returns the fixtures of a kind in the folders and below $RDDKIT_REFERENCE.
// Of two with the same JSON file it takes the one that is named.
func find(kind string, folders ...string) (all []found, err error) {
	paths, err := named()
	if err != nil {
		return nil, err
	}
	at := map[string]int{} // where in all the fixture with this JSON file is
	for _, root := range slices.Concat(folders, paths) {
		fixtures, _, err := scan(root)
		if err != nil {
			return nil, err
		}
		for _, f := range fixtures {
			text, err := os.ReadFile(f.path)
			if err != nil {
				return nil, err
			}
			if k, there := at[string(text)]; there {
				all[k] = f
			} else if f.kind == kind {
				at[string(text)], all = len(all), append(all, f)
			}
		}
	}
	return all, nil
}
