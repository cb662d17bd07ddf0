//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// turn lets one gopls at a time run of all kernels of a user. The kernel whose it
// is holds a lock on a file that has its process; another asks it to give way.
type turn struct{ held *os.File }

func turnFile() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "rddkit")
	return filepath.Join(dir, "gopls.lock"), os.MkdirAll(dir, 0o700)
}

// take returns when it is our turn, or after some seconds in any case. Without
// ask it only tries, and returns whether nobody else's turn it is.
func (t *turn) take(ask bool) bool {
	path, err := turnFile()
	if err != nil {
		return true
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return true
	}
	for attempt := range 30 {
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			f.Truncate(0)
			f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
			t.held = f
			return true
		}
		if !ask {
			break
		}
		if attempt%10 == 0 {
			text, _ := os.ReadFile(path)
			if holder, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && holder > 1 && holder != os.Getpid() {
				syscall.Kill(holder, syscall.SIGUSR1)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.Close()
	return ask
}

// give ends our turn.
func (t *turn) give() {
	if t.held != nil {
		t.held.Close()
		t.held = nil
	}
}
