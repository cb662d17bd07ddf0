package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/weightalign/lab/rddkit/internal/gemm"
	"github.com/weightalign/lab/rddkit/internal/machine"
)

func versionCommand(_ context.Context, args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("version", flag.ContinueOnError)
	set.Usage = func() {
		fmt.Fprintln(set.Output(), "usage: rdd version\nPrints versions, the processor, and what multiplies matrices; $"+gemm.Variable+" chooses that.")
	}
	if err := parse(set, args, stderr); err != nil {
		return err
	}
	if err := noArguments(set); err != nil {
		return err
	}
	s := machine.This()
	fmt.Fprintf(stdout, "rddkit %s\n%s %s, %d cores (%s)\n", s.Code, s.Go, s.Platform, s.Cores, s.Processor)
	if err := gemm.Open(); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "matrix products: %s\nconvolutions: %s\n", gemm.Backend(), gemm.Convolutions())
	return nil
}
