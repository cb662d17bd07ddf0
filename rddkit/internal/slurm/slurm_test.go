package slurm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weightalign/lab/rddkit/internal/slurm"
	"github.com/weightalign/lab/rddkit/internal/slurm/slurmtest"
)

const pause = 200 * time.Millisecond

func TestWithoutSlurm(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := slurm.Available(); !errors.Is(err, slurm.ErrAbsent) {
		t.Errorf("error %v", err)
	}
}

// Every task runs once, with its own index, words as they are, and variables.
func TestAnArrayOnARealSlurm(t *testing.T) {
	slurmtest.Start(t)
	ctx := context.Background()
	folder := filepath.Join(t.TempDir(), "it's 100 %a")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLURM_ARRAY_TASK_ID", "77") // as if this were a task
	t.Setenv("GONB_PIPE", "/nowhere")
	array := slurm.Array{Folder: folder, Name: "test-array", Tasks: 4, Index: "TASK", Environment: []string{"WORDS=a 'b' $c"}, Cores: 1, Memory: 50e6,
		Command: []string{"/bin/sh", "-c", `echo "$TASK $WORDS $1 $GOMAXPROCS $GONB_PIPE"; [ $TASK != 2 ]`, "sh", `say "it's"`}}
	ids, err := array.Submit(ctx)
	if err != nil || len(ids) != 1 {
		t.Fatalf("job ids %v, error %v", ids, err)
	}
	tasks := ended(t, "test-array", 4)
	for i, task := range tasks {
		want := "COMPLETED"
		if i == 2 {
			want = "FAILED"
		}
		if task.State != want || task.Job != ids[0] {
			t.Errorf("task %d: %+v, want %s", i, task, want)
		}
		path, ok := slurm.Log(folder, i)
		text, err := os.ReadFile(path)
		if want := string(rune('0'+i)) + ` a 'b' $c say "it's" 1 ` + "\n"; !ok || err != nil || string(text) != want {
			t.Errorf("task %d prints %q, %v; want %q", i, text, err, want)
		}
	}
	array.Options = []string{"--partition=nosuch"}
	if _, err := array.Submit(ctx); err == nil || !strings.Contains(err.Error(), "invalid partition specified: nosuch") {
		t.Errorf("a partition that does not exist: %v", err)
	}
	array.Options, array.Command = nil, []string{"sleep", "60"}
	ids, err = array.Submit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := slurm.Cancel(ctx, ids...); err != nil {
		t.Error(err)
	}
	for i, task := range ended(t, "test-array", 4) {
		if i != 2 && task.State != "CANCELLED" && task.State != "COMPLETED" {
			t.Errorf("task %d, cancelled: %+v", i, task)
		}
	}
}

func ended(t *testing.T, name string, n int) map[int]slurm.Task {
	t.Helper()
	patience := time.Now().Add(time.Minute)
	for {
		all, err := slurm.Tasks(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		live := 0
		for _, task := range all[name] {
			if task.Live() {
				live++
			}
		}
		if live == 0 && len(all[name]) == n {
			return all[name]
		}
		if time.Now().After(patience) {
			t.Fatalf("tasks %v", all)
		}
		time.Sleep(pause)
	}
}

func TestProbe(t *testing.T) {
	slurmtest.Start(t)
	ctx := context.Background()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	told := 0
	tell := func(string) { told++ }
	if err := slurm.Probe(ctx, dir, program, dir, nil, pause, tell); err != nil {
		t.Error(err)
	}
	missing := filepath.Join(dir, "missing")
	if err := slurm.Probe(ctx, missing, program, "", nil, pause, tell); err == nil || !strings.Contains(err.Error(), "does not see "+missing) {
		t.Errorf("a folder that nodes do not see: %v", err)
	}
	if err := slurm.Probe(ctx, dir, missing, "", nil, pause, tell); err == nil || !strings.Contains(err.Error(), "cannot start "+missing) {
		t.Errorf("a program that nodes do not see: %v", err)
	}
	if err := slurm.Probe(ctx, dir, program, missing, nil, pause, tell); err == nil || !strings.Contains(err.Error(), "does not see "+missing+", where the data") {
		t.Errorf("data that nodes do not see: %v", err)
	}
	if told == 0 {
		t.Error("nothing was told while the task waited")
	}
	waiting, cancel := context.WithCancel(ctx)
	err := slurm.Probe(waiting, dir, program, "", []string{"--begin=now+3600"}, pause, func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
