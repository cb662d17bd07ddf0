package rddkit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
	"github.com/weightalign/lab/rddkit/internal/parallel"
)

// index is what a Sweep remembers of the finished records in a folder of run
// folders, so that thousands of them are read at once from one file. A record was
// checked when it came in; it counts for as long as its run folder and run.json
// have not changed, and the files of its weights have their sizes. The file may be
// deleted.
type index struct {
	path   string
	known  map[string]indexed // by the name of the run folder
	opened int                // records that were not in it
}

// indexed is a record in the index.
type indexed struct {
	Folder, Run int64 // when the run folder and run.json changed, ns
	Size        int64 // of run.json
	Name        string
	Experiment  []byte // as in run.json
	Method      method
	Weights     map[string]fileDigest
	Series      Series
	Provenance  Provenance
}

const (
	indexFile  = ".index"
	indexMagic = "rddkit index 1\n"
	// indexFrom is how many records a folder must have for an index.
	indexFrom = 50
)

// readIndex returns the index of a folder, an empty one if there is none or a
// damaged one.
func readIndex(root string) *index {
	x := &index{path: filepath.Join(root, indexFile), known: make(map[string]indexed)}
	text, err := os.ReadFile(x.path)
	at := len(text) - sha256.Size
	if err != nil || !bytes.HasPrefix(text, []byte(indexMagic)) || at < len(indexMagic) || sha256.Sum256(text[:at]) != [sha256.Size]byte(text[at:]) {
		return x
	}
	known := make(map[string]indexed)
	if gob.NewDecoder(bytes.NewReader(text[len(indexMagic):at])).Decode(&known) == nil {
		x.known = known
	}
	return x
}

// save writes the index if it has news, and enough of them.
func (x *index) save() error {
	if x.opened == 0 || len(x.known) < indexFrom {
		return nil
	}
	file, err := atomicfile.Create(x.path)
	if err != nil {
		return err
	}
	defer file.Discard()
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<16)
	if _, err := out.WriteString(indexMagic); err != nil {
		return err
	}
	if err := gob.NewEncoder(out).Encode(x.known); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if _, err := file.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return file.Commit()
}

// stamps are when a run folder and its run.json changed, and the latter's size.
func stamps(dir string) (i indexed, err error) {
	folder, err := os.Stat(dir)
	if err != nil {
		return i, err
	}
	run, err := os.Stat(filepath.Join(dir, "run.json"))
	if err != nil {
		return i, err
	}
	return indexed{Folder: folder.ModTime().UnixNano(), Run: run.ModTime().UnixNano(), Size: run.Size()}, nil
}

// lookUp returns the record in a run folder, nil if the index does not have it as
// it is now.
func (x *index) lookUp(dir string) *Record {
	i, ok := x.known[filepath.Base(dir)]
	if !ok {
		return nil
	}
	now, err := stamps(dir)
	if err != nil || now.Folder != i.Folder || now.Run != i.Run || now.Size != i.Size {
		return nil
	}
	r := &Record{Dir: dir, Series: i.Series, Provenance: i.Provenance, method: i.Method, name: i.Name, source: folder(dir), digests: i.Weights}
	if json.Unmarshal(i.Experiment, &r.Experiment) != nil {
		return nil
	}
	if r.Experiment, err = r.Experiment.read(); err != nil || r.complete() != nil {
		return nil
	}
	return r
}

// open is Open for a record that is complete and in its own folder: nil for any
// other.
func (x *index) open(dir string) (r *Record, fresh *indexed) {
	if r := x.lookUp(dir); r != nil {
		return r, nil
	}
	now, err := stamps(dir)
	if err != nil {
		return nil, nil
	}
	r, err = Open(dir)
	if err != nil || r.name != filepath.Base(dir) || r.EpochsDone() < r.Experiment.Epochs || r.complete() != nil {
		return nil, nil // also one of the first format, of whose files nothing vouches
	}
	if now.Experiment, err = json.Marshal(r.description().Experiment); err != nil {
		return r, nil
	}
	now.Name, now.Method, now.Series, now.Provenance = r.name, r.method, r.Series, r.Provenance
	now.Weights = maps.Clone(r.digests)
	maps.DeleteFunc(now.Weights, func(name string, _ fileDigest) bool {
		return !slices.ContainsFunc([]string{"weight_", "fb_weight_", "beta_"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	})
	return r, &now
}

// finished returns, of each name, the record in the run folder of that name, nil
// where there is no complete one, and keeps what is new. It saves the index; that
// it cannot be written is no error.
func (x *index) finished(names []string) []*Record {
	root := filepath.Dir(x.path)
	records, fresh := make([]*Record, len(names)), make([]*indexed, len(names))
	parallel.For(len(names), func(i int) { records[i], fresh[i] = x.open(filepath.Join(root, names[i])) })
	for i, f := range fresh {
		if f != nil {
			x.known[names[i]], x.opened = *f, x.opened+1
		}
	}
	_ = x.save()
	return records
}
