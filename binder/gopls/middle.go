//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// middle passes messages between one client and a gopls that comes and goes.
type middle struct {
	program, dir string

	mutex    sync.Mutex
	turn     turn
	server   *server
	client   io.Writer // or nil
	files    map[string]*file
	waiting  map[string]waiter // requests without an answer, by ID
	active   time.Time         // the last message from the client
	requests int               // of our own
	closed   bool
}

// file is one that the client has opened.
type file struct {
	URI      string `json:"uri"`
	Language string `json:"languageId"`
	Version  int    `json:"version"`
	Text     string `json:"text"`
}

// waiter says what to do with an answer. It holds the mutex.
type waiter struct {
	uri    string
	answer func(message)
}

// server is a running gopls.
type server struct {
	command *exec.Cmd
	in      io.WriteCloser
}

func newMiddle(program, dir string) *middle {
	return &middle{program: program, dir: dir, files: map[string]*file{}, waiting: map[string]waiter{}}
}

// speak serves a client until it is gone.
func (m *middle) speak(connection net.Conn) {
	defer connection.Close()
	from := bufio.NewReader(connection)
	m.mutex.Lock()
	m.client = connection
	clear(m.files)
	m.mutex.Unlock()
	for {
		message, err := read(from)
		if err != nil {
			break
		}
		m.mutex.Lock()
		m.fromClient(message)
		m.mutex.Unlock()
	}
	m.mutex.Lock()
	m.client = nil
	m.mutex.Unlock()
}

// fromClient passes on a message. The mutex is held.
func (m *middle) fromClient(q message) {
	m.active = time.Now()
	switch q.Method {
	case "initialize":
		m.toClient(message{ID: q.ID, Result: json.RawMessage(`{"capabilities":{}}`)})
		return
	case "initialized":
		return
	case "textDocument/didOpen", "textDocument/didChange", "textDocument/didClose":
		q = m.note(q)
	}
	if len(q.ID) == 0 {
		if m.server != nil {
			write(m.server.in, q)
		}
		return
	}
	var at struct {
		TextDocument struct {
			URI string `json:"uri"`
		} `json:"textDocument"`
		Position *position `json:"position"`
	}
	if json.Unmarshal(q.Params, &at) == nil && at.Position != nil {
		at.Position.Character = toUnits(m.line(at.TextDocument.URI, at.Position.Line), at.Position.Character)
		q.Params = replaced(q.Params, "position", at.Position)
	}
	id := q.ID
	uri := at.TextDocument.URI
	m.ask(q.Method, uri, q.Params, func(a message) {
		a.ID = id
		a.Result = m.inBytes(a.Result, uri)
		m.toClient(a)
	})
}

// note keeps the text of what the client has opened of the cells' own folder, and
// returns the message for gopls. GoNB opens every file of the checkout, too, as it
// is on disk: gopls would check them all. It is told of their changes.
func (m *middle) note(q message) message {
	var p struct {
		TextDocument   file `json:"textDocument"`
		ContentChanges []struct {
			Text string `json:"text"`
		} `json:"contentChanges"`
	}
	if json.Unmarshal(q.Params, &p) != nil {
		return q
	}
	uri := p.TextDocument.URI
	if !strings.HasPrefix(uri, fileURI(m.dir)+"/") {
		kind := map[string]int{"textDocument/didOpen": 2, "textDocument/didChange": 2, "textDocument/didClose": 3}[q.Method]
		return message{Method: "workspace/didChangeWatchedFiles", Params: encoded(map[string]any{
			"changes": []map[string]any{{"uri": uri, "type": kind}},
		})}
	}
	switch f := m.files[uri]; {
	case q.Method == "textDocument/didClose":
		delete(m.files, uri)
	case q.Method == "textDocument/didOpen":
		m.files[uri] = &p.TextDocument
	case f != nil && len(p.ContentChanges) > 0: // GoNB sends whole texts
		f.Version, f.Text = p.TextDocument.Version, p.ContentChanges[len(p.ContentChanges)-1].Text
	}
	return q
}

func (m *middle) toClient(a message) {
	if m.client != nil {
		write(m.client, a)
	}
}

// ask sends a request of either side to gopls, which it starts if need be. The
// mutex is held, here and by answer.
func (m *middle) ask(method, uri string, params json.RawMessage, answer func(message)) {
	if err := m.start(); err != nil {
		answer(failed(err))
		return
	}
	m.requests++
	id := strconv.Itoa(m.requests)
	m.waiting[id] = waiter{uri, answer}
	if err := write(m.server.in, message{ID: json.RawMessage(id), Method: method, Params: params}); err != nil {
		delete(m.waiting, id)
		answer(failed(err))
	}
}

