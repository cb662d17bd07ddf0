// Package reference is what the reference tests share: finding fixtures
// (numbers recorded from published implementations), reading them, and telling
// how far this build is from them. Only tests import it.
//
// A reference test lies beside the code that it holds to account:
//
//	func TestReferenceStdwi(t *testing.T) {
//		reference.Replay(t, "arena/stdwi", func(t *testing.T, f *reference.Fixture, rows *reference.Rows) {
//			var manifest struct{ … } // sizes, variants, steps: whatever the fixture has
//			f.JSON(&manifest)
//			want := f.Array("all_last", manifest.Above, manifest.Below)
//			…
//			rows.Absolute("guess, all", 1e-11, got, want.Float64())
//		})
//	}
//
// It replays every fixture of its kind in the module's testdata and, at any
// depth, below $RDDKIT_REFERENCE, whatever its sizes. A fixture may be shared:
// spike and align each replay their part of lif_rdd, and ignore the other's. "go test -run Reference -v
// ./..." prints each quantity with its deviation and its tolerance; with -count=1
// it does so anew where files outside the module changed, which the go command
// does not notice.
//
// Nothing that is named is passed over in silence: this package's own test
// fails if $RDDKIT_REFERENCE has a fixture of no kind, or of one that no test
// replays; Replay fails if a file of a fixture is neither read nor ignored in so
// many words.
package reference

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
)

// Replayer adds the rows of one fixture.
type Replayer func(t *testing.T, f *Fixture, rows *Rows)

// Replay runs replay on every fixture of a kind, each in a subtest, which prints
// the rows if tests are verbose and fails for each that is beyond its tolerance.
// It fails if there is no fixture of the kind.
func Replay(t *testing.T, kind string, replay Replayer) {
	t.Helper()
	if lookup(kind) == nil {
		t.Fatalf("no fixtures are of kind %q: the kinds are %s", kind, kindNames())
	}
	folders, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	fixtures, err := find(kind, folders...)
	if err != nil {
		t.Fatal(err)
	}
	if len(fixtures) == 0 {
		t.Fatalf("no testdata has a fixture of kind %s", kind)
	}
	for _, found := range fixtures {
		t.Run(subtest(found.path), func(t *testing.T) {
			f, rows := Open(t, found.path), &Rows{}
			replay(t, f, rows)
			report(t, f, rows)
		})
	}
}

// subtest names a fixture by its folder, or by its file if that is no manifest.
func subtest(path string) string {
	if isManifest(path) {
		path = filepath.Dir(path)
	}
	if root, err := moduleRoot(); err == nil {
		if short, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(short) {
			path = short
		}
	}
	return filepath.ToSlash(path)
}

func report(t *testing.T, f *Fixture, rows *Rows) {
	t.Helper()
	for _, name := range f.unused() {
		t.Errorf("%s: %s is not replayed", f.Dir, name)
	}
	if missing := f.missing(); len(missing) > 0 {
		t.Logf("%s lacks %d files of its manifest, e.g. %s", f.Dir, len(missing), missing[0])
	}
	if len(rows.list) == 0 {
		t.Errorf("%s: nothing was compared", f.Path)
	}
	beyond := rows.Beyond()
	if testing.Verbose() {
		t.Logf("%d quantities, %d beyond tolerance\n%s", len(rows.list), len(beyond), table(rows.list))
	} else if len(beyond) > 0 {
		t.Logf("\n%s", table(beyond))
	}
	for _, row := range beyond {
		t.Errorf("%s: %s is off by %.3g (%s), tolerance %.3g", f.Dir, row.Quantity, row.Deviation, row.Measure, row.Tolerance)
	}
}

// MustNotice replays the fixture at path once for each array, with its largest
// number off by a thousandth, or a count off by one, and fails if all rows are
// still within tolerance. Members of archives in folders are called
// "folder/archive:member".
func MustNotice(t *testing.T, path string, replay Replayer, arrays ...string) {
	t.Helper()
	for _, name := range arrays {
		t.Run(fmt.Sprintf("notices %s", name), func(t *testing.T) {
			f, rows, edited := Open(t, path), &Rows{}, false
			f.Edit = func(read string, a npy.Array) {
				if read == name {
					edited = true
					disturb(a.Data)
				}
			}
			replay(t, f, rows)
			if !edited {
				t.Fatalf("%s is not read", name)
			}
			if len(rows.Beyond()) == 0 {
				t.Error("a change is not noticed")
			}
		})
	}
}

func disturb(data any) {
	switch d := data.(type) {
	case []float64:
		disturbFloat(d)
	case []float32:
		disturbFloat(d)
	case []uint8:
		d[len(d)/2] ^= 1
	case []int64:
		d[len(d)/2]++
	case []int32:
		d[len(d)/2]++
	default:
		panic(fmt.Sprintf("no way to change %T", data))
	}
}

// disturbFloat changes the largest number, so that no floor of a tolerance hides
// the change.
func disturbFloat[T float32 | float64](d []T) {
	at := 0
	for i, v := range d {
		if max(v, -v) > max(d[at], -d[at]) {
			at = i
		}
	}
	d[at] = d[at]*1.001 + 1e-6
}
