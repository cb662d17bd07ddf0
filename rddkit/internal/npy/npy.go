// Package npy reads and writes NumPy's array files (.npy, and .npz archives of
// them) of any number of axes as flat slices in C order. The parsing is
// github.com/sbinet/npyio's; that library writes slices with one axis only, so
// the header of a file with more is made here.
package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/atomicfile"
)

// Number is an element type that rddkit stores.
type Number interface {
	~uint8 | ~int8 | ~uint16 | ~int16 | ~uint32 | ~int32 | ~uint64 | ~int64 | ~float32 | ~float64
}

// MaxBytes is how many bytes the elements of one file may take, those of all
// members of an archive together: a small archive may claim a thousand times its
// own size.
const MaxBytes = 4 << 30

// maxHeader bounds the length that a file gives its header, maxMembers the
// number of arrays in an archive.
const (
	maxHeader  = 1 << 20
	maxMembers = 4096
)

// Header is what a file says of its array before the elements come.
type Header struct {
	Shape []int
	Type  string // of an element, as NumPy prints it: "bool", "uint8", "float32", …
}

// String is, for errors, like "float32 [5][16]".
func (h Header) String() string {
	var b strings.Builder
	b.WriteString(h.Type + " ")
	for _, s := range h.Shape {
		fmt.Fprintf(&b, "[%d]", s)
	}
	if len(h.Shape) == 0 {
		b.WriteString("number")
	}
	return b.String()
}

// A Check looks at an array's header before its elements are read: it returns
// what would have been allowed, or "" if all is well. The name is the file's or
// the member's, without its folder and ".npy".
type Check func(name string, h Header) (allowed string)

// Array is one array: its header and its elements in C order (last axis
// fastest).
type Array struct {
	Header
	Data any // []uint8 (also of bool), []int8, …, []float64
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

// WriteFile writes data in C order with the given shape as a .npy file; with
// no shape it has one axis. The file appears whole or not at all.
func WriteFile[T Number](path string, data []T, shape ...int) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := Write(f, data, shape...); err != nil {
		return err
	}
	return f.Commit()
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
