package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/internal/slurm/slurmtest"
)

func TestSlurmIsMissed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	code, _, stderr := rdd(append([]string{"sweep", "-slurm", "-method", "fa", "-out", t.TempDir()}, little...)...)
	if code != 2 || !strings.Contains(stderr, "sbatch") || !strings.Contains(stderr, "-part") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	for _, wrong := range []string{"-slurm -part 1/2", "-slurm -memory 100", "-slurm-options --time=1", "-part 3/2"} {
		code, _, stderr := rdd(append([]string{"sweep", "-method", "fa", "-out", t.TempDir()}, strings.Fields(wrong)...)...)
		if code != 2 || !strings.Contains(stderr, "want") {
			t.Errorf("%s: exit code %d, %s", wrong, code, stderr)
		}
	}
}

// The parts of a sweep together are the sweep.
func TestPartsAreTheWhole(t *testing.T) {
	runs := t.TempDir()
	args := append([]string{"sweep", "-method", "fa,bp", "-seeds", "2", "-out", runs}, little...)
	for _, part := range []string{"1/3", "2/3", "3/3"} {
		if code, _, stderr := rdd(append(args, "-part", part)...); code != 0 || !strings.Contains(stderr, "part "+part[:1]+" of 3") {
			t.Errorf("part %s: exit code %d, %s", part, code, stderr)
		}
	}
	if folders, _ := filepath.Glob(filepath.Join(runs, "*-*")); len(folders) != 4 {
		t.Errorf("made %v", folders)
	}
}

// onSlurm starts this program with the arguments; its output comes into b.
func onSlurm(t *testing.T, b *bytes.Buffer, args string) *exec.Cmd {
	t.Helper()
	c := program(t, args)
	c.Stdout, c.Stderr = b, b
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// same compares all arrays of all records of two folders.
func sameArrays(t *testing.T, a, b string) {
	t.Helper()
	want, _ := filepath.Glob(filepath.Join(a, "*", "*.npy"))
	if len(want) < 12 {
		t.Fatalf("%d arrays to compare", len(want))
	}
	for _, path := range want {
		name, _ := filepath.Rel(a, path)
		x, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(b, name))
		if err != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
}

// Twelve experiments on the two nodes of a real Slurm are, bit for bit, those of a
// sweep without it.
func TestASweepOnARealSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute")
	}
	slurmtest.Start(t)
	args := "sweep -method fa,rdd,bp -rdd-time 3 -seeds 2 -epochs 1,2 -train-limit 64 -test-limit 32 -batch-size 16" // 12 runs, 6 chains
	local, shared := t.TempDir(), t.TempDir()
	var alone, first, again bytes.Buffer
	if err := onSlurm(t, &alone, args+" -out "+local).Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &alone)
	}
	if err := onSlurm(t, &first, args+" -slurm -slurm-options --time=10 -out "+shared).Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &first)
	}
	t.Logf("%s", &first)
	sameArrays(t, local, shared)
	folders, _ := filepath.Glob(filepath.Join(shared, "*-*"))
	if len(folders) != 12 || !strings.Contains(first.String(), "6 tasks") || strings.Count(first.String(), "±") == 0 {
		t.Errorf("%d run folders\n%s", len(folders), &first)
	}
	nothingTwice(t, folders)
	if left, _ := filepath.Glob(filepath.Join(shared, ".slurm", "*", "program")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// All is done: nothing is submitted.
	if err := onSlurm(t, &again, args+" -slurm -out "+shared).Wait(); err != nil || strings.Contains(again.String(), "submitted") {
		t.Errorf("again: %v\n%s", err, &again)
	}
}

// nothingTwice counts the epochs of all sessions of records that are complete.
func nothingTwice(t *testing.T, folders []string) {
	t.Helper()
	for _, folder := range folders {
		r, err := rddkit.Open(folder)
		if err != nil {
			t.Error(err)
			continue
		}
		done := 0
		for _, s := range r.Provenance.Sessions {
			if s.FirstEpoch != done {
				t.Errorf("%s: a session begins at epoch %d after %d", folder, s.FirstEpoch, done)
			}
			done += s.Epochs
		}
		if done != r.Experiment.Epochs || r.EpochsDone() != done {
			t.Errorf("%s: %d epochs in %d sessions, want %d", folder, done, len(r.Provenance.Sessions), r.Experiment.Epochs)
		}
	}
}

func TestSlurmRefuses(t *testing.T) {
	slurmtest.Start(t)
	args := "sweep -method fa -epochs 1 -train-limit 32 -test-limit 16 -batch-size 16 -slurm -out " + t.TempDir()
	var b bytes.Buffer
	if err := onSlurm(t, &b, args+" -slurm-options --partition=nosuch").Wait(); err == nil ||
		!strings.Contains(b.String(), "invalid partition specified: nosuch") || !strings.Contains(b.String(), "-slurm-options") {
		t.Errorf("a partition that does not exist: %v\n%s", err, &b)
	}
}

