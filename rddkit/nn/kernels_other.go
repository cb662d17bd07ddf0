//go:build !amd64

package nn

const vectors = false

// Never called: see vectors.

func rectifyAVX2(*float32, int)                                                       {}
func addAVX2(_, _ *float32, _ int)                                                    {}
func throughReLUAVX2(_, _ *float32, _ int)                                            {}
func descendAVX2(_, _, _ *float32, _ int, _, _, _ float32)                            {}
func momentsAVX2(_, _ *float64, _ *float32, _, _ int)                                 {}
func throughNormalAVX2(_, _, _, _, _, _ *float32, _, _ int)                           {}
func poolAVX2(_ *float32, _ *uint8, _, _, _, _ *float32, _, _ int)                    {}
func pooledProductsAVX2(_, _ *float64, _ *float32, _ *uint8, _, _ *float32, _, _ int) {}
func unpoolAVX2(_, _, _ *float32, _ *uint8, _, _ int)                                 {}
func gatherAVX2(_, _ *float32, _, _, _, _, _ int)                                     {}
