package terminal

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBar(t *testing.T) {
	var b bytes.Buffer
	p := newBar("fetch", &b)
	p.Update(10, 100, "cifar10")
	time.Sleep(150 * time.Millisecond) // beyond the throttle
	p.Update(50, 100, "cifar10")
	p.Update(100, 100, "cifar10")
	p.Done()
	p.Update(1, 100, "late")
	for _, part := range []string{"fetch", "cifar10", "50%", "100%"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the bar's output %q lacks %q", b.String(), part)
		}
	}
	if !strings.HasSuffix(b.String(), "\n") || strings.Contains(b.String(), "late") {
		t.Errorf("the bar's output ends in %q", b.String())
	}
}
