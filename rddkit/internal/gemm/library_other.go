//go:build !((linux || darwin) && (amd64 || arm64)) || static

package gemm

import (
	"errors"
	"os"

	"gonum.org/v1/gonum/blas"
)

func usualPlaces() []string { return nil }

// open loads nothing: no shared library is called on this system.
func open(path string) (blas.Float32, string, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, "", errAbsent
	}
	return nil, "", errors.New("no library is called on this system")
}
