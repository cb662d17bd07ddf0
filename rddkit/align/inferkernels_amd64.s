//go:build amd64 && !purego

#include "textflag.h"

// Offsets of the fields of traceConstants.
#define FastDecay  0
#define FastHeight 512
#define SlowDecay  1024
#define SlowHeight 1536
#define Rate       2048

// func traceAVX2(c *traceConstants, fast, slow *[16]float64, rows *float64, steps int, spikes *byte, stride int)
TEXT ·traceAVX2(SB), NOSPLIT, $0-56
	MOVQ c+0(FP), AX
	MOVQ fast+8(FP), DI
	MOVQ slow+16(FP), SI
	MOVQ rows+24(FP), BX
	MOVQ steps+32(FP), CX
	MOVQ spikes+40(FP), DX
	MOVQ stride+48(FP), R8
	VMOVUPD (DI), Y0
	VMOVUPD 32(DI), Y1
	VMOVUPD 64(DI), Y2
	VMOVUPD 96(DI), Y3
	VMOVUPD (SI), Y4
	VMOVUPD 32(SI), Y5
	VMOVUPD 64(SI), Y6
	VMOVUPD 96(SI), Y7
	VMOVUPD Rate(AX), Y15

#define GROUP(group, fast, slow)                  \
	MOVBLZX group(DX), R9                     \
	SHLQ $5, R9                               \
	VMOVUPD FastHeight(AX)(R9*1), Y8          \
	VMOVUPD SlowHeight(AX)(R9*1), Y9          \
	VFMADD132PD FastDecay(AX)(R9*1), Y8, fast \
	VFMADD132PD SlowDecay(AX)(R9*1), Y9, slow \
	VSUBPD slow, fast, Y10                    \
	VMULPD Y15, Y10, Y10                      \
	VMOVUPD Y10, (32*group)(BX)

step:
	GROUP(0, Y0, Y4)
	GROUP(1, Y1, Y5)
	GROUP(2, Y2, Y6)
	GROUP(3, Y3, Y7)
	ADDQ $128, BX
	ADDQ R8, DX
	DECQ CX
	JNZ step

	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, 64(DI)
	VMOVUPD Y3, 96(DI)
	VMOVUPD Y4, (SI)
	VMOVUPD Y5, 32(SI)
	VMOVUPD Y6, 64(SI)
	VMOVUPD Y7, 96(SI)
	VZEROUPPER
	RET

// func inferAVX2(guesses *[16]float64, keep float64, rows *float64, steps *int32, count int)
TEXT ·inferAVX2(SB), NOSPLIT, $0-40
	MOVQ guesses+0(FP), DI
	VBROADCASTSD keep+8(FP), Y4
	MOVQ rows+16(FP), BX
	MOVQ steps+24(FP), DX
	MOVQ count+32(FP), CX
	VMOVUPD (DI), Y0
	VMOVUPD 32(DI), Y1
	VMOVUPD 64(DI), Y2
	VMOVUPD 96(DI), Y3

spike:
	MOVLQSX (DX), R8
	SHLQ $7, R8
	ADDQ BX, R8
	VFMADD213PD (R8), Y4, Y0
	VFMADD213PD 32(R8), Y4, Y1
	VFMADD213PD 64(R8), Y4, Y2
	VFMADD213PD 96(R8), Y4, Y3
	ADDQ $4, DX
	DECQ CX
	JNZ spike

	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, 64(DI)
	VMOVUPD Y3, 96(DI)
	VZEROUPPER
	RET
