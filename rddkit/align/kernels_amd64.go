//go:build amd64 && !purego

package align

import "golang.org/x/sys/cpu"

var (
	haveVectors     = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	haveWideVectors = haveVectors && cpu.X86.HasBMI2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ
)

// spikeMasks turns the four bits of a byte of spikes into lanes.
var spikeMasks = func() (masks [16][groupSize]int64) {
	for bits := range masks {
		for lane := range groupSize {
			masks[bits][lane] = -int64(bits >> lane & 1)
		}
	}
	return masks
}()

func targetVector(c *targetConstants, y, q, mean []float64, steps, window, memory int, spikes []byte) {
	const bytes = tileWidth / groupSize
	var zero [tileWidth]float64
	if useWideVectors {
		targetAVX512(c, &y[0], &q[0], &mean[0], steps, window, &spikes[0], &spikes[memory*bytes], &zero)
		return
	}
	for g := range bytes {
		at := g * groupSize
		targetAVX2(c, &y[at], &q[at], &mean[at], steps, window, &spikes[g], &spikes[memory*bytes+g], &spikeMasks, (*lanes)(zero[:]))
	}
}

func regressVector(intercept, slope *[tileWidth]float64, carry *[4]float64, rows []float64, terms []term) {
	if useWideVectors {
		regressAVX512(intercept, slope, carry, &rows[0], &terms[0], len(terms))
		return
	}
	regressAVX2(intercept, slope, carry, &rows[0], &terms[0], len(terms))
}

// targetAVX2 is targetGo for a group of four neurons; past is the first byte of spikes and present the one
// memory steps on, zero is what q was before the first step.
//
//go:noescape
func targetAVX2(c *targetConstants, y, q, mean *float64, steps, window int, past, present *byte, masks *[16][groupSize]int64, zero *lanes)

// targetAVX512 is targetAVX2 for a tile.
//
//go:noescape
func targetAVX512(c *targetConstants, y, q, mean *float64, steps, window int, past, present *byte, zero *[tileWidth]float64)

// regressAVX512 is regressAVX2.
//
//go:noescape
func regressAVX512(intercept, slope *[tileWidth]float64, carry *[4]float64, rows *float64, terms *term, count int)

// regressAVX2 is regressGo, for at least one term.
//
//go:noescape
func regressAVX2(intercept, slope *[tileWidth]float64, carry *[4]float64, rows *float64, terms *term, count int)
