package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weightalign/lab/rddkit/invalid"
)

// mirror is a server with files by name, which counts what it is asked for.
type mirror struct {
	files map[string][]byte
	// serve, if set, answers instead.
	serve func(w http.ResponseWriter, r *http.Request, file []byte)

	mutex    sync.Mutex
	requests []string // "name" or "name bytes=5-"
}

func (m *mirror) start(t *testing.T) (address string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		m.mutex.Lock()
		m.requests = append(m.requests, strings.TrimSpace(name+" "+r.Header.Get("Range")))
		m.mutex.Unlock()
		file, ok := m.files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if m.serve != nil {
			m.serve(w, r, file)
			return
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(file))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/sets/"
}

func (m *mirror) asked() []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Clone(m.requests)
}

// published returns a tiny set's files as a mirror has them.
func (s tinySet) published() map[string][]byte {
	files := make(map[string][]byte)
	for name, contents := range s.files {
		files[name] = packed(name, contents)
	}
	return files
}

// checkPlaced loads the set without the network and looks for leftovers.
func checkPlaced(t *testing.T, info Info, dir string) {
	t.Helper()
	if _, err := load(t.Context(), info, Options{Dir: dir, Offline: true}); err != nil {
		t.Error(err)
	}
	checkNothingElse(t, info, dir)
}

func checkNothingElse(t *testing.T, info Info, dir string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, info.Folders[0]))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc(info.Files, func(f File) bool { return f.Name == e.Name() }) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestFetchDownloadsAndVerifies(t *testing.T) {
	s, m := tinyIDX(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	heard := make(map[string]int64)
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir, Progress: func(file string, done, _ int64) { heard[file] = done }}); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, s.info, dir)
	for name, file := range m.files {
		if heard[name] != int64(len(file)) {
			t.Errorf("progress of %s ended at %d of %d", name, heard[name], len(file))
		}
	}
	before := len(m.asked())
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil || len(m.asked()) != before {
		t.Errorf("a second fetch made %d requests (%v), want none", len(m.asked())-before, err)
	}
}

func TestLoadFetchesWhatIsMissing(t *testing.T) {
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tiny-usps", "zip.test"), s.files["zip.test.gz"])
	if _, err := load(t.Context(), s.info, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "requests", m.asked(), []string{"zip.train.gz"})
}

func TestFetchGoesOnWhereItBrokeOff(t *testing.T) {
	s, m := tinyCIFAR(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "batches-bin", "data_batch_1.bin.partial"), m.files["data_batch_1.bin"][:3])
	writeFile(t, filepath.Join(dir, "batches-bin", "test_batch.bin.partial"), m.files["test_batch.bin"]) // whole, not yet in place
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, s.info, dir)
	mustEqual(t, "requests", m.asked(), []string{"data_batch_1.bin bytes=3-", "data_batch_2.bin", "test_batch.bin bytes=8-"})
}

func TestFetchStartsAgainIfTheBeginningWasAnotherFile(t *testing.T) {
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tiny-usps", "zip.train.gz.partial"), []byte("garbage"))
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, s.info, dir)
	mustEqual(t, "requests", m.asked(), []string{"zip.train.gz bytes=7-", "zip.train.gz", "zip.test.gz"})
}

func TestFetchTakesAServerThatKnowsNoRanges(t *testing.T) {
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	m.serve = func(w http.ResponseWriter, _ *http.Request, file []byte) { w.Write(file) }
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tiny-usps", "zip.train.gz.partial"), m.files["zip.train.gz"][:9])
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, s.info, dir)
}

// Each answer promises the whole and breaks off after 40 bytes.
func TestFetchResumesTruncatedAnswers(t *testing.T) {
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	m.serve = func(w http.ResponseWriter, r *http.Request, file []byte) {
		var from int
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(file)-1, len(file)))
			w.Header().Set("Content-Length", fmt.Sprint(len(file)-from))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(file)))
		}
		w.Write(file[from:min(from+40, len(file))])
	}
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, s.info, dir)
	if len(m.asked()) < 4 {
		t.Errorf("requests %v, want several per file", m.asked())
	}
}

