//go:build !amd64 || purego

package spike

const haveVectors, haveWideVectors = false, false

func integrateVector(s *state, c *layerConstants, inputs []float64, stride, steps, memory int, raster []byte, rasterStride, now int, events []event) int {
	panic("spike: no vector kernels for this architecture")
}

func integratePairVector(s *[2]state, c *layerConstants, inputs []float64, other, stride, steps, memory int, raster []byte, rasterStride, now int, first, second []event) (nFirst, nSecond int) {
	panic("spike: no vector kernels for this architecture")
}

func sumVector(rows, weights []float64, neurons, starts []int32) {
	panic("spike: no vector kernels for this architecture")
}

func listVector(list []int32, row []byte) {
	panic("spike: no vector kernels for this architecture")
}

func poissonVector(rows []float64, pairs int, s *[4][4]uint64, thresholds [][8]int32) {
	panic("spike: no vector kernels for this architecture")
}
