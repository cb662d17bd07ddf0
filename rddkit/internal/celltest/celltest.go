// Package celltest plays the part of the GoNB kernel in tests, so that what a
// notebook cell shows can be looked at without a notebook.
package celltest

import (
	"encoding/gob"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// A Kernel collects what is displayed.
type Kernel struct {
	mutex  sync.Mutex
	output []protocol.DisplayData
}

// Start makes the test process a notebook cell for the rest of its life: the
// pipes to the kernel are opened once in a process.
func Start(t testing.TB) *Kernel {
	t.Helper()
	dir, err := os.MkdirTemp("", "celltest")
	if err != nil {
		t.Fatal(err)
	}
	to, from := filepath.Join(dir, "to"), filepath.Join(dir, "from")
	for _, path := range []string{to, from} {
		if err := mkfifo(path); err != nil {
			t.Fatal(err)
		}
	}
	os.Setenv(protocol.GONB_PIPE_ENV, to)
	os.Setenv(protocol.GONB_PIPE_BACK_ENV, from)
	gonbui.IsNotebook = true
	k := &Kernel{}
	go k.serve(to, from)
	return k
}

func (k *Kernel) serve(to, from string) {
	in, err := os.Open(to)
	if err != nil {
		panic(err)
	}
	back, err := os.OpenFile(from, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	gob.Register(map[string]any{}) // as GoNB's kernel does
	receive, answer := gob.NewDecoder(in), gob.NewEncoder(back)
	for {
		var data protocol.DisplayData
		if err := receive.Decode(&data); err != nil {
			panic(err)
		}
		if value, ok := data.Data[protocol.MIMECommValue]; ok {
			answer.Encode(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: value.(protocol.CommValue).Value})
			continue
		}
		k.mutex.Lock()
		k.output = append(k.output, data)
		k.mutex.Unlock()
	}
}

// Take returns what was displayed since the last Take. All that was sent
// before a gonbui.Sync that has returned is there.
func (k *Kernel) Take() []protocol.DisplayData {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	output := k.output
	k.output = nil
	return output
}
