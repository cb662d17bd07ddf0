package gemm

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/gonum"
	"pgregory.net/rapid"

	"github.com/weightalign/lab/rddkit/invalid"
)

// needLibrary makes the library that is found serve, or skips.
func needLibrary(t testing.TB) {
	t.Helper()
	if err := Use(""); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(Backend(), PureGo) {
		t.Skip("no library on this machine (binder/lab installs one): " + Backend())
	}
	t.Log(Backend())
}

// Matrices with gaps between their rows, in all four ways, against the sum of
// the definition in double precision.
func TestProducts(t *testing.T) {
	for _, choice := range []string{"", PureGo} {
		t.Run("backend "+choice, func(t *testing.T) {
			if choice == "" {
				needLibrary(t)
			} else if err := Use(choice); err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				size := rapid.IntRange(1, 70)
				m, n, k := size.Draw(t, "m"), size.Draw(t, "n"), size.Draw(t, "k")
				ways := rapid.SampledFrom([]blas.Transpose{blas.NoTrans, blas.Trans})
				tA, tB := ways.Draw(t, "tA"), ways.Draw(t, "tB")
				gap := rapid.IntRange(0, 3)
				matrix := func(rows, columns int, way blas.Transpose, label string) blas32.General {
					if way == blas.Trans {
						rows, columns = columns, rows
					}
					g := blas32.General{Rows: rows, Cols: columns, Stride: columns + gap.Draw(t, label+" gap")}
					g.Data = make([]float32, (rows-1)*g.Stride+columns)
					x := rapid.Uint32().Draw(t, label)
					for i := range g.Data {
						x = x*1664525 + 1013904223
						g.Data[i] = float32(x>>8)/(1<<23) - 1
					}
					return g
				}
				a, b, c := matrix(m, k, tA, "a"), matrix(k, n, tB, "b"), matrix(m, n, blas.NoTrans, "c")
				alpha, beta := rapid.Float32Range(-2, 2).Draw(t, "alpha"), rapid.SampledFrom([]float32{0, 1, -0.5}).Draw(t, "beta")
				before := append([]float32(nil), c.Data...)
				blas32.Gemm(tA, tB, alpha, a, b, beta, c)
				at := func(g blas32.General, i, j int, way blas.Transpose) float64 {
					if way == blas.Trans {
						i, j = j, i
					}
					return float64(g.Data[i*g.Stride+j])
				}
				for i := range c.Data {
					row, column := i/c.Stride, i%c.Stride
					if column >= n {
						if c.Data[i] != before[i] {
							t.Fatalf("the gap after row %d changed", row)
						}
						continue
					}
					sum := 0.0
					for l := range k {
						sum += at(a, row, l, tA) * at(b, l, column, tB)
					}
					want := float64(alpha)*sum + float64(beta)*float64(before[i])
					if math.Abs(float64(c.Data[i])-want) > 1e-6*float64(k+2) {
						t.Fatalf("c[%d][%d] is %v, want %v", row, column, c.Data[i], want)
					}
				}
			})
		})
	}
}

func TestSameBitsFromManyGoroutines(t *testing.T) {
	needLibrary(t)
	a, b := make([]float32, 100*300), make([]float32, 300*64)
	for i := range a {
		a[i] = float32(math.Sin(float64(i)))
	}
	for i := range b {
		b[i] = float32(math.Cos(float64(i)))
	}
	product := func() []float32 {
		c := make([]float32, 100*64)
		blas32.Implementation().Sgemm(blas.NoTrans, blas.NoTrans, 100, 64, 300, 1, a, 300, b, 64, 0, c, 64)
		return c
	}
	want := product()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 20 {
				for i, v := range product() {
					if math.Float32bits(v) != math.Float32bits(want[i]) {
						t.Errorf("element %d is %v, alone %v", i, v, want[i])
						return
					}
				}
			}
		})
	}
	group.Wait()
}

func TestShortMatricesPanic(t *testing.T) {
	needLibrary(t)
	x := make([]float32, 11)
	for _, stride := range []int{4, 2} { // 3×4 has 12 elements; rows of 4 do not fit a stride of 2
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("stride %d: no panic", stride)
				}
			}()
			blas32.Implementation().Sgemm(blas.NoTrans, blas.NoTrans, 3, 1, 4, 1, x, stride, x, 1, 0, x, 1)
		}()
	}
}

func TestNothingIsAllocatedPerProduct(t *testing.T) {
	needLibrary(t)
	x := make([]float32, 16)
	if n := testing.AllocsPerRun(100, func() {
		blas32.Implementation().Sgemm(blas.NoTrans, blas.NoTrans, 4, 4, 4, 1, x, 4, x, 4, 0, x, 4)
	}); n > 0.5 {
		t.Errorf("%v allocations", n)
	}
}

