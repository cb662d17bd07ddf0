package lock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestALockIsHeldUntilItIsReleased(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run", "lock")
	ctx := context.Background()
	if _, held, err := Held(dir); held || err != nil {
		t.Fatalf("no folder: held %v, %v", held, err)
	}
	first, err := Acquire(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	holder, held, err := Held(dir)
	if err != nil || !held || holder.PID != os.Getpid() {
		t.Errorf("held %v by %+v, %v", held, holder, err)
	}
	_, err = Acquire(ctx, dir, Options{})
	var other *HeldError
	if !errors.As(err, &other) || other.Holder.PID != os.Getpid() || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("a second one got %v", err)
	}
	waiting, acquired := make(chan string, 9), make(chan error)
	go func() {
		l, err := Acquire(ctx, dir, Options{Wait: true, Tell: func(text string) { waiting <- text }})
		if err == nil {
			defer l.Release()
		}
		acquired <- err
	}()
	if text := <-waiting; !strings.Contains(text, "waiting for "+dir) {
		t.Errorf("told %q", text)
	}
	if err := errors.Join(first.Check(), first.Release(), first.Release()); err != nil {
		t.Error(err)
	}
	if err := <-acquired; err != nil {
		t.Error(err)
	}
	if err := first.Check(); !errors.Is(err, ErrLost) {
		t.Errorf("a lock that was given back is checked: %v", err)
	}
	if files, _ := os.ReadDir(dir); len(files) > 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	l, err := Acquire(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	ctx, cancel := context.WithCancel(context.Background())
	_, err = Acquire(ctx, dir, Options{Wait: true, Tell: func(string) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if drafts, _ := filepath.Glob(filepath.Join(dir, draftPrefix+"*")); len(drafts) > 0 {
		t.Errorf("left behind: %v", drafts)
	}
}

// elsewhere lets a test's claims look as if another machine had made them.
func elsewhere(Holder) int { return processUnknown }

// A claim of a machine that is silent is taken over, and told; its holder, if it
// was asleep only, finds out.
func TestASilentHolderIsReplaced(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	const beat = 50 * time.Millisecond
	asleep, err := Acquire(ctx, dir, Options{Beat: time.Hour, host: "far"})
	if err != nil {
		t.Fatal(err)
	}
	path := asleep.claim.path(dir)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	asleep.claim.text = []byte(strings.Replace(string(text[len(held):]), strconv.FormatInt(int64(time.Hour), 10), strconv.FormatInt(int64(beat), 10), 1))
	if err := os.WriteFile(path, append([]byte(held), asleep.claim.text...), 0o666); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if err := asleep.Check(); err != nil {
		t.Fatal(err)
	}
	var told []string
	second, err := Acquire(ctx, dir, Options{Beat: beat, state: elsewhere, Tell: func(text string) { told = append(told, text) }})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Release()
	if len(told) != 1 || !strings.Contains(told[0], "took over from process") || !strings.Contains(told[0], "on far") {
		t.Errorf("told %q", told)
	}
	if err := errors.Join(asleep.Check(), asleep.Release()); !errors.Is(err, ErrLost) {
		t.Errorf("the one that slept is told %v", err)
	}
	if err := second.Check(); err != nil {
		t.Error(err)
	}
}

// Only silence counts, by the file system's clock: a claim that looks old, as
// after a file server's absence, and then moves is not taken.
func TestAHolderThatComesBackWhileItIsWatchedIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	const beat = 200 * time.Millisecond
	first, err := Acquire(context.Background(), dir, Options{Beat: beat})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(first.claim.path(dir), old, old); err != nil {
		t.Fatal(err)
	}
	_, err = Acquire(context.Background(), dir, Options{state: elsewhere})
	var other *HeldError
	if !errors.As(err, &other) {
		t.Errorf("error %v", err)
	}
}

// What a crash of the machine left empty is a claim of nobody known.
func TestADamagedClaimIsReplacedWhenItIsOld(t *testing.T) {
	for what, text := range map[string]string{"empty": "", "cut off": "held\n{\"host\":", "zeros": strings.Repeat("\x00", 99)} {
		dir := t.TempDir()
		path := filepath.Join(dir, "7")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		o := Options{Beat: 20 * time.Millisecond}
		if what == "empty" {
			o.Beat = time.Hour
		}
		old := time.Now().Add(-time.Minute)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		l, err := Acquire(context.Background(), dir, o)
		if what == "empty" {
			if err == nil || !strings.Contains(err.Error(), "cannot be read") {
				t.Errorf("%s, a minute old, with beats of an hour: error %v", what, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if l.claim.number != 8 {
			t.Errorf("%s: claim %d", what, l.claim.number)
		}
		l.Release()
	}
}

func TestLostIsTold(t *testing.T) {
	dir := t.TempDir()
	l, err := Acquire(context.Background(), dir, Options{Beat: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(l.claim.path(dir)); err != nil {
		t.Fatal(err)
	}
	<-l.Lost()
	if err := l.Release(); !errors.Is(err, ErrLost) {
		t.Errorf("released: %v", err)
	}
}

// The process of a claim is told apart from a later one that has its id.
func TestAProcessIdIsNotEnough(t *testing.T) {
	if place() == "" {
		t.Skip("processes' starts are not known on this system")
	}
	now := Holder{PID: os.Getpid(), Place: place(), Process: processStart(os.Getpid())}
	earlier, abroad := now, now
	earlier.Process, abroad.Place = "1", "another start of the system"
	for _, c := range []struct {
		holder Holder
		state  int
	}{{now, processLives}, {earlier, processGone}, {abroad, processUnknown}, {Holder{}, processUnknown}} {
		if got := state(c.holder); got != c.state {
			t.Errorf("%+v: state %d, want %d", c.holder, got, c.state)
		}
	}
}

const asWorker = "LOCK_TEST_WORKER"

// TestWorker is what the processes of the next test do: several goroutines take the
// lock, note that they are inside, and leave. It prints a line for each time.
func TestWorker(t *testing.T) {
	dir := os.Getenv(asWorker)
	if dir == "" {
		t.Skip("called by another test")
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for {
				if err := inside(dir); err != nil {
					fmt.Println("wrong:", err)
					os.Exit(1)
				}
				fmt.Println("was inside")
			}
		})
	}
	all.Wait()
}

// inside fails if anybody else who lives is inside.
func inside(dir string) error {
	l, err := Acquire(context.Background(), filepath.Join(dir, "lock"), Options{Wait: true})
	if err != nil {
		return err
	}
	marker := filepath.Join(dir, "inside")
	text := fmt.Sprintf("%d %d", os.Getpid(), l.claim.number)
	if before, err := os.ReadFile(marker); err == nil {
		var pid, number int
		if _, err := fmt.Sscan(string(before), &pid, &number); err == nil && processStart(pid) != gone {
			return fmt.Errorf("%q and %q are inside", before, text)
		}
	}
	if err := os.WriteFile(marker, []byte(text), 0o666); err != nil {
		return err
	}
	time.Sleep(rand.N(2 * time.Millisecond))
	if after, err := os.ReadFile(marker); err != nil || string(after) != text {
		return fmt.Errorf("%q became %q, %v", text, after, err)
	}
	if err := l.Check(); err != nil {
		return err
	}
	if err := os.Remove(marker); err != nil {
		return err
	}
	return l.Release()
}

// Processes of several goroutines each fight for a lock while one after another is
// killed, wherever it is: no two are ever inside, and it always goes on.
func TestProcessesThatAreKilled(t *testing.T) {
	if place() == "" {
		t.Skip("a killed process is not known from one on another machine here")
	}
	dir := t.TempDir()
	var entries atomic.Int64
	wrong := make(chan string, 99)
	start := func() *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run=^TestWorker$")
		c.Env = append(os.Environ(), asWorker+"="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				switch {
				case lines.Text() == "was inside":
					entries.Add(1)
				case strings.HasPrefix(lines.Text(), "wrong:"):
					wrong <- lines.Text()
				}
			}
		}()
		return c
	}
	workers := []*exec.Cmd{start(), start(), start()}
	end := func(c *exec.Cmd) {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	defer func() {
		for _, c := range workers {
			end(c)
		}
	}()
	kills, seen := 25, int64(0)
	if testing.Short() {
		kills = 5
	}
	for k := range kills {
		patience := time.Now().Add(time.Minute)
		for entries.Load() < seen+10 {
			select {
			case text := <-wrong:
				t.Fatal(text)
			case <-time.After(rand.N(5 * time.Millisecond)):
			}
			if time.Now().After(patience) {
				t.Fatalf("nobody gets in after %d kills", k)
			}
		}
		seen = entries.Load()
		end(workers[k%len(workers)])
		workers[k%len(workers)] = start()
	}
	t.Logf("%d times inside, %d processes killed", entries.Load(), kills)
}

// A claimant that sleeps before it links, until the number it wants was given
// away and removed again, does not hold.
func TestASlowClaimantDoesNotHold(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	acquire := func() *Lock {
		l, err := Acquire(ctx, dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	acquire().Release()
	var steps int
	var holder *Lock
	slow, err := Acquire(ctx, dir, Options{step: func() {
		if steps++; steps == 2 { // after reading, before linking
			acquire().Release()
			holder = acquire()
		}
	}})
	if other := new(HeldError); !errors.As(err, &other) {
		t.Errorf("the slow one got %v, %v", slow, err)
	}
	if err := errors.Join(holder.Check(), holder.Release()); err != nil {
		t.Error(err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}