func failed(err error) message {
	return message{Error: encoded(map[string]any{"code": -32603, "message": err.Error()})}
}

// settings are gopls' for cells: only what completion and a look at a definition
// need. Diagnostics of all packages of a workspace are what takes most memory.
var settings = map[string]any{
	"diagnosticsTrigger":        "Save",
	"diagnosticsDelay":          "1h",
	"analysisProgressReporting": false,
	"staticcheck":               false,
	"linksInHover":              false,
}

// start starts gopls if none runs, and opens what the client has opened.
func (m *middle) start() error {
	if m.server != nil {
		return nil
	}
	if m.closed {
		return io.ErrClosedPipe
	}
	m.turn.take(true)
	command := exec.Command(m.program, "serve")
	command.Dir = m.dir
	command.Env = environment()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with the go commands that it starts
	in, err := command.StdinPipe()
	if err != nil {
		return err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		m.turn.give()
		return err
	}
	s := &server{command, in}
	m.server = s
	root := fileURI(m.dir)
	m.requests++
	initialize := message{ID: json.RawMessage(strconv.Itoa(m.requests)), Method: "initialize", Params: encoded(map[string]any{
		"processId":             os.Getpid(),
		"rootUri":               root,
		"workspaceFolders":      []map[string]string{{"uri": root, "name": filepath.Base(m.dir)}},
		"capabilities":          map[string]any{},
		"initializationOptions": settings,
	})}
	// The protocol wants its answer first; what follows waits in the pipe for it.
	ready := make(chan error, 1)
	from := bufio.NewReader(out)
	go func() {
		for {
			a, err := read(from)
			if err != nil {
				ready <- err
				return
			}
			if len(a.Method) == 0 && string(a.ID) == string(initialize.ID) {
				ready <- nil
				return
			}
		}
	}()
	err = write(in, initialize)
	if err == nil {
		select {
		case err = <-ready:
		case <-time.After(loadTime):
			err = os.ErrDeadlineExceeded
		}
	}
	if err != nil {
		m.stop()
		return err
	}
	write(in, message{Method: "initialized", Params: json.RawMessage("{}")})
	for _, f := range m.files {
		write(in, message{Method: "textDocument/didOpen", Params: encoded(map[string]any{"textDocument": f})})
	}
	go m.listen(s, from)
	return nil
}

// environment is that of gopls: little memory, and no telemetry, whose setting
// lies in a folder of its own so that the user's stays as it is.
func environment() []string {
	e := append(os.Environ(), "GOMEMLIMIT=150MiB", "GOGC=25")
	if self, err := os.Executable(); err == nil {
		config := filepath.Join(filepath.Dir(filepath.Dir(self)), "share", "gopls")
		goenv := os.Getenv("GOENV")
		if user, err := os.UserConfigDir(); goenv == "" && err == nil {
			goenv = filepath.Join(user, "go", "env") // would be looked for in the other folder
		}
		e = append(e, "XDG_CONFIG_HOME="+config, "GOENV="+goenv)
	}
	return e
}

// listen passes on what gopls says, until it ends.
func (m *middle) listen(s *server, from *bufio.Reader) {
	for {
		a, err := read(from)
		if err != nil {
			break
		}
		m.mutex.Lock()
		switch {
		case a.Method == "": // an answer
			if w, ok := m.waiting[string(a.ID)]; ok {
				delete(m.waiting, string(a.ID))
				w.answer(a)
			}
		case len(a.ID) > 0: // a request; nothing here is shown or watched
			result := json.RawMessage("null")
			if a.Method == "workspace/configuration" {
				var p struct{ Items []json.RawMessage }
				json.Unmarshal(a.Params, &p)
				all := make([]any, len(p.Items))
				for i := range all {
					all[i] = settings
				}
				result = encoded(all)
			}
			write(s.in, message{ID: a.ID, Result: result})
		case a.Method == "window/showMessage" || a.Method == "textDocument/publishDiagnostics":
			m.toClient(a)
		}
		m.mutex.Unlock()
	}
	s.command.Wait()
	m.mutex.Lock()
	if m.server == s { // it ended by itself
		m.stop()
	}
	m.mutex.Unlock()
}

