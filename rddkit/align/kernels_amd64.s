//go:build amd64 && !purego

#include "textflag.h"

// Offsets of the fields of targetConstants.
#define SlowDecay 0
#define SlowNew   32
#define SlowOld   64
#define FastDecay 96
#define FastNew   128
#define FastOld   160
#define PerWindow 192
#define Window    224
#define Span      256

// func targetAVX2(c *targetConstants, y, q, mean *float64, steps, window int, past, present *byte, masks *[16][4]int64, zero *[4]float64)
TEXT ·targetAVX2(SB), NOSPLIT, $0-80
	MOVQ c+0(FP), AX
	MOVQ y+8(FP), DI
	MOVQ q+16(FP), SI
	MOVQ mean+24(FP), R14
	MOVQ steps+32(FP), CX
	MOVQ window+40(FP), BX
	MOVQ past+48(FP), R8
	MOVQ present+56(FP), R9
	MOVQ masks+64(FP), R10
	MOVQ zero+72(FP), R11
	MOVQ BX, R12
	SHLQ $7, R12             // bytes between q and the q of a window ago
	VXORPD Y0, Y0, Y0        // slow
	VXORPD Y1, Y1, Y1        // fast
	VXORPD Y2, Y2, Y2        // sum
	VPXOR Y3, Y3, Y3         // left
	VPCMPEQQ Y14, Y14, Y14   // -1
	VPXOR Y15, Y15, Y15

step:
	MOVBLZX (R9), R13
	MOVBLZX (R8), DX
	SHLQ $5, R13
	SHLQ $5, DX
	VMOVDQU (R10)(R13*1), Y4 // fired in the last step
	VMOVDQU (R10)(DX*1), Y5  // fired so long ago that it goes
	VPADDQ Y14, Y3, Y3
	VBLENDVPD Y4, Span(AX), Y3, Y3
	VANDPD SlowNew(AX), Y4, Y6
	VANDPD SlowOld(AX), Y5, Y7
	VSUBPD Y7, Y6, Y6
	VFMADD132PD SlowDecay(AX), Y6, Y0
	VANDPD FastNew(AX), Y4, Y6
	VANDPD FastOld(AX), Y5, Y7
	VSUBPD Y7, Y6, Y6
	VFMADD132PD FastDecay(AX), Y6, Y1
	VPCMPGTQ Window(AX), Y3, Y8
	VANDPD Y8, Y0, Y0
	VANDPD Y8, Y1, Y1
	VSUBPD Y1, Y0, Y9        // q

	// The q of a window ago.
	MOVQ SI, R13
	SUBQ R12, R13
	DECQ BX
	CMOVQGE R11, R13
	VMOVUPD (R13), Y10

	VSUBPD Y10, Y9, Y11
	VADDPD Y11, Y2, Y2
	VPCMPGTQ Y15, Y3, Y8
	VANDPD Y8, Y2, Y2
	VMULPD PerWindow(AX), Y2, Y12
	VSUBPD Y10, Y12, Y11
	VMOVUPD Y9, (SI)
	VMOVUPD Y11, (DI)
	VMOVUPD Y12, (R14)

	ADDQ $128, R14
	ADDQ $128, SI
	ADDQ $128, DI
	ADDQ $4, R8
	ADDQ $4, R9
	DECQ CX
	JNZ step
	VZEROUPPER
	RET

// func regressAVX2(intercept, slope *float64, carry *[4]float64, rows *float64, terms *term, count int)
TEXT ·regressAVX2(SB), NOSPLIT, $0-48
	MOVQ intercept+0(FP), DI
	MOVQ slope+8(FP), SI
	MOVQ carry+16(FP), AX
	MOVQ rows+24(FP), BX
	MOVQ terms+32(FP), DX
	MOVQ count+40(FP), CX
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	VXORPD Y4, Y4, Y4
	VXORPD Y5, Y5, Y5
	VXORPD Y6, Y6, Y6
	VXORPD Y7, Y7, Y7
	PREFETCHT0 (DI)          // needed after the terms
	PREFETCHT0 64(DI)
	PREFETCHT0 (SI)
	PREFETCHT0 64(SI)
	PREFETCHT0 512(DI)       // the next neuron's
	PREFETCHT0 576(DI)
	PREFETCHT0 512(SI)
	PREFETCHT0 576(SI)

term:
	MOVQ (DX), R8
	SHLQ $7, R8
	ADDQ BX, R8
	VBROADCASTSD 8(DX), Y8
	VBROADCASTSD 16(DX), Y9
	VMOVUPD (R8), Y10
	VFMADD231PD Y10, Y8, Y0
	VFMADD231PD Y10, Y9, Y4
	VMOVUPD 32(R8), Y10
	VFMADD231PD Y10, Y8, Y1
	VFMADD231PD Y10, Y9, Y5
	VMOVUPD 64(R8), Y10
	VFMADD231PD Y10, Y8, Y2
	VFMADD231PD Y10, Y9, Y6
	VMOVUPD 96(R8), Y10
	VFMADD231PD Y10, Y8, Y3
	VFMADD231PD Y10, Y9, Y7
	ADDQ $24, DX
	DECQ CX
	JNZ term

	VBROADCASTSD (AX), Y8
	VBROADCASTSD 8(AX), Y9
	VBROADCASTSD 16(AX), Y10
	VBROADCASTSD 24(AX), Y11

#define CARRY(offset, toIntercept, toSlope) \
	VMOVUPD offset(DI), Y12             \
	VMOVUPD offset(SI), Y13             \
	VFMADD231PD Y13, Y9, toIntercept    \
	VFMADD231PD Y12, Y8, toIntercept    \
	VFMADD231PD Y13, Y11, toSlope       \
	VFMADD231PD Y12, Y10, toSlope       \
	VMOVUPD toIntercept, offset(DI)     \
	VMOVUPD toSlope, offset(SI)

	CARRY(0, Y0, Y4)
	CARRY(32, Y1, Y5)
	CARRY(64, Y2, Y6)
	CARRY(96, Y3, Y7)
	VZEROUPPER
	RET
