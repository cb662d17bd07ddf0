package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/weightalign/lab/rddkit/internal/stream"
	"github.com/weightalign/lab/rddkit/invalid"
)

// New makes a data set of images of one's own. Both halves have images of as
// many channels, rows and columns, all as Pixels or all as Values (from −1 to
// 1). There are as many classes as the largest training label says, and each
// has a training image.
//
// The error is an *invalid.Error that names the half, what it has, and what is
// allowed: 1 to 64 channels, sides of 1 to 1024, at most 2³⁰ values in a half.
func New(train, test Split) (*Set, error) {
	return newSet(train, test, [2]halfNames{{"Train", "Train.Labels"}, {"Test", "Test.Labels"}})
}

// Drawing says how many images [Draw] makes, and of what kind. Zero fields have
// their defaults.
type Drawing struct {
	Train    int    // training images. Default 1000
	Test     int    // test images. Default 200
	Channels int    // Default 1, grey
	Side     int    // rows and columns. Default 16
	Seed     uint64 // of the random numbers
}

// Draw makes a data set by a function that paints an image and returns its label.
// It is given a stream of random numbers of its own for each image, and the
// image's pixels, [channel][row][column], which are 0 (black) before. Its
// labels are 0 to 255.
//
// The error is an *invalid.Error if a field or a label is not allowed; see [New].
func Draw(d Drawing, paint func(random *rand.Rand, pixels []uint8) (label int)) (*Set, error) {
	var halves [2]Split
	for i, half := range []struct {
		name          string
		images, whole int
	}{{"Train", d.Train, 1000}, {"Test", d.Test, 200}} {
		n := orDefault(half.images, half.whole)
		s := Split{Channels: orDefault(d.Channels, 1), Side: orDefault(d.Side, 16)}
		if err := checkSize(half.name, n, s.Channels, s.Side); err != nil {
			return nil, err
		}
		s.Pixels, s.Labels = make([]uint8, n*s.ImageLen()), make([]uint8, n)
		for image := range n {
			random := stream.New(d.Seed, "drawn images", uint64(i), uint64(image))
			label := paint(random, s.Pixels[image*s.ImageLen():][:s.ImageLen():s.ImageLen()])
			if label < 0 || label >= maxClasses {
				return nil, invalid.Newf(fmt.Sprintf("the label of image %d of %s", image, half.name), label, "0 to %d", maxClasses-1)
			}
			s.Labels[image] = uint8(label)
		}
		halves[i] = s
	}
	return newSet(halves[0], halves[1], [2]halfNames{{"Train", "Train labels"}, {"Test", "Test labels"}})
}

func orDefault(value, whenZero int) int {
	if value == 0 {
		return whenZero
	}
	return value
}

// halfNames are the names of a half's images and labels, for errors.
type halfNames struct{ images, labels string }

func checkSize(name string, images, channels, side int) error {
	switch {
	case images < 1 || images > maxImages:
		return invalid.Newf(name+" images", images, "1 to %d", maxImages)
	case channels < 1 || channels > maxChannels:
		return invalid.Newf(name+" channels", channels, "1 to %d", maxChannels)
	case side < 1 || side > maxSide:
		return invalid.Newf(name+" side", side, "1 to %d", maxSide)
	case images > maxValues/(channels*side*side):
		return invalid.Newf(name+" images", images, "at most %d of %d×%d×%d", maxValues/(channels*side*side), channels, side, side)
	}
	return nil
}

// newSet makes a set of two halves and checks it.
func newSet(train, test Split, names [2]halfNames) (*Set, error) {
	set := &Set{Channels: train.Channels, Side: train.Side, Train: train, Test: test}
	return set, set.complete(names)
}

// complete checks a set, and fills in its classes, if they are 0, and its digest.
func (set *Set) complete(names [2]halfNames) error {
	train, test := &set.Train, &set.Test
	for i, half := range []*Split{train, test} {
		if err := half.check(names[i]); err != nil {
			return err
		}
	}
	switch {
	case test.Channels != train.Channels || test.Side != train.Side:
		return invalid.Newf(names[1].images, fmt.Sprintf("%d×%d×%d", test.Channels, test.Side, test.Side), "%d×%d×%d, as in %s", train.Channels, train.Side, train.Side, names[0].images)
	case (test.Pixels == nil) != (train.Pixels == nil):
		return invalid.Newf(names[1].images, "of another type", "that of %s: both bytes, or both real numbers", names[0].images)
	case set.Channels != train.Channels || set.Side != train.Side:
		return invalid.Newf("Channels and Side", fmt.Sprint(set.Channels, ", ", set.Side), "%d and %d, as of its halves", train.Channels, train.Side)
	}
	var there [maxClasses]bool
	most := 0
	for _, label := range train.Labels {
		there[label] = true
		most = max(most, int(label))
	}
	if set.Classes == 0 {
		set.Classes = most + 1
		for class := range set.Classes {
			if !there[class] {
				return invalid.Newf(names[0].labels, fmt.Sprintf("without class %d", class), "0 to %d, each at least once", most)
			}
		}
	}
	if set.Classes < 2 || set.Classes > maxClasses || most >= set.Classes {
		return invalid.Newf(names[0].labels, fmt.Sprintf("0 to %d, of %d classes", most, set.Classes), "at least 2 classes, at most %d, and labels below their number", maxClasses)
	}
	for i, label := range test.Labels {
		if int(label) >= set.Classes {
			return invalid.Newf(fmt.Sprintf("%s[%d]", names[1].labels, i), label, "0 to %d, the classes of %s", set.Classes-1, names[0].labels)
		}
	}
	set.Digest = set.digest()
	return nil
}

// check looks at a half on its own.
func (s *Split) check(names halfNames) error {
	if err := checkSize(names.images, s.Len(), s.Channels, s.Side); s.Len() > 0 && err != nil {
		return err
	}
	values := len(s.Pixels)
	if s.Values != nil {
		values = len(s.Values)
	}
	switch {
	case s.Pixels != nil && s.Values != nil:
		return invalid.New(names.images, "Pixels and Values", "one of them")
	case s.ImageLen() == 0 || values == 0:
		return invalid.New(names.images, "no images", "at least one")
	case values%s.ImageLen() != 0:
		return invalid.Newf(names.images, fmt.Sprintf("%d values", values), "a multiple of %d×%d×%d", s.Channels, s.Side, s.Side)
	case values/s.ImageLen() != s.Len():
		return invalid.Newf(names.labels, fmt.Sprintf("%d labels", s.Len()), "%d, one for each image of %s", values/s.ImageLen(), names.images)
	}
	for i, v := range s.Values {
		if !(v >= -1 && v <= 1) {
			return invalid.New(names.images+position(i, []int{s.Len(), s.Channels, s.Side, s.Side}), v, "a number from −1 to 1")
		}
	}
	return nil
}

// digest returns a digest of everything that training sees: 12 hexadecimal digits.
func (set *Set) digest() string {
	sum := sha256.New()
	fmt.Fprintf(sum, "rddkit data set 1: %d %d %d\n", set.Channels, set.Side, set.Classes)
	for _, half := range []*Split{&set.Train, &set.Test} {
		fmt.Fprintf(sum, "%d images, real %t\n", half.Len(), half.Values != nil)
		sum.Write(half.Labels)
		sum.Write(half.Pixels)
		buffer := make([]byte, 0, 1<<16)
		for i, v := range half.Values {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
			if len(buffer) == cap(buffer) || i == len(half.Values)-1 {
				sum.Write(buffer)
				buffer = buffer[:0]
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}