// stop ends gopls; what waits for an answer gets an error. The mutex is held.
func (m *middle) stop() {
	s := m.server
	if s == nil {
		return
	}
	m.server = nil
	m.turn.give()
	s.in.Close()
	syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL)
	for id, w := range m.waiting {
		delete(m.waiting, id)
		w.answer(failed(io.ErrUnexpectedEOF))
	}
}

// close ends gopls for good.
func (m *middle) close() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.closed = true
	m.stop()
}

// abandon is close for a program that ends at once, also while gopls starts: that
// one ends with its standard input.
func (m *middle) abandon() {
	if m.mutex.TryLock() {
		m.stop()
	}
}

// rest ends a gopls that waits for requests for long, or holds much memory.
// With idle 0 any that nobody waits for.
func (m *middle) rest(idle time.Duration, atMost int) {
	if !m.mutex.TryLock() {
		return // it is busy
	}
	defer m.mutex.Unlock()
	if m.server == nil || len(m.waiting) > 0 {
		return
	}
	unused := time.Since(m.active)
	if unused >= idle || unused > 2*time.Second && memory(m.server.command.Process.Pid) > atMost {
		m.stop()
	}
}

// memory is what a process holds, in bytes, or 0 where that cannot be asked.
func memory(process int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(process) + "/statm")
	if err != nil {
		return 0
	}
	var pages int
	if fields := strings.Fields(string(text)); len(fields) > 1 {
		pages, _ = strconv.Atoi(fields[1])
	}
	return pages * os.Getpagesize()
}

// warm completes a name at the end of text, as the file at path, and returns how
// many names there were. It leaves a gopls of another kernel alone.
func (m *middle) warm(path, text string) int {
	if m.turn.take(false) {
		m.turn.give()
	} else {
		return 0
	}
	answered := make(chan int, 1)
	uri := fileURI(path)
	before := text[:strings.LastIndexByte(text, '.')+1]
	lines := strings.Split(before, "\n")
	at := position{len(lines) - 1, len(lines[len(lines)-1])}
	open := &file{uri, "go", 1, text}
	m.mutex.Lock()
	m.active = time.Now()
	if m.start() == nil {
		write(m.server.in, message{Method: "textDocument/didOpen", Params: encoded(map[string]any{"textDocument": open})})
	}
	m.ask("textDocument/completion", uri, encoded(map[string]any{
		"textDocument": map[string]string{"uri": uri}, "position": at, "context": map[string]int{"triggerKind": 1},
	}), func(a message) {
		var list struct{ Items []json.RawMessage }
		json.Unmarshal(a.Result, &list)
		if m.server != nil && m.files[uri] == nil {
			write(m.server.in, message{Method: "textDocument/didClose", Params: encoded(map[string]any{"textDocument": map[string]string{"uri": uri}})})
		}
		answered <- len(list.Items)
	})
	m.mutex.Unlock()
	select {
	case names := <-answered:
		return names
	case <-time.After(loadTime):
		return 0
	}
}

func fileURI(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

// line returns a line of a file, as the client has it open or as it is on disk.
func (m *middle) line(uri string, number int) string {
	text := ""
	if f := m.files[uri]; f != nil {
		text = f.Text
	} else if u, err := url.Parse(uri); err == nil && u.Scheme == "file" {
		content, _ := os.ReadFile(u.Path)
		text = string(content)
	}
	for range number {
		_, after, found := strings.Cut(text, "\n")
		if !found {
			return ""
		}
		text = after
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// inBytes returns an answer with the columns of all its ranges in bytes: those of
// the file at uri, and of another where a location names it.
func (m *middle) inBytes(result json.RawMessage, uri string) json.RawMessage {
	var value any
	if len(result) == 0 || json.Unmarshal(result, &value) != nil {
		return result
	}
	m.convert(value, uri)
	return encoded(value)
}

func (m *middle) convert(value any, uri string) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			m.convert(element, uri)
		}
	case map[string]any:
		if named, ok := v["uri"].(string); ok {
			uri = named
		}
		line, isLine := v["line"].(float64)
		character, isCharacter := v["character"].(float64)
		if isLine && isCharacter {
			v["character"] = toBytes(m.line(uri, int(line)), int(character))
			return
		}
		for _, element := range v {
			m.convert(element, uri)
		}
	}
}

// replaced returns a JSON object with one field replaced.
func replaced(object json.RawMessage, field string, value any) json.RawMessage {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(object, &fields) != nil {
		return object
	}
	fields[field] = encoded(value)
	return encoded(fields)
}
