package rddkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weightalign/lab/rddkit/align"
	"github.com/weightalign/lab/rddkit/internal/slurm"
	"github.com/weightalign/lab/rddkit/internal/slurm/slurmtest"
	"github.com/weightalign/lab/rddkit/invalid"
)

const asCell = "RDDKIT_TEST_AS_CELL"

// TestAsCell is a notebook cell: a rule of its own, a sweep here, and one that tasks
// of Slurm carry out.
func TestAsCell(t *testing.T) {
	dir := os.Getenv(asCell)
	if dir == "" {
		t.Skip("called by another test")
	}
	own := Register(Definition[struct{}]{Name: "own-still", New: func(struct{}, Experiment) (align.Learner, error) { return align.FeedbackAlignment{}, nil }})
	e := Experiment{Method: own, Epochs: 1, TrainLimit: 32, TestLimit: 16, BatchSize: 16}
	options := &SlurmOptions{Pause: 300 * time.Millisecond, Tell: func(text string) { fmt.Println("told:", text) }}
	for _, seeds := range []int{1, 3} {
		r := Runner{Dir: dir, Slurm: options, Progress: func(done, total int, text string) { fmt.Println("progress:", done, total, text) }}
		records, err := r.Sweep(context.Background(), Seeds(seeds, e)...)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("records:", len(records), records[seeds-1].EpochsDone())
	}
}

// A cell's tasks are the cell: they know its rule, and come to its second sweep by
// way of the first.
func TestSlurmFromACell(t *testing.T) {
	slurmtest.Start(t)
	dir := t.TempDir()
	c := exec.Command(os.Args[0], "-test.run=^TestAsCell$")
	c.Env = append(os.Environ(), asCell+"="+dir, "GONB_PIPE=/nowhere")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"records: 1 1", "records: 3 1", ": 1 tasks of 1 core", ": 2 tasks of 1 core"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("it does not print %q:\n%s", want, out)
		}
	}
	if n := bytes.Count(out, []byte("told: submitted")); n != 2 {
		t.Errorf("%d submissions", n)
	}
}

func TestSlurmIsToldBeforeAnyWork(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := Runner{Dir: filepath.Join(t.TempDir(), "runs"), Slurm: &SlurmOptions{}}
	_, err := r.Sweep(context.Background(), Experiment{})
	if bad := new(invalid.Error); !errors.As(err, &bad) || bad.Field != "Runner.Slurm" {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(r.Dir); err == nil {
		t.Error("it left a folder")
	}
}

func TestPart(t *testing.T) {
	e := Experiment{Method: FeedbackAlignment, Epochs: 1}
	longer := e
	longer.Epochs = 2
	all := append(Seeds(5, e), Seeds(5, longer)...)
	seen := make(map[string]int)
	for k := 1; k <= 3; k++ {
		part, err := Part(k, 3, all...)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range part {
			name, _ := e.Name()
			seen[name]++
			e.Epochs = 3 - e.Epochs
			if other, _ := e.Name(); !containsName(part, other) {
				t.Errorf("part %d has %s and not %s, whose records meet", k, name, other)
			}
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d experiments in all parts", len(seen))
	}
	for _, wrong := range [][2]int{{0, 1}, {2, 1}, {1, 0}} {
		if _, err := Part(wrong[0], wrong[1], e); err == nil {
			t.Errorf("part %v: no error", wrong)
		}
	}
}

func containsName(all []Experiment, name string) bool {
	for _, e := range all {
		if n, _ := e.Name(); n == name {
			return true
		}
	}
	return false
}

// What a task printed last is what is shown of it.
func TestLastLines(t *testing.T) {
	s := &submission{dir: t.TempDir()}
	if lines := lastLines(s, 3); lines != nil {
		t.Errorf("%q of no log", lines)
	}
	text := strings.Repeat("x", 1<<14) + "\n\none\ntwo\n\nthree\nfour\nfive\nsix\n"
	if err := os.WriteFile(filepath.Join(s.dir, "log.2.1"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if lines := lastLines(s, 3); strings.Join(lines, " ") != "two three four five six" {
		t.Errorf("%q", lines)
	}
	if path, ok := slurm.Log(s.dir, 1); ok {
		t.Errorf("task 1 has the log %s", path)
	}
}
