// Package gemm puts a fast matrix product under gonum's blas32.
//
// OpenBLAS (or Accelerate on macOS) is opened at run time when the machine has
// it, without cgo; gonum's pure Go serves otherwise. Only Sgemm is replaced:
// every other routine of blas32 stays gonum's. The library computes each
// product on the calling goroutine's thread alone, so that callers can run
// several at once and results do not depend on the number of cores.
//
// Loading a library runs its code, so that one is looked for only where the user,
// an installation or the system put it: the file that Variable names, the folder
// that LabVariable names, .lab of the checkout from which the program was built,
// and the system's folders of libraries; never around the working directory. A
// file must belong to the user or to root. With the build tag static none is
// called, and a program built without cgo needs no loader (musl, a container that
// holds nothing else).
//
// Strided is a product of the package's own, for processors with AVX2 or
// AVX-512: it reads its left factor where it lies, which spares a convolution
// the copying of its patches.
//
// Before one of them serves, it must multiply rightly, also matrices as large as
// those of training (see check; it takes some milliseconds). A library that does
// not, or cannot be loaded, is refused with a warning on stderr, which says why
// and what serves instead: the next in the usual places, at last gonum. Kernels
// of Strided that multiply wrongly are refused likewise: AVX2 serves for
// AVX-512, and blas32 for both. A reference BLAS in a usual place is passed over
// without a warning.
//
// Nothing is looked for, opened or checked before Open, Use or Backend is
// called.
package gemm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Variable names the environment variable that chooses the library: a path, or
// PureGo. Unset or empty, the usual places are searched; likewise, after a
// warning, if the file there cannot be loaded or multiplies wrongly. A value
// that is neither PureGo nor names a file is an error. No Strided products serve
// beside a library that was chosen.
const Variable = "RDDKIT_BLAS"

// LabVariable names the environment variable that holds the absolute path of the
// folder into which binder/lab installed; binder/lab and the Go kernel set it.
const LabVariable = "RDDKIT_LAB"

// PureGo chooses gonum's own implementation.
const PureGo = "gonum"

var (
	mutex   sync.Mutex
	opened  bool
	failure error // of the first Open

	name    string // of what serves now
	file    string // its path, or empty
	refused []refusal

	// Tests replace these.
	places             = usualPlaces
	load               = open
	warnings io.Writer = os.Stderr
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

// Use makes another library serve blas32, chosen as by Variable. No product may
// be running. The error is an *invalid.Error if choice is neither PureGo nor
// names a file; then nothing has changed.
func Use(choice string) error {
	mutex.Lock()
	defer mutex.Unlock()
	err := use(choice)
	if err == nil {
		opened, failure = true, nil
	}
	return err
}

// reset makes the next Open look again, as if there had been none.
func reset() {
	mutex.Lock()
	defer mutex.Unlock()
	opened, failure = false, nil
}

// Backend names what multiplies, with its version and file. If a library was
// found but refused, it says why.
func Backend() string {
	if err := Open(); err != nil {
		return "none: " + err.Error()
	}
	mutex.Lock()
	defer mutex.Unlock()
	s := name
	if file != "" {
		s += " (" + file + ")"
	}
	for _, r := range refused {
		s += "; " + r.String()
	}
	return s
}

// Name is Backend without files, for records and others that leave this
// machine.
func Name() string {
	if err := Open(); err != nil {
		return "none"
	}
	mutex.Lock()
	defer mutex.Unlock()
	return name
}

func use(choice string) error {
	if choice == PureGo {
		serve(gonum.Implementation{}, pureGo, "")
		refused = nil
		tiles.Store(false)
		return nil
	}
	var no []refusal
	found := false
	if choice != "" {
		err := try(choice)
		if errors.Is(err, errAbsent) {
			return invalid.Newf(Variable, choice, "%q or the path of an OpenBLAS or Accelerate library", PureGo)
		}
		if found = err == nil; !found {
			no = append(no, refusal{Variable + "=" + choice, err})
		}
	}
	chosen := found
	for _, path := range places() {
		if found || path == choice {
			continue
		}
		err := try(path)
		if found = err == nil; !found && !errors.Is(err, errAbsent) {
			no = append(no, refusal{path, err})
		}
	}
	if !found {
		serve(gonum.Implementation{}, pureGo, "")
	}
	refused = no
	for i, r := range no {
		if i == 0 && choice != "" || !errors.Is(r.why, errOther) {
			warn("%v; matrix products: %s instead", r, name)
		}
	}
	if chosen {
		tiles.Store(false)
	} else {
		chooseTiles()
	}
	return nil
}

const pureGo = "gonum (pure Go)"

// refusal is a library that is there but does not serve.
type refusal struct {
	path string
	why  error
}

func (r refusal) String() string { return fmt.Sprintf("refused %s: %v", r.path, r.why) }

func warn(format string, args ...any) {
	fmt.Fprintf(warnings, "rddkit: warning: "+format+"\n", args...)
}

var (
	// errAbsent says that there is nothing at a place.
	errAbsent = errors.New("not there")
	// errOther says that a library is none of those that may serve.
	errOther = errors.New("it is neither OpenBLAS nor Accelerate")
)

// try makes the library at path serve if it can be loaded and is right.
func try(path string) error {
	l, config, err := load(path)
	if err != nil {
		return err
	}
	if err := check(l); err != nil {
		return err
	}
	serve(l, config, path)
	return nil
}

func serve(l blas.Float32, config, path string) {
	blas32.Use(l)
	name, file = config, path
}
