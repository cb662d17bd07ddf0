//go:build amd64 && !purego

#include "textflag.h"

// The fields of a state are 32 bytes each; that of the pair's second group
// follows 256 bytes on.
#define LOAD(field, register, half) \
	VMOVUPD field*32(BX), half                         \
	VINSERTF64X4 $1, 256+field*32(BX), register, register

#define STORE(field, register, half) \
	VMOVUPD half, field*32(BX)                         \
	VEXTRACTF64X4 $1, register, 256+field*32(BX)

// func integratePairAVX512(s *state, c *layerConstants, past, present *float64, other, strideBytes, steps int, raster *byte, rasterStride, now int, first, second *event) (nFirst, nSecond int)
TEXT ·integratePairAVX512(SB), NOSPLIT, $0-112
	MOVQ s+0(FP), BX
	MOVQ c+8(FP), AX
	MOVQ past+16(FP), SI
	MOVQ present+24(FP), DX
	MOVQ other+32(FP), R12
	MOVQ strideBytes+40(FP), R8
	MOVQ steps+48(FP), CX
	MOVQ raster+56(FP), DI
	MOVQ rasterStride+64(FP), R9
	MOVQ now+72(FP), R11
	MOVQ first+80(FP), R10
	MOVQ second+88(FP), R15

	LOAD(0, Z0, Y0)           // Slow
	LOAD(1, Z1, Y1)           // Fast
	LOAD(2, Z2, Y2)           // V
	LOAD(3, Z3, Y3)           // U
	LOAD(4, Z4, Y4)           // Max
	LOAD(5, Z5, Y5)           // Remaining
	LOAD(6, Z6, Y6)           // Refractory
	LOAD(7, Z7, Y7)           // Spiked, from here on in K4
	VPMOVQ2M Z7, K4

	VBROADCASTSD (AX), Z16    // SlowDecay
	VBROADCASTSD 32(AX), Z17  // SlowNew
	VBROADCASTSD 64(AX), Z18  // SlowOld
	VBROADCASTSD 96(AX), Z19  // FastDecay
	VBROADCASTSD 128(AX), Z20 // FastNew
	VBROADCASTSD 160(AX), Z21 // FastOld
	VBROADCASTSD 192(AX), Z22 // Leak
	VBROADCASTSD 224(AX), Z8  // Threshold
	VBROADCASTSD 256(AX), Z23 // Reset
	VBROADCASTSD 288(AX), Z24 // HalfWidth
	VPBROADCASTQ 320(AX), Z25 // WindowSteps
	VPBROADCASTQ 352(AX), Z26 // RefractorySteps
	VPXORQ Z15, Z15, Z15
	VPTERNLOGQ $0xff, Z14, Z14, Z14
	VPSRLQ $1, Z14, Z13       // clears a sign
	VPSRLQ $63, Z14, Z14      // 1

step:
	// Traces; Z9 = the step's input in units of v.
	VMOVUPD (DX), Y9
	VMOVUPD (SI), Y10
	VINSERTF64X4 $1, (DX)(R12*1), Z9, Z9
	VINSERTF64X4 $1, (SI)(R12*1), Z10, Z10
	VMULPD Z17, Z9, Z11
	VMULPD Z20, Z9, Z12
	VFNMADD231PD Z18, Z10, Z11
	VFNMADD231PD Z21, Z10, Z12
	VFMADD132PD Z16, Z11, Z0
	VFMADD132PD Z19, Z12, Z1
	VSUBPD Z1, Z0, Z9

	// K2 = ending; largest u so far; one step less of window and refractory
	// period, down to 0 (both fit a word).
	VPCMPEQQ Z14, Z5, K2
	VMAXPD Z4, Z3, Z4
	VPSUBUSW Z14, Z5, Z5
	VPSUBUSW Z14, Z6, Z6

	// Potential and drive; K1 = fired.
	VPTESTNMQ Z6, Z6, K5
	VFMADD132PD Z22, Z9, Z2
	VFMADD132PD Z22, Z9, Z3
	VCMPPD $0x0d, Z8, Z2, K5, K1
	VMOVAPD Z23, K1, Z2
	VMOVDQA64 Z26, K1, Z6

	// Four neurons in a byte.
	KMOVB K1, R13
	MOVL R13, AX
	SHLL $4, AX
	ORL AX, R13
	ANDL $0x0f0f, R13
	MOVW R13, (DI)

	KORTESTB K2, K2
	JNZ ended

follow:
	// Outside windows u follows v, and K6 = windows that open.
	VPTESTNMQ Z5, Z5, K3
	VSUBPD Z2, Z8, Z9
	VANDPD Z13, Z9, Z9
	VMOVAPD Z2, K3, Z3
	VCMPPD $0x02, Z24, Z9, K3, K6
	VMOVDQA64 Z25, K6, Z5

	// Who fired; a window that opens starts anew.
	KORB K1, K4, K4
	KANDNB K4, K6, K4
	VMOVAPD Z15, K6, Z4

	ADDQ R8, SI
	ADDQ R8, DX
	ADDQ R9, DI
	INCQ R11
	DECQ CX
	JNZ step

	VPMOVM2Q K4, Z7
	STORE(0, Z0, Y0)
	STORE(1, Z1, Y1)
	STORE(2, Z2, Y2)
	STORE(3, Z3, Y3)
	STORE(4, Z4, Y4)
	STORE(5, Z5, Y5)
	STORE(6, Z6, Y6)
	STORE(7, Z7, Y7)
	VZEROUPPER
	SUBQ first+80(FP), R10
	SHRQ $6, R10
	MOVQ R10, nFirst+96(FP)
	SUBQ second+88(FP), R15
	SHRQ $6, R15
	MOVQ R15, nSecond+104(FP)
	RET

