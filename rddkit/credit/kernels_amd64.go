package credit

import "golang.org/x/sys/cpu"

// vectors says that the processor has AVX2.
var vectors = cpu.X86.HasAVX2

// rows, of 8 numbers each, and steps are above 0.

//go:noescape
func proposeAVX2(l *lanes, drawn *float64, random *uint64, rejected *uint8, layer *layer, rows int)

//go:noescape
func mixAVX2(in *input, current *[4]float64, shared, even, odd *float64, steps int)

//go:noescape
func integrateAVX2(m *membranes, d *dynamics, gain, current *[4]float64, spiked *uint8, steps int)
