//go:build amd64 && !purego

#include "textflag.h"

// Offsets of the fields of state and layerConstants, 32 bytes each.
#define Slow       0
#define Fast       32
#define V          64
#define U          96
#define Max        128
#define Remaining  160
#define Refractory 192
#define Spiked     224

#define SlowDecay       0
#define SlowNew         32
#define SlowOld         64
#define FastDecay       96
#define FastNew         128
#define FastOld         160
#define Leak            192
#define Threshold       224
#define Reset           256
#define HalfWidth       288
#define WindowSteps     320
#define RefractorySteps 352

// func integrateAVX2(s *state, c *layerConstants, past, present *float64, strideBytes, steps int, raster *byte, rasterStride, now int, events *event) (n int)
TEXT ·integrateAVX2(SB), NOSPLIT, $0-88
	MOVQ s+0(FP), BX
	MOVQ c+8(FP), AX
	MOVQ past+16(FP), SI
	MOVQ present+24(FP), DX
	MOVQ strideBytes+32(FP), R8
	MOVQ steps+40(FP), CX
	MOVQ raster+48(FP), DI
	MOVQ rasterStride+56(FP), R9
	MOVQ now+64(FP), R11
	MOVQ events+72(FP), R10

	VMOVUPD Slow(BX), Y0
	VMOVUPD Fast(BX), Y1
	VMOVUPD V(BX), Y2
	VMOVUPD U(BX), Y3
	VMOVUPD Max(BX), Y4
	VMOVDQU Remaining(BX), Y5
	VMOVDQU Refractory(BX), Y6
	VMOVDQU Spiked(BX), Y7
	VMOVUPD Threshold(AX), Y8
	VPXOR Y15, Y15, Y15
	VPCMPEQQ Y14, Y14, Y14
	VPSRLQ $1, Y14, Y13       // clears a sign
	VPSRLQ $63, Y14, Y14      // 1

step:
	// Traces; Y9 = the step's input in units of v.
	VMOVUPD (DX), Y9
	VMOVUPD (SI), Y10
	VMULPD SlowNew(AX), Y9, Y11
	VMULPD FastNew(AX), Y9, Y12
	VFNMADD231PD SlowOld(AX), Y10, Y11
	VFNMADD231PD FastOld(AX), Y10, Y12
	VFMADD132PD SlowDecay(AX), Y11, Y0
	VFMADD132PD FastDecay(AX), Y12, Y1
	VSUBPD Y1, Y0, Y9

	// Y10 = ending; largest u so far; one step less of window and refractory
	// period, down to 0 (both fit a word).
	VPCMPEQQ Y14, Y5, Y10
	VMAXPD Y4, Y3, Y4
	VPSUBUSW Y14, Y5, Y5
	VPSUBUSW Y14, Y6, Y6

	// Potential and drive; Y11 = fired.
	VPCMPEQQ Y15, Y6, Y12
	VFMADD132PD Leak(AX), Y9, Y2
	VFMADD132PD Leak(AX), Y9, Y3
	VCMPPD $0x0d, Y8, Y2, Y11
	VANDPD Y12, Y11, Y11
	VANDPD Reset(AX), Y11, Y12
	VANDNPD Y2, Y11, Y2
	VORPD Y12, Y2, Y2
	VANDPD RefractorySteps(AX), Y11, Y12
	VPOR Y12, Y6, Y6
	VMOVMSKPD Y11, R13
	MOVB R13, (DI)

	VMOVMSKPD Y10, R13
	TESTL R13, R13
	JNZ ended

follow:
	// Outside windows u follows v, and Y9 = windows that open.
	VSUBPD Y2, Y8, Y9
	VANDPD Y13, Y9, Y9
	VCMPPD $0x02, HalfWidth(AX), Y9, Y9
	VPCMPEQQ Y15, Y5, Y12
	VBLENDVPD Y12, Y2, Y3, Y3
	VANDPD Y12, Y9, Y9
	VANDPD WindowSteps(AX), Y9, Y12
	VPOR Y12, Y5, Y5

	// Who fired; a window that opens starts anew.
	VORPD Y11, Y7, Y7
	VANDNPD Y7, Y9, Y7
	VANDNPD Y4, Y9, Y4

	ADDQ R8, SI
	ADDQ R8, DX
	ADDQ R9, DI
	INCQ R11
	DECQ CX
	JNZ step

	VMOVUPD Y0, Slow(BX)
	VMOVUPD Y1, Fast(BX)
	VMOVUPD Y2, V(BX)
	VMOVUPD Y3, U(BX)
	VMOVUPD Y4, Max(BX)
	VMOVDQU Y5, Remaining(BX)
	VMOVDQU Y6, Refractory(BX)
	VMOVDQU Y7, Spiked(BX)
	VZEROUPPER
	SUBQ events+72(FP), R10
	SHRQ $6, R10
	MOVQ R10, n+80(FP)
	RET

