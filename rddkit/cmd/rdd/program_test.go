package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What needs a process of its own runs this test's program once more.
const asProgram = "RDDKIT_TEST_AS_PROGRAM"

func TestAsProgram(t *testing.T) {
	switch args := os.Getenv(asProgram); args {
	case "":
		t.Skip("called by other tests")
	case "be interrupted":
		ctx := untilInterrupted()
		fmt.Println("ready")
		<-ctx.Done()
		fmt.Println("interrupted")
		time.Sleep(time.Minute) // whatever does not look at its context
	default:
		os.Args = append([]string{"rdd"}, strings.Fields(args)...)
		main()
	}
}

func program(t *testing.T, args string, environment ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestAsProgram$")
	c.Env = append(append(os.Environ(), asProgram+"="+args), environment...)
	return c
}

func TestTheSecondInterruptEndsTheProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals are sent there")
	}
	c := program(t, "be interrupted")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"ready", "interrupted"} {
		for lines.Scan() && lines.Text() != want {
		}
		if lines.Text() != want {
			t.Fatalf("it never was %s", want)
		}
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	patience := time.After(10 * time.Second)
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != -1 {
				t.Errorf("it ended with %v, not by the signal", err)
			}
			return
		case <-time.After(100 * time.Millisecond): // the first may have come too early
			_ = c.Process.Signal(os.Interrupt)
		case <-patience:
			_ = c.Process.Kill()
			t.Fatal("it goes on after the second interrupt")
		}
	}
}

// A wrong choice is told before anything is measured, and one that fails is
// replaced.
func TestTheChoiceOfABackend(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "library.so")
	if err := os.WriteFile(broken, []byte("no library"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, choice string
		code         int
		says         []string
	}{
		{"version", "nonsense", 2, []string{`RDDKIT_BLAS is "nonsense"`, `"gonum"`}},
		{"bench -json", "nonsense", 2, []string{`RDDKIT_BLAS is "nonsense"`}},
		{"version", broken, 0, []string{"warning: refused RDDKIT_BLAS=" + broken, "instead"}},
		{"version", "gonum", 0, nil},
	} {
		p := program(t, c.args, "RDDKIT_BLAS="+c.choice)
		var stdout, stderr bytes.Buffer
		p.Stdout, p.Stderr = &stdout, &stderr
		err := p.Run()
		if code := p.ProcessState.ExitCode(); code != c.code {
			t.Errorf("rdd %s with %s: exit code %d, %v, %s", c.args, c.choice, code, err, &stderr)
		}
		for _, words := range c.says {
			if !strings.Contains(stderr.String(), words) {
				t.Errorf("rdd %s with %s prints %q, not %q", c.args, c.choice, &stderr, words)
			}
		}
		if c.says == nil && stderr.Len() > 0 {
			t.Errorf("rdd %s with %s prints %q", c.args, c.choice, &stderr)
		}
		if c.code == 0 && !strings.Contains(stdout.String(), "convolutions: ") || strings.Contains(stdout.String(), "none") {
			t.Errorf("rdd %s with %s: %s", c.args, c.choice, &stdout)
		}
	}
}
