//go:build !amd64 || purego

package align

const haveVectors, haveWideVectors = false, false

func targetVector(c *targetConstants, y, q, mean []float64, steps, window, memory int, spikes []byte) {
	panic("align: no vector kernels for this architecture")
}

func regressVector(intercept, slope *[tileWidth]float64, carry *[4]float64, rows []float64, terms []term) {
	panic("align: no vector kernels for this architecture")
}
