//go:build amd64 && !purego

package align

func traceVector(c *traceConstants, fast, slow *[tileWidth]float64, rows []float64, spikes []byte, stride int) {
	traceAVX2(c, fast, slow, &rows[0], len(rows)/tileWidth, &spikes[0], stride)
}

func inferVector(guesses *[tileWidth]float64, keep float64, rows []float64, steps []int32) {
	inferAVX2(guesses, keep, &rows[0], &steps[0], len(steps))
}

// traceAVX2 is traceGo, for at least one step.
//
//go:noescape
func traceAVX2(c *traceConstants, fast, slow *[tileWidth]float64, rows *float64, steps int, spikes *byte, stride int)

// inferAVX2 is inferGo, for at least one spike.
//
//go:noescape
func inferAVX2(guesses *[tileWidth]float64, keep float64, rows *float64, steps *int32, count int)
