package main

import (
	"context"
	"fmt"
	"io"

	"github.com/weightalign/lab/rddkit"
	"github.com/weightalign/lab/rddkit/internal/gemm"
)

func versionCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	s := rddkit.ThisMachine()
	fmt.Fprintf(stdout, "rddkit %s\n%s %s, %d cores (%s)\nmatrix products: %s\nconvolutions: %s\n", s.Code, s.Go, s.Platform, s.Cores, s.Processor, gemm.Backend(), gemm.Convolutions())
	return nil
}
