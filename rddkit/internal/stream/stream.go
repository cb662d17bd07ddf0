// Package stream derives named streams of random numbers from one seed.
//
// A stream is a function of (seed, name, indices) alone, so that no stream
// depends on how much of another was used, on the order in which goroutines
// run, or on the number of cores.
package stream

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// New returns the stream called name, made distinct by any indices (an epoch,
// a neuron, a repetition), for the experiment's seed.
func New(seed uint64, name string, indices ...uint64) *rand.Rand {
	return rand.New(Source(seed, name, indices...))
}

// Source is New without the wrapper: a *rand.PCG whose state can be saved and
// restored with MarshalBinary and UnmarshalBinary.
func Source(seed uint64, name string, indices ...uint64) *rand.PCG {
	a, b := Key(seed, name, indices...)
	return rand.NewPCG(a, b)
}

// Key returns the 128 bits from which New starts, for generators of another
// kind (counter-based or vectorised ones).
func Key(seed uint64, name string, indices ...uint64) (hi, lo uint64) {
	buf := binary.LittleEndian.AppendUint64(nil, seed)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(len(name)))
	buf = append(buf, name...)
	for _, i := range indices {
		buf = binary.LittleEndian.AppendUint64(buf, i)
	}
	sum := sha256.Sum256(buf)
	return binary.LittleEndian.Uint64(sum[0:]), binary.LittleEndian.Uint64(sum[8:])
}
