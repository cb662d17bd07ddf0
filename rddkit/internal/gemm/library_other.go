//go:build !((linux || darwin) && (amd64 || arm64))

package gemm

import "gonum.org/v1/gonum/blas/gonum"

type library struct{ gonum.Implementation }

func (*library) String() string { return "" }

func usualPlaces() []string { return nil }

// open finds nothing: no shared library is called on this system.
func open(string) (*library, error) { return nil, errAbsent }
