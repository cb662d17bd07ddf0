package align

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/weightalign/lab/rddkit/invalid"
)

// perturbationMagic begins a marshalled Perturbation; its last byte is the
// format's version. The numbers of batches and of samples, the sum of squared
// changes and the number of layers follow, then for each layer its sizes, its
// first feedback weights and its sums.
var perturbationMagic = []byte("rddkit perturbation\x02")

// MarshalBinary returns the number of batches and the sums of LeastSquares.
func (p *Perturbation) MarshalBinary() ([]byte, error) {
	out := bytes.NewBuffer(append([]byte{}, perturbationMagic...))
	write := func(v any) { binary.Write(out, binary.LittleEndian, v) } // a Buffer takes everything
	write(p.batches)
	write(p.samples)
	write(p.squares)
	write(uint32(len(p.sums)))
	for _, s := range p.sums {
		write([2]uint32{uint32(s.in), uint32(s.out)})
		write(s.first)
		write(s.targets)
		write(s.errors)
	}
	return out.Bytes(), nil
}

// UnmarshalBinary restores what MarshalBinary returned. State that is damaged
// or of another format is an *invalid.Error, and nothing is changed.
func (p *Perturbation) UnmarshalBinary(state []byte) error {
	damaged := func(what string) error {
		return invalid.New("learner state", what, "what Perturbation.MarshalBinary returned")
	}
	rest, ok := bytes.CutPrefix(state, perturbationMagic)
	if !ok {
		return damaged("without its beginning")
	}
	in := bytes.NewReader(rest)
	read := func(v any) bool { return binary.Read(in, binary.LittleEndian, v) == nil }
	var batches, samples uint64
	var squares float64
	var layers uint32
	if !read(&batches) || !read(&samples) || !read(&squares) || !read(&layers) || layers > 1<<10 || !(squares >= 0) || math.IsInf(squares, 0) {
		return damaged("with an impossible header")
	}
	var sums []perturbationSums
	for range layers {
		var size [2]uint32
		if !read(&size) || size[0] == 0 || size[0] > 1<<20 || size[1] == 0 || size[1] > 1<<20 {
			return damaged(fmt.Sprintf("of layers with %d and %d neurons", size[0], size[1]))
		}
		// Nothing is allocated on a false claim.
		if uint64(size[0])*uint64(size[1])*12+uint64(size[1])*uint64(size[1])*8 > uint64(in.Len()) {
			return damaged("cut short")
		}
		s := perturbationSums{int(size[0]), int(size[1]), make([]float32, size[0]*size[1]), make([]float64, size[0]*size[1]), make([]float64, size[1]*size[1])}
		read(s.first)
		read(s.targets)
		read(s.errors)
		for _, list := range [][]float64{{meanSquare(s.first)}, s.targets, s.errors} {
			for _, v := range list {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return damaged("with a sum that is not finite")
				}
			}
		}
		sums = append(sums, s)
	}
	if in.Len() > 0 {
		return damaged(fmt.Sprintf("with %d bytes too many", in.Len()))
	}
	p.batches, p.samples, p.squares, p.sums = batches, samples, squares, sums
	return nil
}
