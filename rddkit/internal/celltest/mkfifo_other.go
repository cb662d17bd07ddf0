//go:build !unix

package celltest

import "errors"

// mkfifo fails: GoNB's kernel does not run here either.
func mkfifo(string) error { return errors.ErrUnsupported }
