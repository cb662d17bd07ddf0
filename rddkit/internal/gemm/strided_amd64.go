package gemm

import "golang.org/x/sys/cpu"

// haveTiles says that the processor has what the kernels need.
var haveTiles = cpu.X86.HasAVX512F

// A kernel computes as many rows of a tile as its name says.

//go:noescape
func tile5AVX512(c, a, b *float32, d *distances)

//go:noescape
func tile4AVX512(c, a, b *float32, d *distances)

//go:noescape
func tile2AVX512(c, a, b *float32, d *distances)

//go:noescape
func tile1AVX512(c, a, b *float32, d *distances)
