// Package gemm puts a fast matrix product under gonum's blas32.
//
// OpenBLAS (or Accelerate on macOS) is opened at run time when the machine has
// it, without cgo; gonum's pure Go serves otherwise. Only Sgemm is replaced:
// every other routine of blas32 stays gonum's. The library computes each
// product on the calling goroutine's thread alone, so that callers can run
// several at once and results do not depend on the number of cores.
//
// Strided is a product of the package's own, for processors with AVX-512: it
// reads its left factor where it lies, which spares a convolution the copying of
// its patches.
//
// Nothing is looked for or opened before Open, Use or Backend is called.
package gemm

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/weightalign/lab/rddkit/internal/invalid"
)

// Variable names the environment variable that chooses the library: a path, or
// PureGo. Unset or empty, the usual places are searched.
const Variable = "RDDKIT_BLAS"

// PureGo chooses gonum's own implementation.
const PureGo = "gonum"

var (
	mutex   sync.Mutex
	opened  bool
	failure error  // of the first Open
	name    string // of what serves now

	places = usualPlaces
)

// Open makes the library that Variable chooses serve blas32. Only the first
// call does anything; later ones return its error again.
func Open() error {
	mutex.Lock()
	defer mutex.Unlock()
	if !opened {
		opened = true
		failure = use(os.Getenv(Variable))
	}
	return failure
}

// Use makes another library serve blas32: the one at path choice, gonum's if
// choice is PureGo, or the first that is found if it is empty. No product may
// be running. The error is an *invalid.Error if the library at choice cannot
// be opened or multiplies wrongly; then nothing has changed.
func Use(choice string) error {
	mutex.Lock()
	defer mutex.Unlock()
	err := use(choice)
	if err == nil {
		opened, failure = true, nil
	}
	return err
}

// Reset makes the next Open look again, as if there had been none.
func Reset() {
	mutex.Lock()
	defer mutex.Unlock()
	opened, failure = false, nil
}

// Backend names what multiplies, with its version and file, for the record of
// a run. If a library was found but refused, it says why.
func Backend() string {
	if err := Open(); err != nil {
		return "none: " + err.Error()
	}
	mutex.Lock()
	defer mutex.Unlock()
	return name
}

func use(choice string) error {
	if err := choose(choice); err != nil {
		return err
	}
	tiles.Store(haveTiles && choice == "")
	return nil
}

func choose(choice string) error {
	if choice == PureGo {
		blas32.Use(gonum.Implementation{})
		name = "gonum (pure Go)"
		return nil
	}
	if choice != "" {
		if err := try(choice); err != nil {
			return invalid.Newf(Variable, choice, "%q or the path of an OpenBLAS or Accelerate library (%v)", PureGo, err)
		}
		return nil
	}
	var refused []string
	for _, path := range places() {
		err := try(path)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errAbsent) {
			refused = append(refused, fmt.Sprintf("%s: %v", path, err))
		}
	}
	blas32.Use(gonum.Implementation{})
	name = "gonum (pure Go)"
	if len(refused) > 0 {
		name += "; refused " + strings.Join(refused, "; ")
	}
	return nil
}

// errAbsent says that there is no library at a place that was searched.
var errAbsent = errors.New("not there")

func try(path string) error {
	l, err := open(path)
	if err != nil {
		return err
	}
	if err := check(l); err != nil {
		return err
	}
	blas32.Use(l)
	name = l.String()
	return nil
}

// check multiplies small matrices in all four ways and compares each product
// with the sum of its definition.
func check(l blas.Float32) error {
	const m, n, k, alpha, beta = 5, 7, 3, 0.5, 2
	element := func(i, j int) float32 { return float32((7*i+3*j)%11) - 5 } // small integers: products are exact
	for _, tA := range []blas.Transpose{blas.NoTrans, blas.Trans} {
		for _, tB := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			matrix := func(rows, columns int, t blas.Transpose) ([]float32, int) {
				if t == blas.Trans {
					rows, columns = columns, rows
				}
				x := make([]float32, rows*columns)
				for i := range x {
					x[i] = element(i, len(x))
				}
				return x, columns
			}
			a, lda := matrix(m, k, tA)
			b, ldb := matrix(k, n, tB)
			c, ldc := matrix(m, n, blas.NoTrans)
			want := make([]float32, len(c))
			at := func(x []float32, stride, i, j int, t blas.Transpose) float32 {
				if t == blas.Trans {
					i, j = j, i
				}
				return x[i*stride+j]
			}
			for i := range m {
				for j := range n {
					sum := float32(0)
					for l := range k {
						sum += at(a, lda, i, l, tA) * at(b, ldb, l, j, tB)
					}
					want[i*ldc+j] = alpha*sum + beta*c[i*ldc+j]
				}
			}
			l.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
			for i := range c {
				if c[i] != want[i] {
					return fmt.Errorf("a small product comes out wrong: %v instead of %v", c[i], want[i])
				}
			}
		}
	}
	return nil
}
