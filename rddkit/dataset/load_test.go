package dataset

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestTinySetsAreReadAsWritten(t *testing.T) {
	for _, s := range []tinySet{tinyIDX(), tinyCIFAR(), tinyCIFAR100(), tinyUSPS()} {
		t.Run(s.info.Format, func(t *testing.T) {
			dir := t.TempDir()
			s.write(t, dir)
			set, err := load(t.Context(), s.info, Options{Dir: dir, Offline: true})
			if err != nil {
				t.Fatal(err)
			}
			switch s.info.Format {
			case "idx":
				mustEqual(t, "training pixels", set.Train.Pixels, []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
				mustEqual(t, "training labels", set.Train.Labels, []uint8{7, 8, 9})
				mustEqual(t, "test pixels", set.Test.Pixels, []uint8{250, 251, 252, 253, 254, 255, 0, 128})
				mustEqual(t, "test labels", set.Test.Labels, []uint8{0, 1})
			case "cifar10":
				mustEqual(t, "training pixels", set.Train.Pixels, []uint8{10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42})
				mustEqual(t, "training labels", set.Train.Labels, []uint8{1, 2, 3, 4})
				mustEqual(t, "test pixels", set.Test.Pixels, []uint8{50, 51, 52, 60, 61, 62})
			case "cifar100": // the fine labels
				mustEqual(t, "training pixels", set.Train.Pixels, []uint8{29, 30, 31, 39, 40, 41})
				mustEqual(t, "training labels", set.Train.Labels, []uint8{19, 99})
				mustEqual(t, "test pixels", set.Test.Pixels, []uint8{199, 200, 201})
				mustEqual(t, "test labels", set.Test.Labels, []uint8{49})
			case "usps":
				mustEqual(t, "training values", set.Train.Values, []float32{-1, -0.631, 0.862, 1, 0, 0.1, -0.25, 0.5})
				mustEqual(t, "training labels", set.Train.Labels, []uint8{6, 0})
				mustEqual(t, "test values", set.Test.Values, []float32{-1, 0.148, 1, -0.5})
			}
		})
	}
}

func TestLimitsKeepTheFirstImages(t *testing.T) {
	dir := t.TempDir()
	for _, s := range []tinySet{tinyIDX(), tinyCIFAR(), tinyCIFAR100(), tinyUSPS()} {
		s.write(t, dir)
		set, err := load(t.Context(), s.info, Options{Dir: dir, Offline: true, TrainLimit: 1, TestLimit: 100})
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, s.info.Name+" training images", set.Train.Len(), 1)
		mustEqual(t, s.info.Name+" test images", set.Test.Len(), s.info.TestRows)
		whole, err := load(t.Context(), s.info, Options{Dir: dir, Offline: true})
		if err != nil {
			t.Fatal(err)
		}
		n := whole.Train.ImageLen()
		if s.info.Format == "usps" {
			mustEqual(t, "first image", set.Train.Values, whole.Train.Values[:n])
		} else {
			mustEqual(t, "first image", set.Train.Pixels, whole.Train.Pixels[:n])
		}
	}
}

func TestFilesMayBeUncompressedAndInAnotherFolder(t *testing.T) {
	s, dir := tinyIDX(), t.TempDir()
	for name, contents := range s.files {
		writeFile(t, filepath.Join(dir, "raw", name[:len(name)-len(".gz")]), contents)
	}
	if _, err := load(t.Context(), s.info, Options{Dir: dir, Offline: true}); err != nil {
		t.Error(err)
	}
}