func TestFetchTriesTheNextMirror(t *testing.T) {
	for what, bad := range map[string]*mirror{
		"not found": {},
		"an error page instead of the file": {
			files: tinyUSPS().files,
			serve: func(w http.ResponseWriter, _ *http.Request, _ []byte) { fmt.Fprint(w, "<html>") },
		},
		"endless": {
			files: tinyUSPS().files,
			serve: func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				for range 100 {
					w.Write(make([]byte, 1000))
				}
			},
		},
		"broken": {
			files: tinyUSPS().files,
			serve: func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) },
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, good := tinyUSPS(), &mirror{}
			good.files = s.published()
			s.info.Mirrors = []string{bad.start(t), good.start(t)}
			dir := t.TempDir()
			if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
				t.Fatal(err)
			}
			checkPlaced(t, s.info, dir)
			if len(bad.asked()) == 0 {
				t.Error("the first mirror was not asked")
			}
		})
	}
}

func TestFetchWithoutAGoodMirrorLeavesNothing(t *testing.T) {
	s, m := tinyIDX(), &mirror{}
	m.files = s.published()
	m.files["train-images-idx3-ubyte.gz"] = packed("x.gz", idxImages(3, 2, make([]uint8, 12)))
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	err := fetch(t.Context(), s.info, FetchOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "SHA-256") || !strings.Contains(err.Error(), s.info.Mirrors[0]) || !strings.Contains(err.Error(), "-from") {
		t.Errorf("error %v, want the mirror, the checksums and the other way", err)
	}
	if wrong := new(invalid.Error); errors.As(err, &wrong) {
		t.Error("a failing server is not the caller's mistake")
	}
	checkNothingElse(t, s.info, dir)
	if missing := s.info.missing(dir); len(missing) != 4 {
		t.Errorf("a wrong file was put in place: missing only %v", missing)
	}
}

func TestFetchStopsWithItsContext(t *testing.T) {
	s, m := tinyUSPS(), &mirror{}
	ctx, cancel := context.WithCancel(t.Context())
	m.files = s.published()
	m.serve = func(w http.ResponseWriter, r *http.Request, file []byte) {
		w.Header().Set("Content-Length", fmt.Sprint(len(file)))
		w.Write(file[:10])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}
	s.info.Mirrors = []string{m.start(t)}
	if err := fetch(ctx, s.info, FetchOptions{Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	mustEqual(t, "number of requests", len(m.asked()), 1)
}

func TestOfflineForbidsTheNetwork(t *testing.T) {
	s, m := tinyUSPS(), &mirror{}
	m.files = s.published()
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	wantInvalid(t, fetch(t.Context(), s.info, FetchOptions{Dir: dir, Offline: true}), "tiny-usps", "not in "+dir, "the network", "-from DIR tiny-usps")
	t.Setenv("RDDKIT_OFFLINE", "1")
	wantInvalid(t, fetch(t.Context(), s.info, FetchOptions{Dir: dir}), "RDDKIT_OFFLINE")
	_, err := load(t.Context(), s.info, Options{Dir: dir})
	wantInvalid(t, err, "RDDKIT_OFFLINE")
	mustEqual(t, "requests", m.asked(), []string(nil))
}

func TestFetchNeverOverwritesAFile(t *testing.T) {
	s := tinyUSPS()
	dir := t.TempDir()
	path := filepath.Join(dir, "tiny-usps", "zip.train.gz")
	writeFile(t, path, []byte("mine"))
	wantInvalid(t, fetch(t.Context(), s.info, FetchOptions{Dir: dir}), path, "remove it")
	if text, _ := os.ReadFile(path); string(text) != "mine" {
		t.Error("it did")
	}
}

func TestFetchOfASetWithoutAddress(t *testing.T) {
	wantInvalid(t, Fetch(t.Context(), "kmnist-10k", FetchOptions{Dir: t.TempDir()}), "kmnist-10k", "-from")
}

// archive packs a tiny set as CIFAR-10 is published, and announces it.
func (s *tinySet) archive() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	w.WriteHeader(&tar.Header{Name: "batches-bin/", Typeflag: tar.TypeDir, Mode: 0o755})
	w.WriteHeader(&tar.Header{Name: "../../readme.html", Size: 2, Mode: 0o644})
	w.Write([]byte("hi"))
	for _, f := range s.info.Files {
		w.WriteHeader(&tar.Header{Name: "batches-bin/" + f.Name, Size: f.Size, Mode: 0o644})
		w.Write(s.files[f.Name])
	}
	w.Close()
	z.Close()
	sum := sha256.Sum256(b.Bytes())
	s.info.Archive = &Archive{Name: "tiny-binary.tar.gz", Size: int64(b.Len()), SHA256: hex.EncodeToString(sum[:])}
	return b.Bytes()
}

func TestFetchUnpacksAnArchive(t *testing.T) {
	s, m := tinyCIFAR(), &mirror{}
	m.files = map[string][]byte{"tiny-binary.tar.gz": s.archive()}
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "batches-bin", "tiny-binary.tar.gz.partial"), m.files["tiny-binary.tar.gz"][:20])
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, s.info, dir)
	mustEqual(t, "requests", m.asked(), []string{"tiny-binary.tar.gz bytes=20-"})
}

