package reference

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
)

// What $RDDKIT_REFERENCE names is replayed by a test, all of it.
func TestReferenceIsOfKnownKinds(t *testing.T) {
	roots, err := named()
	if err != nil {
		t.Fatal(err)
	}
	if len(roots) == 0 {
		t.Logf("%s, the paths of more fixtures, is not set", Environment)
	}
	tests := replayedKinds(t)
	for _, root := range roots {
		fixtures, unknown, err := scan(root)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, f := range fixtures {
			t.Logf("%s: %s", f.path, f.kind)
			if tests[f.kind] == nil && !lookup(f.kind).figures {
				t.Errorf("%s is of kind %s, which no test replays", f.path, f.kind)
			}
		}
		for _, path := range unknown {
			t.Errorf("%s is of no fixture: the kinds are %s", path, kindNames())
		}
		if len(fixtures) == 0 {
			t.Errorf("%s names %s: want a folder with fixtures of the kinds %s", Environment, root, kindNames())
		}
	}
}

// What is committed is replayed by the package whose testdata it is in.
func TestReferenceFixturesLieBesideTheirTests(t *testing.T) {
	tests := replayedKinds(t)
	folders, err := committed()
	if err != nil || len(folders) == 0 {
		t.Fatal(folders, err)
	}
	for _, folder := range folders {
		fixtures, _, err := scan(folder) // other files there are of other tests
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fixtures {
			if !slices.Contains(tests[f.kind], filepath.Dir(folder)) {
				t.Errorf("%s is of kind %s, which no test of its package replays", f.path, f.kind)
			}
		}
	}
}