func TestDamagedFilesAreRefusedByName(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
	short := func(b []byte) []byte { return b[:len(b)-1] }
	long := func(b []byte) []byte { return append(b, 0) }
	empty := func([]byte) []byte { return nil }
	first := func(x byte) func([]byte) []byte { return func(b []byte) []byte { b[0] = x; return b } }
	gzipped := func(f func([]byte) []byte) func([]byte) []byte {
		return func(b []byte) []byte { return packed("x.gz", f(b)) }
	}
	for _, c := range []struct {
		what   string
		set    tinySet
		file   string
		damage func([]byte) []byte
		says   string
	}{
		{"a flipped pixel", tinyIDX(), "train-images-idx3-ubyte.gz", gzipped(flip), "altered"},
		{"one byte short", tinyIDX(), "t10k-images-idx3-ubyte.gz", gzipped(short), "truncated"},
		{"one byte more", tinyIDX(), "t10k-images-idx3-ubyte.gz", gzipped(long), "more than"},
		{"an empty file", tinyIDX(), "t10k-labels-idx1-ubyte.gz", empty, "truncated"},
		{"labels where images belong", tinyIDX(), "train-images-idx3-ubyte.gz", func([]byte) []byte { return packed("x.gz", idxLabels([]uint8{7, 8, 9})) }, "truncated"},
		{"a wrong magic number", tinyIDX(), "train-images-idx3-ubyte.gz", gzipped(func(b []byte) []byte { b[3] = 9; return b }), "magic number 0x00000809"},
		{"another number of images", tinyIDX(), "train-images-idx3-ubyte.gz", gzipped(func(b []byte) []byte { b[7] = 9; return b }), "9 images"},
		{"a label of 10", tinyIDX(), "train-labels-idx1-ubyte.gz", gzipped(func(b []byte) []byte { b[9] = 10; return b }), "label 10 at image 1"},
		{"gzip cut off", tinyIDX(), "train-images-idx3-ubyte.gz", func(b []byte) []byte { return short(packed("x.gz", b)) }, "train-images-idx3-ubyte.gz"},
		{"gzip garbled", tinyIDX(), "train-images-idx3-ubyte.gz", func(b []byte) []byte { return []byte{0x1f, 0x8b, 1, 2, 3} }, "damaged"},
		{"a flipped pixel", tinyCIFAR(), "data_batch_2.bin", flip, "altered"},
		{"one byte short", tinyCIFAR(), "data_batch_2.bin", short, "truncated in image 1"},
		{"a label of 200", tinyCIFAR(), "test_batch.bin", first(200), "label 200 at image 0"},
		{"a flipped pixel", tinyCIFAR100(), "train.bin", flip, "altered"},
		{"one byte short", tinyCIFAR100(), "train.bin", short, "truncated in image 1"},
		{"a coarse label of 20", tinyCIFAR100(), "test.bin", first(20), "coarse label 20 at image 0"},
		{"a label of 100", tinyCIFAR100(), "test.bin", func(b []byte) []byte { b[1] = 100; return b }, "label 100 at image 0"},
		{"a changed digit", tinyUSPS(), "zip.train.gz", gzipped(func(b []byte) []byte { return bytes.Replace(b, []byte("631"), []byte("632"), 1) }), "altered"},
		{"a value of 7", tinyUSPS(), "zip.train.gz", gzipped(func(b []byte) []byte { return bytes.Replace(b, []byte("0.6310"), []byte("7.6310"), 1) }), "number 2 of 4"},
		{"not a number", tinyUSPS(), "zip.test.gz", gzipped(func(b []byte) []byte { return bytes.Replace(b, []byte("0.148"), []byte("nan"), 1) }), "number 2 of 4"},
		{"a label of −1", tinyUSPS(), "zip.test.gz", gzipped(func(b []byte) []byte { return append([]byte("-1"), b[1:]...) }), "label"},
		{"a value too many", tinyUSPS(), "zip.test.gz", gzipped(func(b []byte) []byte { return append(b[:len(b)-1], " 1\n"...) }), "more than"},
		{"a line too few", tinyUSPS(), "zip.train.gz", gzipped(func(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] }), "truncated in line 2"},
	} {
		t.Run(c.set.info.Format+" with "+c.what, func(t *testing.T) {
			dir := t.TempDir()
			c.set.write(t, dir)
			path := filepath.Join(dir, c.set.info.Folders[0], c.file)
			writeFile(t, path, c.damage(bytes.Clone(c.set.files[c.file])))
			_, err := load(t.Context(), c.set.info, Options{Dir: dir, Offline: true})
			wantInvalid(t, err, path, c.says)
		})
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	s, dir := tinyIDX(), t.TempDir()
	s.write(t, dir)
	if err := os.Remove(filepath.Join(dir, "tiny-idx", "t10k-labels-idx1-ubyte.gz")); err != nil {
		t.Fatal(err)
	}
	_, err := load(t.Context(), s.info, Options{Dir: dir, Offline: true})
	wantInvalid(t, err, "tiny-idx", "t10k-labels-idx1-ubyte.gz", "go run ../cmd/rdd data fetch -dir "+dir+" tiny-idx")

	t.Setenv("RDDKIT_OFFLINE", "1")
	_, err = load(t.Context(), s.info, Options{Dir: dir})
	wantInvalid(t, err, "network is forbidden")
	t.Setenv("RDDKIT_OFFLINE", "perhaps")
	_, err = load(t.Context(), s.info, Options{Dir: dir})
	wantInvalid(t, err, "RDDKIT_OFFLINE", "perhaps")
}

