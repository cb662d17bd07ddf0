// Package npy reads and writes NumPy's array files (.npy, and .npz archives of
// them) of any number of axes as flat slices in C order. The parsing is
// github.com/sbinet/npyio's; that library writes slices with one axis only, so
// the header of a file with more is made here.
package npy

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/renameio/v2"
	npyio "github.com/sbinet/npyio/npy"
	"github.com/sbinet/npyio/npz"

	"github.com/weightalign/lab/rddkit/invalid"
)

// Number is an element type that rddkit stores.
type Number interface {
	~uint8 | ~int8 | ~uint16 | ~int16 | ~uint32 | ~int32 | ~uint64 | ~int64 | ~float32 | ~float64
}

// maxElements bounds what a header may claim, so that a damaged file cannot
// make a reader ask for all memory.
const maxElements = 1 << 31

// maxHeader bounds the length that a file gives its header, for the same reason.
const maxHeader = 1 << 20

// Array is one array: its shape and its elements in C order (last axis
// fastest). The element type is the file's.
type Array struct {
	Shape []int
	Data  any // []uint8, []int8, …, []float64
}

// Len returns the number of elements.
func (a Array) Len() int { return product(a.Shape) }

// Float64 returns the elements as float64, converted where needed.
func (a Array) Float64() []float64 { return convert[float64](a.Data) }

// Float32 returns the elements as float32, rounded where needed.
func (a Array) Float32() []float32 { return convert[float32](a.Data) }

// Int returns the elements as int; fractions are cut.
func (a Array) Int() []int { return convert[int](a.Data) }

func convert[T Number | int](data any) []T {
	switch d := data.(type) {
	case []uint8:
		return cast[T](d)
	case []int8:
		return cast[T](d)
	case []uint16:
		return cast[T](d)
	case []int16:
		return cast[T](d)
	case []uint32:
		return cast[T](d)
	case []int32:
		return cast[T](d)
	case []uint64:
		return cast[T](d)
	case []int64:
		return cast[T](d)
	case []float32:
		return cast[T](d)
	case []float64:
		return cast[T](d)
	}
	panic(fmt.Sprintf("npy: no conversion from %T", data))
}

func cast[T Number | int, S Number](from []S) []T {
	to := make([]T, len(from))
	for i, v := range from {
		to[i] = T(v)
	}
	return to
}

// ReadFile reads a .npy file.
func ReadFile(path string) (Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return Array{}, err
	}
	defer f.Close()
	a, err := Read(f)
	if err != nil {
		return Array{}, invalid.New(path, err.Error(), "a NumPy file (.npy) of numbers in C order")
	}
	return a, nil
}

// ReadArchive reads every array of a .npz file, by name without ".npy".
func ReadArchive(path string) (map[string]Array, error) {
	r, err := npz.Open(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, err
		}
		return nil, invalid.New(path, err.Error(), "a NumPy archive (.npz)")
	}
	defer r.Close()
	arrays := make(map[string]Array)
	for _, key := range r.Keys() {
		member, err := r.Open(key)
		if err != nil {
			return nil, invalid.New(path+":"+key, err.Error(), "a readable member")
		}
		a, err := Read(member)
		member.Close()
		if err != nil {
			return nil, invalid.New(path+":"+key, err.Error(), "a NumPy array of numbers in C order")
		}
		arrays[strings.TrimSuffix(key, ".npy")] = a
	}
	return arrays, nil
}

// Read reads one array in .npy format. Its errors describe the damage; callers
// add the file's name.
func Read(file io.Reader) (a Array, err error) {
	r := bufio.NewReader(file)
	// From version 2 on the header's length is the four bytes after magic and version.
	if start, err := r.Peek(12); err == nil && start[6] >= 2 {
		if length := binary.LittleEndian.Uint32(start[8:]); length > maxHeader {
			return Array{}, fmt.Errorf("header of %d bytes", length)
		}
	}
	defer func() { // the library panics on some damaged headers
		if p := recover(); p != nil {
			a, err = Array{}, fmt.Errorf("damaged header: %v", p)
		}
	}()
	in, err := npyio.NewReader(r)
	if err != nil {
		return Array{}, err
	}
	shape := in.Header.Descr.Shape
	if in.Header.Descr.Fortran && len(shape) > 1 {
		return Array{}, fmt.Errorf("Fortran order")
	}
	n := 1
	for _, s := range shape {
		if s < 0 || (s > 0 && n > maxElements/s) {
			return Array{}, fmt.Errorf("shape %v", shape)
		}
		n *= s
	}
	switch kind := strings.TrimLeft(in.Header.Descr.Type, "<|"); kind {
	case "u1", "b1":
		a.Data, err = read[uint8](r, n)
	case "i1":
		a.Data, err = read[int8](r, n)
	case "u2":
		a.Data, err = read[uint16](r, n)
	case "i2":
		a.Data, err = read[int16](r, n)
	case "u4":
		a.Data, err = read[uint32](r, n)
	case "i4":
		a.Data, err = read[int32](r, n)
	case "u8":
		a.Data, err = read[uint64](r, n)
	case "i8":
		a.Data, err = read[int64](r, n)
	case "f4":
		a.Data, err = read[float32](r, n)
	case "f8":
		a.Data, err = read[float64](r, n)
	default:
		err = fmt.Errorf("element type %q", in.Header.Descr.Type)
	}
	if err != nil {
		return Array{}, err
	}
	a.Shape = append([]int{}, shape...)
	return a, nil
}

// read takes the elements in pieces, so that memory grows with the bytes that
// are really there.
func read[T Number](r io.Reader, n int) ([]T, error) {
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

// WriteFile writes data in C order with the given shape as a .npy file; with
// no shape it has one axis. The file appears whole or not at all.
func WriteFile[T Number](path string, data []T, shape ...int) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if err := Write(f, data, shape...); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}

// Write writes data in C order with the given shape in .npy format 1.0; with
// no shape it has one axis. It panics if the shape does not fit the data.
func Write[T Number](w io.Writer, data []T, shape ...int) error {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	if product(shape) != len(data) {
		panic(fmt.Sprintf("npy: shape %v for %d elements", shape, len(data)))
	}
	var axes strings.Builder
	for _, s := range shape {
		fmt.Fprintf(&axes, "%d, ", s)
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr(data), strings.TrimSuffix(axes.String(), " "))
	const prefix = 10 // magic, version, length
	header += strings.Repeat(" ", 63-(prefix+len(header))%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	if _, err := w.Write(append(out, header...)); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, data)
}

func descr[T Number](data []T) string {
	switch any(data).(type) {
	case []uint8:
		return "|u1"
	case []int8:
		return "|i1"
	case []uint16:
		return "<u2"
	case []int16:
		return "<i2"
	case []uint32:
		return "<u4"
	case []int32:
		return "<i4"
	case []uint64:
		return "<u8"
	case []int64:
		return "<i8"
	case []float32:
		return "<f4"
	case []float64:
		return "<f8"
	}
	panic(fmt.Sprintf("npy: no element type for %T", data))
}

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}
