// Package machine describes a build and the machine it runs on, for records.
package machine

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
	Settings  string `json:"settings,omitempty"` // of the build and the run that change arithmetic: GOAMD64, GODEBUG=cpu.…
}

// This describes this build and the machine it runs on.
func This() Machine {
	return Machine{
		Code:      codeVersion(),
		Go:        runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
		Processor: processor(),
		Cores:     runtime.GOMAXPROCS(0),
		Settings:  arithmeticSettings(),
	}
}

// arithmeticSettings names what was set other than by default and changes which
// instructions compute, so that results may differ in the last digits.
func arithmeticSettings() string {
	var settings []string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "GOAMD64" && s.Value != "v1" || s.Key == "GOARM64" && s.Value != "v8.0" {
				settings = append(settings, s.Key+"="+s.Value)
			}
		}
	}
	for setting := range strings.SplitSeq(os.Getenv("GODEBUG"), ",") {
		if strings.HasPrefix(setting, "cpu.") {
			settings = append(settings, "GODEBUG="+setting)
		}
	}
	return strings.Join(settings, " ")
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

// Backend names what multiplies matrices, without the library's place on this
// machine: records are for others to read.
func Backend() string {
	return gemm.Name() + "; convolutions: " + gemm.Convolutions()
}