func TestBadOptionsAreRefused(t *testing.T) {
	_, err := Load(t.Context(), "imagenet", Options{})
	wantInvalid(t, err, "imagenet", "fashion-mnist-10k")
	_, err = Load(t.Context(), "", Options{TrainLimit: -1})
	wantInvalid(t, err, "TrainLimit", "-1")
	_, err = Load(t.Context(), "", Options{TestLimit: -5})
	wantInvalid(t, err, "TestLimit", "-5")
}

func TestLoadStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, "", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// Fashion-MNIST's test half has 1,000 images of each of 10 classes, of which
// the last 1,500 are the test images here.
func TestTheEmbeddedSet(t *testing.T) {
	t.Setenv("RDDKIT_OFFLINE", "1")
	set, err := Load(t.Context(), "", Options{Dir: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "name", set.Name, "fashion-mnist-10k")
	mustEqual(t, "images", []int{set.Train.Len(), set.Test.Len()}, []int{8500, 1500})
	mustEqual(t, "first labels", set.Train.Labels[:5], []uint8{9, 2, 1, 1, 6})
	var count [10]int
	for _, labels := range [][]uint8{set.Train.Labels, set.Test.Labels} {
		for _, label := range labels {
			count[label]++
		}
	}
	mustEqual(t, "images per class", count, [10]int{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000})
}

// fullData returns the folder of the full data sets, or skips the test.
func fullData(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("RDDKIT_DATA")
	if dir == "" {
		t.Skip("RDDKIT_DATA, the folder of the full data sets, is not set")
	}
	return dir
}

// The means of all training pixels are those that the literature gives:
// MNIST 0.1307, Fashion-MNIST 0.2860, CIFAR-10 0.4914, 0.4822 and 0.4465,
// CIFAR-100 0.5071, 0.4865 and 0.4409.
func TestTheFullSets(t *testing.T) {
	dir := fullData(t)
	if testing.Short() {
		t.Skip("-short: reads 250 MB")
	}
	for name, means := range map[string][]float64{
		"mnist":         {0.1307},
		"fashion-mnist": {0.2860},
		"cifar10":       {0.4914, 0.4822, 0.4465},
		"cifar100":      {0.5071, 0.4865, 0.4409},
		"usps":          nil,
		"kmnist-10k":    nil,
	} {
		t.Run(name, func(t *testing.T) {
			if missing, err := Missing(name, dir); err != nil || len(missing) > 0 {
				t.Skipf("RDDKIT_DATA lacks %v (%v)", missing, err)
			}
			set, err := Load(t.Context(), name, Options{Dir: dir, Offline: true})
			if err != nil {
				t.Fatal(err)
			}
			info, _ := Describe(name)
			mustEqual(t, "images", []int{set.Train.Len(), set.Test.Len()}, []int{info.TrainRows, info.TestRows})
			plane := set.Side * set.Side
			for channel, want := range means {
				sum := 0
				for image := range set.Train.Len() {
					for _, x := range set.Train.Pixels[image*set.Train.ImageLen()+channel*plane:][:plane] {
						sum += int(x)
					}
				}
				if mean := float64(sum) / 255 / float64(plane*set.Train.Len()); mean < want-5e-5 || mean > want+5e-5 {
					t.Errorf("channel %d has mean %.5f, want %.4f", channel, mean, want)
				}
			}
		})
	}
}

// With the test half alone, kmnist names what is missing and the set that the
// half makes; it does not try the network.
func TestHalfOfKMNIST(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "kmnist", "t10k-images-idx3-ubyte.gz"), nil)
	writeFile(t, filepath.Join(dir, "kmnist", "t10k-labels-idx1-ubyte.gz"), nil)
	_, err := Load(t.Context(), "kmnist", Options{Dir: dir})
	wantInvalid(t, err, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "kmnist-10k")
}

func BenchmarkLoad(b *testing.B) {
	dir := os.Getenv("RDDKIT_DATA")
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			if missing, err := Missing(name, dir); err != nil || len(missing) > 0 {
				b.Skipf("RDDKIT_DATA lacks %v (%v)", missing, err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(b.Context(), name, Options{Dir: dir, Offline: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
