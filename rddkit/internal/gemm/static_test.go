package gemm

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// A program that calls shared libraries is itself loaded by the system's loader,
// which a musl system and an empty container do not have under that name.
func TestAStaticBuildNeedsNoLoader(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	if runtime.GOOS != "linux" {
		t.Skip("programs of this system are none of ELF")
	}
	program := filepath.Join(t.TempDir(), "rdd")
	build := exec.Command("go", "build", "-tags", "static", "-o", program, "../../cmd/rdd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if section := file.Section(".interp"); section != nil {
		loader, _ := section.Data()
		t.Errorf("it needs %s", loader)
	}
	run := exec.Command(program, "version")
	run.Env = []string{"PATH="} // and no libraries
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