// wrong multiplies, but only as if nothing were transposed.
type wrong struct{ gonum.Implementation }

func (w wrong) Sgemm(_, _ blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	for i := range m {
		for j := range n {
			sum := float32(0)
			for l := range k {
				sum += a[(i*lda+l)%len(a)] * b[(l*ldb+j)%len(b)]
			}
			c[i*ldc+j] = alpha*sum + beta*c[i*ldc+j]
		}
	}
}

// wrongInBlocks multiplies rightly unless the matrices are large.
type wrongInBlocks struct {
	gonum.Implementation
	columns, terms int // of blocks
}

func (w wrongInBlocks) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	w.Implementation.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	if n > w.columns && k > w.terms {
		c[len(c)-1]++
	}
}

// half multiplies with factors of 8 bits, as some libraries may be told to.
type half struct{ gonum.Implementation }

func (h half) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	short := slices.Clone(a)
	for i, v := range a {
		short[i] = math.Float32frombits(math.Float32bits(v) &^ 0xffff)
	}
	h.Implementation.Sgemm(tA, tB, m, n, k, alpha, short, lda, b, ldb, beta, c, ldc)
}

func TestWrongProductsAreNoticed(t *testing.T) {
	if err := check(gonum.Implementation{}); err != nil {
		t.Error(err)
	}
	for name, l := range map[string]blas.Float32{"ignores transposition": wrong{}, "is wrong in blocks of columns": wrongInBlocks{columns: 768}, "is wrong in blocks of terms": wrongInBlocks{terms: 448}, "has 8 bits": half{}} {
		if err := check(l); err == nil {
			t.Errorf("a library that %s passes", name)
		}
	}
}

// machine makes up which libraries there are, by path and best first, or why
// they cannot be loaded, and returns what is warned of.
func machine(t *testing.T, paths []string, libraries map[string]any) *bytes.Buffer {
	t.Helper()
	t.Cleanup(func() {
		places, load, warnings, multiply = usualPlaces, open, os.Stderr, Strided.Multiply
		reset()
	})
	warned := new(bytes.Buffer)
	warnings = warned
	places = func() []string { return paths }
	load = func(path string) (blas.Float32, string, error) {
		switch l := libraries[path].(type) {
		case blas.Float32:
			return l, "library " + path[1:], nil
		case error:
			return nil, "", l
		}
		return nil, "", errAbsent
	}
	reset()
	return warned
}

