#include "textflag.h"

// AVX2 versions of loops in noise.go and simulate.go. They do the same operations
// in the same order for every number, never fuse a product with a sum, and so
// return the same bits.

DATA one<>+0(SB)/8, $1.0
GLOBL one<>(SB), RODATA|NOPTR, $8

DATA twiceLayer<>+0(SB)/8, $0x7fe
GLOBL twiceLayer<>(SB), RODATA|NOPTR, $8

DATA lowest<>+0(SB)/8, $0xfff0000000000000 // -Inf
GLOBL lowest<>(SB), RODATA|NOPTR, $8

DATA increment<>+0(SB)/8, $1
DATA increment<>+8(SB)/8, $1
DATA increment<>+16(SB)/8, $1
DATA increment<>+24(SB)/8, $1
GLOBL increment<>(SB), RODATA|NOPTR, $32

DATA nothing<>+0(SB)/8, $0
DATA nothing<>+8(SB)/8, $0
DATA nothing<>+16(SB)/8, $0
DATA nothing<>+24(SB)/8, $0
GLOBL nothing<>(SB), RODATA|NOPTR, $32

// PROPOSE takes a draw from each of four generators: their random bits (Y8), twice
// the layer (Y9), the fraction f of the layer's width (Y9 again), who is rejected as
// f >= inner (mask), and the number with its sign.
#define PROPOSE(s0, s1, s2, s3, at, mask) \
	VPADDQ     s0, s3, Y8 \
	VPSLLQ     $23, Y8, Y9 \
	VPSRLQ     $41, Y8, Y8 \
	VPOR       Y8, Y9, Y8 \
	VPADDQ     s0, Y8, Y8 \
	VPSLLQ     $17, s1, Y9 \
	VPXOR      s0, s2, s2 \
	VPXOR      s1, s3, s3 \
	VPXOR      s2, s1, s1 \
	VPXOR      s3, s0, s0 \
	VPXOR      Y9, s2, s2 \
	VPSLLQ     $45, s3, Y9 \
	VPSRLQ     $19, s3, s3 \
	VPOR       Y9, s3, s3 \
	VMOVDQU    Y8, at(SI) \
	VPAND      Y8, Y14, Y9 \
	VPCMPEQD   Y10, Y10, Y10 \
	VGATHERQPD Y10, (R8)(Y9*8), Y11 \
	VPCMPEQD   Y10, Y10, Y10 \
	VGATHERQPD Y10, 8(R8)(Y9*8), Y12 \
	VPSRLQ     $12, Y8, Y9 \
	VPOR       Y13, Y9, Y9 \
	VSUBPD     Y13, Y9, Y9 \
	VCMPPD     $0x1d, Y11, Y9, Y10 \
	VMOVMSKPD  Y10, mask \
	VMULPD     Y9, Y12, Y9 \
	VPSLLQ     $63, Y8, Y8 \
	VPXOR      Y8, Y9, Y9 \
	VMOVUPD    Y9, at(DI)

// func proposeAVX2(l *lanes, drawn *float64, random *uint64, rejected *uint8, layer *layer, rows int)
TEXT ·proposeAVX2(SB), NOSPLIT, $0-48
	MOVQ         l+0(FP), R9
	MOVQ         drawn+8(FP), DI
	MOVQ         random+16(FP), SI
	MOVQ         rejected+24(FP), DX
	MOVQ         layer+32(FP), R8
	MOVQ         rows+40(FP), CX
	VBROADCASTSD one<>(SB), Y13
	VPBROADCASTQ twiceLayer<>(SB), Y14
	VMOVDQU      (R9), Y0
	VMOVDQU      64(R9), Y1
	VMOVDQU      128(R9), Y2
	VMOVDQU      192(R9), Y3
	VMOVDQU      32(R9), Y4
	VMOVDQU      96(R9), Y5
	VMOVDQU      160(R9), Y6
	VMOVDQU      224(R9), Y7

row:
	PROPOSE(Y0, Y1, Y2, Y3, 0, AX)
	PROPOSE(Y4, Y5, Y6, Y7, 32, BX)
	SHLQ $4, BX
	ORQ  BX, AX
	MOVB AX, (DX)
	ADDQ $64, DI
	ADDQ $64, SI
	INCQ DX
	DECQ CX
	JNZ  row

	VMOVDQU Y0, (R9)
	VMOVDQU Y1, 64(R9)
	VMOVDQU Y2, 128(R9)
	VMOVDQU Y3, 192(R9)
	VMOVDQU Y4, 32(R9)
	VMOVDQU Y5, 96(R9)
	VMOVDQU Y6, 160(R9)
	VMOVDQU Y7, 224(R9)
	VZEROUPPER
	RET

