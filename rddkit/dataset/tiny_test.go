package dataset

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/invalid"
)

// tinySet is a made-up data set in one of the official formats, small enough
// to be damaged in every way.
type tinySet struct {
	info  Info
	files map[string][]byte // contents by name
}

// write lays the files out under dir, compressed where the name says so.
func (s tinySet) write(t *testing.T, dir string) {
	t.Helper()
	for name, contents := range s.files {
		writeFile(t, filepath.Join(dir, s.info.Folders[0], name), packed(name, contents))
	}
}

func packed(name string, contents []byte) []byte {
	if !strings.HasSuffix(name, ".gz") {
		return contents
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(contents)
	w.Close()
	return b.Bytes()
}

func writeFile(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *tinySet) add(name, part, holds string, rows int, contents []byte) {
	sum := sha256.Sum256(contents)
	if s.files == nil {
		s.files = make(map[string][]byte)
	}
	s.files[name] = contents
	s.info.Files = append(s.info.Files, File{Name: name, Part: part, Holds: holds, Rows: rows, Size: int64(len(contents)), SHA256: hex.EncodeToString(sum[:])})
}

func tinyIDX() tinySet {
	s := tinySet{info: Info{Name: "tiny-idx", Format: "idx", Channels: 1, Side: 2, Classes: 10, TrainRows: 3, TestRows: 2, Folders: []string{"tiny-idx", "raw"}}}
	s.add("train-images-idx3-ubyte.gz", "train", "images", 3, idxImages(3, 2, []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}))
	s.add("train-labels-idx1-ubyte.gz", "train", "labels", 3, idxLabels([]uint8{7, 8, 9}))
	s.add("t10k-images-idx3-ubyte.gz", "test", "images", 2, idxImages(2, 2, []uint8{250, 251, 252, 253, 254, 255, 0, 128}))
	s.add("t10k-labels-idx1-ubyte.gz", "test", "labels", 2, idxLabels([]uint8{0, 1}))
	return s
}

func idxImages(images, side uint32, pixels []uint8) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x803)
	for _, n := range []uint32{images, side, side} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return append(b, pixels...)
}

func idxLabels(labels []uint8) []byte {
	b := binary.BigEndian.AppendUint32(nil, 0x801)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(labels))), labels...)
}

func tinyCIFAR() tinySet {
	s := tinySet{info: Info{Name: "tiny-cifar", Format: "cifar10", Channels: 3, Side: 1, Classes: 10, TrainRows: 4, TestRows: 2, Folders: []string{"batches-bin"}}}
	s.add("data_batch_1.bin", "train", "images and labels", 2, []byte{1, 10, 11, 12, 2, 20, 21, 22})
	s.add("data_batch_2.bin", "train", "images and labels", 2, []byte{3, 30, 31, 32, 4, 40, 41, 42})
	s.add("test_batch.bin", "test", "images and labels", 2, []byte{5, 50, 51, 52, 6, 60, 61, 62})
	return s
}

// tinyCIFAR100 has labels that no set of ten classes has; the byte before each is
// the coarse one.
func tinyCIFAR100() tinySet {
	s := tinySet{info: Info{Name: "tiny-cifar100", Format: "cifar100", Channels: 3, Side: 1, Classes: 100, TrainRows: 2, TestRows: 1, Folders: []string{"tiny-binary"}}}
	s.add("train.bin", "train", "images and labels", 2, []byte{11, 19, 29, 30, 31, 0, 99, 39, 40, 41})
	s.add("test.bin", "test", "images and labels", 1, []byte{19, 49, 199, 200, 201})
	return s
}

func tinyUSPS() tinySet {
	s := tinySet{info: Info{Name: "tiny-usps", Format: "usps", Channels: 1, Side: 2, Classes: 10, TrainRows: 2, TestRows: 1, Folders: []string{"tiny-usps"}}}
	s.add("zip.train.gz", "train", "images and labels", 2, []byte("6.0000 -1.0000 -0.6310 0.8620 1.0000 \n0.0000 0.0000 0.1000 -0.2500 0.5000 \n"))
	s.add("zip.test.gz", "test", "images and labels", 1, []byte("9 -1 0.148 1 -0.5\n"))
	return s
}

func wantInvalid(t *testing.T, err error, parts ...string) {
	t.Helper()
	var wrong *invalid.Error
	if !errors.As(err, &wrong) {
		t.Errorf("error %v, want an *invalid.Error", err)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func mustEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
