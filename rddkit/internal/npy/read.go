package npy

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	npyio "github.com/sbinet/npyio/npy"

	"github.com/weightalign/lab/rddkit/invalid"
)

// ReadFile reads a .npy file, if every check of its header is content. The file
// must be exactly as long as its header says.
//
// The error is an *invalid.Error that names the file, but for one that is not
// there.
func ReadFile(path string, checks ...Check) (Array, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return Array{}, err
	}
	defer f.Close()
	return readNamed(f, size, MaxBytes, path, strings.TrimSuffix(filepath.Base(path), ".npy"), checks)
}

// ReadArchive reads every array of a .npz file, by name without ".npy", if the
// checks are content with the header of each.
//
// The error is an *invalid.Error that names the file and the member, but for a
// file that is not there.
func ReadArchive(path string, checks ...Check) (map[string]Array, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readArchive(f, size, MaxBytes, path, checks)
}

// openRegular opens a file that is neither a folder nor a pipe, which could keep
// a reader waiting for ever.
func openRegular(path string) (f *os.File, size int64, err error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !stat.Mode().IsRegular() {
		return nil, 0, invalid.New(path, stat.Mode().Type().String(), "a regular file")
	}
	f, err = os.Open(path)
	return f, stat.Size(), err
}

func readArchive(file io.ReaderAt, size, most int64, path string, checks []Check) (map[string]Array, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, invalid.New(path, err.Error(), "a NumPy archive (.npz)")
	}
	if len(archive.File) > maxMembers {
		return nil, invalid.Newf(path, fmt.Sprint(len(archive.File), " members"), "at most %d", maxMembers)
	}
	arrays := make(map[string]Array)
	for _, member := range archive.File {
		where, name := path+":"+member.Name, strings.TrimSuffix(member.Name, ".npy")
		if _, twice := arrays[name]; twice {
			return nil, invalid.New(where, "there twice", "one member of each name")
		}
		if member.UncompressedSize64 > math.MaxInt64 {
			return nil, invalid.New(where, member.UncompressedSize64, "the member's size in bytes")
		}
		in, err := member.Open()
		if err != nil {
			return nil, invalid.New(where, err.Error(), "a readable member")
		}
		a, err := readNamed(in, int64(member.UncompressedSize64), most, where, name, checks)
		in.Close()
		if err != nil {
			return nil, err
		}
		most -= a.bytes()
		arrays[name] = a
	}
	return arrays, nil
}

// readNamed is read with errors that name the file.
func readNamed(in io.Reader, size, most int64, where, name string, checks []Check) (Array, error) {
	a, err := read(in, size, most, func(h Header) error {
		for _, check := range checks {
			if allowed := check(name, h); allowed != "" {
				return invalid.New(where, h, allowed)
			}
		}
		return nil
	})
	if wrong := new(invalid.Error); err == nil || errors.As(err, &wrong) {
		return a, err
	}
	return Array{}, invalid.New(where, err.Error(), "a NumPy file (.npy) of bool, int8 to int64, uint8 to uint64, float32 or float64, little-endian, in C order")
}

// types are the element types that are read, by NumPy's code.
var types = map[string]struct {
	name string
	size int64
	read func(r io.Reader, n int) (any, error)
}{
	"b1": {"bool", 1, elements[uint8]},
	"u1": {"uint8", 1, elements[uint8]},
	"i1": {"int8", 1, elements[int8]},
	"u2": {"uint16", 2, elements[uint16]},
	"i2": {"int16", 2, elements[int16]},
	"u4": {"uint32", 4, elements[uint32]},
	"i4": {"int32", 4, elements[int32]},
	"u8": {"uint64", 8, elements[uint64]},
	"i8": {"int64", 8, elements[int64]},
	"f4": {"float32", 4, elements[float32]},
	"f8": {"float64", 8, elements[float64]},
}

// bytes returns how many bytes the elements take.
func (a Array) bytes() int64 {
	for _, t := range types {
		if t.name == a.Type {
			return t.size * int64(a.Len())
		}
	}
	return 0
}

// read reads one array in .npy format that has size bytes (−1: unknown), of
// which the elements take at most so many, if check is content with its header.
// Its errors describe the damage; callers add the file's name.
func read(file io.Reader, size, most int64, check func(Header) error) (a Array, err error) {
	counted := &counter{in: file}
	r := bufio.NewReader(counted)
	// From version 2 on the header's length is the four bytes after magic and version.
	if start, err := r.Peek(12); err == nil && start[6] >= 2 {
		if length := binary.LittleEndian.Uint32(start[8:]); length > maxHeader {
			return Array{}, fmt.Errorf("header of %d bytes, at most %d are allowed", length, maxHeader)
		}
	}
	header, err := parseHeader(r)
	if err != nil {
		return Array{}, err
	}
	if header.Fortran && len(header.Shape) > 1 {
		return Array{}, errors.New("in Fortran order (numpy.ascontiguousarray puts it right)")
	}
	kind, known := types[strings.TrimLeft(header.Type, "<|")]
	if !known {
		return Array{}, fmt.Errorf("element type %s", header.Type)
	}
	a.Header = Header{append([]int{}, header.Shape...), kind.name}

	n, fits := int64(1), true
	for _, s := range header.Shape {
		if s < 0 {
			return Array{}, fmt.Errorf("shape %v", header.Shape)
		}
		fits = fits && (s == 0 || n <= MaxBytes/int64(s))
		n *= int64(s)
	}
	if err := check(a.Header); err != nil {
		return Array{}, err
	}
	switch before := counted.bytes - int64(r.Buffered()); {
	case !fits || n > most/kind.size || n > math.MaxInt/kind.size:
		return Array{}, fmt.Errorf("%v, more than the %d bytes that are allowed (an archive's members count together)", a.Header, most)
	case size >= 0 && size != before+n*kind.size:
		return Array{}, fmt.Errorf("%d bytes, but %v takes %d", size, a.Header, before+n*kind.size)
	}
	if a.Data, err = kind.read(r, int(n)); err != nil {
		return Array{}, err
	}
	// An archive's checksum is compared at the end of its member.
	switch _, err := r.ReadByte(); err {
	case io.EOF:
		return a, nil
	case nil:
		return Array{}, fmt.Errorf("more bytes than %v takes", a.Header)
	default:
		return Array{}, err
	}
}

func parseHeader(r io.Reader) (header struct {
	Type    string
	Fortran bool
	Shape   []int
}, err error) {
	defer func() { // the library panics on some damaged headers
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged header: %v", p)
		}
	}()
	in, err := npyio.NewReader(r)
	if err == nil {
		header = in.Header.Descr
	}
	return header, err
}

// elements takes the elements in pieces, so that memory grows with the bytes
// that are really there.
func elements[T Number](r io.Reader, n int) (any, error) {
	const piece = 1 << 20
	data := make([]T, 0, min(n, piece))
	for len(data) < n {
		next := make([]T, min(n-len(data), piece))
		if err := binary.Read(r, binary.LittleEndian, next); err != nil {
			return nil, fmt.Errorf("%d of %d elements, then %w", len(data), n, err)
		}
		data = append(data, next...)
	}
	return data, nil
}

// counter counts the bytes that are read.
type counter struct {
	in    io.Reader
	bytes int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.bytes += int64(n)
	return n, err
}

// Parse reads an array file from memory. where names it in errors, as the path
// does in those of [ReadFile].
func Parse(data []byte, where string) (Array, error) {
	return readNamed(bytes.NewReader(data), int64(len(data)), MaxBytes, where, "", nil)
}
