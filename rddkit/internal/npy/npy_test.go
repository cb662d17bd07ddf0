package npy

import (
	"bytes"
	"path/filepath"
	"reflect"
	"testing"

	npyio "github.com/sbinet/npyio/npy"
	"pgregory.net/rapid"
)

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 4).Draw(t, "shape")
		data := rapid.SliceOfN(rapid.Float32(), product(shape), product(shape)).Draw(t, "data")
		var buf bytes.Buffer
		if err := Write(&buf, data, shape...); err != nil {
			t.Fatal(err)
		}
		a, err := read(bytes.NewReader(buf.Bytes()), int64(buf.Len()), MaxBytes, func(Header) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a.Shape, shape) || !reflect.DeepEqual(a.Data, data) {
			t.Fatalf("wrote %v %v, read %v %v", shape, data, a.Shape, a.Data)
		}
	})
}

// The library that NumPy users in Go rely on must read the header made here.
func TestTheHeaderIsNumPys(t *testing.T) {
	var buf bytes.Buffer
	if err := Write(&buf, []int32{1, 2, 3, 4, 5, 6}, 2, 3); err != nil {
		t.Fatal(err)
	}
	if data := 6 * 4; (buf.Len()-data)%64 != 0 {
		t.Errorf("the header has %d bytes, want a multiple of 64", buf.Len()-data)
	}
	r, err := npyio.NewReader(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Header.Descr; d.Type != "<i4" || d.Fortran || !reflect.DeepEqual(d.Shape, []int{2, 3}) {
		t.Errorf("header %+v", d)
	}
}

func TestReadFileNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := WriteFile(path, []uint8{1, 2}); err != nil {
		t.Fatal(err)
	}
	a, err := ReadFile(path)
	if err != nil || a.Len() != 2 {
		t.Fatalf("read %v, %v", a, err)
	}
}

func FuzzRead(f *testing.F) {
	var buf bytes.Buffer
	if err := Write(&buf, []float64{1, 2, 3}, 3); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Add(buf.Bytes()[:20])
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := read(bytes.NewReader(file), -1, 1<<20, func(Header) error { return nil })
		if err == nil && (reflect.ValueOf(a.Data).Len() != a.Len() || a.bytes() > int64(len(file))) {
			t.Errorf("%v for %d elements in %d bytes", a.Header, reflect.ValueOf(a.Data).Len(), len(file))
		}
	})
}
