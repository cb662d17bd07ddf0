package dataset

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// rest makes a file look as if nothing had been written to it for long.
func rest(t *testing.T, path string) {
	t.Helper()
	before := time.Now().Add(-2 * staleAfter)
	if err := os.Chtimes(path, before, before); err != nil {
		t.Fatal(err)
	}
}

// Several programs fetch one data set into one empty folder from a slow server.
func TestFetchesAtOnceAllSucceed(t *testing.T) {
	for _, s := range []tinySet{tinyIDX(), tinyCIFAR()} {
		m := &mirror{files: s.published()}
		if s.info.Format == "cifar10" {
			m.files = map[string][]byte{"tiny-binary.tar.gz": s.archive()}
		}
		m.serve = func(w http.ResponseWriter, r *http.Request, file []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
			for i := range file {
				w.Write(file[i : i+1])
				w.(http.Flusher).Flush()
				if i%10 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		}
		s.info.Mirrors = []string{m.start(t)}
		dir := t.TempDir()
		errs := make([]error, 6)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() { errs[i] = fetch(t.Context(), s.info, FetchOptions{Dir: dir}) })
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		checkPlaced(t, s.info, dir)
	}
}

// Another program is at work: this one waits for its file, and downloads it when
// the other was killed.
func TestFetchWaitsForAnotherProgram(t *testing.T) {
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tiny-usps", "zip.test.gz"), m.files["zip.test.gz"])
	other, err := newPartial(filepath.Join(dir, "tiny-usps", "zip.train.gz"))
	if err != nil {
		t.Fatal(err)
	}
	other.Write(m.files["zip.train.gz"])
	err = fetch(t.Context(), s.info, FetchOptions{Dir: dir, Progress: func(_ string, done, _ int64) {
		if done != other.size {
			t.Errorf("progress says %d bytes, the other has %d", done, other.size)
		}
		if err := other.install(); err != nil {
			t.Error(err)
		}
	}})
	if err != nil || len(m.asked()) > 0 {
		t.Errorf("error %v, requests %v", err, m.asked())
	}
	checkPlaced(t, s.info, dir)
}

func TestFetchGoesOnFromWhatAKilledProgramLeft(t *testing.T) {
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	for length, name := range map[int]string{5: ".partial-01", 9: ".partial-02", 7: ".partial"} {
		path := filepath.Join(dir, "tiny-usps", "zip.train.gz"+name)
		writeFile(t, path, m.files["zip.train.gz"][:length])
		rest(t, path)
	}
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "requests", m.asked(), []string{"zip.train.gz bytes=9-", "zip.test.gz"})
	checkPlaced(t, s.info, dir)
}

// A program that was killed a moment ago leaves a file that is taken over as soon
// as it no longer grows; were it alive after all, it would still have its own.
func TestFetchWaitsNoLongerForWhatDoesNotGrow(t *testing.T) {
	before := patience
	patience = 10 * time.Millisecond
	t.Cleanup(func() { patience = before })
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	killed := filepath.Join(dir, "tiny-usps", "zip.train.gz.partial-01")
	writeFile(t, killed, m.files["zip.train.gz"][:9])
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "requests", m.asked(), []string{"zip.train.gz bytes=9-", "zip.test.gz"})
	if text, err := os.ReadFile(killed); err != nil || len(text) != 9 {
		t.Errorf("the other's file has %d bytes, %v", len(text), err)
	}
	rest(t, killed)
	checkPlaced(t, s.info, dir)
}

// Leftovers of a complete set go when it is read next; a program at work, files
// of other names and folders stay.
func TestWhatIsLeftOfACompleteSetGoes(t *testing.T) {
	s := tinyUSPS()
	dir := t.TempDir()
	s.write(t, dir)
	folder := filepath.Join(dir, "tiny-usps")
	for _, name := range []string{"zip.train.gz.partial", "zip.train.gz.partial-1", "zip.test.partial-2", "other.partial", "zip.test.gz.partial-live"} {
		writeFile(t, filepath.Join(folder, name), []byte("x"))
		if !strings.HasSuffix(name, "live") {
			rest(t, filepath.Join(folder, name))
		}
	}
	if _, err := load(t.Context(), s.info, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(folder, "*partial*"))
	mustEqual(t, "left", left, []string{filepath.Join(folder, "other.partial"), filepath.Join(folder, "zip.test.gz.partial-live")})
}

