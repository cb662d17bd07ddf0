package align

import (
	"math/rand/v2"

	"github.com/weightalign/lab/rddkit/internal/stream"
)

// Stream returns the stream of random numbers called name, made distinct by any
// indices (an epoch, a layer), for a seed. It is a function of these alone, and
// independent of every other stream: a learner that begins one with each epoch has
// nothing to keep, and gives the same on any number of cores and after a kill.
func Stream(seed uint64, name string, indices ...uint64) *rand.Rand {
	return stream.New(seed, name, indices...)
}
