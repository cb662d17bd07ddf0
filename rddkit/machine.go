package rddkit

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/weightalign/lab/rddkit/internal/gemm"
)

// Machine is a build and the machine it runs on.
type Machine struct {
	Code      string `json:"code"` // module version and revision, if the build knows them
	Go        string `json:"go"`
	Platform  string `json:"platform"`
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
}

// ThisMachine describes this build and the machine it runs on.
func ThisMachine() Machine {
	return Machine{
		Code:      codeVersion(),
		Go:        runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
		Processor: processor(),
		Cores:     runtime.GOMAXPROCS(0),
	}
}

// codeVersion is the version of this module in the running program: a release,
// or the revision of the checkout, as far as the build recorded it.
func codeVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	const path = "github.com/weightalign/lab"
	version := info.Main.Version
	if info.Main.Path != path {
		for _, module := range info.Deps {
			if module.Path == path {
				version = module.Version
			}
		}
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && info.Main.Path == path {
			version += " " + setting.Value
		}
	}
	return version
}

// processor is the model of the processor, where the system tells.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// backend names what multiplies matrices, without the library's place on this
// machine: records are for others to read.
func backend() string {
	return gemm.Name() + "; convolutions: " + gemm.Convolutions()
}
