package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/invalid"
)

// What is wrong is told before anything is made: here not even the folder could be.
func TestBadFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flags := range []struct {
		field          string
		seeds, batches int
		only           feedback.Method
		tasks          []string
	}{
		{"seeds", -1, 1, "", []string{"classifier"}},
		{"seeds", 0, 1, "", []string{"classifier"}},
		{"batches", 1, -1, "", []string{"classifier"}},
		{"method", 1, 1, "hebb", []string{"classifier"}},
		{"tasks", 1, 1, "", []string{"classifier", "typo"}},
	} {
		err := run(filepath.Join(file, "results"), "fashion-mnist-10k", flags.seeds, flags.batches, flags.only, flags.tasks)
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Field != flags.field {
			t.Errorf("%+v: %v", flags, err)
		}
	}
}
