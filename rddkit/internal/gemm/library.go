//go:build (linux || darwin) && (amd64 || arm64) && !static

package gemm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/weightalign/lab/rddkit/internal/place"
)

// usualPlaces lists where a library may be, best first. A bare name is
// searched for by the system's loader. macOS keeps Accelerate in no file.
//
// None of them depends on the working directory: what lies around there may be
// anybody's.
func usualPlaces() []string {
	suffix := ".so"
	if runtime.GOOS == "darwin" {
		suffix = ".dylib"
	}
	var paths []string
	for _, lab := range labs() {
		// binder/lab and binder/postBuild install the wheel scipy-openblas32.
		lib := filepath.Join(lab, "lib")
		entries, _ := os.ReadDir(lib)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "python3") {
				paths = append(paths, filepath.Join(lib, e.Name(), "site-packages", "scipy_openblas32", "lib", "libscipy_openblas"+suffix))
			}
		}
	}
	if runtime.GOOS == "darwin" {
		return append(paths,
			"/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
			"/usr/local/opt/openblas/lib/libopenblas.dylib",
			"/System/Library/Frameworks/Accelerate.framework/Accelerate")
	}
	return append(paths, "libopenblas.so.0", "libopenblas.so", "libblas.so.3")
}

// labs lists the folders into which binder/lab may have installed a library: the
// one that LabVariable names, and .lab in the checkout whose code this is.
func labs() []string {
	var dirs []string
	if dir := os.Getenv(LabVariable); filepath.IsAbs(dir) {
		dirs = append(dirs, filepath.Clean(dir))
	}
	// Where this file lay when the program was built, unless with -trimpath.
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		own := filepath.Join(filepath.Dir(file), "..", "..", "..", ".lab")
		if !slices.Contains(dirs, own) {
			dirs = append(dirs, own)
		}
	}
	return dirs
}

// library is gonum's blas32 with the Sgemm of a shared library.
type library struct {
	gonum.Implementation
	sgemm uintptr
}

// open loads the library at path, sets it to one thread and returns it with its
// name and version. The error is errAbsent if there is no file. A file is loaded
// only if it is the user's or root's: loading runs its code.
func open(path string) (l blas.Float32, config string, err error) {
	if strings.ContainsRune(path, '/') {
		if err := place.Owned(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", err
		}
	}
	runtime.LockOSThread() // the loader keeps the reason of a failure for each thread
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	runtime.UnlockOSThread()
	if err != nil {
		if absent(path, err) {
			err = errAbsent
		}
		return nil, "", err
	}
	symbol := func(names ...string) uintptr {
		for _, name := range names {
			if s, err := purego.Dlsym(handle, name); err == nil {
				return s
			}
		}
		return 0
	}
	// The wheel's symbols have the prefix scipy_.
	sgemm := symbol("scipy_sgemm_", "sgemm_")
	configuration := symbol("scipy_openblas_get_config", "openblas_get_config")
	threads := symbol("scipy_openblas_set_num_threads", "openblas_set_num_threads")
	switch {
	case sgemm == 0:
		return nil, "", errors.New("it has no symbol sgemm_")
	case configuration != 0 && threads != 0:
		var text func() string
		purego.RegisterFunc(&text, configuration)
		config = text()
		if core := symbol("scipy_openblas_get_corename", "openblas_get_corename"); core != 0 {
			var corename func() string
			purego.RegisterFunc(&corename, core)
			if name := corename(); !strings.Contains(config, name) {
				config += " " + name
			}
		}
		purego.SyscallN(threads, 1)
	case strings.HasSuffix(path, "/Accelerate"):
		config = "Accelerate"
		if set := symbol("BLASSetThreading"); set != 0 { // since macOS 15
			purego.SyscallN(set, 1) // BLAS_THREADING_SINGLE_THREADED
		}
	default: // its speed and its threads are unknown
		return nil, "", errOther
	}
	return &library{sgemm: sgemm}, config, nil
}

// absent reports whether err, of loading path, says that there is no such file,
// and not that one cannot be loaded.
func absent(path string, err error) bool {
	info, missing := os.Stat(path)
	switch {
	case missing == nil:
		return info.IsDir()
	case strings.ContainsRune(path, '/'):
		return true
	}
	// The loader searched for a bare name. What it misses may also be a library
	// that the one of that name needs.
	text := strings.ToLower(err.Error())
	return strings.Contains(text, strings.ToLower(path)) && strings.Contains(text, "no such file")
}

// parameters are what sgemm_ takes by reference. Integers are 64 bits wide so
// that a library built for either width reads them rightly (both of our
// processors are little-endian).
type parameters struct {
	m, n, k, lda, ldb, ldc int64
	alpha, beta            float32
	transA, transB         byte
	arguments              [15]uintptr
}

// pool keeps parameters (and the list of their addresses) on the heap.
var pool = sync.Pool{New: func() any { return new(parameters) }}

// Sgemm computes c = alpha op(a) op(b) + beta c for row-major matrices, op(a)
// m×k, op(b) k×n. It panics as gonum's does if a slice is too short.
func (l *library) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if m <= 0 || n <= 0 || k <= 0 {
		l.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	require(a, m, k, lda, tA, "gemm: bad matrix a")
	require(b, k, n, ldb, tB, "gemm: bad matrix b")
	require(c, m, n, ldc, blas.NoTrans, "gemm: bad matrix c")
	// The library knows matrices by columns. Read so, a row-major matrix is
	// its transpose, and the transpose of c is op(b)ᵀ op(a)ᵀ.
	p := pool.Get().(*parameters)
	*p = parameters{
		m: int64(n), n: int64(m), k: int64(k), lda: int64(ldb), ldb: int64(lda), ldc: int64(ldc),
		alpha: alpha, beta: beta, transA: byte(tB), transB: byte(tA),
	}
	p.arguments = [...]uintptr{
		address(&p.transA), address(&p.transB), address(&p.m), address(&p.n), address(&p.k),
		address(&p.alpha), address(&b[0]), address(&p.lda), address(&a[0]), address(&p.ldb),
		address(&p.beta), address(&c[0]), address(&p.ldc),
		1, 1, // the lengths of the two strings, which Fortran passes last
	}
	purego.SyscallN(l.sgemm, p.arguments[:]...)
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
	runtime.KeepAlive(c)
	pool.Put(p)
}

// address is where x lies. Slices that reach a library live on the heap, which
// does not move.
func address[T any](x *T) uintptr { return uintptr(unsafe.Pointer(x)) }

// require panics unless x holds a row-major matrix whose op is rows×columns.
func require(x []float32, rows, columns, stride int, t blas.Transpose, reason string) {
	switch t {
	case blas.NoTrans:
	case blas.Trans, blas.ConjTrans:
		rows, columns = columns, rows
	default:
		panic("gemm: bad transpose")
	}
	if stride < columns || len(x) < (rows-1)*stride+columns {
		panic(reason)
	}
}
