package dataset

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/parallel"
	"github.com/weightalign/lab/rddkit/invalid"
)

// picture is one PNG file and its class.
type picture struct {
	path  string
	label uint8
}

// readPictures reads train/CLASS/*.png and test/CLASS/*.png. The classes are the
// folders below train, in the order of their names (of numbers, if all are). The
// images come class by class in turn, each class's by name, so that the first
// so many images have all classes.
func readPictures(ctx context.Context, dir string) (*Set, error) {
	classes, err := classFolders(filepath.Join(dir, "train"))
	if err != nil {
		return nil, err
	}
	tested, err := classFolders(filepath.Join(dir, "test"))
	if err != nil {
		return nil, err
	}
	for _, class := range tested {
		if !slices.Contains(classes, class) {
			return nil, invalid.Newf(filepath.Join(dir, "test", class), "a class without training images", "one of %s, as in %s", strings.Join(classes, ", "), filepath.Join(dir, "train"))
		}
	}
	var halves [2]Split
	var names [2]halfNames
	for i, part := range []string{"train", "test"} {
		path := filepath.Join(dir, part)
		names[i] = halfNames{path, path}
		files, err := pictureFiles(path, classes)
		if err != nil {
			return nil, err
		}
		like := halves[0] // the test images are like the training images
		if i == 0 {
			if like, err = firstPicture(files[0].path); err != nil {
				return nil, err
			}
		}
		if halves[i], err = decodeAll(ctx, files, like, path); err != nil {
			return nil, err
		}
	}
	return newSet(halves[0], halves[1], names)
}

// classFolders returns the names of the classes below a folder, in their order.
func classFolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var classes []string
	numbers := true
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if !isFolder(filepath.Join(dir, entry.Name())) {
			return nil, invalid.New(filepath.Join(dir, entry.Name()), "no folder", "a folder for each class")
		}
		_, err := strconv.Atoi(entry.Name())
		numbers = numbers && err == nil
		classes = append(classes, entry.Name())
	}
	if len(classes) == 0 || len(classes) > maxClasses {
		return nil, invalid.Newf(dir, fmt.Sprint(len(classes), " folders"), "2 to %d, one for each class", maxClasses)
	}
	if numbers {
		slices.SortFunc(classes, func(a, b string) int {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
		})
	}
	return classes, nil
}

// pictureFiles returns the pictures of one half, class by class in turn.
func pictureFiles(dir string, classes []string) ([]picture, error) {
	var columns [][]picture
	total := 0
	for label, class := range classes {
		folder := filepath.Join(dir, class)
		entries, err := os.ReadDir(folder)
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		var column []picture
		for _, entry := range entries {
			path := filepath.Join(folder, entry.Name())
			if strings.HasPrefix(entry.Name(), ".") {
				continue
			}
			if !strings.EqualFold(filepath.Ext(path), ".png") {
				return nil, invalid.New(path, "no .png", "pictures in PNG format alone")
			}
			column = append(column, picture{path, uint8(label)})
		}
		columns = append(columns, column)
		total += len(column)
	}
	if total == 0 || total > maxImages {
		return nil, invalid.Newf(dir, fmt.Sprint(total, " pictures"), "1 to %d in PNG format, in a folder for each class", maxImages)
	}
	files := make([]picture, 0, total)
	for row := 0; len(files) < total; row++ {
		for _, column := range columns {
			if row < len(column) {
				files = append(files, column[row])
			}
		}
	}
	return files, nil
}

// firstPicture returns a split of the channels and side of a picture.
func firstPicture(path string) (Split, error) {
	m, err := decode(path, 0)
	if err != nil {
		return Split{}, err
	}
	s := Split{Channels: 3, Side: m.Bounds().Dx()}
	if isGrey(m) {
		s.Channels = 1
	}
	return s, nil
}

