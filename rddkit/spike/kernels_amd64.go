//go:build amd64 && !purego

package spike

import "golang.org/x/sys/cpu"

var (
	haveVectors     = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	haveWideVectors = haveVectors && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT
)

func integrateVector(s *state, c *layerConstants, inputs []float64, stride, steps, memory int, raster []byte, rasterStride, now int, events []event) int {
	return integrateAVX2(s, c, &inputs[0], &inputs[memory*stride], stride*8, steps, &raster[0], rasterStride, now, &events[0])
}

func integratePairVector(s *[2]state, c *layerConstants, inputs []float64, other, stride, steps, memory int, raster []byte, rasterStride, now int, first, second []event) (nFirst, nSecond int) {
	return integratePairAVX512(&s[0], c, &inputs[0], &inputs[memory*stride], other*8, stride*8, steps, &raster[0], rasterStride, now, &first[0], &second[0])
}

func sumVector(rows, weights []float64, neurons, starts []int32) {
	steps := len(rows) / tileWidth
	if starts[steps] == starts[0] {
		clear(rows)
		return
	}
	if useWideVectors {
		sumAVX512(&rows[0], &weights[0], &neurons[0], &starts[0], steps)
		return
	}
	sumAVX2(&rows[0], &weights[0], &neurons[0], &starts[0], steps)
}

func listVector(list []int32, row []byte) { listAVX512(&list[0], &row[0], len(row)/4) }

func poissonVector(rows []float64, pairs int, s *[4][4]uint64, thresholds [][8]int32) {
	// What few words exceed is worth a branch.
	common := 1
	for common < len(thresholds) && thresholds[common-1][0] < 1<<31-1<<24 {
		common++
	}
	poissonAVX2(&rows[0], pairs, s, &thresholds[0], common, len(thresholds))
}

// integrateAVX2 is integrateGo; past is the first row of inputs and present the
// one memory rows on, strideBytes what lies between two rows.
//
//go:noescape
func integrateAVX2(s *state, c *layerConstants, past, present *float64, strideBytes, steps int, raster *byte, rasterStride, now int, events *event) (n int)

// integratePairAVX512 is integrateAVX2 for two groups, the inputs of the second
// other bytes after those of the first.
//
//go:noescape
func integratePairAVX512(s *state, c *layerConstants, past, present *float64, other, strideBytes, steps int, raster *byte, rasterStride, now int, first, second *event) (nFirst, nSecond int)

// sumAVX2 is sumGo.
//
//go:noescape
func sumAVX2(rows, weights *float64, neurons, starts *int32, steps int)

// sumAVX512 is sumGo.
//
//go:noescape
func sumAVX512(rows, weights *float64, neurons, starts *int32, steps int)

// listAVX512 is listGo, for a row of so many words of four bytes.
//
//go:noescape
func listAVX512(list *int32, row *byte, words int)

// poissonAVX2 is poissonGo, for at least one pair of steps and one threshold.
// Thresholds after the first common ones are tried only if a word exceeds the
// last of those.
//
//go:noescape
func poissonAVX2(rows *float64, pairs int, s *[4][4]uint64, thresholds *[8]int32, common, count int)
