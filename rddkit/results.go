package rddkit

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
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

// Store copies what readers need of a record into one file of dir, the record's
// name with .npz at the end, and returns the copy: run.json, the series, and in
// place of whole weights pairs_{1,2,…}.npy, a random sample of at most so many
// feedforward weights of each layer with their feedback weights ([pairs][2],
// float32); with pairs 0 none. [Open] reads it, and NumPy's load the arrays. The
// copy holds no path of this machine, and nothing to go on from. The file appears
// whole; one that is there already is replaced, but not by a record of fewer
// epochs: that is an error.
func Store(r *Record, dir string, pairs int) (*Record, error) {
	if pairs < 0 {
		return nil, invalid.New("pairs", pairs, "0 or more")
	}
	if r.EpochsDone() == 0 {
		return nil, invalid.New(r.Dir, "0 epochs", "at least one")
	}
	to := filepath.Join(dir, r.Name()+".npz")
	if there, err := Open(to); err == nil && there.EpochsDone() > r.EpochsDone() {
		return nil, invalid.Newf(r.Dir, fmt.Sprintf("%d epochs", r.EpochsDone()), "at least the %d epochs of the stored %s; delete that to store this", there.EpochsDone(), to)
	}
	files, err := r.arrays()
	if err != nil {
		return nil, err
	}
	for name := range files { // an older record has none of its own
		if strings.HasPrefix(name, "angle_") && math.IsNaN(r.Symmetry[0][0][0].Angle) {
			delete(files, name)
		}
	}
	for layer := 1; pairs > 0 && layer <= r.Layers(); layer++ {
		if files[pairsFile(layer)], err = samplePairs(r, layer, pairs); err != nil {
			return nil, err
		}
	}
	run := r.description()
	run.Sessions = slices.Clone(run.Sessions)
	for i := range run.Sessions {
		run.Sessions[i].BLAS = folders.ReplaceAllString(run.Sessions[i].BLAS, "")
	}
	run.Name, run.Command, run.Files = r.Name(), r.Experiment.Command(), make(map[string]fileDigest)
	for name, text := range files {
		run.Files[name] = digestOf(text)
	}
	if files["run.json"], err = run.encode(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := writeArchive(to, files); err != nil {
		return nil, err
	}
	return Open(to)
}

// writeArchive writes files into one archive, the same bytes each time.
func writeArchive(path string, files map[string][]byte) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	out := zip.NewWriter(f)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		member, err := out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		if _, err := member.Write(files[name]); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return f.Commit()
}

// folders matches the folders of an absolute path.
var folders = regexp.MustCompile(`/\S*/`)

func pairsFile(layer int) string { return fmt.Sprintf("pairs_%d.npy", layer) }

func samplePairs(r *Record, layer, most int) ([]byte, error) {
	forward, feedback, err := r.Pairs(layer)
	if err != nil {
		return nil, err
	}
	chosen := stream.New(r.Experiment.Seed, "stored pairs", uint64(layer)).Perm(len(forward))
	chosen = chosen[:min(most, len(chosen))]
	slices.Sort(chosen)
	pairs := make([]float32, 0, 2*len(chosen))
	for _, k := range chosen {
		pairs = append(pairs, float32(forward[k]), float32(feedback[k]))
	}
	var text bytes.Buffer
	err = npy.Write(&text, pairs, len(chosen), 2)
	return text.Bytes(), err
}

// Pairs returns the weights of fully connected layer 1, 2, … after the last
// epoch as pairs: element k of both slices belongs to the same two neurons. Of a
// stored run it is a random sample of them.
func (r *Record) Pairs(layer int) (forward, feedback []float64, err error) {
	r.checkLayer(layer)
	name := pairsFile(layer)
	if _, err := r.source.size(name); errors.Is(err, fs.ErrNotExist) {
		w, err := r.Weights(layer)
		if errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*damageError)) && isArchive(r.Dir) {
			return nil, nil, invalid.New(r.Dir, "without weights", "a record of which weights were kept")
		} else if err != nil {
			return nil, nil, err
		}
		forward, feedback = w.Pairs()
		return forward, feedback, nil
	}
	sample, err := r.readArray(name)
	if err != nil {
		return nil, nil, err
	}
	if len(sample.Shape) != 2 || sample.Shape[1] != 2 || sample.Shape[0] == 0 {
		return nil, nil, invalid.New(r.source.where(name), sample.Shape, "pairs, [pairs][2]")
	}
	for values := sample.Float64(); len(values) > 0; values = values[2:] {
		forward, feedback = append(forward, values[0]), append(feedback, values[1])
	}
	return forward, feedback, nil
}

// Stored returns the full-scale runs that travel with the checkout, in
// data/results: of each of the experiments, whatever its number of epochs, the
// record that got farthest. It is an error, which names the command that makes
// them, if one is missing; with no experiments it returns every record there.
// Outside a checkout there are none.
func Stored(experiments ...Experiment) ([]*Record, error) {
	records, absent, err := StoredOf(experiments...)
	if err == nil && len(absent) > 0 {
		err = invalid.New("stored run", absent[0].Command(), fmt.Sprintf("one of those in data/results; this command, and then rdd store, make it (%d of %d are missing)", len(absent), len(experiments)))
	}
	return records, err
}

// StoredOf is [Stored] where some may be missing: absent are the experiments that
// have no record.
func StoredOf(experiments ...Experiment) (records []*Record, absent []Experiment, err error) {
	root, ok := place.Checkout()
	if !ok {
		return nil, experiments, nil
	}
	return storedIn(filepath.Join(root, "data", "results"), experiments)
}

func storedIn(dir string, experiments []Experiment) (records []*Record, absent []Experiment, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() && isArchive(entry.Name()) && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	if len(experiments) == 0 {
		for _, name := range names {
			r, err := Open(filepath.Join(dir, name))
			if err != nil {
				return nil, nil, err
			}
			records = append(records, r)
		}
		return records, nil, nil
	}
	for _, e := range experiments {
		resolved, err := e.Resolve()
		if err != nil {
			return nil, nil, err
		}
		stem, err := resolved.stem()
		if err != nil {
			return nil, nil, err
		}
		var farthest *Record
		for _, name := range names {
			if !strings.HasPrefix(name, stem+"-") {
				continue
			}
			r, err := Open(filepath.Join(dir, name))
			if err != nil {
				return nil, nil, err
			}
			if err := r.is(stem); err != nil {
				return nil, nil, err
			}
			if farthest == nil || r.EpochsDone() > farthest.EpochsDone() {
				farthest = r
			}
		}
		if farthest != nil {
			records = append(records, farthest)
		} else {
			absent = append(absent, resolved)
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
