package rddkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/internal/place"
	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// PairsStored is how many pairs of weights of each layer the stored full-scale
// runs keep at most.
const PairsStored = 20000

// Store copies what readers need of a record into a folder of dir that has the
// record's name, and returns the copy: run.json, the series, and in place of
// whole weights pairs_{1,2,3}.npy, a random sample of at most so many
// feedforward weights of each layer with their feedback weights ([pairs][2],
// float32); with pairs 0 none. [Open] reads it. The copy holds no path of this
// machine, and nothing to go on from. The folder appears whole; one that is there
// already is replaced, but not by a record of fewer epochs: that is an error.
func Store(r *Record, dir string, pairs int) (*Record, error) {
	if pairs < 0 {
		return nil, invalid.New("pairs", pairs, "0 or more")
	}
	name, err := r.Experiment.Name()
	if err != nil {
		return nil, err
	}
	to := filepath.Join(dir, name)
	if there, err := Open(to); err == nil && there.EpochsDone() > r.EpochsDone() {
		return nil, invalid.Newf(r.Dir, fmt.Sprintf("%d epochs", r.EpochsDone()), "at least the %d epochs of the stored %s; delete that to store this", there.EpochsDone(), to)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	partial, err := os.MkdirTemp(dir, ".partial-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(partial)
	if err := os.Chmod(partial, 0o755); err != nil {
		return nil, err
	}
	files := []string{"train_err.npy", "test_err.npy", "train_cost.npy", "test_cost.npy"}
	for _, name := range measureNames(r.Experiment.Measures) {
		files = append(files, measuredFile(name))
	}
	for layer := 1; layer <= r.Layers(); layer++ {
		for metric := range metricFiles {
			files = append(files, fmt.Sprintf("%s_%d.npy", metric, layer))
		}
		if pairs > 0 {
			if err := storePairs(r, layer, pairs, filepath.Join(partial, pairsFile(layer))); err != nil {
				return nil, err
			}
		}
	}
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(r.Dir, file))
		if strings.HasPrefix(file, "angle_") && errors.Is(err, fs.ErrNotExist) {
			continue // an older record
		}
		if err != nil {
			return nil, err
		}
		if err := atomicfile.WriteFile(filepath.Join(partial, file), content); err != nil {
			return nil, err
		}
	}
	if err := storeDescription(r, filepath.Join(partial, "run.json")); err != nil {
		return nil, err
	}
	if _, err := Open(partial); err != nil {
		return nil, err
	}
	// The earlier copy stays until the new one can take its place.
	earlier := partial + "-earlier"
	defer os.RemoveAll(earlier)
	if err := os.Rename(to, earlier); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.Rename(partial, to); err != nil {
		return nil, errors.Join(err, os.Rename(earlier, to))
	}
	return Open(to)
}

// storeDescription copies run.json with the command that makes the record, and
// with the last element alone of what looks like a path.
func storeDescription(r *Record, to string) error {
	text, err := os.ReadFile(filepath.Join(r.Dir, "run.json"))
	if err != nil {
		return err
	}
	var run runFile
	if err := json.Unmarshal(text, &run); err != nil {
		return invalid.New(filepath.Join(r.Dir, "run.json"), err.Error(), "the description of a run")
	}
	for i := range run.Sessions {
		run.Sessions[i].BLAS = folders.ReplaceAllString(run.Sessions[i].BLAS, "")
	}
	run.Command = r.Experiment.Command()
	if text, err = json.MarshalIndent(run, "", "  "); err != nil {
		return err
	}
	return atomicfile.WriteFile(to, append(text, '\n'))
}

// folders matches the folders of an absolute path.
var folders = regexp.MustCompile(`/\S*/`)

func pairsFile(layer int) string { return fmt.Sprintf("pairs_%d.npy", layer) }

