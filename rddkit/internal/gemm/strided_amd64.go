package gemm

import "golang.org/x/sys/cpu"

// haveTiles says that the processor has what the kernels need, haveWideTiles
// what those of AVX-512 need.
var (
	haveTiles     = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	haveWideTiles = haveTiles && cpu.X86.HasAVX512F
)

// A kernel computes as many rows of a tile as its name says: of 64 columns with
// AVX-512, of 16 with AVX2.

//go:noescape
func tile5AVX512(c, a, b *float32, d *distances)

//go:noescape
func tile4AVX512(c, a, b *float32, d *distances)

//go:noescape
func tile2AVX512(c, a, b *float32, d *distances)

//go:noescape
func tile1AVX512(c, a, b *float32, d *distances)

//go:noescape
func tile6AVX2(c, a, b *float32, d *distances)

//go:noescape
func tile4AVX2(c, a, b *float32, d *distances)

//go:noescape
func tile2AVX2(c, a, b *float32, d *distances)

//go:noescape
func tile1AVX2(c, a, b *float32, d *distances)
