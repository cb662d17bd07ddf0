//go:build !amd64

package credit

const vectors = false

// Never called: see vectors.

func proposeAVX2(*lanes, *float64, *uint64, *uint8, *layer, int)                 {}
func mixAVX2(_ *input, _ *[4]float64, _, _, _ *float64, _ int)                   {}
func integrateAVX2(_ *membranes, _ *dynamics, _, _ *[4]float64, _ *uint8, _ int) {}
