// Package verify replays the reference numbers of package rd, until they move
// beside it; all others are replayed by the package that they hold to account.
package verify

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Row compares one recorded quantity with this build's.
type Row struct {
	Quantity  string
	Measure   string  // "unequal entries", "absolute", "relative", …
	Deviation float64 // in the unit of Measure; NaN if it could not be measured
	Tolerance float64 // the largest Deviation that passes
}

// OK reports whether the row is within its tolerance. NaN is not.
func (r Row) OK() bool { return r.Deviation <= r.Tolerance }

// A Replayer replays one kind of fixture, a folder.
type Replayer struct {
	Kind       string
	Recognises func(dir string) bool
	Replay     func(ctx context.Context, dir string) ([]Row, error)
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
