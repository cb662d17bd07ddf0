package data

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every file has its row in README.md, with its checksum, and every row its
// file. results/ has a table of its own; cache/ and runs/ are not committed.
func TestEveryFileIsAccountedFor(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	sums := make(map[string]string) // by file
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 8 && strings.Contains(cells[1], "`") {
			sums[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[6])
		}
	}
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch path {
			case "results", "cache", "runs":
				return fs.SkipDir
			}
			return nil
		}
		if path == "README.md" || filepath.Ext(path) == ".go" {
			return nil
		}
		name := filepath.ToSlash(path)
		want, ok := sums[name]
		delete(sums, name)
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(file)
		if got := hex.EncodeToString(sum[:]); !ok {
			t.Errorf("%s has no row in README.md", name)
		} else if want != got && name != "manifest.json" {
			t.Errorf("%s has SHA-256 %s, README.md says %s", name, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range sums {
		t.Errorf("README.md lists %s, which is not here", name)
	}
}
