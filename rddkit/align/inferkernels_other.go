//go:build !amd64 || purego

package align

func traceVector(c *traceConstants, fast, slow *[tileWidth]float64, rows []float64, spikes []byte, stride int) {
	panic("align: no vector kernels for this architecture")
}

func inferVector(guesses *[tileWidth]float64, keep float64, rows []float64, steps []int32) {
	panic("align: no vector kernels for this architecture")
}
