package credit

import (
	"math"
	"math/bits"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// normals draws standard normal numbers in bulk: a simulation spends half of its
// time here. Eight xoshiro256++ generators (Blackman and Vigna 2021) take turns,
// which a vector unit does at once, and the ziggurat (Marsaglia and Tsang 2000, of
// 1024 layers) accepts 99.6 % of their numbers without a logarithm. Every number
// takes 52 random bits for its size, one for its sign and 10 others for its layer.
type normals struct {
	lanes    lanes
	more     generator // a ninth generator, for the draws that the ziggurat turns down
	count    int       // how many numbers next returns
	drawn    []float64 // some multiple of count
	from     int       // the numbers of drawn before this one have been given out
	random   []uint64  // the random bits of each number of drawn
	rejected []uint8   // bits of 8 numbers each: the ziggurat turned them down
}

// lanes are the states of the eight generators, [word][generator].
type lanes [4][8]uint64

// newNormals starts the named stream of internal/stream, to be drawn in portions of
// count numbers.
func newNormals(count int, seed uint64, name string, indices ...uint64) *normals {
	// Whole portions and whole rows of eight numbers, some hundreds if they are few.
	buffer := 8 * count
	for buffer > 512 && buffer%16 == 0 && buffer/2%count == 0 {
		buffer /= 2
	}
	for buffer < 256 {
		buffer *= 2
	}
	n := &normals{count: count, drawn: make([]float64, buffer), from: buffer,
		random: make([]uint64, buffer), rejected: make([]uint8, buffer/8)}
	source := stream.Source(seed, name, indices...)
	for word, more := range []*uint64{&n.more.s0, &n.more.s1, &n.more.s2, &n.more.s3} {
		for lane := range n.lanes[word] {
			n.lanes[word][lane] = source.Uint64()
		}
		*more = source.Uint64()
	}
	return n
}

// next returns the stream's next count standard normal numbers, valid until it is
// called again. The numbers are independent.
func (n *normals) next() []float64 {
	if n.from == len(n.drawn) {
		n.draw()
	}
	from := n.from
	n.from += n.count
	return n.drawn[from:n.from]
}

// draw renews n.drawn.
func (n *normals) draw() {
	if vectors {
		proposeAVX2(&n.lanes, &n.drawn[0], &n.random[0], &n.rejected[0], &ziggurat[0], len(n.rejected))
	} else {
		n.lanes.propose(n.drawn, n.random, n.rejected)
	}
	for row, set := range n.rejected {
		for ; set != 0; set &= set - 1 {
			i := 8*row + bits.TrailingZeros8(set)
			n.drawn[i] = n.decide(n.random[i])
		}
	}
	n.from = 0
}

// propose lets the generators draw in turn, maps each number to a point of the
// ziggurat, and sets the bits of the points that are not certain to lie under the
// density.
func (l *lanes) propose(drawn []float64, random []uint64, rejected []uint8) {
	clear(rejected)
	for lane := range 8 {
		g := generator{l[0][lane], l[1][lane], l[2][lane], l[3][lane]}
		for row := range rejected {
			i := 8*row + lane
			var bits uint64
			bits, g = g.next()
			f, layer := split(bits)
			if f >= ziggurat[layer].inner {
				rejected[row] |= 1 << lane
			}
			random[i], drawn[i] = bits, withSign(f*ziggurat[layer].edge, bits)
		}
		l[0][lane], l[1][lane], l[2][lane], l[3][lane] = g.s0, g.s1, g.s2, g.s3
	}
}

// generator is a xoshiro256++.
type generator struct{ s0, s1, s2, s3 uint64 }

// next returns 64 random bits and the generator's next state.
func (g generator) next() (uint64, generator) {
	random := bits.RotateLeft64(g.s0+g.s3, 23) + g.s0
	s2, s3 := g.s2^g.s0, g.s3^g.s1
	return random, generator{g.s0 ^ s3, g.s1 ^ s2, s2 ^ g.s1<<17, bits.RotateLeft64(s3, 45)}
}

// Of 64 random bits the upper 52 are a number in [0, 1), the next is not used, ten
// choose a layer and the lowest is the sign.
func split(random uint64) (f float64, layer int) {
	const one = 0x3ff << 52 // the bits of 1.0
	return math.Float64frombits(one|random>>12) - 1, int(random >> 1 & (layers - 1))
}

func withSign(x float64, random uint64) float64 {
	return math.Float64frombits(math.Float64bits(x) ^ random<<63)
}

// layer is the part of a layer's width that lies wholly under the density, and the
// layer's right edge.
type layer struct{ inner, edge float64 }

// Where the base layer's rectangle ends and the tail begins, and the area of every
// layer, the base's with its tail: the top layer then ends at the density's peak.
const (
	layers = 1024
	tail   = 4.0388498461095045
	area   = 0.0012263246463530881
)

// The base layer is made as wide as its area, tail included, asks for. density is
// exp(-x²/2) at the edges.
var ziggurat, density = func() (z [layers]layer, density [layers + 1]float64) {
	edges := [layers + 1]float64{1: tail, layers: 0}
	for i := 2; i < layers; i++ {
		edges[i] = math.Sqrt(-2 * math.Log(area/edges[i-1]+math.Exp(-edges[i-1]*edges[i-1]/2)))
	}
	edges[0] = area / math.Exp(-tail*tail/2)
	for i, x := range edges {
		density[i] = math.Exp(-x * x / 2)
	}
	for i := range z {
		z[i].inner, z[i].edge = edges[i+1]/edges[i], edges[i]
	}
	return z, density
}()

// decide settles a draw that falls where a layer crosses the density.
func (n *normals) decide(random uint64) float64 {
	for {
		f, layer := split(random)
		x := f * ziggurat[layer].edge
		switch {
		case f < ziggurat[layer].inner:
			return withSign(x, random)
		case layer == 0: // the tail: Marsaglia 1964
			for {
				x := -math.Log(n.uniform()) / tail
				if y := -math.Log(n.uniform()); 2*y > x*x {
					return withSign(tail+x, random)
				}
			}
		}
		height := density[layer] + float64(n.uniform()*(density[layer+1]-density[layer]))
		if height < math.Exp(-x*x/2) {
			return withSign(x, random)
		}
		random, n.more = n.more.next()
	}
}

// uniform returns a number in (0, 1].
func (n *normals) uniform() float64 {
	random, more := n.more.next()
	n.more = more
	return float64(random>>11+1) * 0x1p-53
}
