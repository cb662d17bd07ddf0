//go:build !linux && !windows && !darwin

package lock

// place is not known here: claims are judged by their beats alone.
func place() string { return "" }

func processStart(int) string { return "" }
