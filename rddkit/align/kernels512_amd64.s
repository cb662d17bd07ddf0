//go:build amd64 && !purego

#include "textflag.h"

// One step of half a tile: slow, fast, sum and left are its state; the spikes of
// the step are in K1, those that go in K2.
#define HALF(offset, slow, fast, sum, left) \
	VPADDQ Z14, left, left             \
	VMOVDQA64 Z23, K1, left            \
	VMOVAPD.Z Z17, K1, Z8              \
	VMOVAPD.Z Z20, K1, Z9              \
	VSUBPD Z18, Z8, K2, Z8             \
	VSUBPD Z21, Z9, K2, Z9             \
	VPCMPGTQ Z22, left, K4             \
	VPCMPGTQ Z15, left, K5             \
	VFMADD132PD Z16, Z8, slow          \
	VFMADD132PD Z19, Z9, fast          \
	VMOVAPD.Z slow, K4, slow           \
	VMOVAPD.Z fast, K4, fast           \
	VSUBPD fast, slow, Z9              \
	VMOVUPD offset(R13), Z10           \
	VSUBPD Z10, Z9, Z11                \
	VADDPD Z11, sum, sum               \
	VMOVAPD.Z sum, K5, sum             \
	VMULPD Z24, sum, Z12               \
	VSUBPD Z10, Z12, Z11               \
	VMOVUPD Z9, offset(SI)             \
	VMOVUPD Z11, offset(DI)            \
	VMOVUPD Z12, offset(R14)

// func targetAVX512(c *targetConstants, y, q, mean *float64, steps, window int, past, present *byte, zero *[16]float64)
TEXT ·targetAVX512(SB), NOSPLIT, $0-72
	MOVQ c+0(FP), AX
	MOVQ y+8(FP), DI
	MOVQ q+16(FP), SI
	MOVQ mean+24(FP), R14
	MOVQ steps+32(FP), CX
	MOVQ window+40(FP), BX
	MOVQ past+48(FP), R8
	MOVQ present+56(FP), R9
	MOVQ zero+64(FP), R11
	MOVQ BX, R12
	SHLQ $7, R12              // bytes between q and the q of a window ago
	MOVL $0x0f0f0f0f, R10     // the four bits of each byte of spikes
	VBROADCASTSD (AX), Z16    // SlowDecay
	VBROADCASTSD 32(AX), Z17  // SlowNew
	VBROADCASTSD 64(AX), Z18  // SlowOld
	VBROADCASTSD 96(AX), Z19  // FastDecay
	VBROADCASTSD 128(AX), Z20 // FastNew
	VBROADCASTSD 160(AX), Z21 // FastOld
	VBROADCASTSD 192(AX), Z24 // PerWindow
	VPBROADCASTQ 224(AX), Z22 // Window
	VPBROADCASTQ 256(AX), Z23 // Span
	VPXORQ Z15, Z15, Z15
	VPTERNLOGQ $0xff, Z14, Z14, Z14 // -1
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7

step:
	MOVL (R9), R13
	MOVL (R8), DX
	PEXTL R10, R13, R13
	PEXTL R10, DX, DX
	KMOVW R13, K1             // fired in the last step
	KMOVW DX, K2              // fired so long ago that it goes
	KSHIFTRW $8, K1, K3
	KSHIFTRW $8, K2, K6

	// The q of a window ago.
	MOVQ SI, R13
	SUBQ R12, R13
	DECQ BX
	CMOVQGE R11, R13

	HALF(0, Z0, Z1, Z2, Z3)
	KMOVW K3, K1
	KMOVW K6, K2
	HALF(64, Z4, Z5, Z6, Z7)

	ADDQ $128, R14
	ADDQ $128, SI
	ADDQ $128, DI
	ADDQ $4, R8
	ADDQ $4, R9
	DECQ CX
	JNZ step
	VZEROUPPER
	RET

// func regressAVX512(intercept, slope *[16]float64, carry *[4]float64, rows *float64, terms *term, count int)
TEXT ·regressAVX512(SB), NOSPLIT, $0-48
	MOVQ intercept+0(FP), DI
	MOVQ slope+8(FP), SI
	MOVQ carry+16(FP), AX
	MOVQ rows+24(FP), BX
	MOVQ terms+32(FP), DX
	MOVQ count+40(FP), CX
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	PREFETCHT0 (DI)           // needed after the terms
	PREFETCHT0 64(DI)
	PREFETCHT0 (SI)
	PREFETCHT0 64(SI)
	PREFETCHT0 512(DI)        // the next neuron's
	PREFETCHT0 576(DI)
	PREFETCHT0 512(SI)
	PREFETCHT0 576(SI)

term:
	MOVQ (DX), R8
	SHLQ $7, R8
	VMOVUPD (BX)(R8*1), Z6
	VMOVUPD 64(BX)(R8*1), Z7
	VFMADD231PD.BCST 8(DX), Z6, Z0
	VFMADD231PD.BCST 8(DX), Z7, Z1
	VFMADD231PD.BCST 16(DX), Z6, Z2
	VFMADD231PD.BCST 16(DX), Z7, Z3
	ADDQ $24, DX
	DECQ CX
	JNZ term

#define CARRY(offset, toIntercept, toSlope) \
	VMOVUPD offset(DI), Z6                  \
	VMOVUPD offset(SI), Z7                  \
	VFMADD231PD.BCST 8(AX), Z7, toIntercept \
	VFMADD231PD.BCST (AX), Z6, toIntercept  \
	VFMADD231PD.BCST 24(AX), Z7, toSlope    \
	VFMADD231PD.BCST 16(AX), Z6, toSlope    \
	VMOVUPD toIntercept, offset(DI)         \
	VMOVUPD toSlope, offset(SI)

	CARRY(0, Z0, Z2)
	CARRY(64, Z1, Z3)
	VZEROUPPER
	RET
