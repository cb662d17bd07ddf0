package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weightalign/lab/rddkit/internal/npy"
	"github.com/weightalign/lab/rddkit/invalid"
)

func runData(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	t.Setenv("RDDKIT_OFFLINE", "1")
	var out, errs bytes.Buffer
	err = dataCommand(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

func TestDataList(t *testing.T) {
	stdout, _, err := runData(t, "list", "-dir", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"fashion-mnist-10k", "embedded", "cifar10", "3×32×32", "not here", "CC BY-SA 4.0"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	stdout, _, err = runData(t, "list", "-json", "-dir", t.TempDir())
	var rows []struct {
		Name    string
		Here    bool
		Missing []string
	}
	if err != nil || json.Unmarshal([]byte(stdout), &rows) != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	for _, r := range rows {
		if r.Here != (r.Name == "fashion-mnist-10k") || r.Here != (len(r.Missing) == 0) {
			t.Errorf("%+v", r)
		}
	}
}

func TestDataVerify(t *testing.T) {
	dir := t.TempDir()
	stdout, _, err := runData(t, "verify", "-dir", dir)
	if err != nil || stdout != "fashion-mnist-10k: 8500 training and 1500 test images, all files as the manifest says\n" {
		t.Errorf("%v: %q", err, stdout)
	}
	// A damaged set is reported, the others still are.
	for _, name := range []string{"zip.train.gz", "zip.test.gz"} {
		os.MkdirAll(filepath.Join(dir, "usps"), 0o755)
		if err := os.WriteFile(filepath.Join(dir, "usps", name), []byte("7 0.5\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stdout, _, err = runData(t, "verify", "-json", "-dir", dir, "usps", "fashion-mnist-10k")
	if code := exitCode(err, io.Discard); code != 2 {
		t.Errorf("exit code %d for %v, want 2", code, err)
	}
	var rows []struct {
		Name, Error string
		OK          bool
		Train       int
	}
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].OK || !strings.Contains(rows[0].Error, "zip.train.gz") || !rows[1].OK || rows[1].Train != 8500 {
		t.Errorf("%+v", rows)
	}
}

func TestDataFetch(t *testing.T) {
	_, _, err := runData(t, "fetch", "-dir", t.TempDir(), "mnist")
	if err == nil || !strings.Contains(err.Error(), "RDDKIT_OFFLINE") {
		t.Errorf("error %v, want one about the forbidden network", err)
	}
	stdout, _, err := runData(t, "fetch", "-dir", t.TempDir(), "fashion-mnist-10k")
	if err != nil || stdout != "fashion-mnist-10k: complete and verified\n" {
		t.Errorf("%v: %q", err, stdout)
	}
}

func TestDataFetchFromAFolder(t *testing.T) {
	data := os.Getenv("RDDKIT_DATA")
	if data == "" {
		t.Skip("RDDKIT_DATA, the folder of the full data sets, is not set")
	}
	stdout, _, err := runData(t, "fetch", "-from", data, "-dir", t.TempDir(), "usps")
	if err != nil || stdout != "usps: complete and verified\n" {
		t.Errorf("%v: %q", err, stdout)
	}
}

func TestDataOfOnesOwn(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine")
	os.Mkdir(mine, 0o755)
	for name, err := range map[string]error{
		"images": npy.WriteFile(filepath.Join(mine, "train_images.npy"), make([]uint8, 8), 2, 2, 2),
		"labels": npy.WriteFile(filepath.Join(mine, "train_labels.npy"), []int64{0, 1}),
		"tests":  npy.WriteFile(filepath.Join(mine, "test_images.npy"), make([]uint8, 4), 1, 2, 2),
		"wanted": npy.WriteFile(filepath.Join(mine, "test_labels.npy"), []int64{0}),
	} {
		if err != nil {
			t.Fatal(name, err)
		}
	}
	stdout, _, err := runData(t, "list", "-dir", dir)
	if err != nil || !strings.Contains(stdout, mine) || !strings.Contains(strings.Join(strings.Fields(stdout), " "), "mine 2 1 1×2×2 your own") {
		t.Errorf("%v:\n%s", err, stdout)
	}
	for _, args := range [][]string{{mine}, {"-dir", dir, "mine"}} {
		stdout, _, err = runData(t, append([]string{"verify"}, args...)...)
		if err != nil || !strings.Contains(stdout, "mine: 2 training and 1 test images, your own, identity ") {
			t.Errorf("verify %v: %v: %q", args, err, stdout)
		}
	}
	_, _, err = runData(t, "fetch", mine)
	if code := exitCode(err, io.Discard); code != 2 || !strings.Contains(err.Error(), "your own") {
		t.Errorf("fetch: %v", err)
	}
	// What is damaged does not keep the others from being listed.
	if err := os.WriteFile(filepath.Join(mine, "train_labels.npy"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, _, err = runData(t, "list", "-dir", dir)
	if err != nil || !strings.Contains(stdout, "damaged") || !strings.Contains(stdout, "usps") {
		t.Errorf("%v:\n%s", err, stdout)
	}
}

func TestDataRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, args := range [][]string{
		{"get"},
		{"list", "mnist"},
		{"fetch"},
		{"fetch", "imagenet"},
		{"verify", "imagenet"},
		{"verify", "mnist", "-json"},
		{"verify", "-dir", "/nowhere", "mnist"},
		{"fetch", "-dir", t.TempDir(), "-from", "/nowhere", "mnist"},
	} {
		_, _, err := runData(t, args...)
		if wrong := new(invalid.Error); !errors.As(err, &wrong) {
			t.Errorf("rdd data %s: error %v, want an *invalid.Error", strings.Join(args, " "), err)
		}
	}
	if _, stderr, err := runData(t); err != errUsage || !strings.Contains(stderr, "usage: rdd data list") {
		t.Errorf("without arguments: %v, %q", err, stderr)
	}
	if _, _, err := runData(t, "list", "-from", "x"); err != errUsage {
		t.Errorf("a flag of another command: %v", err)
	}
	if _, stderr, err := runData(t, "fetch", "-h"); !errors.Is(err, flag.ErrHelp) || !strings.Contains(stderr, "-from") {
		t.Errorf("help: %v, %q", err, stderr)
	}
}
