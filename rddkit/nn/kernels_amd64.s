#include "textflag.h"

// AVX2 versions of the loops in kernels.go, eight numbers at a time. They do
// the same operations in the same order for every number, never fuse a product
// with a sum, and so return the same bits.

DATA pixels<>+0(SB)/4, $1
DATA pixels<>+4(SB)/4, $2
DATA pixels<>+8(SB)/4, $3
GLOBL pixels<>(SB), RODATA|NOPTR, $12

// func rectifyAVX2(x *float32, n int)
TEXT ·rectifyAVX2(SB), NOSPLIT, $0-16
	MOVQ   x+0(FP), DI
	MOVQ   n+8(FP), CX
	VXORPS Y0, Y0, Y0

rectify:
	VMOVUPS (DI), Y1
	VMAXPS  Y1, Y0, Y1
	VADDPS  Y0, Y1, Y1   // -0 becomes 0
	VMOVUPS Y1, (DI)
	ADDQ    $32, DI
	SUBQ    $8, CX
	JNZ     rectify
	VZEROUPPER
	RET

// func addAVX2(y, x *float32, n int)
TEXT ·addAVX2(SB), NOSPLIT, $0-24
	MOVQ y+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

add:
	VMOVUPS (DI), Y0
	VADDPS  (SI), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, DI
	ADDQ    $32, SI
	SUBQ    $8, CX
	JNZ     add
	VZEROUPPER
	RET

// func throughReLUAVX2(d, x *float32, n int)
TEXT ·throughReLUAVX2(SB), NOSPLIT, $0-24
	MOVQ   d+0(FP), DI
	MOVQ   x+8(FP), SI
	MOVQ   n+16(FP), CX
	VXORPS Y0, Y0, Y0

through:
	VMOVUPS (SI), Y1
	VCMPPS  $0x1e, Y0, Y1, Y1 // x > 0
	VANDPS  (DI), Y1, Y1
	VMOVUPS Y1, (DI)
	ADDQ    $32, DI
	ADDQ    $32, SI
	SUBQ    $8, CX
	JNZ     through
	VZEROUPPER
	RET

// func descendAVX2(value, gradient, m *float32, n int, rate, momentum, decay float32)
TEXT ·descendAVX2(SB), NOSPLIT, $0-44
	MOVQ         value+0(FP), DI
	MOVQ         gradient+8(FP), SI
	MOVQ         m+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS rate+32(FP), Y13
	VBROADCASTSS momentum+36(FP), Y14
	VBROADCASTSS decay+40(FP), Y15

descend:
	VMOVUPS (DI), Y0
	VMULPS  Y0, Y15, Y1
	VADDPS  (SI), Y1, Y1
	VMULPS  (DX), Y14, Y2
	VADDPS  Y1, Y2, Y2
	VMOVUPS Y2, (DX)
	VMULPS  Y2, Y13, Y2
	VSUBPS  Y2, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, DI
	ADDQ    $32, SI
	ADDQ    $32, DX
	SUBQ    $8, CX
	JNZ     descend
	VZEROUPPER
	RET

// func momentsAVX2(sum, square *float64, x *float32, channels, rows int)
TEXT ·momentsAVX2(SB), NOSPLIT, $0-40
	MOVQ sum+0(FP), R8
	MOVQ square+8(FP), R9
	MOVQ x+16(FP), SI
	MOVQ channels+24(FP), DX
	MOVQ rows+32(FP), CX

momentsRow:
	MOVQ R8, AX
	MOVQ R9, BX
	MOVQ DX, R10

moments:
	VCVTPS2PD (SI), Y0
	VCVTPS2PD 16(SI), Y1
	VADDPD    (AX), Y0, Y2
	VADDPD    32(AX), Y1, Y3
	VMULPD    Y0, Y0, Y0
	VMULPD    Y1, Y1, Y1
	VMOVUPD   Y2, (AX)
	VMOVUPD   Y3, 32(AX)
	VADDPD    (BX), Y0, Y0
	VADDPD    32(BX), Y1, Y1
	VMOVUPD   Y0, (BX)
	VMOVUPD   Y1, 32(BX)
	ADDQ      $32, SI
	ADDQ      $64, AX
	ADDQ      $64, BX
	SUBQ      $8, R10
	JNZ       moments
	DECQ      CX
	JNZ       momentsRow
	VZEROUPPER
	RET

// func throughNormalAVX2(d, x, carry, offset, slope, mean *float32, channels, rows int)
TEXT ·throughNormalAVX2(SB), NOSPLIT, $0-64
	MOVQ d+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ carry+16(FP), R8
	MOVQ offset+24(FP), R9
	MOVQ slope+32(FP), R10
	MOVQ mean+40(FP), R11
	MOVQ channels+48(FP), DX
	SHLQ $2, DX
	MOVQ rows+56(FP), CX

