//go:build !amd64

package gemm

const haveTiles, haveWideTiles = false, false

// Never called: see Tiles.

func tile5AVX512(_, _, _ *float32, _ *distances) {}
func tile4AVX512(_, _, _ *float32, _ *distances) {}
func tile2AVX512(_, _, _ *float32, _ *distances) {}
func tile1AVX512(_, _, _ *float32, _ *distances) {}
func tile6AVX2(_, _, _ *float32, _ *distances)   {}
func tile4AVX2(_, _, _ *float32, _ *distances)   {}
func tile2AVX2(_, _, _ *float32, _ *distances)   {}
func tile1AVX2(_, _, _ *float32, _ *distances)   {}