func storePairs(r *Record, layer, most int, to string) error {
	forward, feedback, err := r.Pairs(layer)
	if err != nil {
		return err
	}
	chosen := stream.New(r.Experiment.Seed, "stored pairs", uint64(layer)).Perm(len(forward))
	chosen = chosen[:min(most, len(chosen))]
	slices.Sort(chosen)
	pairs := make([]float32, 0, 2*len(chosen))
	for _, k := range chosen {
		pairs = append(pairs, float32(forward[k]), float32(feedback[k]))
	}
	return npy.WriteFile(to, pairs, len(chosen), 2)
}

// Pairs returns the weights of fully connected layer 1, 2 or 3 after the last
// epoch as pairs: element k of both slices belongs to the same two neurons. From
// a folder that [Store] wrote it is a random sample of them.
func (r *Record) Pairs(layer int) (forward, feedback []float64, err error) {
	path := filepath.Join(r.Dir, pairsFile(layer))
	sample, err := npy.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		w, err := r.Weights(layer)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, invalid.New(r.Dir, "without weights", "a record of which weights were kept")
		} else if err != nil {
			return nil, nil, err
		}
		forward, feedback = w.Pairs()
		return forward, feedback, nil
	} else if err != nil {
		return nil, nil, err
	}
	if len(sample.Shape) != 2 || sample.Shape[1] != 2 || sample.Shape[0] == 0 {
		return nil, nil, invalid.New(path, sample.Shape, "pairs, [pairs][2]")
	}
	for values := sample.Float64(); len(values) > 0; values = values[2:] {
		forward, feedback = append(forward, values[0]), append(feedback, values[1])
	}
	return forward, feedback, nil
}

// Stored returns the full-scale runs that travel with the checkout, in
// data/results: of each of the experiments, whatever its number of epochs, the
// record that got farthest. absent are the experiments that have none. With no
// experiments it returns every record there. Outside a checkout all are absent.
func Stored(experiments ...Experiment) (records []*Record, absent []Experiment, err error) {
	root, ok := place.Checkout()
	if !ok {
		return nil, experiments, nil
	}
	return storedIn(filepath.Join(root, "data", "results"), experiments)
}

func storedIn(dir string, experiments []Experiment) (records []*Record, absent []Experiment, err error) {
	var prefixes []string
	for _, e := range experiments {
		if e, err = e.Resolve(); err != nil {
			return nil, nil, err
		}
		stem, err := e.stem()
		if err != nil {
			return nil, nil, err
		}
		prefixes = append(prefixes, stem+"-")
	}
	if len(experiments) == 0 {
		prefixes = []string{""} // of every name
	}
	folders, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for i, prefix := range prefixes {
		var farthest *Record
		for _, folder := range folders {
			path := filepath.Join(dir, folder.Name())
			if _, err := os.Stat(filepath.Join(path, "run.json")); !strings.HasPrefix(folder.Name(), prefix) || err != nil {
				continue
			}
			r, err := Open(path)
			if err != nil {
				return nil, nil, err
			}
			if len(experiments) == 0 {
				records = append(records, r)
			} else if farthest == nil || r.EpochsDone() > farthest.EpochsDone() {
				farthest = r
			}
		}
		if farthest != nil {
			records = append(records, farthest)
		} else if len(experiments) > 0 {
			absent = append(absent, experiments[i])
		}
	}
	return records, absent, nil
}

// Command is the command that carries the experiment out, or goes on with it,
// with a flag for each field that differs from its default.
func (e Experiment) Command() string {
	command := "go run ./rddkit/cmd/rdd train"
	value, standard := reflect.ValueOf(e), reflect.ValueOf(Experiment{}.filled())
	for i := range value.NumField() {
		field := value.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		v := value.Field(i)
		switch {
		case name == "options":
			if method, err := e.Method.row(); err == nil {
				if options := differing(e.Options, method.defaults); options != nil {
					command += " -options " + formatOptions(optionsMap(options))
				}
			}
		case !v.IsZero() && !v.Equal(standard.Field(i)):
			text := fmt.Sprint(v.Interface())
			if v.Kind() == reflect.String {
				text = v.String() // a Method's value, not its label
			}
			command += " -" + name + " " + text
		}
	}
	return command
}
