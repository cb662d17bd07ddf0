package align

import (
	"math"

	"github.com/weightalign/lab/rddkit/spike"
)

// Angle returns the angle between feedback weights B, [in][out], and the
// transposed feedforward weights W, [out][in], as vectors, in degrees:
//
//	arccos(Σ W_ji B_ij / (|W| |B|))
//
// It is 90° where W or B is all zero. It panics if a length does not fit. Sums
// are made in float64, in a fixed order.
func Angle[T spike.Float](forward, feedback []T, in, out int) float64 {
	if len(forward) != in*out || len(feedback) != in*out {
		panic("align: weights of the wrong length")
	}
	var product, squaresW, squaresB float64
	for j := range out {
		for i := range in {
			w, b := float64(forward[j*in+i]), float64(feedback[i*out+j])
			product += float64(w * b)
			squaresW += float64(w * w)
			squaresB += float64(b * b)
		}
	}
	if squaresW == 0 || squaresB == 0 {
		return 90
	}
	cosine := product / math.Sqrt(squaresW) / math.Sqrt(squaresB)
	return math.Acos(max(-1, min(1, cosine))) * 180 / math.Pi
}