// A task that fails shows its last lines, by name, and the others go on.
func TestATaskFails(t *testing.T) {
	slurmtest.Start(t)
	runs := t.TempDir()
	args := "sweep -method fa -seeds 2 -epochs 1 -train-limit 32 -test-limit 16 -batch-size 16"
	e := rddkit.Experiment{Method: rddkit.FeedbackAlignment, Seed: 1, Epochs: 1, TrainLimit: 32, TestLimit: 16, BatchSize: 16}
	name, err := e.Name()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(runs, name), []byte("in the way of a run folder"), 0o666); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := onSlurm(t, &b, args+" -slurm -out "+runs).Wait(); err == nil {
		t.Error("exit code 0")
	}
	_, told, ok := strings.Cut(b.String(), "failed:\n")
	if !ok || !strings.Contains(told, name+": failed on n") || !strings.Contains(told, "not a directory") || !strings.Contains(told, "1 failed") {
		t.Errorf("told %s", &b)
	}
	if !strings.Contains(b.String(), "seeds  epochs") {
		t.Errorf("no table of the other:\n%s", &b)
	}
}

// A second Ctrl-C cancels what the first left alone.
func TestTheSecondInterruptCancels(t *testing.T) {
	cluster := slurmtest.Start(t)
	var b bytes.Buffer
	sweep := onSlurm(t, &b, "sweep -method fa -seeds 3 -epochs 500 -train-limit 512 -slurm -out "+t.TempDir())
	defer sweep.Process.Kill()
	live := func(states string) int {
		return len(strings.Fields(cluster.Run("squeue", "-h", "-r", "-t", states, "-o", "%i")))
	}
	await(t, "two tasks that run", func() bool { return live("RUNNING") == 2 })
	if err := sweep.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // as a user who reads
	if n := live("RUNNING,PENDING"); n != 3 {
		t.Errorf("%d tasks after the first, want all 3", n)
	}
	if err := sweep.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := sweep.Wait(); err == nil || !strings.Contains(b.String(), "cancelled") {
		t.Errorf("%v\n%s", err, &b)
	}
	await(t, "the end of all tasks", func() bool { return live("RUNNING,PENDING,COMPLETING") == 0 })
}

// Killed in the middle in three ways, and attached to again: nothing is lost,
// nothing done twice.
func TestASlurmSweepThatIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("some minutes")
	}
	cluster := slurmtest.Start(t)
	local, shared := t.TempDir(), t.TempDir()
	args := "sweep -method fa,bp -seeds 2 -epochs 30 -train-limit 320 -test-limit 32 -batch-size 32" // long enough to be killed in
	var alone, first, again bytes.Buffer
	if err := onSlurm(t, &alone, args+" -out "+local).Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &alone)
	}
	args += " -slurm -slurm-options --time=10 -out " + shared
	sweep := onSlurm(t, &first, args)
	await(t, "two records that have begun", func() bool {
		begun, _ := filepath.Glob(filepath.Join(shared, "*", "run.json"))
		return len(begun) >= 2
	})
	if err := sweep.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := sweep.Wait(); err == nil || !strings.Contains(first.String(), "scancel ") || !strings.Contains(first.String(), "attaches") {
		t.Errorf("interrupted: %v\n%s", err, &first)
	}
	var running []string
	await(t, "two tasks that run", func() bool {
		running = strings.Fields(cluster.Run("squeue", "-h", "-r", "-t", "RUNNING", "-o", "%i"))
		return len(running) == 2
	})
	cluster.Run("scancel", "--signal=KILL", "--full", running[0])
	cluster.Run("scontrol", "requeue", running[1])
	await(t, "another task that runs", func() bool {
		return len(strings.Fields(cluster.Run("squeue", "-h", "-r", "-t", "RUNNING", "-o", "%i"))) > 0
	})
	node := strings.TrimSpace(strings.Split(cluster.Run("squeue", "-h", "-r", "-t", "RUNNING", "-o", "%N"), "\n")[0])
	cluster.KillNode(node)
	cluster.StartNode(node)
	t.Logf("killed %s, requeued %s, lost node %s\n%s", running[0], running[1], node, cluster.Run("squeue", "-r", "-t", "all"))
	if err := onSlurm(t, &again, args).Wait(); err != nil {
		t.Errorf("again: %v\n%s", err, &again)
	}
	t.Logf("%s\n%s", &first, &again)
	if !strings.Contains(again.String(), "attached to job") || !strings.Contains(again.String(), "submitted job") {
		t.Errorf("it did not attach and submit what is missing:\n%s", &again)
	}
	sameArrays(t, local, shared)
	folders, _ := filepath.Glob(filepath.Join(shared, "*-*"))
	nothingTwice(t, folders)
	sessions := 0
	for _, folder := range folders {
		if r, err := rddkit.Open(folder); err == nil {
			sessions += len(r.Provenance.Sessions)
			t.Logf("%s: %d sessions", filepath.Base(folder), len(r.Provenance.Sessions))
		}
	}
	if sessions <= len(folders) {
		t.Errorf("%d sessions of %d records: none went on", sessions, len(folders))
	}
}

func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	for patience := time.Now().Add(3 * time.Minute); !there(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(patience) {
			t.Fatalf("%s did not come", what)
		}
	}
}
