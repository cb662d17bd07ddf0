package dataset

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

// arrayNames are the arrays of a data set of one's own: files (with ".npy") of a
// folder, or members of an archive.
var arrayNames = []string{"train_images", "train_labels", "test_images", "test_labels"}

// What a data set of one's own may hold. Labels are bytes, so that there are at
// most 256 classes.
const (
	maxImages   = 10_000_000
	maxChannels = 64
	maxSide     = 1024
	maxValues   = 1 << 30 // of the images of one half: 7 times CIFAR-10's
	maxClasses  = 256
)

// checkHeader is an npy.Check of one of these arrays.
func checkHeader(name string, h npy.Header) (allowed string) {
	switch name {
	case "train_images", "test_images":
		return checkImages(h)
	case "train_labels", "test_labels":
		if !slices.Contains([]string{"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}, h.Type) {
			return "whole numbers, as .astype('uint8') makes them"
		}
		if len(h.Shape) != 1 || h.Shape[0] < 1 || h.Shape[0] > maxImages {
			return fmt.Sprintf("one label per image, [n], at most %d", maxImages)
		}
		return ""
	}
	return "no array but " + strings.Join(arrayNames, ", ")
}

func checkImages(h npy.Header) (allowed string) {
	if h.Type != "uint8" && h.Type != "float32" && h.Type != "float64" {
		return "uint8 (0 to 255), or float32 or float64 (0 to 1)"
	}
	if len(h.Shape) != 3 && len(h.Shape) != 4 {
		return "[n][rows][columns] or [n][channels][rows][columns]"
	}
	n, channels, rows, columns := h.Shape[0], 1, h.Shape[len(h.Shape)-2], h.Shape[len(h.Shape)-1]
	if len(h.Shape) == 4 {
		channels = h.Shape[1]
	}
	switch {
	case rows != columns && channels == rows && len(h.Shape) == 4:
		return "channels before rows and columns, as .transpose(0, 3, 1, 2) puts them"
	case rows != columns:
		return "square images, as many rows as columns"
	case rows < 1 || rows > maxSide:
		return fmt.Sprintf("1 to %d rows and columns", maxSide)
	case channels < 1 || channels > maxChannels:
		return fmt.Sprintf("1 to %d channels", maxChannels)
	case n < 1 || n > maxImages:
		return fmt.Sprintf("1 to %d images", maxImages)
	case n > maxValues/(channels*rows*columns):
		return fmt.Sprintf("at most %d values", maxValues)
	}
	return ""
}

func readArrays(ctx context.Context, dir string) (*Set, error) {
	arrays := make(map[string]npy.Array)
	for _, name := range arrayNames {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		path := filepath.Join(dir, name+".npy")
		if !isFile(path) {
			return nil, invalid.New(path, "not there", "the files "+strings.Join(arrayNames, ".npy, ")+".npy")
		}
		var err error
		if arrays[name], err = npy.ReadFile(path, checkHeader); err != nil {
			return nil, err
		}
	}
	return fromArrays(arrays, func(name string) string { return filepath.Join(dir, name+".npy") })
}

func readArchive(ctx context.Context, path string) (*Set, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	arrays, err := npy.ReadArchive(path, checkHeader)
	if err != nil {
		return nil, err
	}
	for _, name := range arrayNames {
		if _, there := arrays[name]; !there {
			return nil, invalid.New(path, "without "+name, "the arrays "+strings.Join(arrayNames, ", "))
		}
	}
	return fromArrays(arrays, func(name string) string { return path + ":" + name })
}

// fromArrays makes the set of arrays whose headers have been checked; where says
// where one lies.
func fromArrays(arrays map[string]npy.Array, where func(name string) string) (*Set, error) {
	var halves [2]Split
	var names [2]halfNames
	for i, part := range []string{"train", "test"} {
		images, labels := part+"_images", part+"_labels"
		names[i] = halfNames{where(images), where(labels)}
		var err error
		if halves[i], err = imagesOf(arrays[images], names[i].images); err != nil {
			return nil, err
		}
		if halves[i].Labels, err = labelsOf(arrays[labels], names[i].labels); err != nil {
			return nil, err
		}
		delete(arrays, images) // the memory
	}
	return newSet(halves[0], halves[1], names)
}

func imagesOf(a npy.Array, where string) (Split, error) {
	s := Split{Channels: 1, Side: a.Shape[len(a.Shape)-1]}
	if len(a.Shape) == 4 {
		s.Channels = a.Shape[1]
	}
	if pixels, ok := a.Data.([]uint8); ok {
		s.Pixels = pixels
		return s, nil
	}
	s.Values = a.Float32()
	for i, v := range s.Values {
		if !(v >= 0 && v <= 1) {
			return s, invalid.New(where+position(i, a.Shape), v, "a number from 0 (black) to 1")
		}
		s.Values[i] = (v - 0.5) / 0.5
	}
	return s, nil
}

// position is the place of element i of an array of that shape, like "[3][0][1]".
func position(i int, shape []int) string {
	text := ""
	for axis := len(shape) - 1; axis >= 0; axis-- {
		text = fmt.Sprintf("[%d]", i%shape[axis]) + text
		i /= shape[axis]
	}
	return text
}

func labelsOf(a npy.Array, where string) ([]uint8, error) {
	labels := make([]uint8, a.Len())
	for i, label := range a.Float64() { // exact, for what is allowed
		if !(label >= 0 && label < maxClasses) {
			return nil, invalid.Newf(fmt.Sprintf("%s[%d]", where, i), label, "0 to %d", maxClasses-1)
		}
		labels[i] = uint8(label)
	}
	return labels, nil
}