// replayedKinds returns for each kind the folders of the packages with a test
// that replays it.
func replayedKinds(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, k := range kinds {
			if strings.Contains(string(text), `reference.Replay(t, "`+k.name+`"`) {
				dir, err := filepath.Abs(filepath.Dir(path))
				if err != nil {
					return err
				}
				tests[k.name] = append(tests[k.name], dir)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// tree writes files into a new folder; what it holds for an array is written
// as one.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const mirror = `{"kind": "arena/weight_mirror", "files": {}}`

func TestScanFindsFixturesAtAnyDepthAndNamesTheRest(t *testing.T) {
	root := tree(t, map[string]string{
		"README.md":             "",
		"a/deep/manifest.json":  mirror,
		"a/deep/part/x.npy":     "",
		"a/deep/part/more.json": `{"mu_table": 1}`, // part of the manifest's
		"b/learning.json":       `{"mu_table": 1}`,
		"b/effects.json":        `{"c_values": [], "p_values": []}`,
		"b/table.csv":           "",
		"c/figures.json":        `[{"figure": 1, "panel": 2}]`,
	})
	fixtures, unknown, err := scan(root)
	want := []found{
		{"arena/weight_mirror", "a/deep/manifest.json"}, {"credit/causal_effect", "b/effects.json"},
		{"credit/learning", "b/learning.json"}, {"report_figures", "c/figures.json"},
	}
	for i := range want {
		want[i].path = filepath.Join(root, want[i].path)
	}
	if err != nil || !slices.Equal(fixtures, want) || unknown != nil {
		t.Errorf("%v, unknown %v, %v", fixtures, unknown, err)
	}
	for part, want := range map[string][]found{"a/deep/part": want[:1], "a/deep/part/x.npy": want[:1], "b/learning.json": want[2:3], "b/table.csv": want[1:3]} {
		if fixtures, _, err := scan(filepath.Join(root, part)); err != nil || !slices.Equal(fixtures, want) {
			t.Errorf("%s: %v, %v", part, fixtures, err)
		}
	}
	if _, _, err := scan(filepath.Join(root, "nowhere")); err == nil {
		t.Error("a path to nothing is no error")
	}
}

func TestScanNamesWhatIsOfNoFixture(t *testing.T) {
	for name, text := range map[string]string{
		"numbers.json": `{"numbers": 1}`, "manifest.json": `{"kind": "arena/new"}`, "damaged.json": `{`, "deep/x.npz": "", "deep/x.csv": "",
	} {
		root := tree(t, map[string]string{name: text, "other/learning.json": `{"mu_table": 1}`})
		_, unknown, err := scan(root)
		if err != nil || !slices.Equal(unknown, []string{filepath.Join(root, name)}) {
			t.Errorf("%s: %v, %v", name, unknown, err)
		}
	}
}

func TestFindTakesTheNamedOfTwoCopies(t *testing.T) {
	here := tree(t, map[string]string{"mirror/manifest.json": mirror, "other/manifest.json": mirror + "\n"})
	there := tree(t, map[string]string{"copy/manifest.json": mirror, "b/learning.json": `{"mu_table": 1}`})
	t.Setenv(Environment, there)
	fixtures, err := find("arena/weight_mirror", here)
	want := []found{{"arena/weight_mirror", filepath.Join(there, "copy/manifest.json")}, {"arena/weight_mirror", filepath.Join(here, "other/manifest.json")}}
	if err != nil || !slices.Equal(fixtures, want) {
		t.Errorf("%v, %v", fixtures, err)
	}
	for _, bad := range []string{"nowhere", filepath.Join(there, "nowhere")} {
		t.Setenv(Environment, bad)
		if _, err := find("rd", here); err == nil {
			t.Errorf("%s=%s is no error", Environment, bad)
		}
	}
}

func TestFixtureTellsWhatIsNotReplayedAndWhatIsMissing(t *testing.T) {
	root := tree(t, map[string]string{"manifest.json": `{"kind": "rd", "files": {"x.npy": {}, "gone.npy": {}}}`, "sub/more.json": "{}", "info.csv": ""})
	for _, name := range []string{"x.npy", "y.npy"} {
		if err := npy.WriteFile(filepath.Join(root, name), []float64{1, 2}, 1, 2); err != nil {
			t.Fatal(err)
		}
	}
	f := Open(t, root)
	if a := f.Array("x", 1, -1); !slices.Equal(a.Float64(), []float64{1, 2}) {
		t.Error(a)
	}
	f.Ignore("*.csv")
	if got := f.unused(); !slices.Equal(got, []string{"sub/more.json", "y.npy"}) {
		t.Errorf("not replayed: %v", got)
	}
	f.Ignore("sub/*", "y.npy")
	if got := f.unused(); got != nil {
		t.Errorf("not replayed: %v", got)
	}
	if got := f.missing(); !slices.Equal(got, []string{"gone.npy"}) {
		t.Errorf("missing: %v", got)
	}
}

func TestRowsJoinNumbersAndNoticeDeviations(t *testing.T) {
	var r Rows
	r.Absolute("a", 0.1, []float64{1, 2}, []float64{1.05, 2})
	r.Absolute("a", 0.1, []float64{1}, []float64{1.01})
	r.Relative("b", 0.1, 0.5, []float64{0.01, 9.5}, []float64{0, 10})
	r.OfLargest("c", 0.1, []float64{1, 10}, []float64{2, 10})
	Unequal(&r, "d", []int{1, 2}, []int{1, 2})
	if len(r.list) != 4 || r.list[0].Numbers != 3 || len(r.Beyond()) != 0 {
		t.Errorf("%+v", r.list)
	}
	r.Absolute("a", 0.1, nil, nil)
	r.Relative("b", 0.1, 0, []float64{1}, []float64{1, 2})
	r.OfLargest("c", 0.1, []float64{1, 8.9}, []float64{1, 10})
	Unequal(&r, "d", []int{1}, []int{1, 2})
	if len(r.list) != 4 || len(r.Beyond()) != 4 {
		t.Errorf("%+v", r.list)
	}
}

func TestNumbersKnowWhatWasRead(t *testing.T) {
	root := tree(t, map[string]string{"learning.json": `{"mu_table": {"w": [1, 2.5, "inf"], "note": "words"}, "deep": {"c=0.5": {"t": [[3]]}}, "left": {"a": 1, "b": [2]}}`})
	n := Open(t, filepath.Join(root, "learning.json")).Numbers()
	if got := n.List("mu_table.w"); len(got) != 3 || got[1] != 2.5 || got[2] < 1e300 {
		t.Error(got)
	}
	if n.At("deep.c=%g.t.0.0", 0.5) != 3 || !n.Has("left.a") || n.At("nothing") == n.At("nothing") { // NaN
		t.Error("a number is not what it is")
	}
	if got := n.Names("", ".t.0.0"); !slices.Equal(got, []string{"deep.c=0.5"}) {
		t.Error(got)
	}
	if got := n.unread(); !slices.Equal(got, []string{"left.a", "left.b"}) {
		t.Errorf("not read: %v", got)
	}
	if got := n.unread(`left\..`); got != nil {
		t.Errorf("not read: %v", got)
	}
}
