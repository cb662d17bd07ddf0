//go:build unix

// Gopls stands between GoNB, the kernel of Go notebooks, and the real gopls, which
// completes names in cells. It is installed as gopls on the kernel's PATH, with the
// real one beside it as gopls-server, and does what the kernel does not:
//
//   - Positions: GoNB counts the bytes of a line, the protocol UTF-16 units, so that
//     after a letter beyond ASCII nothing was completed.
//   - Time: GoNB connects 12 s after its start. Meanwhile the library's names are
//     completed once, which fills gopls' cache on disk.
//   - Memory: gopls diagnoses nothing, ends after some idle seconds, when it grows or
//     when another kernel wants one, and starts again within seconds when asked.
//   - Ends: a kernel that is killed leaves no gopls behind, and no child of gopls
//     for telemetry, which is switched off for it (the user's setting stays).
//
// Usage: gopls -listen unix;SOCKET, as GoNB calls it; gopls warm FOLDER fills the
// cache for a module's folder and ends. Other arguments go to the real one.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	idle     = 20 * time.Second // after which gopls ends
	atMost   = 200 << 20        // bytes of memory that it may keep between two requests
	loadTime = 90 * time.Second // for the first completion
)

// warmText is a cell that uses what most cells use.
const warmText = `package main

import (
	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/chart"
	"github.com/weightalign/lab/rddkit/show"
)

var (
	_ rddkit.Experiment
	_ chart.Figure
)

func main() {
	show.
}
`

func main() {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		fail(err)
	}
	program := filepath.Join(filepath.Dir(self), "gopls-server")
	args := os.Args[1:]
	switch {
	case len(args) == 2 && args[0] == "-listen":
		err = serve(program, strings.TrimPrefix(args[1], "unix;"))
	case len(args) == 2 && args[0] == "warm":
		err = warm(program, args[1])
	default:
		err = syscall.Exec(program, append([]string{program}, args...), os.Environ())
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "gopls:", err)
	os.Exit(1)
}

// serve speaks with a kernel, whose child it is, until that has ended.
func serve(program, socket string) error {
	dir, err := os.Getwd() // the kernel's
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	m := newMiddle(program, dir)
	stop := func() {
		m.abandon()
		os.Remove(socket)
		os.Exit(0)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() { <-signals; stop() }()
	others := make(chan os.Signal, 1)
	signal.Notify(others, syscall.SIGUSR1) // another kernel wants its turn
	go func() {
		for range others {
			m.rest(0, 0)
		}
	}()
	go func() {
		kernel := os.Getppid()
		for range time.Tick(time.Second) {
			if os.Getppid() != kernel {
				stop()
			}
			m.rest(idle, atMost)
		}
	}()
	go func() {
		// The kernel writes its go.work just after it has started us.
		for range 30 {
			if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		m.warm(filepath.Join(dir, "main.go"), warmText)
	}()
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		m.speak(connection)
	}
}

// warm completes a name in a file of a module once.
func warm(program, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	m := newMiddle(program, dir)
	defer m.close()
	if names := m.warm(filepath.Join(dir, "warm-up.go"), warmText); names == 0 {
		return fmt.Errorf("no name of the library is completed in %s", dir)
	}
	return nil
}
