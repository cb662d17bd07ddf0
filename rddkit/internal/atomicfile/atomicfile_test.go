package atomicfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAFileAppearsWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	for _, text := range []string{"old", "new"} { // made, then replaced
		before, absent := os.ReadFile(path)
		f, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString(text)
		if now, err := os.ReadFile(path); string(now) != string(before) || (err == nil) != (absent == nil) {
			t.Errorf("%q, %v before the commit", now, err)
		}
		if filepath.Dir(f.Name()) != filepath.Dir(path) {
			t.Errorf("the temporary file is %s", f.Name())
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		f.Discard()
		if got := content(t, path); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("files %q", got)
	}
}

func TestWhatIsDiscardedLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("half")
	f.Discard()
	if got := content(t, path); got != "old" {
		t.Errorf("%q", got)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("files %q", got)
	}
	if err := WriteFile(filepath.Join(path, "below a file"), nil); err == nil {
		t.Error("a file below a file")
	}
}

func TestRightsAreThoseOfTheFileThatIsReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no such rights")
	}
	dir := t.TempDir()
	rights := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	private := filepath.Join(dir, "private")
	if err := os.WriteFile(private, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Create(private)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	if got := rights(f.Name()); got != 0o600 {
		t.Errorf("%v while it is written", got)
	}
	if err := f.Commit(); err != nil || rights(private) != 0o600 {
		t.Errorf("%v, then rights %v", err, rights(private))
	}
	fresh := filepath.Join(dir, "fresh")
	if err := WriteFile(fresh, nil); err != nil || rights(fresh)&^0o644 != 0 {
		t.Errorf("%v, then rights %v", err, rights(fresh))
	}
}

func TestALinkIsReplacedAndNotWrittenThrough(t *testing.T) {
	dir := t.TempDir()
	other, link := filepath.Join(dir, "other"), filepath.Join(dir, "link")
	if err := os.WriteFile(other, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, link); err != nil {
		t.Skip(err) // Windows, without the right to make links
	}
	if err := WriteFile(link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if content(t, other) != "other" || content(t, link) != "new" {
		t.Errorf("%q and %q", content(t, other), content(t, link))
	}
}

func TestCleanRemovesWhatAKilledWriterLeft(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "a.npy"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close() // and no more: killed
	for _, name := range []string{"a.npy", "b.tmp", ".hidden"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) != 3 {
		t.Errorf("files %q", got)
	}
	if err := Clean(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a folder that is not there")
	}
}
