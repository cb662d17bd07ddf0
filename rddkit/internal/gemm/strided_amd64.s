#include "textflag.h"

// The tile kernels of strided_amd64.go: one row of the product is four Z
// registers, Z0–Z3 the first row's.
//
//	DI c, R13 bytes between its rows   SI a, R8 bytes between its rows
//	R9  bytes between the terms of a   R12 bytes from a segment's end to the next
//	BX b, R10 bytes between its terms  R11 segments, DX terms, CX counts terms
//	AX fourth row of a                 R14 fourth row of c

#define ARGUMENTS \
	MOVQ c+0(FP), DI            \
	MOVQ a+8(FP), SI            \
	MOVQ b+16(FP), BX           \
	MOVQ d+24(FP), R14          \
	MOVQ 0(R14), R8             \
	MOVQ 8(R14), R9             \
	MOVQ 16(R14), R12           \
	MOVQ 24(R14), R10           \
	MOVQ 32(R14), R13           \
	MOVQ 40(R14), DX            \
	MOVQ 48(R14), R11           \
	MOVQ 56(R14), R15           \
	LEAQ (R8)(R8*2), AX         \
	ADDQ SI, AX                 \
	LEAQ (R13)(R13*2), R14      \
	ADDQ DI, R14

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

// The first four rows of a tile of four or five.
#define LOAD4 \
	LOAD((DI), Z0, Z1, Z2, Z3)          \
	LOAD((DI)(R13*1), Z4, Z5, Z6, Z7)   \
	LOAD((DI)(R13*2), Z8, Z9, Z10, Z11) \
	LOAD((R14), Z12, Z13, Z14, Z15)

#define ZERO4 \
	ZERO(Z0, Z1, Z2, Z3)     \
	ZERO(Z4, Z5, Z6, Z7)     \
	ZERO(Z8, Z9, Z10, Z11)   \
	ZERO(Z12, Z13, Z14, Z15)

#define ROW4 \
	ROW((SI), Z24, Z0, Z1, Z2, Z3)         \
	ROW((SI)(R8*1), Z25, Z4, Z5, Z6, Z7)   \
	ROW((SI)(R8*2), Z26, Z8, Z9, Z10, Z11) \
	ROW((AX), Z27, Z12, Z13, Z14, Z15)

#define STORE4 \
	STORE((DI), Z0, Z1, Z2, Z3)          \
	STORE((DI)(R13*1), Z4, Z5, Z6, Z7)   \
	STORE((DI)(R13*2), Z8, Z9, Z10, Z11) \
	STORE((R14), Z12, Z13, Z14, Z15)

// func tile5AVX512(c, a, b *float32, d *distances)
TEXT ·tile5AVX512(SB), NOSPLIT, $0-32
	ARGUMENTS
	TESTQ R15, R15
	JZ    fresh
	LOAD4
	LOAD((R14)(R13*1), Z16, Z17, Z18, Z19)
	JMP   segment

fresh:
	ZERO4
	ZERO(Z16, Z17, Z18, Z19)

segment:
	MOVQ DX, CX

term:
	TERM
	ROW4
	ROW((AX)(R8*1), Z28, Z16, Z17, Z18, Z19)
	ADDQ R9, SI
	ADDQ R9, AX
	ADDQ R10, BX
	DECQ CX
	JNZ  term
	ADDQ R12, SI
	ADDQ R12, AX
	DECQ R11
	JNZ  segment
	STORE4
	STORE((R14)(R13*1), Z16, Z17, Z18, Z19)
	VZEROUPPER
	RET

// func tile4AVX512(c, a, b *float32, d *distances)
TEXT ·tile4AVX512(SB), NOSPLIT, $0-32
	ARGUMENTS
	TESTQ R15, R15
	JZ    fresh
	LOAD4
	JMP   segment

fresh:
	ZERO4

segment:
	MOVQ DX, CX

term:
	TERM
	ROW4
	ADDQ R9, SI
	ADDQ R9, AX
	ADDQ R10, BX
	DECQ CX
	JNZ  term
	ADDQ R12, SI
	ADDQ R12, AX
	DECQ R11
	JNZ  segment
	STORE4
	VZEROUPPER
	RET

// func tile2AVX512(c, a, b *float32, d *distances)
TEXT ·tile2AVX512(SB), NOSPLIT, $0-32
	ARGUMENTS
	TESTQ R15, R15
	JZ    fresh
	LOAD((DI), Z0, Z1, Z2, Z3)
	LOAD((DI)(R13*1), Z4, Z5, Z6, Z7)
	JMP   segment

fresh:
	ZERO(Z0, Z1, Z2, Z3)
	ZERO(Z4, Z5, Z6, Z7)

segment:
	MOVQ DX, CX

term:
	TERM
	ROW((SI), Z24, Z0, Z1, Z2, Z3)
	ROW((SI)(R8*1), Z25, Z4, Z5, Z6, Z7)
	ADDQ R9, SI
	ADDQ R10, BX
	DECQ CX
	JNZ  term
	ADDQ R12, SI
	DECQ R11
	JNZ  segment
	STORE((DI), Z0, Z1, Z2, Z3)
	STORE((DI)(R13*1), Z4, Z5, Z6, Z7)
	VZEROUPPER
	RET

// func tile1AVX512(c, a, b *float32, d *distances)
TEXT ·tile1AVX512(SB), NOSPLIT, $0-32
	ARGUMENTS
	TESTQ R15, R15
	JZ    fresh
	LOAD((DI), Z0, Z1, Z2, Z3)
	JMP   segment

fresh:
	ZERO(Z0, Z1, Z2, Z3)

segment:
	MOVQ DX, CX

term:
	TERM
	ROW((SI), Z24, Z0, Z1, Z2, Z3)
	ADDQ R9, SI
	ADDQ R10, BX
	DECQ CX
	JNZ  term
	ADDQ R12, SI
	DECQ R11
	JNZ  segment
	STORE((DI), Z0, Z1, Z2, Z3)
	VZEROUPPER
	RET
