package align

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/weightalign/lab/rddkit/spike"
)

// block is a matrix, or some rows or columns of one, in either precision.
type block[T spike.Float] struct {
	Rows, Cols int
	Stride     int
	Data       []T
}

// whole returns a matrix without gaps.
func whole[T spike.Float](x []T, rows, columns int) block[T] {
	return block[T]{Rows: rows, Cols: columns, Stride: columns, Data: x}
}

// rows returns rows [from, to).
func (b block[T]) rows(from, to int) block[T] {
	return block[T]{Rows: to - from, Cols: b.Cols, Stride: b.Stride, Data: b.Data[from*b.Stride : (to-1)*b.Stride+b.Cols]}
}

// columns returns columns [from, to).
func (b block[T]) columns(from, to int) block[T] {
	return block[T]{Rows: b.Rows, Cols: to - from, Stride: b.Stride, Data: b.Data[from : (b.Rows-1)*b.Stride+to]}
}

// multiply sets c to alpha·a·b + beta·c, either factor transposed if asked.
func multiply[T spike.Float](transposeA, transposeB bool, alpha T, a, b block[T], beta T, c block[T]) {
	left, right := blas.NoTrans, blas.NoTrans
	if transposeA {
		left = blas.Trans
	}
	if transposeB {
		right = blas.Trans
	}
	switch c := any(c).(type) {
	case block[float32]:
		a, b := any(a).(block[float32]), any(b).(block[float32])
		general := func(m block[float32]) blas32.General {
			return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data}
		}
		blas32.Gemm(left, right, float32(alpha), general(a), general(b), float32(beta), general(c))
	case block[float64]:
		a, b := any(a).(block[float64]), any(b).(block[float64])
		general := func(m block[float64]) blas64.General {
			return blas64.General{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Data: m.Data}
		}
		blas64.Gemm(left, right, float64(alpha), general(a), general(b), float64(beta), general(c))
	}
}
