package lock

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// place identifies what process ids mean here: this start of this system.
func place() string {
	session, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return session
}

// processStart is when a process started, "" if it cannot be told, and "gone" if
// there is none.
func processStart(pid int) string {
	if !lives(pid) {
		return gone
	}
	process, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	const zombie = 5
	if process.Proc.P_stat == zombie {
		return gone
	}
	start := process.Proc.P_starttime
	return strconv.FormatInt(start.Sec, 10) + "." + strconv.FormatInt(int64(start.Usec), 10)
}

func lives(pid int) bool { return !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }
