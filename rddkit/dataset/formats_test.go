package dataset

import (
	"bytes"
	"context"
	"io"
	"testing"
)

// A parser that accepts a file must have taken every promise of the format for
// true: these re-read what it took straight from the bytes.

func FuzzIDXImages(f *testing.F) {
	good := tinyIDX().files["train-images-idx3-ubyte.gz"]
	f.Add(good)
	f.Add(good[:20])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		pixels := make([]uint8, 12)
		if err := readIDXImages(bytes.NewReader(file), 3, 2, pixels); err == nil {
			if !bytes.Equal(file[:16], good[:16]) || !bytes.Equal(pixels, file[16:28]) {
				t.Errorf("accepted % x", file)
			}
		}
	})
}

func FuzzIDXLabels(f *testing.F) {
	good := tinyIDX().files["train-labels-idx1-ubyte.gz"]
	f.Add(good)
	f.Add(good[:9])
	f.Fuzz(func(t *testing.T, file []byte) {
		labels := make([]uint8, 3)
		if err := readIDXLabels(bytes.NewReader(file), 3, 10, labels); err == nil {
			if !bytes.Equal(file[:8], good[:8]) || !bytes.Equal(labels, file[8:11]) || max(labels[0], labels[1], labels[2]) > 9 {
				t.Errorf("accepted % x", file)
			}
		}
	})
}

func FuzzCIFAR(f *testing.F) {
	f.Add(tinyCIFAR().files["test_batch.bin"])
	f.Add([]byte{10, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, file []byte) {
		pixels, labels := make([]uint8, 6), make([]uint8, 2)
		if err := readCIFAR(bytes.NewReader(file), 0, 10, pixels, labels); err == nil {
			if labels[0] > 9 || labels[1] > 9 || !bytes.Equal(file[:8], []byte{labels[0], pixels[0], pixels[1], pixels[2], labels[1], pixels[3], pixels[4], pixels[5]}) {
				t.Errorf("accepted % x", file)
			}
		}
	})
}

func FuzzCIFAR100(f *testing.F) {
	f.Add(tinyCIFAR100().files["train.bin"])
	f.Add([]byte{20, 0, 0, 0, 0, 0, 100, 0, 0, 0})
	f.Fuzz(func(t *testing.T, file []byte) {
		pixels, labels := make([]uint8, 6), make([]uint8, 2)
		if err := readCIFAR(bytes.NewReader(file), 20, 100, pixels, labels); err == nil {
			if file[0] > 19 || file[5] > 19 || max(labels[0], labels[1]) > 99 ||
				!bytes.Equal(file[1:5], append([]byte{labels[0]}, pixels[:3]...)) || !bytes.Equal(file[6:10], append([]byte{labels[1]}, pixels[3:]...)) {
				t.Errorf("accepted % x", file)
			}
		}
	})
}

func FuzzUSPS(f *testing.F) {
	f.Add(tinyUSPS().files["zip.train.gz"])
	f.Add([]byte("1 0 0 0 0\r\n2 1e-3 -1 +1 0x1p-2"))
	f.Add([]byte("1 NaN 0 0 0\n\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		values, labels := make([]float32, 8), make([]uint8, 2)
		if err := readUSPS(bytes.NewReader(file), 10, values, labels); err == nil {
			for _, v := range values {
				if !(v >= -1 && v <= 1) {
					t.Errorf("accepted value %g of %q", v, file)
				}
			}
			if max(labels[0], labels[1]) > 9 || len(bytes.Fields(file)) < 10 {
				t.Errorf("accepted %q", file)
			}
		}
	})
}

// What an archive gives is limited by what the manifest says of its files.
func FuzzUnpack(f *testing.F) {
	s := tinyCIFAR()
	f.Add(s.archive())
	f.Add(s.archive()[:40])
	f.Fuzz(func(t *testing.T, archive []byte) {
		given := 0
		err := unpackFrom(context.Background(), bytes.NewReader(archive), "tiny-binary.tar.gz", s.info.Files, func(f File, in io.Reader) error {
			given++
			_, err := io.Copy(io.Discard, io.LimitReader(in, f.Size))
			return err
		})
		if err == nil && given != len(s.info.Files) {
			t.Errorf("%d files of %d", given, len(s.info.Files))
		}
	})
}
