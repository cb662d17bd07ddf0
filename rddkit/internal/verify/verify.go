// Package verify replays reference fixtures (numbers recorded from published
// implementations) and reports how far this build is from them.
package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Row compares one recorded quantity with this build's.
type Row struct {
	Quantity  string  `json:"quantity"`  // e.g. "spikes layer 1", "fa delta.fc1"
	Measure   string  `json:"measure"`   // "unequal entries", "absolute", "relative", …
	Deviation float64 `json:"deviation"` // in the unit of Measure; NaN if it could not be measured
	Tolerance float64 `json:"tolerance"` // the largest Deviation that passes
}

// OK reports whether the row is within its tolerance. NaN is not.
func (r Row) OK() bool { return r.Deviation <= r.Tolerance }

// A Replayer replays one kind of fixture, a folder.
type Replayer struct {
	Kind       string                // e.g. "lif_rdd"
	Recognises func(dir string) bool // by its manifest or its files
	Replay     func(ctx context.Context, dir string) ([]Row, error)
}

// replayers are asked in this order; each kind has a file of its own here.
var replayers = []Replayer{
	creditReplayer,
	rdReplayer,
}

// Report is the result of replaying one folder.
type Report struct {
	Dir  string `json:"dir"`
	Kind string `json:"kind"`
	Rows []Row  `json:"rows"`
}

// OK reports whether there are rows and every one is within its tolerance.
func (r Report) OK() bool {
	for _, row := range r.Rows {
		if !row.OK() {
			return false
		}
	}
	return len(r.Rows) > 0
}

// Find returns the fixture folders at the paths, each once: a path itself, the
// folder that a file lies in, or all below a folder. What lies below a fixture
// is part of it. Skipped are the folders on the way whose files are of no
// fixture. The error is an *invalid.Error if a path leads to no fixture, or to a
// manifest of no known kind.
func Find(paths ...string) (fixtures, skipped []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, invalid.Newf("fixture", path, "a folder or a file of one (%v)", err)
		}
		var found, passed []string
		if info.IsDir() {
			found, passed, err = walk(path)
		} else if dir := filepath.Dir(path); recognised(dir) {
			found = []string{dir}
		}
		if err != nil {
			return nil, nil, err
		}
		if len(found) == 0 {
			return nil, nil, notRecognised(path)
		}
		fixtures, skipped = append(fixtures, found...), append(skipped, passed...)
	}
	fixtures, err = outermost(fixtures)
	return fixtures, skipped, err
}

func walk(dir string) (fixtures, skipped []string, err error) {
	if recognised(dir) {
		return []string{dir}, nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	files := false
	for _, e := range entries {
		if e.Name() == "manifest.json" {
			return nil, nil, notRecognised(dir)
		}
		if !e.IsDir() {
			files = true
			continue
		}
		found, passed, err := walk(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, nil, err
		}
		fixtures, skipped = append(fixtures, found...), append(skipped, passed...)
	}
	if files {
		skipped = append(skipped, dir)
	}
	return fixtures, skipped, nil
}

// outermost leaves out folders that are there already or lie below another.
func outermost(dirs []string) ([]string, error) {
	absolute := make([]string, len(dirs))
	for i, dir := range dirs {
		var err error
		if absolute[i], err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	var kept []string
	for i, dir := range dirs {
		below := func(other string) bool { return strings.HasPrefix(absolute[i], other+string(filepath.Separator)) }
		if !slices.Contains(absolute[:i], absolute[i]) && !slices.ContainsFunc(absolute, below) {
			kept = append(kept, dir)
		}
	}
	return kept, nil
}

func recognised(dir string) bool {
	return slices.ContainsFunc(replayers, func(r Replayer) bool { return r.Recognises(dir) })
}

func notRecognised(path string) error {
	var kinds []string
	for _, r := range replayers {
		kinds = append(kinds, r.Kind)
	}
	return invalid.Newf("fixture", path, "a folder, or a file of one, whose manifest or files are of kind %s", strings.Join(kinds, ", "))
}

// Dir replays the fixture in dir. The error is an *invalid.Error if dir is not
// a fixture that any replayer knows, or a file of it is damaged.
func Dir(ctx context.Context, dir string) (Report, error) {
	for _, r := range replayers {
		if !r.Recognises(dir) {
			continue
		}
		rows, err := r.Replay(ctx, dir)
		if ctx.Err() != nil {
			err = ctx.Err() // alone, not once for each run that it ended
		}
		if err != nil {
			return Report{}, fmt.Errorf("%s: %w", dir, err)
		}
		return Report{Dir: dir, Kind: r.Kind, Rows: rows}, nil
	}
	return Report{}, notRecognised(dir)
}

// readJSON decodes the JSON file at dir/name into v.
func readJSON(dir, name string, v any) error {
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return invalid.New(path, err.Error(), "a JSON file of the fixture's format")
	}
	return nil
}
