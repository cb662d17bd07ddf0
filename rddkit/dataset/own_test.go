package dataset

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

// tinyOwn is three training images and two test images of 2×2, in two classes.
var tinyOwn = struct{ trainImages, trainLabels, testImages, testLabels []uint8 }{
	[]uint8{0, 1, 2, 3, 4, 5, 6, 7, 250, 251, 252, 255}, []uint8{0, 1, 1},
	[]uint8{9, 8, 7, 6, 5, 4, 3, 2}, []uint8{1, 0},
}

// npyFile returns a .npy file.
func npyFile[T npy.Number](t testing.TB, data []T, shape ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := npy.Write(&b, data, shape...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tinyArrays(t testing.TB) map[string][]byte {
	return map[string][]byte{
		"train_images": npyFile(t, tinyOwn.trainImages, 3, 2, 2),
		"train_labels": npyFile(t, []int64{0, 1, 1}),
		"test_images":  npyFile(t, tinyOwn.testImages, 2, 1, 2, 2),
		"test_labels":  npyFile(t, tinyOwn.testLabels),
	}
}

func writeArrays(t testing.TB, dir string, arrays map[string][]byte) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, contents := range arrays {
		if err := os.WriteFile(filepath.Join(dir, name+".npy"), contents, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func writeArchive(t testing.TB, path string, arrays map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, contents := range arrays {
		to, err := w.Create(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		to.Write(contents)
	}
	w.Close()
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func pngFile(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func grey(side int, pixels ...uint8) image.Image {
	return &image.Gray{Pix: pixels, Stride: side, Rect: image.Rect(0, 0, side, side)}
}

// writePictures lays tinyOwn out; its training images are then in the order that
// takes the classes in turn, as they are there.
func writePictures(t *testing.T, dir string) string {
	t.Helper()
	for path, m := range map[string]image.Image{
		"train/2/a.png": grey(2, 0, 1, 2, 3), "train/10/a.png": grey(2, 4, 5, 6, 7), "train/10/b.PNG": grey(2, 250, 251, 252, 255),
		"test/2/x.png": grey(2, 5, 4, 3, 2), "test/10/x.png": grey(2, 9, 8, 7, 6),
	} {
		writeFile(t, filepath.Join(dir, filepath.FromSlash(path)), pngFile(t, m))
	}
	writeFile(t, filepath.Join(dir, "train", ".DS_Store"), nil)
	return dir
}

// register is Register until the test ends.
func register(t *testing.T, name string, load func(context.Context) (*Set, error)) string {
	t.Helper()
	t.Cleanup(func() {
		registry.names = slices.DeleteFunc(registry.names, func(n string) bool { return n == name })
		delete(registry.sets, name)
	})
	return Register(name, load)
}

func mustLoad(t *testing.T, name string, o Options) *Set {
	t.Helper()
	set, err := Load(t.Context(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Arrays, an archive of them and a function that hold the same images are the
// same data set.
func TestOnesOwnDataIsReadAsWritten(t *testing.T) {
	dir := t.TempDir()
	whole, err := New(
		Split{Channels: 1, Side: 2, Pixels: tinyOwn.trainImages, Labels: tinyOwn.trainLabels},
		Split{Channels: 1, Side: 2, Pixels: tinyOwn.testImages, Labels: tinyOwn.testLabels})
	if err != nil {
		t.Fatal(err)
	}
	arrays := tinyArrays(t)
	inFolder := filepath.Join(dir, "in a folder")
	os.Mkdir(inFolder, 0o755)
	writeArchive(t, filepath.Join(inFolder, "all.npz"), arrays)
	for _, name := range []string{
		writeArrays(t, filepath.Join(dir, "arrays"), arrays),
		writeArchive(t, filepath.Join(dir, "archive.npz"), arrays),
		inFolder,
		register(t, "tiny-function", func(context.Context) (*Set, error) { return whole, nil }),
	} {
		set := mustLoad(t, name, Options{})
		mustEqual(t, "name", set.Name, name)
		mustEqual(t, "channels, side, classes", []int{set.Channels, set.Side, set.Classes}, []int{1, 2, 2})
		mustEqual(t, "training pixels", set.Train.Pixels, tinyOwn.trainImages)
		mustEqual(t, "training labels", set.Train.Labels, tinyOwn.trainLabels)
		mustEqual(t, "test pixels", set.Test.Pixels, tinyOwn.testImages)
		mustEqual(t, "test labels", set.Test.Labels, tinyOwn.testLabels)

		identity, err := Identity(name)
		if err != nil || identity != whole.Digest || len(identity) != 12 || set.Digest != identity {
			t.Errorf("%s: identity %q, %v, of the set %q, want %q", name, identity, err, set.Digest, whole.Digest)
		}
		info, err := Describe(name)
		if err != nil || info.Name != name || info.TrainRows != 3 || info.TestRows != 2 || info.Side != 2 || info.Classes != 2 || info.Digest != identity {
			t.Errorf("%+v, %v", info, err)
		}
		if missing, err := Missing(name, ""); err != nil || missing != nil {
			t.Errorf("missing %v, %v", missing, err)
		}
		wantInvalid(t, Fetch(t.Context(), name, FetchOptions{}), name, "your own")

		few := mustLoad(t, name, Options{TrainLimit: 1, TestLimit: 5})
		mustEqual(t, "training pixels", few.Train.Pixels, tinyOwn.trainImages[:4])
		mustEqual(t, "test images", few.Test.Len(), 2)
		mustEqual(t, "digest", few.Digest, identity)
	}
	if identity, err := Identity("mnist"); err != nil || identity != "" {
		t.Errorf("identity of a known set: %q, %v", identity, err)
	}
}

func TestRealValues(t *testing.T) {
	arrays := tinyArrays(t)
	arrays["train_images"] = npyFile(t, []float64{0, 0.25, 1, 0.5, 0, 0, 0, 0, 1, 1, 1, 1}, 3, 2, 2)
	arrays["test_images"] = npyFile(t, []float32{0, 0.25, 1, 0.5, 0, 0, 0, 0}, 2, 2, 2)
	set := mustLoad(t, writeArrays(t, t.TempDir(), arrays), Options{})
	mustEqual(t, "values", set.Train.Values[:4], []float32{-1, -0.5, 1, 0})
	got := make([]float32, 4)
	set.Test.Batch(got, make([]uint8, 1), []int{0}, nil)
	mustEqual(t, "batch", got, []float32{-1, -0.5, 1, 0})
}

func TestPictures(t *testing.T) {
	dir := t.TempDir()
	set := mustLoad(t, writePictures(t, dir), Options{})
	mustEqual(t, "channels, side, classes", []int{set.Channels, set.Side, set.Classes}, []int{1, 2, 2})
	mustEqual(t, "training pixels", set.Train.Pixels, tinyOwn.trainImages) // class 2, which is 0, then 10, then 10
	mustEqual(t, "training labels", set.Train.Labels, tinyOwn.trainLabels)
	mustEqual(t, "test pixels", set.Test.Pixels, []uint8{5, 4, 3, 2, 9, 8, 7, 6})
	mustEqual(t, "test labels", set.Test.Labels, []uint8{0, 1})

	colour := image.NewRGBA(image.Rect(0, 0, 1, 1))
	colour.SetRGBA(0, 0, color.RGBA{1, 2, 3, 255})
	palette := image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.NRGBA{7, 8, 9, 255}})
	dir = t.TempDir()
	for path, m := range map[string]image.Image{"train/cat/1.png": colour, "train/dog/1.png": palette, "test/dog/1.png": colour} {
		writeFile(t, filepath.Join(dir, path), pngFile(t, m))
	}
	set = mustLoad(t, dir, Options{})
	mustEqual(t, "training pixels", set.Train.Pixels, []uint8{1, 2, 3, 7, 8, 9})
	mustEqual(t, "test labels", set.Test.Labels, []uint8{1})
}

func TestDamagedDataOfOnesOwnIsRefusedByName(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		what     string
		name     string // of the array
		contents []byte // nil: not there
		says     string
	}{
		{"no labels", "test_labels", nil, "test_labels.npy is \"not there\""},
		{"one label too few", "train_labels", npyFile(t, []uint8{0, 1}), "train_labels.npy is \"2 labels\": want 3, one for each image of "},
		{"real labels", "train_labels", npyFile(t, []float32{0, 1, 1}), "train_labels.npy is float32 [3]: want whole numbers"},
		{"labels in columns", "train_labels", npyFile(t, []uint8{0, 1, 1}, 3, 1), "uint8 [3][1]: want one label per image, [n]"},
		{"a label of −1", "train_labels", npyFile(t, []int32{0, -1, 1}), "train_labels.npy[1] is -1: want 0 to 255"},
		{"a label of 256", "test_labels", npyFile(t, []int64{0, 256}), "test_labels.npy[1] is 256: want 0 to 255"},
		{"a class without training images", "train_labels", npyFile(t, []uint8{1, 2, 2}), "train_labels.npy is \"without class 0\": want 0 to 2"},
		{"a class only in the test images", "test_labels", npyFile(t, []uint8{0, 2}), "test_labels.npy[1] is 2: want 0 to 1, the classes of "},
		{"one class", "train_labels", npyFile(t, []uint8{0, 0, 0}), "at least 2 classes"},
		{"whole numbers as images", "train_images", npyFile(t, make([]int64, 12), 3, 2, 2), "train_images.npy is int64 [3][2][2]: want uint8"},
		{"flat images", "train_images", npyFile(t, make([]uint8, 12), 3, 4), "want [n][rows][columns] or [n][channels][rows][columns]"},
		{"oblong images", "train_images", npyFile(t, make([]uint8, 18), 3, 2, 3), "uint8 [3][2][3]: want square images"},
		{"channels last", "train_images", npyFile(t, make([]uint8, 36), 3, 2, 2, 3), "transpose(0, 3, 1, 2)"},
		{"no images", "train_images", npyFile(t, []uint8{}, 0, 2, 2), "want 1 to 10000000 images"},
		{"too many channels", "train_images", npyFile(t, make([]uint8, 65), 1, 65, 1, 1), "want 1 to 64 channels"},
		{"too large images", "train_images", npyFile(t, make([]uint8, 1025*1025), 1, 1025, 1025), "want 1 to 1024 rows"},
		{"test images of another size", "test_images", npyFile(t, make([]uint8, 18), 2, 3, 3), "test_images.npy is \"1×3×3\": want 1×2×2"},
		{"test images of another type", "test_images", npyFile(t, make([]float32, 8), 2, 2, 2), "test_images.npy is \"of another type\""},
		{"not a number", "train_images", npyFile(t, []float32{0, 0, 0, 0, 0, 0, nan, 0, 0, 0, 0, 0}, 3, 2, 2), "train_images.npy[1][1][0] is NaN: want a number from 0"},
		{"values to 255", "train_images", npyFile(t, []float64{0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 3, 2, 2), "train_images.npy[0][0][1] is 255: want a number from 0 (black) to 1"},
		{"cut off", "train_images", npyFile(t, tinyOwn.trainImages, 3, 2, 2)[:100], "train_images.npy"},
	} {
		t.Run(c.what, func(t *testing.T) {
			arrays := tinyArrays(t)
			arrays[c.name] = c.contents
			if c.contents == nil {
				delete(arrays, c.name)
			}
			dir := writeArrays(t, t.TempDir(), arrays)
			_, err := Load(t.Context(), dir, Options{})
			wantInvalid(t, err, dir, c.says)

			path := writeArchive(t, filepath.Join(t.TempDir(), "mine.npz"), arrays)
			_, err = Load(t.Context(), path, Options{})
			wantInvalid(t, err, path, c.name)
		})
	}
	// Only a wrong name is an error of the name, which callers show as theirs.
	_, err := Describe("./nowhere")
	if _, ok := err.(*invalid.Error); !ok {
		t.Errorf("%T for a wrong name", err)
	}
	bad := tinyArrays(t)
	bad["train_labels"] = nil
	_, err = Describe(writeArrays(t, t.TempDir(), bad))
	if _, ok := err.(*invalid.Error); ok || err == nil {
		t.Errorf("%T for a wrong file", err)
	}
	arrays := tinyArrays(t)
	arrays["x_train"] = arrays["train_images"]
	_, err = Load(t.Context(), writeArchive(t, filepath.Join(t.TempDir(), "mine.npz"), arrays), Options{})
	wantInvalid(t, err, "mine.npz:x_train.npy is uint8 [3][2][2]: want no array but train_images")
}

func TestDamagedPicturesAreRefusedByName(t *testing.T) {
	clear := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	good := pngFile(t, grey(2, 0, 0, 0, 0))
	large := bytes.Clone(good)
	copy(large[16:], []byte{0x7f, 0, 0, 0, 0x7f, 0, 0, 0}) // the checksum of the header is then wrong, too
	for _, c := range []struct {
		what, file string
		contents   []byte
		says       string
	}{
		{"a text", "train/2/c.txt", []byte("hi"), "c.txt is \"no .png\""},
		{"a text called .png", "train/2/c.png", []byte("hi"), "c.png"},
		{"cut off", "train/2/c.png", good[:len(good)-20], "want a picture in PNG format"},
		{"damaged", "train/2/c.png", large, "want a picture in PNG format"},
		{"another size", "test/2/c.png", pngFile(t, grey(3, make([]uint8, 9)...)), "c.png is \"3×3\": want 2×2"},
		{"oblong", "train/2/c.png", pngFile(t, image.NewGray(image.Rect(0, 0, 2, 3))), "c.png is \"3×2\": want a square picture"},
		{"in colour", "train/2/c.png", pngFile(t, image.NewRGBA(image.Rect(0, 0, 2, 2))), "in colour"},
		{"of 16 bits", "train/2/c.png", pngFile(t, image.NewGray16(image.Rect(0, 0, 2, 2))), "16 bits per channel"},
		{"transparent", "train/2/c.png", pngFile(t, clear), "in colour"},
		{"a class only for tests", "test/3/c.png", good, "want one of 2, 10"},
		{"a file for a class", "train/readme", []byte("hi"), "readme is \"no folder\""},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := writePictures(t, t.TempDir())
			writeFile(t, filepath.Join(dir, filepath.FromSlash(c.file)), c.contents)
			_, err := Load(t.Context(), dir, Options{})
			wantInvalid(t, err, filepath.Join(dir, filepath.FromSlash(strings.Split(c.file, "/c.")[0])), c.says)
		})
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "train/a/1.png"), pngFile(t, clear))
	writeFile(t, filepath.Join(dir, "test/a/1.png"), pngFile(t, clear))
	_, err := Load(t.Context(), dir, Options{})
	wantInvalid(t, err, "1.png", "partly transparent")
}

// A data set is known again by its content: what changes is read again.
func TestAChangeIsNoticed(t *testing.T) {
	dir := writeArrays(t, t.TempDir(), tinyArrays(t))
	before, err := Identity(dir)
	if err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(tinyOwn.trainImages)
	changed[5]++
	path := filepath.Join(dir, "train_images.npy")
	writeFile(t, path, npyFile(t, changed, 3, 2, 2))
	later := time.Now().Add(time.Hour) // however coarse the file system's clock
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	folders.read[folder{arrayFiles, dir}].until = time.Time{}
	if after, err := Identity(dir); err != nil || after == before {
		t.Errorf("identity %s, %v, before %s", after, err, before)
	}
	mustEqual(t, "pixels", mustLoad(t, dir, Options{}).Train.Pixels, changed)

	os.Remove(path)
	folders.read[folder{arrayFiles, dir}].until = time.Time{}
	_, err = Identity(dir)
	wantInvalid(t, err, path, "not there")
	writeFile(t, path, npyFile(t, tinyOwn.trainImages, 3, 2, 2))
	if after, err := Identity(dir); err != nil || after != before {
		t.Errorf("identity %s, %v, before %s", after, err, before)
	}
}

// A plan of many runs reads a folder once.
func TestAFolderIsReadOnce(t *testing.T) {
	dir := writeArrays(t, t.TempDir(), tinyArrays(t))
	want, err := Identity(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "train_images.npy")
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, make([]byte, stat.Size())) // would be refused
	os.Chtimes(path, stat.ModTime(), stat.ModTime())
	for range 3 {
		if got, err := Identity(dir); got != want || err != nil {
			t.Errorf("identity %s, %v, want %s", got, err, want)
		}
	}
}

func TestNamesOfOnesOwnData(t *testing.T) {
	data := t.TempDir()
	t.Setenv("RDDKIT_DATA", data)
	writeArrays(t, filepath.Join(data, "mine"), tinyArrays(t))
	writeArchive(t, filepath.Join(data, "packed.npz"), tinyArrays(t))
	writePictures(t, filepath.Join(data, "drawn"))
	os.Mkdir(filepath.Join(data, "mnist"), 0o755)
	os.Mkdir(filepath.Join(data, "other"), 0o755)
	for _, name := range []string{"mine", "packed", "packed.npz", "drawn", "$RDDKIT_DATA/mine", filepath.Join(data, "mine")} {
		if _, err := Identity(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	own := Names()[len(Names())-3:]
	mustEqual(t, "names", own, []string{"drawn", "mine", "packed"})
	mustEqual(t, "paths", Own(data), []string{filepath.Join(data, "drawn"), filepath.Join(data, "mine"), filepath.Join(data, "packed.npz")})
	mustLoad(t, "mine", Options{Dir: data})

	t.Chdir(data)
	mustLoad(t, "./mine", Options{})
	mustLoad(t, "../"+filepath.Base(data)+"/packed.npz", Options{})
	_, err := Load(t.Context(), "nowhere", Options{})
	wantInvalid(t, err, "nowhere", "fashion-mnist-10k", "./nowhere")
	_, err = Load(t.Context(), "./nowhere", Options{})
	wantInvalid(t, err, "data set is \"./nowhere\"", "is not there", filepath.Join(data, "nowhere"), "train_images.npy", "train/CLASS/*.png")
	_, err = Load(t.Context(), "./other", Options{})
	wantInvalid(t, err, "./other", "nothing of the kind", "train_images.npy")
}

func TestLabels(t *testing.T) {
	register(t, "label-of-a-function", nil)
	for name, want := range map[string]string{
		"": "fashion-mnist-10k", "mnist": "mnist", "label-of-a-function": "label-of-a-function",
		"./mine": "mine", "/a/b/My data (2).npz": "My-data--2", "/a/mnist": "mnist-folder", "/": "data",
		"/x/" + strings.Repeat("é", 100): "data", "/x/.hidden": "hidden",
	} {
		if got := Label(name); got != want {
			t.Errorf("label of %q: %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		if label := Label(name); label == "" || len(label) > maxName+len("-folder") || strings.Trim(label, labelSigns) != "" {
			t.Errorf("label %q", label)
		}
	})
}

func TestRegisteredFunctions(t *testing.T) {
	calls := 0
	set := func(side int) func(context.Context) (*Set, error) {
		return func(context.Context) (*Set, error) {
			calls++
			return Draw(Drawing{Train: 4, Test: 2, Side: side}, func(random *rand.Rand, pixels []uint8) int {
				pixels[0] = uint8(random.IntN(256))
				return int(pixels[0]) % 2
			})
		}
	}
	name := register(t, "drawn", set(2))
	first, err := Identity(name)
	if err != nil {
		t.Fatal(err)
	}
	mustLoad(t, name, Options{})
	mustEqual(t, "calls", calls, 1)
	register(t, "drawn", set(3))
	mustEqual(t, "side", mustLoad(t, name, Options{}).Side, 3)
	if second, err := Identity(name); err != nil || second == first {
		t.Errorf("the same identity %s, %v", second, err)
	}
	mustEqual(t, "times that the name is there", len(slices.DeleteFunc(Names(), func(n string) bool { return n != "drawn" })), 1)

	broken := errors.New("no disk")
	for what, c := range map[string]struct {
		load func(context.Context) (*Set, error)
		says string
	}{
		"an error":     {func(context.Context) (*Set, error) { return nil, broken }, "no disk"},
		"a panic":      {func(context.Context) (*Set, error) { panic("oh") }, "panicked: oh"},
		"nothing":      {func(context.Context) (*Set, error) { return nil, nil }, "neither a set nor"},
		"an empty set": {func(context.Context) (*Set, error) { return new(Set), nil }, "Train is \"no images\""},
		"itself":       {func(ctx context.Context) (*Set, error) { return Load(ctx, "broken", Options{}) }, "in need of the set itself"},
		"no function":  {nil, "its function is \"nil\""},
	} {
		_, err := Load(t.Context(), register(t, "broken", c.load), Options{})
		if err == nil || !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, name := range []string{"mnist", "a b", "../x", ".."} {
		_, err := Describe(register(t, name, set(2)))
		wantInvalid(t, err, "name of a registered data set", name)
	}
}

// A function may change a known set.
func TestAFunctionOfAnotherSet(t *testing.T) {
	name := register(t, "inverted", func(ctx context.Context) (*Set, error) {
		set, err := Load(ctx, "", Options{TrainLimit: 20, TestLimit: 10})
		if err != nil {
			return nil, err
		}
		for i := range set.Train.Pixels {
			set.Train.Pixels[i] = 255 - set.Train.Pixels[i]
		}
		return set, nil
	})
	set := mustLoad(t, name, Options{})
	mustEqual(t, "name, classes, images", []any{set.Name, set.Classes, set.Train.Len()}, []any{"inverted", 10, 20})
	mustEqual(t, "first pixel", set.Train.Pixels[0], 255)
}

func TestDrawIsReproducible(t *testing.T) {
	paint := func(random *rand.Rand, pixels []uint8) int {
		for i := range pixels {
			pixels[i] = uint8(random.IntN(256))
		}
		return int(pixels[0]) % 2
	}
	a, err := Draw(Drawing{Train: 10, Test: 5, Side: 3, Channels: 2, Seed: 4}, paint)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Draw(Drawing{Train: 20, Test: 5, Side: 3, Channels: 2, Seed: 4}, paint)
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "first images", a.Train.Pixels, b.Train.Pixels[:len(a.Train.Pixels)])
	if slices.Equal(a.Test.Pixels, a.Train.Pixels[:len(a.Test.Pixels)]) {
		t.Error("the test images are training images")
	}
	for field, d := range map[string]Drawing{"Train images": {Train: -1}, "Test images": {Test: maxImages + 1}, "Train channels": {Channels: 65}, "Train side": {Side: 1025}} {
		_, err := Draw(d, paint)
		wantInvalid(t, err, field)
	}
	_, err = Draw(Drawing{}, func(*rand.Rand, []uint8) int { return 256 })
	wantInvalid(t, err, "label of image 0", "256", "0 to 255")
}

func TestNewRefusesWhatDoesNotFit(t *testing.T) {
	good := Split{Channels: 1, Side: 2, Pixels: tinyOwn.trainImages, Labels: tinyOwn.trainLabels}
	for says, change := range map[string]func(s *Split){
		"one of them":           func(s *Split) { s.Values = make([]float32, 12) },
		"no images":             func(s *Split) { s.Pixels = nil },
		"a multiple of 1×2×2":   func(s *Split) { s.Pixels = s.Pixels[:11] },
		"3, one for each image": func(s *Split) { s.Labels = s.Labels[:2] },
		"1 to 64":               func(s *Split) { s.Channels = -1 },
		"1 to 1024":             func(s *Split) { s.Side = maxSide + 1 },
		"Test.Labels[2] is 9":   func(s *Split) { s.Labels = []uint8{0, 1, 9} },
		"Test[1][0][1][0] is +Inf": func(s *Split) {
			s.Pixels, s.Values = nil, []float32{0, 0, 0, 0, 0, 0, float32(math.Inf(1)), 0, 0, 0, 0, 0}
		},
	} {
		test := good
		change(&test)
		_, err := New(good, test)
		wantInvalid(t, err, "Test", says)
	}
}

// Any content has a digest of its own.
func TestDigestsTellSetsApart(t *testing.T) {
	build := func(change func(train, test *Split)) string {
		train := Split{Channels: 1, Side: 2, Pixels: slices.Clone(tinyOwn.trainImages), Labels: slices.Clone(tinyOwn.trainLabels)}
		test := Split{Channels: 1, Side: 2, Pixels: slices.Clone(tinyOwn.testImages), Labels: slices.Clone(tinyOwn.testLabels)}
		change(&train, &test)
		set, err := New(train, test)
		if err != nil {
			t.Fatal(err)
		}
		return set.Digest
	}
	real := func(s *Split) {
		s.Values = make([]float32, len(s.Pixels))
		s.Pixels = nil
	}
	digests := []string{
		build(func(train, test *Split) {}),
		build(func(train, test *Split) { train.Pixels[0]++ }),
		build(func(train, test *Split) { test.Pixels[0]++ }),
		build(func(train, test *Split) { train.Labels[2] = 0 }),
		build(func(train, test *Split) { test.Labels[1] = 1 }),
		build(func(train, test *Split) { real(train); real(test) }),
		build(func(train, test *Split) { real(train); real(test); test.Values[7] = 0.5 }),
		build(func(train, test *Split) { *test = *train }),
		build(func(train, test *Split) {
			for _, s := range []*Split{train, test} {
				s.Channels, s.Side = 4, 1
			}
		}),
	}
	for i, d := range digests {
		if slices.Contains(digests[:i], d) {
			t.Errorf("number %d of %v is there twice", i, digests)
		}
	}
	mustEqual(t, "digest", digests[0], "4733244915c0") // golden: records are named by it
}

func FuzzPNG(f *testing.F) {
	f.Add(pngFile(f, grey(2, 1, 2, 3, 4)))
	f.Add(pngFile(f, image.NewNRGBA(image.Rect(0, 0, 3, 3))))
	f.Add(pngFile(f, image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})))
	f.Fuzz(func(t *testing.T, file []byte) {
		m, wrong := decodePNG(bytes.NewReader(file), 0)
		if wrong != nil {
			return
		}
		side, channels := m.Bounds().Dx(), 3
		if isGrey(m) {
			channels = 1
		}
		if side < 1 || side > maxSide || m.Bounds().Dy() != side {
			t.Errorf("accepted %v", m.Bounds())
		}
		fillPixels(m, channels, make([]uint8, channels*side*side))
	})
}

// Whatever four arrays hold, they make a set that fits its own description, or
// an error.
func FuzzArrays(f *testing.F) {
	arrays := tinyArrays(f)
	f.Add(arrays["train_images"], arrays["train_labels"], arrays["test_images"], arrays["test_labels"])
	f.Add(npyFile(f, []float32{0, 1}, 2, 1, 1), npyFile(f, []int16{0, 1}), npyFile(f, []float64{0.5}, 1, 1, 1, 1), npyFile(f, []uint64{1}))
	f.Fuzz(func(t *testing.T, a, b, c, d []byte) {
		dir := t.TempDir()
		writeArrays(t, dir, map[string][]byte{"train_images": a, "train_labels": b, "test_images": c, "test_labels": d})
		set, err := readArrays(context.Background(), dir)
		if err != nil {
			return
		}
		for _, s := range []Split{set.Train, set.Test} {
			if s.Channels != set.Channels || s.Side != set.Side || len(s.Pixels)+len(s.Values) != s.Len()*s.ImageLen() || int(slices.Max(s.Labels)) >= set.Classes {
				t.Errorf("%s", fmt.Sprintf("%+v", set))
			}
			batch := make([]float32, s.ImageLen())
			s.Batch(batch, make([]uint8, 1), []int{s.Len() - 1}, nil)
			for _, v := range batch {
				if !(v >= -1 && v <= 1) {
					t.Errorf("value %v", v)
				}
			}
		}
	})
}
