#include "textflag.h"
#include "tile_amd64.h"

// The tile kernels for AVX-512: one row of the product is four Z registers,
// Z0–Z3 the first row's; the terms of b are in Z20–Z23.

#define ZERO(r0, r1, r2, r3) \
	VPXORD r0, r0, r0 \
	VPXORD r1, r1, r1 \
	VPXORD r2, r2, r2 \
	VPXORD r3, r3, r3

#define LOAD(at, r0, r1, r2, r3) \
	LEAQ    at, CX        \
	VMOVUPS (CX), r0      \
	VMOVUPS 64(CX), r1    \
	VMOVUPS 128(CX), r2   \
	VMOVUPS 192(CX), r3

#define STORE(at, r0, r1, r2, r3) \
	LEAQ    at, CX        \
	VMOVUPS r0, (CX)      \
	VMOVUPS r1, 64(CX)    \
	VMOVUPS r2, 128(CX)   \
	VMOVUPS r3, 192(CX)

#define TERM \
	VMOVUPS (BX), Z20     \
	VMOVUPS 64(BX), Z21   \
	VMOVUPS 128(BX), Z22  \
	VMOVUPS 192(BX), Z23

#define ROW(at, z, r0, r1, r2, r3) \
	VBROADCASTSS at, z        \
	VFMADD231PS  Z20, z, r0   \
	VFMADD231PS  Z21, z, r1   \
	VFMADD231PS  Z22, z, r2   \
	VFMADD231PS  Z23, z, r3

// The first rows of a tile.
#define LOAD1 LOAD((DI), Z0, Z1, Z2, Z3)

#define ZERO1 ZERO(Z0, Z1, Z2, Z3)

#define ROW1 ROW((SI), Z24, Z0, Z1, Z2, Z3)

#define STORE1 STORE((DI), Z0, Z1, Z2, Z3)

#define LOAD2 \
	LOAD1 \
	LOAD((DI)(R13*1), Z4, Z5, Z6, Z7)

#define ZERO2 \
	ZERO1 \
	ZERO(Z4, Z5, Z6, Z7)

#define ROW2 \
	ROW1 \
	ROW((SI)(R8*1), Z25, Z4, Z5, Z6, Z7)

#define STORE2 \
	STORE1 \
	STORE((DI)(R13*1), Z4, Z5, Z6, Z7)

#define LOAD4 \
	LOAD2                               \
	LOAD((DI)(R13*2), Z8, Z9, Z10, Z11) \
	LOAD((R14), Z12, Z13, Z14, Z15)

#define ZERO4 \
	ZERO2                  \
	ZERO(Z8, Z9, Z10, Z11) \
	ZERO(Z12, Z13, Z14, Z15)

#define ROW4 \
	ROW2                                   \
	ROW((SI)(R8*2), Z26, Z8, Z9, Z10, Z11) \
	ROW((AX), Z27, Z12, Z13, Z14, Z15)

#define STORE4 \
	STORE2                               \
	STORE((DI)(R13*2), Z8, Z9, Z10, Z11) \
	STORE((R14), Z12, Z13, Z14, Z15)

#define LOAD5 \
	LOAD4 \
	LOAD((R14)(R13*1), Z16, Z17, Z18, Z19)

#define ZERO5 \
	ZERO4 \
	ZERO(Z16, Z17, Z18, Z19)

#define ROW5 \
	ROW4 \
	ROW((AX)(R8*1), Z28, Z16, Z17, Z18, Z19)

#define STORE5 \
	STORE4 \
	STORE((R14)(R13*1), Z16, Z17, Z18, Z19)

// func tile5AVX512(c, a, b *float32, d *distances)
TEXT ·tile5AVX512(SB), NOSPLIT, $0-32
	TILE(LOAD5, ZERO5, ROW5, STORE5)

// func tile4AVX512(c, a, b *float32, d *distances)
TEXT ·tile4AVX512(SB), NOSPLIT, $0-32
	TILE(LOAD4, ZERO4, ROW4, STORE4)

// func tile2AVX512(c, a, b *float32, d *distances)
TEXT ·tile2AVX512(SB), NOSPLIT, $0-32
	TILE(LOAD2, ZERO2, ROW2, STORE2)

// func tile1AVX512(c, a, b *float32, d *distances)
TEXT ·tile1AVX512(SB), NOSPLIT, $0-32
	TILE(LOAD1, ZERO1, ROW1, STORE1)
