// Package verify replays reference fixtures (numbers recorded from published
// implementations) and reports how far this build is from them.
package verify

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/invalid"
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
	Replay     func(dir string) ([]Row, error)
}

// replayers are asked in this order; each kind has a file of its own here.
var replayers = []Replayer{
	augmentReplayer,
	convnetReplayer,
	creditReplayer,
	lifReplayer,
	metricsReplayer,
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

// Dir replays the fixture in dir. The error is an *invalid.Error if dir is not
// a fixture that any replayer knows, or a file of it is damaged.
func Dir(dir string) (Report, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return Report{}, invalid.New("fixture", dir, "a folder")
	}
	var kinds []string
	for _, r := range replayers {
		if r.Recognises(dir) {
			rows, err := r.Replay(dir)
			if err != nil {
				return Report{}, fmt.Errorf("%s: %w", dir, err)
			}
			return Report{Dir: dir, Kind: r.Kind, Rows: rows}, nil
		}
		kinds = append(kinds, r.Kind)
	}
	return Report{}, invalid.Newf("fixture", dir, "a folder whose manifest is of kind %s", strings.Join(kinds, ", "))
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
