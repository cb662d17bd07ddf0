//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// The test binary plays gopls, too.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		fake()
		return
	}
	os.Exit(m.Run())
}

// fake completes a name by what gopls was told: its process, the column, and the
// texts of all open files, each in quotes.
func fake() {
	in := bufio.NewReader(os.Stdin)
	open, told := map[string]string{}, 0
	for {
		q, err := read(in)
		if err != nil {
			return
		}
		var p struct {
			TextDocument file
			Position     position
		}
		json.Unmarshal(q.Params, &p)
		switch q.Method {
		case "initialize":
			write(os.Stdout, message{ID: q.ID, Result: json.RawMessage(`{}`)})
		case "textDocument/didOpen":
			open[p.TextDocument.URI] = p.TextDocument.Text
		case "textDocument/didChange":
			open[p.TextDocument.URI] = "changed"
		case "workspace/didChangeWatchedFiles":
			told++
		case "textDocument/completion":
			text := fmt.Sprint(os.Getpid(), " ", p.Position.Character, " ", told)
			for _, t := range open {
				text += fmt.Sprintf(" %q", t)
			}
			start := position{p.Position.Line, p.Position.Character - 3}
			write(os.Stdout, message{ID: q.ID, Result: encoded(map[string]any{"items": []any{
				map[string]any{"textEdit": map[string]any{"newText": text, "range": span{start, p.Position}}},
			}})})
		}
	}
}

// kernel is a client.
type kernel struct {
	t    *testing.T
	from *bufio.Reader
	to   io.Writer
	id   int
}

func start(t *testing.T) (*middle, *kernel) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // a turn of our own
	t.Setenv("HOME", os.Getenv("XDG_CACHE_HOME"))
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := newMiddle(program, t.TempDir())
	ours, theirs := net.Pipe()
	go m.speak(theirs)
	t.Cleanup(func() { ours.Close(); m.close() })
	k := &kernel{t: t, from: bufio.NewReader(ours), to: ours}
	k.ask("initialize", map[string]any{})
	k.tell("initialized", map[string]any{})
	return m, k
}

func (k *kernel) tell(method string, params any) {
	if err := write(k.to, message{Method: method, Params: encoded(params)}); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kernel) ask(method string, params any) message {
	k.t.Helper()
	k.id++
	if err := write(k.to, message{ID: encoded(k.id), Method: method, Params: encoded(params)}); err != nil {
		k.t.Fatal(err)
	}
	a, err := read(k.from)
	if err != nil {
		k.t.Fatal(err)
	}
	if string(a.ID) != string(encoded(k.id)) {
		k.t.Fatalf("answer to %s, want to %d", a.ID, k.id)
	}
	return a
}

func (k *kernel) open(uri, text string) {
	k.tell("textDocument/didOpen", map[string]any{"textDocument": file{uri, "go", 1, text}})
}

// complete returns the process that gopls is, the column that it got and what
// else it was told, and the range as the client gets it.
func (k *kernel) complete(uri string, column int) (process, units int, rest string, r span) {
	k.t.Helper()
	a := k.ask("textDocument/completion", map[string]any{
		"textDocument": map[string]string{"uri": uri}, "position": position{1, column}})
	var list struct {
		Items []struct {
			TextEdit struct {
				NewText string
				Range   span
			}
		}
	}
	if err := json.Unmarshal(a.Result, &list); err != nil || len(list.Items) != 1 {
		k.t.Fatalf("answer %s, error %s", a.Result, a.Error)
	}
	edit := list.Items[0].TextEdit
	fmt.Sscan(edit.NewText, &process, &units)
	_, rest, _ = strings.Cut(edit.NewText, " ")
	_, rest, _ = strings.Cut(rest, " ")
	return process, units, rest, edit.Range
}