normalRow:
	XORQ AX, AX

normal:
	VMOVUPS (DI), Y0
	VMOVUPS (SI), Y1
	VMULPS  (R8)(AX*1), Y0, Y0
	VSUBPS  (R9)(AX*1), Y0, Y0
	VSUBPS  (R11)(AX*1), Y1, Y1
	VMULPS  (R10)(AX*1), Y1, Y1
	VSUBPS  Y1, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, DI
	ADDQ    $32, SI
	ADDQ    $32, AX
	CMPQ    AX, DX
	JLT     normal
	DECQ    CX
	JNZ     normalRow
	VZEROUPPER
	RET

// func poolAVX2(y *float32, winner *uint8, top, bottom, scale, shift *float32, channels, windows int)
TEXT ·poolAVX2(SB), NOSPLIT, $0-64
	MOVQ         y+0(FP), DI
	MOVQ         winner+8(FP), BX
	MOVQ         top+16(FP), R8
	MOVQ         bottom+24(FP), R9
	MOVQ         scale+32(FP), R10
	MOVQ         shift+40(FP), R11
	MOVQ         channels+48(FP), DX
	SHLQ         $2, DX
	MOVQ         windows+56(FP), CX
	VPBROADCASTD pixels<>+0(SB), Y13
	VPBROADCASTD pixels<>+4(SB), Y14
	VPBROADCASTD pixels<>+8(SB), Y15

poolWindow:
	XORQ AX, AX

poolChannels:
	VMOVUPS      (R10)(AX*1), Y8
	VMOVUPS      (R11)(AX*1), Y9
	VMULPS       (R8), Y8, Y0
	VMULPS       (R8)(DX*1), Y8, Y1
	VMULPS       (R9), Y8, Y2
	VMULPS       (R9)(DX*1), Y8, Y3
	VADDPS       Y9, Y0, Y0
	VADDPS       Y9, Y1, Y1
	VADDPS       Y9, Y2, Y2
	VADDPS       Y9, Y3, Y3
	VCMPPS       $0x1e, Y0, Y1, Y4 // pixel 1 > best
	VBLENDVPS    Y4, Y1, Y0, Y0
	VPAND        Y4, Y13, Y5
	VCMPPS       $0x1e, Y0, Y2, Y4
	VBLENDVPS    Y4, Y2, Y0, Y0
	VBLENDVPS    Y4, Y14, Y5, Y5
	VCMPPS       $0x1e, Y0, Y3, Y4
	VBLENDVPS    Y4, Y3, Y0, Y0
	VBLENDVPS    Y4, Y15, Y5, Y5
	VMOVUPS      Y0, (DI)
	VEXTRACTI128 $1, Y5, X6
	VPACKSSDW    X6, X5, X5
	VPACKUSWB    X5, X5, X5
	VMOVQ        X5, (BX)
	ADDQ         $32, DI
	ADDQ         $8, BX
	ADDQ         $32, R8
	ADDQ         $32, R9
	ADDQ         $32, AX
	CMPQ         AX, DX
	JLT          poolChannels
	ADDQ         DX, R8
	ADDQ         DX, R9
	DECQ         CX
	JNZ          poolWindow
	VZEROUPPER
	RET

// func pooledProductsAVX2(sum, product *float64, delta *float32, winner *uint8, top, bottom *float32, channels, windows int)
TEXT ·pooledProductsAVX2(SB), NOSPLIT, $0-64
	MOVQ         sum+0(FP), R10
	MOVQ         product+8(FP), R11
	MOVQ         delta+16(FP), SI
	MOVQ         winner+24(FP), BX
	MOVQ         top+32(FP), R8
	MOVQ         bottom+40(FP), R9
	MOVQ         channels+48(FP), DX
	SHLQ         $2, DX
	MOVQ         windows+56(FP), CX
	VPBROADCASTD pixels<>+0(SB), Y13
	VPBROADCASTD pixels<>+4(SB), Y14
	VPBROADCASTD pixels<>+8(SB), Y15

productsWindow:
	XORQ AX, AX

