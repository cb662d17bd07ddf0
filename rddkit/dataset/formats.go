package dataset

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// The parsers below read one file's contents from r and check everything that
// the format promises. Rows beyond the slices they are given are not read.

// readIDXImages reads an IDX file of byte images: magic number 0x00000803, the
// numbers of images, rows and columns (big-endian, 32 bits each), then the
// pixels [image][row][column]. It fills pixels, the first images of the file.
func readIDXImages(r io.Reader, images, side int, pixels []uint8) error {
	var header [4]uint32
	if err := binary.Read(r, binary.BigEndian, &header); err != nil {
		return truncated("header", err)
	}
	if header[0] != 0x803 {
		return damage{fmt.Sprintf("not an IDX file of byte images: magic number 0x%08x, want 0x00000803", header[0])}
	}
	if header[1] != uint32(images) || header[2] != uint32(side) || header[3] != uint32(side) {
		return damage{fmt.Sprintf("%d images of %d × %d, want %d of %d × %d", header[1], header[2], header[3], images, side, side)}
	}
	if _, err := io.ReadFull(r, pixels); err != nil {
		return truncated("images", err)
	}
	return nil
}

// readIDXLabels reads an IDX file of labels: magic number 0x00000801, their
// number, then one byte each. It fills labels, the first of the file.
func readIDXLabels(r io.Reader, rows, classes int, labels []uint8) error {
	var header [2]uint32
	if err := binary.Read(r, binary.BigEndian, &header); err != nil {
		return truncated("header", err)
	}
	if header[0] != 0x801 {
		return damage{fmt.Sprintf("not an IDX file of labels: magic number 0x%08x, want 0x00000801", header[0])}
	}
	if header[1] != uint32(rows) {
		return damage{fmt.Sprintf("%d labels, want %d", header[1], rows)}
	}
	if _, err := io.ReadFull(r, labels); err != nil {
		return truncated("labels", err)
	}
	for i, label := range labels {
		if int(label) >= classes {
			return damage{fmt.Sprintf("label %d at image %d, want 0 to %d", label, i, classes-1)}
		}
	}
	return nil
}

// coarseClasses is how many groups CIFAR-100 puts its classes into, five to each.
const coarseClasses = 20

// readCIFAR reads the binary records of CIFAR-10 and CIFAR-100: a byte with the
// coarse label, below coarse (CIFAR-100; 0 coarse classes mean that there is no
// such byte), a byte with the label, then the pixels [channel][row][column]. It
// fills labels and pixels, the first records of the file.
func readCIFAR(r io.Reader, coarse, classes int, pixels, labels []uint8) error {
	in := bufio.NewReaderSize(r, 1<<16)
	label := func(image int, kind string, classes int) (uint8, error) {
		label, err := in.ReadByte()
		if err != nil {
			return 0, truncated(fmt.Sprintf("image %d", image), err)
		}
		if int(label) >= classes {
			return 0, damage{fmt.Sprintf("%s %d at image %d, want 0 to %d", kind, label, image, classes-1)}
		}
		return label, nil
	}
	for i := range labels {
		if coarse > 0 {
			if _, err := label(i, "coarse label", coarse); err != nil {
				return err
			}
		}
		var err error
		if labels[i], err = label(i, "label", classes); err != nil {
			return err
		}
		each := len(pixels) / len(labels)
		if _, err := io.ReadFull(in, pixels[i*each:(i+1)*each]); err != nil {
			return truncated(fmt.Sprintf("image %d", i), err)
		}
	}
	return nil
}

// readUSPS reads the text of zip.train and zip.test: one image per line, its
// label and then its values in −1…1, [row][column], apart by spaces. It fills
// labels and values, the first lines of the file.
func readUSPS(r io.Reader, classes int, values []float32, labels []uint8) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<16)
	for i := range labels {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return truncated(fmt.Sprintf("line %d", i+1), err)
			}
			return truncated(fmt.Sprintf("line %d", i+1), io.EOF)
		}
		rest := lines.Bytes()
		number, rest, ok := nextNumber(rest)
		if !ok || number < 0 || number >= float64(classes) || number != float64(uint8(number)) {
			return damage{fmt.Sprintf("line %d does not begin with a label, want 0 to %d", i+1, classes-1)}
		}
		labels[i] = uint8(number)
		each := len(values) / len(labels)
		for j := range each {
			if number, rest, ok = nextNumber(rest); !ok || !(number >= -1 && number <= 1) {
				return damage{fmt.Sprintf("line %d has no value in −1…1 as number %d of %d", i+1, j+1, each)}
			}
			values[i*each+j] = float32(number)
		}
		if _, _, ok = nextNumber(rest); ok {
			return damage{fmt.Sprintf("line %d has more than %d values", i+1, each)}
		}
	}
	return nil
}

// nextNumber reads the number at the start of text, after spaces.
func nextNumber(text []byte) (number float64, rest []byte, ok bool) {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	end := 0
	for end < len(text) && text[end] != ' ' && text[end] != '\t' && text[end] != '\r' {
		end++
	}
	number, err := strconv.ParseFloat(string(text[:end]), 32)
	return number, text[end:], err == nil
}

// truncated tells the end of a file from other trouble with reading it.
func truncated(where string, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return damage{"truncated in " + where}
	}
	return err
}
