package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMergeCommand(t *testing.T) {
	here, there := t.TempDir(), t.TempDir()
	for seed, dir := range map[string]string{"0": here, "1": there} {
		if code, _, stderr := rdd(append([]string{"train", "-method", "fa", "-seed", seed, "-out", dir}, little...)...); code != 0 {
			t.Fatal(stderr)
		}
	}
	if code, stdout, stderr := rdd("merge", here, there); code != 0 || strings.Count(stdout, "copied, 1 epochs") != 1 {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := rdd("merge", here, there); code != 0 || !strings.Contains(stdout, "1 were there already") {
		t.Errorf("again: exit code %d\n%s%s", code, stdout, stderr)
	}
	names, _ := filepath.Glob(filepath.Join(there, "fa-*"))
	if err := os.Rename(names[0], names[0]+"0"); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := rdd("merge", here, there); code != 1 || !strings.Contains(stdout, "left alone") || !strings.Contains(stderr, "1 of 1") {
		t.Errorf("a renamed one: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := rdd("merge", here); code != 2 {
		t.Errorf("nothing to merge: exit code %d, %s", code, stderr)
	}
}
