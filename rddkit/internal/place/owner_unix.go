//go:build unix

package place

import (
	"fmt"
	"os"
	"syscall"
)

// Owned returns nil if the file or folder at path, or what it links to, belongs
// to the user who runs the program or to root; else an error that says whose it
// is, or that of os.Stat. What is found, rather than named by the user, is used
// only if so. Rights are not looked at: on a disk of another system that is
// mounted here, everybody may write everything.
func Owned(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 && int(owner) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, neither to you nor to root", owner)
	}
	return nil
}
