#include "textflag.h"
#include "tile_amd64.h"

// The tile kernels for AVX2: one row of the product is two Y registers, Y0 and
// Y1 the first row's; the terms of b are in Y12 and Y13.

#define ZERO(r0, r1) \
	VXORPS r0, r0, r0 \
	VXORPS r1, r1, r1

#define LOAD(at, r0, r1) \
	LEAQ    at, CX        \
	VMOVUPS (CX), r0      \
	VMOVUPS 32(CX), r1

#define STORE(at, r0, r1) \
	LEAQ    at, CX        \
	VMOVUPS r0, (CX)      \
	VMOVUPS r1, 32(CX)

#define TERM \
	VMOVUPS (BX), Y12     \
	VMOVUPS 32(BX), Y13

#define ROW(at, y, r0, r1) \
	VBROADCASTSS at, y        \
	VFMADD231PS  Y12, y, r0   \
	VFMADD231PS  Y13, y, r1

// The first rows of a tile.
#define LOAD1 LOAD((DI), Y0, Y1)

#define ZERO1 ZERO(Y0, Y1)

#define ROW1 ROW((SI), Y14, Y0, Y1)

#define STORE1 STORE((DI), Y0, Y1)

#define LOAD2 \
	LOAD1 \
	LOAD((DI)(R13*1), Y2, Y3)

#define ZERO2 \
	ZERO1 \
	ZERO(Y2, Y3)

#define ROW2 \
	ROW1 \
	ROW((SI)(R8*1), Y15, Y2, Y3)

#define STORE2 \
	STORE1 \
	STORE((DI)(R13*1), Y2, Y3)

#define LOAD4 \
	LOAD2                     \
	LOAD((DI)(R13*2), Y4, Y5) \
	LOAD((R14), Y6, Y7)

#define ZERO4 \
	ZERO2        \
	ZERO(Y4, Y5) \
	ZERO(Y6, Y7)

#define ROW4 \
	ROW2                         \
	ROW((SI)(R8*2), Y14, Y4, Y5) \
	ROW((AX), Y15, Y6, Y7)

#define STORE4 \
	STORE2                     \
	STORE((DI)(R13*2), Y4, Y5) \
	STORE((R14), Y6, Y7)

#define LOAD6 \
	LOAD4                      \
	LOAD((R14)(R13*1), Y8, Y9) \
	LOAD((R14)(R13*2), Y10, Y11)

#define ZERO6 \
	ZERO4        \
	ZERO(Y8, Y9) \
	ZERO(Y10, Y11)

#define ROW6 \
	ROW4                         \
	ROW((AX)(R8*1), Y14, Y8, Y9) \
	ROW((AX)(R8*2), Y15, Y10, Y11)

#define STORE6 \
	STORE4                      \
	STORE((R14)(R13*1), Y8, Y9) \
	STORE((R14)(R13*2), Y10, Y11)

// func tile6AVX2(c, a, b *float32, d *distances)
TEXT ·tile6AVX2(SB), NOSPLIT, $0-32
	TILE(LOAD6, ZERO6, ROW6, STORE6)

// func tile4AVX2(c, a, b *float32, d *distances)
TEXT ·tile4AVX2(SB), NOSPLIT, $0-32
	TILE(LOAD4, ZERO4, ROW4, STORE4)

// func tile2AVX2(c, a, b *float32, d *distances)
TEXT ·tile2AVX2(SB), NOSPLIT, $0-32
	TILE(LOAD2, ZERO2, ROW2, STORE2)

// func tile1AVX2(c, a, b *float32, d *distances)
TEXT ·tile1AVX2(SB), NOSPLIT, $0-32
	TILE(LOAD1, ZERO1, ROW1, STORE1)