func TestALibraryThatFailsIsRefusedWithAWarningAndTheNextServes(t *testing.T) {
	good := gonum.Implementation{}
	unloadable := errors.New("invalid ELF header")
	for name, c := range map[string]struct {
		choice    string
		paths     []string
		libraries map[string]any
		serves    string
		warned    [][]string // words of each line
	}{
		"none there":            {"", []string{"/a", "/b"}, nil, "gonum (pure Go)", nil},
		"not the first there":   {"", []string{"/a", "/b"}, map[string]any{"/b": good}, "library b", nil},
		"cannot be loaded":      {"", []string{"/a", "/b"}, map[string]any{"/a": unloadable, "/b": good}, "library b", [][]string{{"/a", "invalid ELF", "library b instead"}}},
		"wrong in blocks":       {"", []string{"/a", "/b"}, map[string]any{"/a": wrongInBlocks{columns: 512}, "/b": good}, "library b", [][]string{{"/a", "wrong", "library b instead"}}},
		"all wrong":             {"", []string{"/a", "/b"}, map[string]any{"/a": wrong{}, "/b": wrongInBlocks{columns: 512}}, "gonum (pure Go)", [][]string{{"/a", "gonum"}, {"/b", "gonum"}}},
		"another kind of BLAS":  {"", []string{"/a"}, map[string]any{"/a": errOther}, "gonum (pure Go)", nil},
		"chosen":                {"/c", []string{"/a"}, map[string]any{"/a": good, "/c": good}, "library c", nil},
		"chosen, not loadable":  {"/c", []string{"/a"}, map[string]any{"/a": good, "/c": unloadable}, "library a", [][]string{{"RDDKIT_BLAS=/c", "invalid ELF", "library a instead"}}},
		"chosen, wrong":         {"/c", []string{"/c", "/a"}, map[string]any{"/a": good, "/c": wrongInBlocks{columns: 512}}, "library a", [][]string{{"RDDKIT_BLAS=/c", "wrong", "library a instead"}}},
		"chosen, another kind":  {"/c", nil, map[string]any{"/c": errOther}, "gonum (pure Go)", [][]string{{"RDDKIT_BLAS=/c", "neither", "gonum"}}},
		"chosen and next wrong": {"/c", []string{"/a"}, map[string]any{"/a": wrong{}, "/c": unloadable}, "gonum (pure Go)", [][]string{{"/c", "gonum"}, {"/a", "gonum"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(Variable, c.choice)
			warned := machine(t, c.paths, c.libraries)
			for range 2 { // the second time changes and says nothing
				if err := Open(); err != nil || Name() != c.serves || !strings.HasPrefix(Backend(), c.serves) {
					t.Errorf("%q serves, %v; want %q", Backend(), err, c.serves)
				}
			}
			lines := slices.Collect(strings.Lines(warned.String()))
			if len(lines) != len(c.warned) {
				t.Fatalf("warned of %q, want %q", lines, c.warned)
			}
			for i, words := range c.warned {
				for _, word := range append(words, "warning") {
					if !strings.Contains(lines[i], word) {
						t.Errorf("the warning %q lacks %q", lines[i], word)
					}
				}
			}
			if chosen := c.choice != "" && len(lines) == 0; haveTiles && Tiles() == chosen {
				t.Errorf("Strided products serve: %v", Tiles())
			}
		})
	}
}

// With files of this machine instead of made up libraries.
func TestBadChoices(t *testing.T) {
	defer reset()
	if err := Use(PureGo); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, nonsense := range []string{filepath.Join(folder, "absent.so"), folder, "Gonum", "libnowhere.so.0"} {
		t.Setenv(Variable, nonsense)
		reset()
		var bad *invalid.Error
		if err := Open(); !errors.As(err, &bad) || bad.Field != Variable || bad.Value != nonsense {
			t.Errorf("%s: %v", nonsense, err)
		}
		if b := Backend(); !strings.HasPrefix(b, "none: ") || !strings.Contains(b, nonsense) {
			t.Errorf("%s: backend %q", nonsense, b)
		}
	}
	t.Setenv(Variable, PureGo)
	reset()
	if b := Backend(); b != "gonum (pure Go)" {
		t.Errorf("backend %q", b)
	}

	noLibrary := filepath.Join(folder, "library.so")
	if err := os.WriteFile(noLibrary, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, choice := range []string{"", noLibrary} {
		t.Setenv(Variable, choice)
		warned := machine(t, []string{filepath.Join(folder, "absent.so"), noLibrary}, nil)
		load = open
		if b := Backend(); !strings.HasPrefix(b, "gonum (pure Go); refused ") || !strings.Contains(b, noLibrary) || strings.Contains(b, "absent") {
			t.Errorf("backend %q", b)
		}
		if Name() != "gonum (pure Go)" || strings.Count(warned.String(), noLibrary) < 1 {
			t.Errorf("%q, warned of %q", Name(), warned)
		}
	}
}

// The products of one training batch at the CIFAR-10 shape.
func BenchmarkGemm(b *testing.B) {
	if err := Open(); err != nil {
		b.Fatal(err)
	}
	b.Log(Backend())
	for _, s := range []struct {
		name    string
		tA, tB  blas.Transpose
		m, n, k int
	}{
		{"square 512", blas.NoTrans, blas.NoTrans, 512, 512, 512},
		{"conv1 drive", blas.NoTrans, blas.NoTrans, 2 * 784, 64, 75},
		{"conv1 gradient", blas.Trans, blas.NoTrans, 75, 64, 2 * 784},
		{"conv2 drive", blas.NoTrans, blas.NoTrans, 100, 64, 1600},
		{"conv2 gradient", blas.Trans, blas.NoTrans, 1600, 64, 100},
		{"conv2 delta", blas.NoTrans, blas.NoTrans, 100, 1600, 64},
		{"fc1 drive", blas.NoTrans, blas.Trans, 128, 64, 1600},
		{"fc1 gradient", blas.Trans, blas.NoTrans, 64, 1600, 128},
		{"fc1 delta", blas.NoTrans, blas.NoTrans, 128, 320, 384},
	} {
		b.Run(s.name, func(b *testing.B) {
			matrix := func(rows, columns int, way blas.Transpose) blas32.General {
				if way == blas.Trans {
					rows, columns = columns, rows
				}
				g := blas32.General{Rows: rows, Cols: columns, Stride: columns, Data: make([]float32, rows*columns)}
				for i := range g.Data {
					g.Data[i] = float32(i%13) - 6
				}
				return g
			}
			x, y, z := matrix(s.m, s.k, s.tA), matrix(s.k, s.n, s.tB), matrix(s.m, s.n, blas.NoTrans)
			b.ReportAllocs()
			for b.Loop() {
				blas32.Gemm(s.tA, s.tB, 1, x, y, 0, z)
			}
			b.ReportMetric(2e-9*float64(s.m*s.n*s.k)*float64(b.N)/b.Elapsed().Seconds(), "GFLOP/s")
		})
	}
}
