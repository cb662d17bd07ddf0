// What the tile kernels for AVX-512 and for AVX2 share.
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

// A whole kernel: its rows of c are loaded if the product is added to them, and
// zero otherwise; every term adds to them, segment by segment; then they are
// stored. TERM loads a term of b.
#define TILE(loads, zeros, rows, stores) \
	ARGUMENTS      \
	TESTQ R15, R15 \
	JZ    fresh    \
	loads          \
	JMP   segment  \
fresh:             \
	zeros          \
segment:           \
	MOVQ DX, CX    \
term:              \
	TERM           \
	rows           \
	ADDQ R9, SI    \
	ADDQ R9, AX    \
	ADDQ R10, BX   \
	DECQ CX        \
	JNZ  term      \
	ADDQ R12, SI   \
	ADDQ R12, AX   \
	DECQ R11       \
	JNZ  segment   \
	stores         \
	VZEROUPPER     \
	RET
