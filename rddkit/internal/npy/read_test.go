package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// file returns a .npy file with that header and those bytes of elements.
func file(descr, shape string, elements int) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
	return append(append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0), header+strings.Repeat("\x00", elements)...)
}

type member struct {
	name     string
	contents []byte
}

func archive(t testing.TB, method uint16, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		to, err := w.CreateHeader(&zip.FileHeader{Name: m.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		to.Write(m.contents)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wantInvalid(t *testing.T, err error, parts ...string) {
	t.Helper()
	if wrong := new(invalid.Error); !errors.As(err, &wrong) {
		t.Errorf("error %v, want an *invalid.Error", err)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestDamagedFilesAreRefusedByName(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		what     string
		contents []byte
		says     string
	}{
		{"empty", nil, "EOF"},
		{"a byte short", file("<f4", "(3,)", 11), "float32 [3] takes"},
		{"a byte long", file("<f4", "(3,)", 13), "float32 [3] takes"},
		{"claims all memory", file("<f8", "(900000000,)", 0), "4294967296 bytes that are allowed"},
		{"claims more than numbers can say", file("<f8", "(4294967296, 4294967296)", 0), "bytes that are allowed"},
		{"claims more than it has", file("<f8", "(100000000,)", 0), "takes 8000000"},
		{"less than nothing", file("<f4", "(-1,)", 4), "shape [-1]"},
		{"big-endian", file(">f4", "(1,)", 4), "element type >f4"},
		{"half precision", file("<f2", "(1,)", 2), "element type <f2"},
		{"a long header", append([]byte("\x93NUMPY\x02\x00"), 0, 0, 0, 0x70, 'x', 'x'), "header of 1879048192 bytes, at most 1048576"},
		{"no header", []byte("\x93NUMPY\x01\x00\x02\x00{}"), "damaged header"},
	} {
		path := filepath.Join(dir, c.what+".npy")
		if err := os.WriteFile(path, c.contents, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(path)
		wantInvalid(t, err, path, c.says)
	}
	_, err := ReadFile(dir)
	wantInvalid(t, err, dir, "a regular file")
	if _, err := ReadFile(filepath.Join(dir, "nowhere")); !os.IsNotExist(err) {
		t.Errorf("error %v, want one that says that the file is not there", err)
	}
}

func TestWhatAFileSaysOfItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags.npy")
	if err := os.WriteFile(path, file("|b1", "(2, 1)", 2), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := ReadFile(path)
	if err != nil || a.Header.String() != "bool [2][1]" {
		t.Errorf("read %v, %v", a.Header, err)
	}
	_, err = ReadFile(path, func(name string, h Header) string { return "numbers in " + name })
	wantInvalid(t, err, path+" is bool [2][1]: want numbers in flags")
}

func TestDamagedArchivesAreRefusedByMember(t *testing.T) {
	good := member{"a.npy", file("<f4", "(2,)", 8)}
	flipped := archive(t, zip.Store, good)
	flipped[bytes.Index(flipped, []byte("NUMPY"))+len(good.contents)-2] ^= 1 // a bit of the last element
	var many []member
	for i := range maxMembers + 1 {
		many = append(many, member{fmt.Sprint(i, ".npy"), nil})
	}
	for _, c := range []struct {
		what     string
		contents []byte
		most     int64
		says     string
	}{
		{"not an archive", []byte("PK"), 100, "x.npz"},
		{"a flipped bit", flipped, 100, "x.npz:a.npy"},
		{"the same name twice", archive(t, zip.Store, good, good), 100, "there twice"},
		{"too much in one", archive(t, zip.Deflate, good), 7, "more than the 7 bytes"},
		{"too much together", archive(t, zip.Deflate, good, member{"b.npy", good.contents}), 15, "x.npz:b.npy"},
		{"a header that claims more", archive(t, zip.Deflate, member{"a.npy", file("<f4", "(25,)", 8)}), 100, "float32 [25] takes"},
		{"too many members", archive(t, zip.Store, many...), 100, "at most 4096"},
		{"a text", archive(t, zip.Store, member{"readme", []byte("hello")}), 100, "x.npz:readme"},
	} {
		_, err := readArchive(bytes.NewReader(c.contents), int64(len(c.contents)), c.most, "x.npz", nil)
		wantInvalid(t, err, "x.npz", c.says)
	}
	contents := archive(t, zip.Deflate, good, member{"b.npy", file("|u1", "()", 1)})
	arrays, err := readArchive(bytes.NewReader(contents), int64(len(contents)), 9, "x.npz", nil)
	if err != nil || arrays["a"].Header.String() != "float32 [2]" || !reflect.DeepEqual(arrays["b"].Data, []uint8{0}) {
		t.Errorf("read %v, %v", arrays, err)
	}
}

// What a check refuses is refused before its elements are asked for.
func TestAnArchiveIsCheckedBeforeItIsRead(t *testing.T) {
	contents := archive(t, zip.Deflate, member{"a.npy", file("<f8", "(400000000,)", 0)})
	check := func(name string, h Header) string {
		if name == "a" && h.Type == "float64" {
			return "float32 [2]"
		}
		return ""
	}
	_, err := readArchive(bytes.NewReader(contents), int64(len(contents)), MaxBytes, "x.npz", []Check{check})
	wantInvalid(t, err, "x.npz:a.npy is float64 [400000000]: want float32 [2]")
}

func FuzzReadArchive(f *testing.F) {
	f.Add(archive(f, zip.Deflate, member{"a.npy", file("<f4", "(2,)", 8)}, member{"b.npy", file("|u1", "()", 1)}))
	f.Add(archive(f, zip.Store, member{"a.npy", file("<i8", "(1,1)", 8)}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, contents []byte) {
		arrays, err := readArchive(bytes.NewReader(contents), int64(len(contents)), 1<<16, "x.npz", nil)
		total := int64(0)
		for name, a := range arrays {
			total += a.bytes()
			if reflect.ValueOf(a.Data).Len() != a.Len() {
				t.Errorf("%s: %v for %d elements", name, a.Header, reflect.ValueOf(a.Data).Len())
			}
		}
		if err == nil && total > 1<<16 {
			t.Errorf("%d bytes", total)
		}
	})
}