func TestFetchRefusesAnAlteredArchive(t *testing.T) {
	s, m := tinyCIFAR(), &mirror{}
	archive := s.archive()
	archive[len(archive)/2] ^= 1
	m.files = map[string][]byte{"tiny-binary.tar.gz": archive}
	s.info.Mirrors = []string{m.start(t)}
	dir := t.TempDir()
	if err := fetch(t.Context(), s.info, FetchOptions{Dir: dir}); err == nil {
		t.Error("no error")
	}
	checkNothingElse(t, s.info, dir)
}

func TestFetchFromAFolder(t *testing.T) {
	idx, cifar := tinyIDX(), tinyCIFAR()
	archive := cifar.archive()
	for what, c := range map[string]struct {
		set tinySet
		lay func(from string)
	}{
		"laid out as the manifest says": {idx, func(from string) { idx.write(t, from) }},
		"all in one place, uncompressed": {idx, func(from string) {
			for name, contents := range idx.files {
				writeFile(t, filepath.Join(from, strings.TrimSuffix(name, ".gz")), contents)
			}
		}},
		"as an archive": {cifar, func(from string) { writeFile(t, filepath.Join(from, "tiny-binary.tar.gz"), archive) }},
	} {
		t.Run(what, func(t *testing.T) {
			from, dir := t.TempDir(), t.TempDir()
			c.lay(from)
			if err := fetch(t.Context(), c.set.info, FetchOptions{Dir: dir, From: from, Offline: true}); err != nil {
				t.Fatal(err)
			}
			if _, err := load(t.Context(), c.set.info, Options{Dir: dir, Offline: true}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFetchFromABadFolderCopiesNothing(t *testing.T) {
	s := tinyIDX()
	from, dir := t.TempDir(), t.TempDir()
	o := FetchOptions{Dir: dir, From: from}
	wantInvalid(t, fetch(t.Context(), s.info, FetchOptions{Dir: dir, From: filepath.Join(from, "nowhere")}), "from", "nowhere", "a folder")
	s.write(t, from)
	last := filepath.Join(from, "tiny-idx", "t10k-labels-idx1-ubyte.gz")
	writeFile(t, last, packed("x.gz", idxLabels([]uint8{1, 1})))
	wantInvalid(t, fetch(t.Context(), s.info, o), last, "altered")
	os.Remove(last)
	wantInvalid(t, fetch(t.Context(), s.info, o), "from", "t10k-labels-idx1-ubyte.gz")
	if missing := s.info.missing(dir); len(missing) != 4 {
		t.Errorf("copied all but %v", missing)
	}
}