productsChannels:
	VPMOVZXBD    (BX), Y5
	VMOVUPS      (R8), Y0
	VPCMPEQD     Y5, Y13, Y4
	VBLENDVPS    Y4, (R8)(DX*1), Y0, Y0
	VPCMPEQD     Y5, Y14, Y4
	VBLENDVPS    Y4, (R9), Y0, Y0
	VPCMPEQD     Y5, Y15, Y4
	VBLENDVPS    Y4, (R9)(DX*1), Y0, Y0
	VCVTPS2PD    X0, Y1          // x
	VEXTRACTF128 $1, Y0, X0
	VCVTPS2PD    X0, Y2
	VCVTPS2PD    (SI), Y3        // g
	VCVTPS2PD    16(SI), Y4
	VMULPD       Y3, Y1, Y1
	VMULPD       Y4, Y2, Y2
	VADDPD       (R10)(AX*2), Y3, Y3
	VADDPD       32(R10)(AX*2), Y4, Y4
	VADDPD       (R11)(AX*2), Y1, Y1
	VADDPD       32(R11)(AX*2), Y2, Y2
	VMOVUPD      Y3, (R10)(AX*2)
	VMOVUPD      Y4, 32(R10)(AX*2)
	VMOVUPD      Y1, (R11)(AX*2)
	VMOVUPD      Y2, 32(R11)(AX*2)
	ADDQ         $32, SI
	ADDQ         $8, BX
	ADDQ         $32, R8
	ADDQ         $32, R9
	ADDQ         $32, AX
	CMPQ         AX, DX
	JLT          productsChannels
	ADDQ         DX, R8
	ADDQ         DX, R9
	DECQ         CX
	JNZ          productsWindow
	VZEROUPPER
	RET

// func unpoolAVX2(top, bottom, delta *float32, winner *uint8, channels, windows int)
TEXT ·unpoolAVX2(SB), NOSPLIT, $0-48
	MOVQ         top+0(FP), R8
	MOVQ         bottom+8(FP), R9
	MOVQ         delta+16(FP), SI
	MOVQ         winner+24(FP), BX
	MOVQ         channels+32(FP), DX
	SHLQ         $2, DX
	MOVQ         windows+40(FP), CX
	VPXOR        Y12, Y12, Y12
	VPBROADCASTD pixels<>+0(SB), Y13
	VPBROADCASTD pixels<>+4(SB), Y14
	VPBROADCASTD pixels<>+8(SB), Y15

unpoolWindow:
	XORQ AX, AX

unpoolChannels:
	VPMOVZXBD (BX), Y5
	VMOVUPS   (SI), Y0
	VPCMPEQD  Y5, Y12, Y1
	VPCMPEQD  Y5, Y13, Y2
	VPCMPEQD  Y5, Y14, Y3
	VPCMPEQD  Y5, Y15, Y4
	VANDPS    Y0, Y1, Y1
	VANDPS    Y0, Y2, Y2
	VANDPS    Y0, Y3, Y3
	VANDPS    Y0, Y4, Y4
	VMOVUPS   Y1, (R8)
	VMOVUPS   Y2, (R8)(DX*1)
	VMOVUPS   Y3, (R9)
	VMOVUPS   Y4, (R9)(DX*1)
	ADDQ      $32, SI
	ADDQ      $8, BX
	ADDQ      $32, R8
	ADDQ      $32, R9
	ADDQ      $32, AX
	CMPQ      AX, DX
	JLT       unpoolChannels
	ADDQ      DX, R8
	ADDQ      DX, R9
	DECQ      CX
	JNZ       unpoolWindow
	VZEROUPPER
	RET

// func gatherAVX2(patches, image *float32, pixels, step, kernel, run, stride int)
TEXT ·gatherAVX2(SB), NOSPLIT, $0-56
	MOVQ patches+0(FP), DI
	MOVQ image+8(FP), R8
	MOVQ pixels+16(FP), CX
	MOVQ step+24(FP), R9
	MOVQ kernel+32(FP), R10
	MOVQ run+40(FP), DX
	MOVQ stride+48(FP), R11
	SHLQ $2, R9
	SHLQ $2, R11
	SHLQ $2, DX
	MOVQ DX, R13
	SUBQ $32, R13 // where the last eight of a run begin

gatherPixel:
	MOVQ R8, SI
	MOVQ R10, BX

gatherRun:
	XORQ AX, AX
	CMPQ AX, R13
	JGE  gatherLast

gatherEight:
	VMOVUPS (SI)(AX*1), Y0
	VMOVUPS Y0, (DI)(AX*1)
	ADDQ    $32, AX
	CMPQ    AX, R13
	JLT     gatherEight

gatherLast:
	VMOVUPS (SI)(R13*1), Y0
	VMOVUPS Y0, (DI)(R13*1)
	ADDQ    DX, DI
	ADDQ    R11, SI
	DECQ    BX
	JNZ     gatherRun
	ADDQ    R9, R8
	DECQ    CX
	JNZ     gatherPixel
	VZEROUPPER
	RET
