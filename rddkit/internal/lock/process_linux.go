package lock

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// place identifies what process ids mean here: this start of this system, and
// the process namespace (containers have their own).
func place() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + namespace
}

// processStart is when a process of this place started, "" if it cannot be told,
// and "gone" if there is none, or a dead one that its parent has not seen.
func processStart(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return gone
		}
		return "" // those of others may be hidden
	}
	// The name, in brackets, may hold anything; field 3 comes after it.
	_, rest, ok := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return ""
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return gone
	}
	return fields[19] // field 22: clock ticks after the system's start
}
