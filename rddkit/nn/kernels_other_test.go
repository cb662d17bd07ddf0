//go:build !amd64

package nn

func setVectors(bool) {}