// decodeAll reads all pictures, which are to be like a split's.
func decodeAll(ctx context.Context, files []picture, like Split, dir string) (Split, error) {
	s := Split{Channels: like.Channels, Side: like.Side}
	if err := checkSize(dir, len(files), s.Channels, s.Side); err != nil {
		return s, err
	}
	s.Pixels, s.Labels = make([]uint8, len(files)*s.ImageLen()), make([]uint8, len(files))
	errs := make([]error, len(files))
	parallel.For(len(files), func(i int) {
		if errs[i] = ctx.Err(); errs[i] != nil {
			return
		}
		s.Labels[i] = files[i].label
		errs[i] = readPicture(files[i].path, s.Channels, s.Side, s.Pixels[i*s.ImageLen():][:s.ImageLen()])
	})
	for _, err := range errs {
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func readPicture(path string, channels, side int, pixels []uint8) error {
	m, err := decode(path, side)
	if err != nil {
		return err
	}
	if isGrey(m) != (channels == 1) {
		return invalid.New(path, map[bool]string{true: "grey", false: "in colour"}[isGrey(m)], "like the first training image: all grey, or all in colour")
	}
	if !fillPixels(m, channels, pixels) {
		return invalid.New(path, "partly transparent", "opaque pixels")
	}
	return nil
}

// maxPicture is how many bytes a PNG file may have.
const maxPicture = 64 << 20

// decode reads a square PNG picture of that side (0: any that is allowed).
func decode(path string, side int) (image.Image, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if size > maxPicture {
		return nil, invalid.Newf(path, fmt.Sprint(size, " bytes"), "at most %d", maxPicture)
	}
	m, wrong := decodePNG(file, side)
	if wrong != nil {
		return nil, invalid.New(path, wrong.found, wrong.allowed)
	}
	return m, nil
}

type wrongPicture struct{ found, allowed string }

// decodePNG decodes a picture after a look at the size that it claims.
func decodePNG(file io.ReadSeeker, side int) (image.Image, *wrongPicture) {
	config, err := png.DecodeConfig(file)
	if err != nil {
		return nil, &wrongPicture{err.Error(), "a picture in PNG format"}
	}
	found := fmt.Sprintf("%d×%d", config.Height, config.Width)
	switch {
	case config.Height != config.Width:
		return nil, &wrongPicture{found, "a square picture"}
	case config.Width < 1 || config.Width > maxSide:
		return nil, &wrongPicture{found, fmt.Sprintf("1 to %d rows and columns", maxSide)}
	case side > 0 && config.Width != side:
		return nil, &wrongPicture{found, fmt.Sprintf("%d×%d, as the first training image", side, side)}
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, &wrongPicture{err.Error(), "a picture in PNG format"}
	}
	m, err := png.Decode(file)
	if err != nil {
		return nil, &wrongPicture{err.Error(), "a picture in PNG format"}
	}
	switch m.(type) {
	case *image.Gray16, *image.RGBA64, *image.NRGBA64:
		return nil, &wrongPicture{"16 bits per channel", "8"}
	}
	return m, nil
}

// isGrey tells grey pictures from those in colour. A palette of greys is grey.
func isGrey(m image.Image) bool {
	switch m := m.(type) {
	case *image.Gray:
		return true
	case *image.Paletted:
		return !slices.ContainsFunc(m.Palette, func(c color.Color) bool {
			r, g, b, _ := c.RGBA()
			return r != g || g != b
		})
	}
	return false
}

// fillPixels writes a picture's pixels, [channel][row][column]; false if one is
// not opaque.
func fillPixels(m image.Image, channels int, pixels []uint8) bool {
	bounds := m.Bounds()
	if grey, ok := m.(*image.Gray); ok && channels == 1 {
		for y := range bounds.Dy() {
			copy(pixels[y*bounds.Dx():][:bounds.Dx()], grey.Pix[y*grey.Stride:])
		}
		return true
	}
	plane := bounds.Dx() * bounds.Dy()
	i := 0
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			var c color.NRGBA
			if colour, ok := m.(*image.RGBA); ok { // what PNG has without transparency
				c = color.NRGBA(colour.RGBAAt(x, y))
			} else {
				c = color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			}
			if c.A != 255 {
				return false
			}
			pixels[i] = c.R
			if channels == 3 {
				pixels[plane+i], pixels[2*plane+i] = c.G, c.B
			}
			i++
		}
	}
	return true
}
