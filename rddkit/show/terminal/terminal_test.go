package terminal

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// buffer may be read while it is written.
type buffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(p)
}

func TestLines(t *testing.T) {
	var b buffer
	lines := newLines(&b)
	fa, rdd := lines.Add("FA"), lines.Add("RDD")
	fa.Update(10, 100, "epoch 1")
	rdd.Update(1, 4, "learning")
	time.Sleep(300 * time.Millisecond) // some pictures
	fa.Update(50, 100, "epoch 2")
	time.Sleep(300 * time.Millisecond)
	fa.Update(100, 100, "epoch 2")
	fa.Done()
	rdd.Done()
	rdd.Done()
	lines.Close()
	fa.Update(1, 100, "late")
	text := b.String()
	for _, part := range []string{"FA ", "epoch 1", "50 %", "100 %", "RDD ", "learning", "25 %", "done in 0.", "stopped after 0."} {
		if !strings.Contains(text, part) {
			t.Errorf("the output %q lacks %q", text, part)
		}
	}
	if !strings.HasSuffix(text, "\n") || strings.Contains(text, "late") {
		t.Errorf("the output ends in %q", text)
	}
}

// Work that ended before it told of anything leaves nothing behind.
func TestNothingToShow(t *testing.T) {
	var b buffer
	lines := newLines(&b)
	lines.Add("refused").Done()
	lines.Close()
	if b.Len() > 0 {
		t.Errorf("shown: %q", b.String())
	}
}
