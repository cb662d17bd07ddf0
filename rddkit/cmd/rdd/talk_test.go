package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/feedback"
	"github.com/weightalign/lab/rddkit/invalid"
)

// What is wrong is told before anything is made: here not even the folder could be.
func TestTalkRefusesBadFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for flags, field := range map[string]string{
		"-seeds -1": "-seeds", "-seeds 0": "-seeds", "-batches -1": "-batches",
		"-method hebb": "-method", "-tasks classifier,typo": "-tasks",
	} {
		args := append(strings.Fields(flags), "-out", filepath.Join(file, "results"))
		err := talkCommand(context.Background(), args, new(bytes.Buffer), new(bytes.Buffer))
		var wrong *invalid.Error
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", flags, err)
		}
	}
}

// A run is made once; the same command then has nothing to do.
func TestTalkGoesOn(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []string{"classifier-fashion-mnist-10k-50-20-fa-seed0.json", ""} {
		var stdout bytes.Buffer
		args := []string{"-out", dir, "-dataset", "fashion-mnist-10k", "-tasks", "classifier", "-method", "fa", "-seeds", "1", "-batches", "2"}
		if err := talkCommand(context.Background(), args, &stdout, new(bytes.Buffer)); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(stdout.String()); got != "" && filepath.Base(got) != want || got == "" && want != "" {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
	runs, err := feedback.ReadRuns(dir, "classifier", "fashion-mnist-10k")
	if err != nil || len(runs) != 1 || runs[0].Algorithm != feedback.FA || runs[0].Batches[len(runs[0].Batches)-1] != 2 {
		t.Errorf("%+v, %v", runs, err)
	}
}
