package align

import (
	"math"

	"github.com/weightalign/lab/rddkit/spike"
)

// Metrics say how well feedback weights B, [n][m], mirror feedforward weights
// W, [m][n]. The costs other than SignAlignment are those of Akrout, Wilson,
// Humphreys, Lillicrap, Tweed (NeurIPS 2019) and of the published program.
//
// Decay and Sparse are the names of the published program, and of our files. In
// Kunin et al. (ICML 2020), who defined these costs, they stand the other way
// round: decay is |W|² + |B|², sparse |W·x|² + |xᵀ·B|².
type Metrics struct {
	SignAlignment float64 // percentage of the nonzero B_ij that have the sign of W_ji; 0 if all are zero
	Decay         float64 // |W·x|² + |xᵀ·B|²
	Sparse        float64 // |W|² + |B|² (Frobenius)
	Self          float64 // -trace(B·W)
	Amp           float64 // -xᵀ·B·W·x
	Info          float64 // |x - B·W·x|²
	Symm          float64 // |W - Bᵀ|² (Frobenius)
	Angle         float64 `json:"-"` // between W and Bᵀ as vectors, degrees; 90 if one is all zero
}

// Measure compares the feedforward weights of a layer, [out][in], with its
// feedback weights, [in][out]. x is a probe of in numbers (published: uniform
// in [0, 1), drawn anew each time). It panics if a length does not fit.
//
// Sums are made in float64, in a fixed order.
func Measure[T spike.Float](forward, feedback []T, in, out int, x []float64) Metrics {
	if len(forward) != in*out || len(feedback) != in*out || len(x) != in {
		panic("align: weights or probe of the wrong length")
	}
	var (
		m              Metrics
		nonzero, equal int
		wx             = make([]float64, out) // W·x
		xb             = make([]float64, out) // xᵀ·B
		squaresW       float64
		squaresB       float64
		product        float64 // Σ W_ji·B_ij
	)
	for j := range out {
		for i, w := range forward[j*in : (j+1)*in] {
			wx[j] += float64(float64(w) * x[i])
			squaresW += float64(float64(w) * float64(w))
		}
	}
	// Blocks of lower neurons, so that the columns of W stay in the cache.
	const block = 8
	bwx := make([]float64, in) // B·W·x
	for first := 0; first < in; first += block {
		for j := range out {
			for i := first; i < min(first+block, in); i++ {
				w, b := float64(forward[j*in+i]), float64(feedback[i*out+j])
				if b != 0 {
					nonzero++
					if sign(b) == sign(w) {
						equal++
					}
				}
				xb[j] += float64(x[i] * b)
				squaresB += float64(b * b)
				product += float64(w * b)
				m.Symm += float64((w - b) * (w - b))
				bwx[i] += float64(b * wx[j])
			}
		}
	}
	for j := range out {
		m.Decay += float64(wx[j]*wx[j]) + float64(xb[j]*xb[j])
	}
	for i := range in {
		m.Amp -= float64(x[i] * bwx[i])
		m.Info += float64((x[i] - bwx[i]) * (x[i] - bwx[i]))
	}
	m.Sparse = squaresW + squaresB
	m.Self = -product
	m.Angle = 90
	if squaresW > 0 && squaresB > 0 {
		m.Angle = degrees(product / math.Sqrt(squaresW*squaresB))
	}
	if nonzero > 0 {
		m.SignAlignment = 100 * float64(equal) / float64(nonzero)
	}
	return m
}

// Parts splits the feedback weights of two estimates of the same layer, made from
// independent spikes, into three shares that add up to 1. Signal is what is
// proportional to the feedforward weights into each neuron above, bias what else
// the two have in common, noise what they do not: more time takes noise away, and
// never bias. Both are means over products of different noise, and may come out
// slightly below 0. Parts panics if the layers differ in size.
func Parts(a, b Layer) (signal, bias, noise float64) {
	if a.In != b.In || a.Out != b.Out {
		panic("align: layers of different sizes")
	}
	var common, total float64
	for j := range a.Out {
		var aw, bw, ww float64
		for i := range a.In {
			x, y, w := float64(a.Feedback[i*a.Out+j]), float64(b.Feedback[i*a.Out+j]), float64(a.Forward[j*a.In+i])
			common += float64(x * y)
			total += float64(x*x+y*y) / 2
			aw += float64(x * w)
			bw += float64(y * w)
			ww += float64(w * w)
		}
		if ww > 0 {
			signal += aw * bw / ww
		}
	}
	return signal / total, (common - signal) / total, 1 - common/total
}

// Majority is the sign alignment, percent, of one who knows of each neuron above
// only the sign that most of its incoming weights have: the level of chance for
// weights that are not balanced.
func Majority(l Layer) float64 {
	right := 0
	for j := range l.Out {
		positive := 0
		for _, w := range l.Forward[j*l.In : (j+1)*l.In] {
			if w > 0 {
				positive++
			}
		}
		right += max(positive, l.In-positive)
	}
	return 100 * float64(right) / float64(l.In*l.Out)
}

func sign(x float64) int {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	case math.IsNaN(x):
		panic("align: weight is not a number")
	}
	return 0
}

// degrees is the angle whose cosine is given, but for rounding beyond ±1.
func degrees(cosine float64) float64 { return math.Acos(max(-1, min(1, cosine))) * 180 / math.Pi }

// MeanAngle returns the mean angle, in degrees, between the rows of two matrices
// of so many columns; rows of zeros are left out. It is NaN if none is left. It
// panics if the matrices differ in size.
func MeanAngle(a, b []float32, columns int) float64 {
	if len(a) != len(b) || columns < 1 || len(a)%columns != 0 {
		panic("align: matrices that do not fit")
	}
	sum, n := 0.0, 0
	for from := 0; from < len(a); from += columns {
		var ab, aa, bb float64
		for k := from; k < from+columns; k++ {
			x, y := float64(a[k]), float64(b[k])
			ab += float64(x * y)
			aa += float64(x * x)
			bb += float64(y * y)
		}
		if aa > 0 && bb > 0 {
			sum += degrees(ab / math.Sqrt(aa*bb))
			n++
		}
	}
	return sum / float64(n)
}
