package verify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// fixtures are all that are committed.
var fixtures = []string{
	"testdata/convnet", "testdata/credit", "testdata/feedback", "testdata/lif_rdd/fuzzy", "testdata/lif_rdd/metrics",
	"testdata/lif_rdd/small", "testdata/lif_rdd/two_epochs", "testdata/rd",
}

func TestFindFindsEveryFixture(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*") // as a shell would
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for name, c := range map[string]struct{ paths, found []string }{
		"root":                   {[]string{"testdata"}, fixtures},
		"root with a slash":      {[]string{"./testdata/"}, fixtures},
		"by a pattern":           {files, fixtures},
		"twice":                  {[]string{"testdata/rd", "testdata/rd/senate.json", "testdata"}, append([]string{"testdata/rd"}, fixtures[:7]...)},
		"a set and its fixture":  {[]string{"testdata/convnet/tiny", "testdata/convnet/manifest.json"}, fixtures[:1]},
		"a set":                  {[]string{"testdata/convnet/tiny", "testdata/convnet/augment"}, []string{"testdata/convnet/tiny", "testdata/convnet/augment"}},
		"a file beside the data": {[]string{"testdata/credit/README.md"}, []string{"testdata/credit"}},
	} {
		found, skipped, err := Find(c.paths...)
		if err != nil || !slices.Equal(found, c.found) || len(skipped) > 0 {
			t.Errorf("%s: %v, skipped %v, %v; want %v", name, found, skipped, err, c.found)
		}
	}
}

func TestFindTellsWhatItSkipsAndRefusesWhatHasNoFixture(t *testing.T) {
	root := t.TempDir()
	write := func(path string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("README.md")
	write("a/deep/causal_effect.json")
	write("b/deep/numbers.json")
	write("b/deep/more.json")
	write("c/manifest.json")
	if err := os.Mkdir(filepath.Join(root, "empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"b", "b/deep/numbers.json", "README.md", "empty", "nowhere", "c", "."} { // . has c
		bad = filepath.Join(root, bad)
		var wrong *invalid.Error
		if _, _, err := Find(filepath.Join(root, "a"), bad); !errors.As(err, &wrong) || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(root, "c")); err != nil {
		t.Fatal(err)
	}
	found, skipped, err := Find(root)
	if err != nil || !slices.Equal(found, []string{filepath.Join(root, "a/deep")}) || !slices.Equal(skipped, []string{filepath.Join(root, "b/deep"), root}) {
		t.Errorf("%v, skipped %v, %v", found, skipped, err)
	}
}

// Whatever is being replayed ends at once, and says so once.
func TestAnInterruptedReplayEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, dir := range append([]string{"testdata/convnet/augment"}, fixtures...) {
		if _, err := Dir(ctx, dir); !errors.Is(err, context.Canceled) || strings.Count(err.Error(), "canceled") != 1 {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
