package nn

import "golang.org/x/sys/cpu"

// vectors says that the processor has AVX2.
var vectors = cpu.X86.HasAVX2

// The counts are multiples of 8 and above 0.

//go:noescape
func rectifyAVX2(x *float32, n int)

//go:noescape
func addAVX2(y, x *float32, n int)

//go:noescape
func throughReLUAVX2(d, x *float32, n int)

//go:noescape
func descendAVX2(value, gradient, m *float32, n int, rate, momentum, decay float32)

// In the next ones the channels are a multiple of 8; rows, windows and pixels
// are above 0.

//go:noescape
func momentsAVX2(sum, square *float64, x *float32, channels, rows int)

//go:noescape
func throughNormalAVX2(d, x, carry, offset, slope, mean *float32, channels, rows int)

//go:noescape
func poolAVX2(y *float32, winner *uint8, top, bottom, scale, shift *float32, channels, windows int)

//go:noescape
func pooledProductsAVX2(sum, product *float64, delta *float32, winner *uint8, top, bottom *float32, channels, windows int)

//go:noescape
func unpoolAVX2(top, bottom, delta *float32, winner *uint8, channels, windows int)

// run is at least 8.
//
//go:noescape
func gatherAVX2(patches, image *float32, pixels, step, kernel, run, stride int)