ended:
	// An event of 64 bytes: step, who ended, who of them spiked, largest u.
	KMOVB K2, R13
	KMOVB K4, AX
	TESTL $15, R13
	JZ other
	MOVQ R11, (R10)
	MOVQ R13, 8(R10)
	ANDQ $15, 8(R10)
	MOVQ AX, 16(R10)
	ANDQ $15, 16(R10)
	VMOVUPD Y4, 32(R10)
	ADDQ $64, R10

other:
	SHRL $4, R13
	JZ follow
	SHRL $4, AX
	MOVQ R11, (R15)
	MOVQ R13, 8(R15)
	MOVQ AX, 16(R15)
	VEXTRACTF64X4 $1, Z4, 32(R15)
	ADDQ $64, R15
	JMP follow

// func sumAVX512(rows, weights *float64, neurons, starts *int32, steps int)
//
// Two steps at a time, since the sum of one waits for each addition.
TEXT ·sumAVX512(SB), NOSPLIT, $0-40
	MOVQ rows+0(FP), DI
	MOVQ weights+8(FP), SI
	MOVQ neurons+16(FP), DX
	MOVQ starts+24(FP), R8
	MOVQ steps+32(FP), CX
	MOVLQSX (R8), R9
	LEAQ (DX)(R9*4), R10     // next neuron of the first step's list
	ADDQ $4, R8

steps:
	MOVLQSX (R8), R9
	LEAQ (DX)(R9*4), R11     // the first step's end
	MOVQ R11, R9             // next neuron of the second step's list
	MOVQ R11, R13            // the second step's end
	CMPQ CX, $1
	JEQ last
	MOVLQSX 4(R8), R13
	LEAQ (DX)(R13*4), R13

last:
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	MOVQ R11, AX
	SUBQ R10, AX
	MOVQ R13, BX
	SUBQ R11, BX
	CMPQ AX, BX
	CMOVQGT BX, AX           // four times the length of the shorter list
	TESTQ AX, AX
	JEQ first

both:
	MOVLQSX (R10), R12
	MOVLQSX (R9), BX
	SHLQ $7, R12
	SHLQ $7, BX
	VADDPD (SI)(R12*1), Z0, Z0
	VADDPD 64(SI)(R12*1), Z1, Z1
	VADDPD (SI)(BX*1), Z2, Z2
	VADDPD 64(SI)(BX*1), Z3, Z3
	ADDQ $4, R10
	ADDQ $4, R9
	SUBQ $4, AX
	JNE both

first:
	CMPQ R10, R11
	JEQ second
	MOVLQSX (R10), R12
	SHLQ $7, R12
	VADDPD (SI)(R12*1), Z0, Z0
	VADDPD 64(SI)(R12*1), Z1, Z1
	ADDQ $4, R10
	JMP first

second:
	CMPQ R9, R13
	JEQ store
	MOVLQSX (R9), R12
	SHLQ $7, R12
	VADDPD (SI)(R12*1), Z2, Z2
	VADDPD 64(SI)(R12*1), Z3, Z3
	ADDQ $4, R9
	JMP second

store:
	VMOVUPD Z0, (DI)
	VMOVUPD Z1, 64(DI)
	CMPQ CX, $1
	JEQ done
	VMOVUPD Z2, 128(DI)
	VMOVUPD Z3, 192(DI)
	ADDQ $256, DI
	ADDQ $8, R8
	MOVQ R13, R10
	SUBQ $2, CX
	JNE steps

done:
	VZEROUPPER
	RET

// The numbers 0 to 15.
DATA ·lanes16<>+0(SB)/4, $0
DATA ·lanes16<>+4(SB)/4, $1
DATA ·lanes16<>+8(SB)/4, $2
DATA ·lanes16<>+12(SB)/4, $3
DATA ·lanes16<>+16(SB)/4, $4
DATA ·lanes16<>+20(SB)/4, $5
DATA ·lanes16<>+24(SB)/4, $6
DATA ·lanes16<>+28(SB)/4, $7
DATA ·lanes16<>+32(SB)/4, $8
DATA ·lanes16<>+36(SB)/4, $9
DATA ·lanes16<>+40(SB)/4, $10
DATA ·lanes16<>+44(SB)/4, $11
DATA ·lanes16<>+48(SB)/4, $12
DATA ·lanes16<>+52(SB)/4, $13
DATA ·lanes16<>+56(SB)/4, $14
DATA ·lanes16<>+60(SB)/4, $15
GLOBL ·lanes16<>(SB), RODATA|NOPTR, $64

// func listAVX512(list *int32, row *byte, words int)
TEXT ·listAVX512(SB), NOSPLIT, $0-24
	MOVQ list+0(FP), DI
	MOVQ row+8(FP), SI
	MOVQ words+16(FP), CX
	MOVL $0x0f0f0f0f, R10    // the four bits of each byte
	MOVL $-1, R11
	MOVL $16, AX
	VPBROADCASTD AX, Z1
	VMOVDQU32 ·lanes16<>(SB), Z0 // the neurons of the word

word:
	MOVL (SI), AX
	PEXTL R10, AX, AX
	KMOVW AX, K1
	POPCNTL AX, BX
	VPCOMPRESSD.Z Z0, K1, Z2
	BZHIL BX, R11, AX
	KMOVW AX, K2
	VMOVDQU32 Z2, K2, (DI)
	LEAQ (DI)(BX*4), DI
	VPADDD Z1, Z0, Z0
	ADDQ $4, SI
	DECQ CX
	JNZ word
	VZEROUPPER
	RET