// func mixAVX2(in *input, current *[4]float64, shared, even, odd *float64, steps int)
TEXT ·mixAVX2(SB), NOSPLIT, $0-48
	MOVQ         in+0(FP), R8
	MOVQ         current+8(FP), DI
	MOVQ         shared+16(FP), SI
	MOVQ         even+24(FP), R9
	MOVQ         odd+32(FP), R10
	MOVQ         steps+40(FP), CX
	VBROADCASTSD (R8), Y5   // mean
	VBROADCASTSD 8(R8), Y6  // sharedSD
	VBROADCASTSD 16(R8), Y7 // privateSD

mix:
	VBROADCASTSD (SI), Y0
	VMULPD       Y0, Y6, Y0
	VADDPD       Y0, Y5, Y0
	VMOVUPD      (R9), X1
	VINSERTF128  $1, (R10), Y1, Y1
	VMULPD       Y1, Y7, Y1
	VADDPD       Y1, Y0, Y0
	VMOVUPD      Y0, (DI)
	ADDQ         $8, SI
	ADDQ         $16, R9
	ADDQ         $16, R10
	ADDQ         $32, DI
	DECQ         CX
	JNZ          mix
	VZEROUPPER
	RET

// func integrateAVX2(m *membranes, d *dynamics, gain, current *[4]float64, spiked *uint8, steps int)
//
// The chain from step to step goes through v·keep, taken for the neurons that go on
// and for those that are reset before it is known which are which.
TEXT ·integrateAVX2(SB), NOSPLIT, $0-48
	MOVQ         m+0(FP), R8
	MOVQ         d+8(FP), R9
	MOVQ         gain+16(FP), R10
	MOVQ         current+24(FP), SI
	MOVQ         spiked+32(FP), DI
	MOVQ         steps+40(FP), CX
	VXORPD       Y1, Y1, Y1         // the lead of u
	VBROADCASTSD lowest<>(SB), Y2   // drive
	VXORPD       Y3, Y3, Y3         // peak
	VMOVDQU      96(R8), Y4         // refractory
	VBROADCASTSD (R9), Y5           // keep
	VBROADCASTSD 8(R9), Y6          // threshold
	VBROADCASTSD 16(R9), Y7         // reset
	VPBROADCASTQ 24(R9), Y8         // hold
	VMULPD       Y7, Y5, Y9         // reset·keep
	VPXOR        Y10, Y10, Y10      // the step
	VPCMPGTQ     Y10, Y4, Y11       // still refractory
	VMULPD       (R8), Y5, Y0       // v·keep
	VMOVUPD      (R10), Y15         // gain

step:
	VMULPD    (SI), Y15, Y12
	VADDPD    Y12, Y0, Y0              // v
	VADDPD    Y0, Y1, Y1               // u
	VCMPPD    $0x1e, Y2, Y1, Y12
	VMAXPD    Y2, Y1, Y2
	VBLENDVPD Y12, Y10, Y3, Y3
	VPADDQ    increment<>(SB), Y10, Y10
	VCMPPD    $0x1e, Y6, Y0, Y13       // spiked
	VMOVMSKPD Y13, AX
	MOVB      AX, (DI)
	VBLENDVPD Y13, Y8, Y4, Y4
	VORPD     Y13, Y11, Y14            // reset: spiked now or still refractory
	VPADDQ    Y14, Y4, Y4              // minus one where reset
	VPCMPGTQ  nothing<>(SB), Y4, Y11
	VMAXPD    Y0, Y7, Y12
	VMULPD    Y12, Y5, Y0
	VANDNPD   Y0, Y14, Y0
	VANDPD    Y9, Y14, Y13
	VORPD     Y13, Y0, Y0              // v·keep
	VBLENDVPD Y14, Y7, Y12, Y12        // v
	VMAXPD    Y1, Y7, Y1
	VSUBPD    Y12, Y1, Y1              // the lead
	ADDQ      $32, SI
	INCQ      DI
	DECQ      CX
	JNZ       step

	VMOVUPD Y12, (R8)
	VMOVUPD Y2, 32(R8)
	VMOVDQU Y3, 64(R8)
	VMOVDQU Y4, 96(R8)
	VZEROUPPER
	RET