ended:
	// An event of 64 bytes: step, who ended, who of them spiked, largest u.
	MOVQ R11, (R10)
	MOVQ R13, 8(R10)
	VMOVMSKPD Y7, R13
	MOVQ R13, 16(R10)
	VMOVUPD Y4, 32(R10)
	ADDQ $64, R10
	JMP follow

// func sumAVX2(rows, weights *float64, neurons, starts *int32, steps int)
TEXT ·sumAVX2(SB), NOSPLIT, $0-40
	MOVQ rows+0(FP), DI
	MOVQ weights+8(FP), SI
	MOVQ neurons+16(FP), DX
	MOVQ starts+24(FP), R8
	MOVQ steps+32(FP), CX
	MOVLQSX (R8), R9
	LEAQ (DX)(R9*4), R10     // next neuron in the lists

row:
	ADDQ $4, R8
	MOVLQSX (R8), R9
	LEAQ (DX)(R9*4), R11     // end of this row's list
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	CMPQ R10, R11
	JEQ store

neuron:
	MOVLQSX (R10), R12
	SHLQ $7, R12
	ADDQ SI, R12
	VADDPD (R12), Y0, Y0
	VADDPD 32(R12), Y1, Y1
	VADDPD 64(R12), Y2, Y2
	VADDPD 96(R12), Y3, Y3
	ADDQ $4, R10
	CMPQ R10, R11
	JNE neuron

store:
	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, 64(DI)
	VMOVUPD Y3, 96(DI)
	ADDQ $128, DI
	DECQ CX
	JNZ row
	VZEROUPPER
	RET

// func poissonAVX2(rows *float64, pairs int, s *[4][4]uint64, thresholds *[8]int32, common, count int)
TEXT ·poissonAVX2(SB), NOSPLIT, $0-48
	MOVQ rows+0(FP), DI
	MOVQ pairs+8(FP), CX
	MOVQ s+16(FP), BX
	MOVQ thresholds+24(FP), SI
	MOVQ common+32(FP), R9
	MOVQ count+40(FP), DX
	SHLQ $5, R9
	ADDQ SI, R9              // end of the thresholds that are always tried
	SHLQ $5, DX
	ADDQ SI, DX              // end of all
	VMOVDQU (BX), Y0
	VMOVDQU 32(BX), Y1
	VMOVDQU 64(BX), Y2
	VMOVDQU 96(BX), Y3
	VPCMPEQD Y15, Y15, Y15
	VPSLLD $31, Y15, Y15

pair:
	// xoshiro256++: Y4 = rotl(s0+s3, 23) + s0
	VPADDQ Y3, Y0, Y4
	VPSLLQ $23, Y4, Y5
	VPSRLQ $41, Y4, Y4
	VPOR Y5, Y4, Y4
	VPADDQ Y0, Y4, Y4
	VPSLLQ $17, Y1, Y5
	VPXOR Y0, Y2, Y2
	VPXOR Y1, Y3, Y3
	VPXOR Y2, Y1, Y1
	VPXOR Y3, Y0, Y0
	VPXOR Y5, Y2, Y2
	VPSLLQ $45, Y3, Y5
	VPSRLQ $19, Y3, Y3
	VPOR Y5, Y3, Y3

	// Y6 = the number of thresholds below each word.
	VPXOR Y15, Y4, Y4
	VPXOR Y6, Y6, Y6
	MOVQ SI, R8

often:
	VPCMPGTD (R8), Y4, Y7
	VPSUBD Y7, Y6, Y6
	ADDQ $32, R8
	CMPQ R8, R9
	JNE often
	VPTEST Y7, Y7
	JNZ rarely

counted:
	VEXTRACTI128 $1, Y6, X7
	VCVTDQ2PD X6, Y8
	VCVTDQ2PD X7, Y9
	VMOVUPD Y8, (DI)
	VMOVUPD Y9, 32(DI)
	ADDQ $64, DI
	DECQ CX
	JNZ pair

	VMOVDQU Y0, (BX)
	VMOVDQU Y1, 32(BX)
	VMOVDQU Y2, 64(BX)
	VMOVDQU Y3, 96(BX)
	VZEROUPPER
	RET

rarely:
	CMPQ R8, DX
	JEQ counted
	VPCMPGTD (R8), Y4, Y7
	VPSUBD Y7, Y6, Y6
	ADDQ $32, R8
	JMP rarely