// What is written goes into files of our own: not through a link, symbolic or
// hard, that bears a partial file's name.
func TestPartialFilesAreNotWrittenThrough(t *testing.T) {
	for what, link := range map[string]func(from, to string) error{"symbolic": os.Symlink, "hard": os.Link} {
		s, m := tinyUSPS(), &mirror{}
		m.files = s.published()
		s.info.Mirrors = []string{m.start(t)}
		dir := t.TempDir()
		precious := filepath.Join(dir, "precious")
		writeFile(t, precious, []byte("mine"))
		os.Mkdir(filepath.Join(dir, "tiny-usps"), 0o755)
		if err := link(precious, filepath.Join(dir, "tiny-usps", "zip.train.gz.partial")); err != nil {
			t.Skip(err)
		}
		if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
			t.Error(err)
		}
		if text, _ := os.ReadFile(precious); string(text) != "mine" {
			t.Errorf("through a %s link, %q was written", what, text)
		}
		checkPlaced(t, s.info, dir)
	}
}

// A mirror that gives a byte now and then is given up.
func TestFetchGivesUpASlowDrip(t *testing.T) {
	before := least
	least.bytes, least.stretch = 1000, 30*time.Millisecond
	t.Cleanup(func() { least = before })
	s, slow := tinyUSPS(), &mirror{}
	slow.files = s.published()
	slow.serve = func(w http.ResponseWriter, r *http.Request, file []byte) {
		w.Header().Set("Content-Length", fmt.Sprint(len(file)))
		for r.Context().Err() == nil {
			w.Write(file[:1])
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
			file = append(file[1:], file[0])
		}
	}
	slow.files["zip.train.gz"] = make([]byte, 1<<20)
	s.info.Files[0].Size = 1 << 21 // else the answer would be too long
	s.info.Mirrors = []string{slow.start(t)}
	err := fetch(t.Context(), s.info, FetchOptions{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "fewer than 1000 bytes came in 30ms") {
		t.Errorf("error %v", err)
	}
}

// What goes wrong here is not blamed on a mirror.
func TestALocalErrorEndsAtOnce(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("as root, a folder's rights forbid nothing: a file stands in its way instead")
	}
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := filepath.Join(t.TempDir(), "file")
	writeFile(t, dir, nil)
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err == nil || strings.Contains(err.Error(), "could not be downloaded") {
		t.Errorf("error %v", err)
	}
	mustEqual(t, "requests", m.asked(), []string(nil))
}

func TestMirrorsAreHTTPS(t *testing.T) {
	for _, info := range manifest {
		for _, mirror := range info.Mirrors {
			if !strings.HasPrefix(mirror, "https://") {
				t.Errorf("%s: %s", info.Name, mirror)
			}
		}
		for _, f := range info.Files {
			if !info.Embedded && len(f.SHA256) != 64 && len(f.PublishedSHA256) != 64 {
				t.Errorf("%s: %s has no SHA-256", info.Name, f.Name)
			}
		}
	}
	secure, _ := http.NewRequest("GET", "https://example.org/x", nil)
	plain, _ := http.NewRequest("GET", "http://example.org/x", nil)
	if err := client.CheckRedirect(plain, []*http.Request{secure}); err == nil {
		t.Error("a redirect from https to http is followed")
	}
	if err := client.CheckRedirect(secure, []*http.Request{secure}); err != nil {
		t.Error(err)
	}
}

func TestFetchFromTheArchiveItself(t *testing.T) {
	s := tinyCIFAR()
	path, dir := filepath.Join(t.TempDir(), "tiny-binary.tar.gz"), t.TempDir()
	writeFile(t, path, s.archive())
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir, From: path}); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, s.info, dir)
}

func TestTheOtherVersionsOfCIFARAreNamed(t *testing.T) {
	dir := t.TempDir()
	python := filepath.Join(dir, "cifar-10-batches-py")
	writeFile(t, filepath.Join(python, "data_batch_1"), []byte("x"))
	for from, says := range map[string]string{
		dir:    "cifar-10-batches-py there is the Python version, the binary one is wanted (cifar-10-binary.tar.gz",
		python: "data_batch_1 there is the Python version",
	} {
		err := Fetch(t.Context(), "cifar10", FetchOptions{Dir: t.TempDir(), From: from})
		wantInvalid(t, err, "data_batch_1.bin", says)
	}
	archive := filepath.Join(dir, "cifar-100-python.tar.gz")
	writeFile(t, archive, []byte("x"))
	err := Fetch(t.Context(), "cifar100", FetchOptions{Dir: t.TempDir(), From: archive})
	wantInvalid(t, err, "1 bytes", "cifar-100-python.tar.gz there is the Python version")
	_, err = Load(t.Context(), "cifar10", Options{Dir: dir, Offline: true})
	wantInvalid(t, err, "Python version")
}