func TestColumnsAreUnitsForGoplsAndBytesForTheKernel(t *testing.T) {
	m, k := start(t)
	uri := fileURI(filepath.Join(m.dir, "main.go"))
	k.open(uri, "package main\nprintln(\"±😀\"); x := spike.Def\n")
	before := len("println(\"±😀\"); x := spike.Def")
	_, units, _, r := k.complete(uri, before)
	if want := before - 1 - 2; units != want { // ± has two bytes, one unit; 😀 four and two
		t.Errorf("column %d of gopls, want %d", units, want)
	}
	if r.End.Character != before || r.Start.Character != before-3 {
		t.Errorf("range %v, want the 3 bytes before %d", r, before)
	}
}

func TestAGoplsThatEndsIsReplaced(t *testing.T) {
	m, k := start(t)
	uri := fileURI(filepath.Join(m.dir, "main.go"))
	k.open(uri, "one\ntwo")
	first, _, _, _ := k.complete(uri, 3)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for {
		m.mutex.Lock()
		gone := m.server == nil
		m.mutex.Unlock()
		if gone {
			break
		}
		time.Sleep(time.Millisecond)
	}
	second, _, rest, _ := k.complete(uri, 3)
	if second == first || !strings.Contains(rest, `"one\ntwo"`) {
		t.Errorf("process %d after %d, told %s", second, first, rest)
	}

	m.rest(time.Hour, 1<<30)
	if third, _, _, _ := k.complete(uri, 3); third != second {
		t.Error("one that was in use ended")
	}
	for m.server != nil { // rest does nothing while the answer is still on its way
		m.rest(0, 1<<30)
	}
	third, _, rest, _ := k.complete(uri, 3)
	if third == second || !strings.Contains(rest, `"one\ntwo"`) {
		t.Errorf("process %d after %d had idled, told %s", third, second, rest)
	}
}

func TestOnlyTheCellsFilesAreOpen(t *testing.T) {
	m, k := start(t)
	uri := fileURI(filepath.Join(m.dir, "main.go"))
	k.open(uri, "one\ntwo")
	k.complete(uri, 3) // gopls runs from now on
	library := fileURI(filepath.Join(t.TempDir(), "library.go"))
	k.open(library, "package library")
	k.tell("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": library, "version": 2},
		"contentChanges": []any{map[string]string{"text": "package library // edited"}}})
	if _, _, rest, _ := k.complete(uri, 3); rest != `2 "one\ntwo"` {
		t.Errorf("gopls was told %s, want of two changes and one open file", rest)
	}
}

func TestOneGoplsOfAllKernels(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", os.Getenv("XDG_CACHE_HOME"))
	var first, second turn
	if !first.take(false) || second.take(false) {
		t.Error("not one turn")
	}
	first.give()
	if !second.take(true) || second.held == nil {
		t.Error("no turn after the first was given")
	}
	second.give()
}

func TestWithoutGopls(t *testing.T) {
	m, k := start(t)
	m.program = filepath.Join(t.TempDir(), "nothing")
	a := k.ask("textDocument/completion", map[string]any{"textDocument": map[string]string{"uri": "file:///x"}, "position": position{}})
	if len(a.Error) == 0 {
		t.Errorf("answer %s", a.Result)
	}
}

func TestUnitsAndBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.String().Draw(t, "line")
		runes := []rune(line)
		n := rapid.IntRange(0, len(runes)).Draw(t, "runes")
		bytes, units := len(string(runes[:n])), len(utf16.Encode(runes[:n]))
		if got := toUnits(line, bytes); got != units {
			t.Errorf("%d units, want %d", got, units)
		}
		if got := toBytes(line, units); got != bytes {
			t.Errorf("%d bytes, want %d", got, bytes)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\n{}"))
	f.Add([]byte("Content-Length: 99999999999\r\n\r\n{}"))
	f.Add([]byte("Content-Length: -1\r\nX: y\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := read(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := write(&again, m); err != nil {
			t.Fatal(err)
		}
		if _, err := read(bufio.NewReader(&again)); err != nil {
			t.Fatal(err)
		}
	})
}
