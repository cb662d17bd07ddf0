package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// download is one file on its way to path.
type download struct {
	path     string
	most     int64 // bytes; more is an error
	expected int64 // bytes, for progress; 0: unknown
	verify   func(path string) error
	there    func() bool                          // whether another program has finished the work
	done     func(p *partial) error               // what becomes of the whole file
	progress func(file string, done, total int64) // may be nil
}

// tries is how often one mirror is asked that breaks off but gives something
// each time.
const tries = 4

// least is what a mirror must give, or the next is asked: so many bytes in every
// stretch of so long. A variable for tests.
var least = struct {
	bytes   int64
	stretch time.Duration
}{256 << 10, time.Minute}

var (
	errTooLong    = errors.New("the answer is longer than the file")
	errNotResumed = errors.New("the server does not go on where the download broke off")
)

// client follows redirects, but none from https to http.
var client = &http.Client{CheckRedirect: func(next *http.Request, before []*http.Request) error {
	if len(before) >= 10 {
		return errors.New("more than 10 redirects")
	}
	if before[0].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return fmt.Errorf("redirected to %s, which is not https", next.URL.Redacted())
	}
	return nil
}}

// fromMirrors downloads the file from the first mirror that has a good one,
// unless another program is about to.
func (d download) fromMirrors(ctx context.Context, info Info, dir string) error {
	err := waitForOthers(ctx, d.path, d.there, d.tell)
	if err != nil || d.there() {
		return err
	}
	p, err := newPartial(d.path)
	if err != nil {
		return err
	}
	if err := p.takeOver(d.most); err != nil {
		p.keep()
		return err
	}
	var failures []string
	for _, mirror := range info.Mirrors {
		address := strings.TrimSuffix(mirror, "/") + "/" + filepath.Base(d.path)
		err := d.fromMirror(ctx, address, p)
		if err == nil {
			if err = d.done(p); err == nil {
				p.drop()
			} else {
				p.keep()
			}
			return err
		}
		if ctx.Err() != nil {
			p.keep()
			return ctx.Err()
		}
		if isLocal(err) {
			p.keep()
			return err
		}
		failures = append(failures, fmt.Sprintf("%s: %v", address, err))
	}
	p.keep()
	return fmt.Errorf("data set %s: %s could not be downloaded (a copy that you have is taken by: %s):\n  %s",
		info.Name, filepath.Base(d.path), info.command(dir, "-from DIR"), strings.Join(failures, "\n  "))
}

func (d download) tell(size int64) {
	if d.progress != nil {
		d.progress(filepath.Base(d.path), size, d.expected)
	}
}

// isLocal tells trouble with files here (a full disk) from a mirror's.
func isLocal(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path)
}

// fromMirror downloads from one address until p is good, going on after breaks.
func (d download) fromMirror(ctx context.Context, address string, p *partial) error {
	var err error
	for try := range tries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond << try):
			}
		}
		before := p.size
		err = nil
		if d.expected == 0 || p.size != d.expected { // else it is all there
			err = d.get(ctx, address, p)
		}
		if err == nil {
			if err = d.verify(p.path()); err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := p.restart(); err != nil {
				return err
			}
			if before == 0 {
				return err // this mirror has another file
			}
			continue // what was there before was not its beginning: from the start
		}
		if errors.Is(err, errTooLong) {
			if err := p.restart(); err != nil {
				return err
			}
		}
		if p.size <= before && !errors.Is(err, errNotResumed) {
			return err // it gave nothing
		}
	}
	return err
}

// get downloads to p, asking only for what is not there yet. What came before a
// failure stays in p.
func (d download) get(ctx context.Context, address string, p *partial) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slow := time.AfterFunc(least.stretch, func() {
		cancel(fmt.Errorf("fewer than %d bytes came in %v", least.bytes, least.stretch))
	})
	defer slow.Stop()
	p.touch()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept-Encoding", "identity") // the file as it is
	if p.size > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.size))
	}
	response, err := client.Do(request)
	if err != nil {
		return cause(ctx, err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusOK:
		if err := p.restart(); err != nil {
			return err
		}
	case response.StatusCode == http.StatusPartialContent && p.size > 0 &&
		strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", p.size)):
	case response.StatusCode == http.StatusPartialContent:
		if err := p.restart(); err != nil {
			return err
		}
		return errNotResumed
	case response.StatusCode == http.StatusRequestedRangeNotSatisfiable && p.size > 0:
		return nil // it was all there
	default:
		return errors.New(response.Status)
	}
	if p.size+response.ContentLength > d.most {
		return errTooLong
	}
	buffer := make([]byte, 1<<16)
	came := int64(0) // in this stretch
	for {
		n, err := response.Body.Read(buffer)
		if p.size+int64(n) > d.most {
			return errTooLong
		}
		if _, err := p.Write(buffer[:n]); err != nil {
			return err
		}
		if came += int64(n); came >= least.bytes {
			came = 0
			slow.Reset(least.stretch)
		}
		if n > 0 {
			d.tell(p.size)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return cause(ctx, err)
		}
	}
}

// cause prefers the reason for which a context was cancelled, and leaves out
// the address, which fromMirrors names.
func cause(ctx context.Context, err error) error {
	if reason := context.Cause(ctx); reason != nil {
		return reason
	}
	if inner := new(url.Error); errors.As(err, &inner) {
		return inner.Err
	}
	return err
}
