package lock

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/windows"
)

// place identifies what process ids mean here: this machine. A start of the
// system is told apart by the processes' starts.
func place() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return "windows " + host
}

// processStart is when a process started, "" if it cannot be told, and "gone" if
// there is none.
func processStart(pid int) string {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return gone
	} else if err != nil {
		return ""
	}
	defer windows.CloseHandle(handle)
	var code uint32
	const active = 259
	if windows.GetExitCodeProcess(handle, &code) == nil && code != active {
		return gone
	}
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(handle, &created, &exited, &kernel, &user) != nil {
		return ""
	}
	return strconv.FormatInt(created.Nanoseconds(), 10)
}
