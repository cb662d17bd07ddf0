package credit

import (
	"math"
	"math/bits"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// normals draws standard normal numbers in bulk. A simulation spends most of
// its time here, so the generator (xoshiro256++, Blackman and Vigna 2021) keeps
// its state in registers while it fills a block, and the ziggurat (Marsaglia and
// Tsang 2000, 256 layers) accepts 99 % of them without a logarithm. Every number
// takes 53 random bits for its value and 8 others for its layer.
type normals struct{ state [4]uint64 }

// newNormals starts the named stream of internal/stream.
func newNormals(seed uint64, name string, indices ...uint64) *normals {
	hi, lo := stream.Key(seed, name, indices...)
	n := &normals{}
	for i := range n.state { // splitmix64, as the authors of xoshiro advise
		hi += 0x9e3779b97f4a7c15
		z := hi
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		n.state[i] = z ^ z>>31 ^ bits.RotateLeft64(lo, 16*i)
	}
	if n.state == [4]uint64{} {
		n.state[0] = 1
	}
	return n
}

const ziggurat = 256

// layers holds the right edges of the ziggurat, their densities exp(-x²/2), and
// the part of each layer that lies wholly under the density. The base layer is
// made as wide as its area, tail included, asks for.
var layers = func() (z struct {
	edge, density [ziggurat + 1]float64
	inner         [ziggurat]float64
}) {
	const area = 0.00492867323399
	z.edge[1], z.edge[ziggurat] = tail, 0
	for i := 2; i < ziggurat; i++ {
		z.edge[i] = math.Sqrt(-2 * math.Log(area/z.edge[i-1]+math.Exp(-z.edge[i-1]*z.edge[i-1]/2)))
	}
	z.edge[0] = area / math.Exp(-tail*tail/2)
	for i, x := range z.edge {
		z.density[i] = math.Exp(-x * x / 2)
	}
	for i := range z.inner {
		z.inner[i] = z.edge[i+1] / z.edge[i]
	}
	return z
}()

const tail = 3.6541528853610088 // where the base layer's rectangle ends

// fill writes independent standard normal numbers to dst.
func (n *normals) fill(dst []float64) {
	s0, s1, s2, s3 := n.state[0], n.state[1], n.state[2], n.state[3]
	for i := range dst {
		random := bits.RotateLeft64(s0+s3, 23) + s0
		t := s1 << 17
		s2 ^= s0
		s3 ^= s1
		s1 ^= s2
		s0 ^= s3
		s2 ^= t
		s3 = bits.RotateLeft64(s3, 45)

		layer := random & (ziggurat - 1)
		f := float64(int64(random)>>11) * 0x1p-52 // uniform in [-1, 1)
		if math.Abs(f) < layers.inner[layer] {
			dst[i] = f * layers.edge[layer]
			continue
		}
		n.state = [4]uint64{s0, s1, s2, s3}
		dst[i] = n.edge(int(layer), f)
		s0, s1, s2, s3 = n.state[0], n.state[1], n.state[2], n.state[3]
	}
	n.state = [4]uint64{s0, s1, s2, s3}
}

// edge decides the draws that fall where a layer crosses the density.
func (n *normals) edge(layer int, f float64) float64 {
	x := f * layers.edge[layer]
	if layer == 0 { // the tail: Marsaglia 1964
		for {
			x := -math.Log(n.uniform()) / tail
			if y := -math.Log(n.uniform()); 2*y > x*x {
				return math.Copysign(tail+x, f)
			}
		}
	}
	height := layers.density[layer] + float64(n.uniform()*(layers.density[layer+1]-layers.density[layer]))
	if height < math.Exp(-x*x/2) {
		return x
	}
	var again [1]float64
	n.fill(again[:])
	return again[0]
}

// uniform returns a number in (0, 1].
func (n *normals) uniform() float64 { return float64(n.Uint64()>>11+1) * 0x1p-53 }

// Uint64 makes a normals a math/rand/v2 Source.
func (n *normals) Uint64() uint64 {
	s := &n.state
	random := bits.RotateLeft64(s[0]+s[3], 23) + s[0]
	t := s[1] << 17
	s[2] ^= s[0]
	s[3] ^= s[1]
	s[1] ^= s[2]
	s[0] ^= s[3]
	s[2] ^= t
	s[3] = bits.RotateLeft64(s[3], 45)
	return random
}
