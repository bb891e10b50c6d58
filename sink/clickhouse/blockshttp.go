package clickhouse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// httpBlocks asks over the HTTP interface, which gives blocks in the format Native.
type httpBlocks struct {
	asking
	client *http.Client
}

func newHTTPBlocks(a asking) *httpBlocks {
	proxy := http.ProxyFromEnvironment
	if a.options.HTTPProxyURL != nil {
		proxy = http.ProxyURL(a.options.HTTPProxyURL)
	}
	return &httpBlocks{a, &http.Client{
		Transport: &http.Transport{
			Proxy:           proxy,
			DialContext:     (&net.Dialer{Timeout: a.options.DialTimeout}).DialContext,
			TLSClientConfig: a.options.TLS, IdleConnTimeout: a.options.ConnMaxLifetime,
			ResponseHeaderTimeout: a.options.ReadTimeout, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it would take the password along
	}}
}

func (h *httpBlocks) close() { h.client.CloseIdleConnections() }

func (h *httpBlocks) query(ctx context.Context, sql string, result proto.Result, onBlock func() error) error {
	return h.each(func(address string) error {
		request, err := h.request(ctx, address, sql)
		if err != nil {
			return err
		}
		response, err := h.client.Do(request)
		if err != nil {
			var of *url.Error // quotes the address with all parameters
			if errors.As(err, &of) {
				err = of.Err
			}
			return fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		defer response.Body.Close()
		return readAnswer(response, h.compressed(address), result, onBlock)
	})
}

// request is what a statement is asked with.
func (h *httpBlocks) request(ctx context.Context, address, sql string) (*http.Request, error) {
	parameters := url.Values{"default_format": {"Native"}}
	for name, value := range h.settings {
		parameters.Set(name, value)
	}
	if h.options.Auth.Database != "" {
		parameters.Set("database", h.options.Auth.Database)
	}
	if h.compressed(address) {
		parameters.Set("compress", "1")
	}
	to := url.URL{Scheme: "http", Host: address, Path: h.options.HttpUrlPath, RawQuery: parameters.Encode()}
	if h.options.TLS != nil {
		to.Scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(sql))
	if err != nil {
		return nil, errDSN
	}
	for name, value := range map[string]string{"X-ClickHouse-User": h.options.Auth.Username, "X-ClickHouse-Key": h.options.Auth.Password} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	for name, value := range h.options.HttpHeaders {
		if request.Header.Set(name, value); strings.EqualFold(name, "Host") {
			request.Host = value
		}
	}
	return request, nil
}

// exceptionTag is the header of the mark that stands where an answer broke off.
const exceptionTag = "X-ClickHouse-Exception-Tag"

// readAnswer reads the blocks of an answer.
func readAnswer(response *http.Response, compressed bool, result proto.Result, onBlock func() error) error {
	end := &tail{from: response.Body}
	r := proto.NewReader(end)
	if compressed {
		r.EnableCompression()
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ClickHouse answers %s: %s", response.Status, readText(r, end))
	}
	if response.ProtoMajor < 2 && response.ContentLength < 0 && len(response.TransferEncoding) == 0 {
		return errors.New("ClickHouse's answer has no length and does not come in chunks, so that nobody sees where it is cut short: let what is in between keep HTTP/1.1")
	}
	for {
		columns, err := r.Int()
		if err != nil && isEnd(err) {
			if tag := response.Header.Get(exceptionTag); tag != "" && bytes.Contains(end.kept, []byte(tag)) {
				return brokenOff(end.kept)
			}
			return nil
		}
		head := proto.Block{Columns: columns}
		if err == nil {
			head.Rows, err = r.Int()
		}
		if err == nil {
			err = result.DecodeResult(r, 0, head)
		}
		if err != nil {
			return answerError(err, r, end, head)
		}
		if head.Rows == 0 {
			continue
		}
		if err := onBlock(); err != nil {
			return err
		}
	}
}

// isEnd says that an answer ended where a block would begin. ch-go's error of a frame that has only its head is io.EOF too.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "read raw")
}

// answerError says what ClickHouse does, where it wrote why it broke off: in place of a block, whose first numbers were read, or
// within one.
func answerError(err error, r *proto.Reader, end *tail, head proto.Block) error {
	var begin proto.Buffer
	begin.PutInt(head.Columns)
	begin.PutInt(head.Rows)
	rest, _ := io.ReadAll(io.LimitReader(r, maxErrorBytes))
	for _, text := range [][]byte{append(begin.Buf, rest...), end.kept} {
		if exception.Match(text) {
			return brokenOff(text)
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("ClickHouse's answer is cut short: %w", err)
	}
	return fmt.Errorf("ClickHouse's answer is not what was asked for: %w", err)
}

// exception is how ClickHouse writes what went wrong.
var exception = regexp.MustCompile(`Code: \d+\. DB::Exception: [^\n\r\x00]*`)

// brokenOff is an error of what ClickHouse wrote into an answer.
func brokenOff(text []byte) error {
	found := exception.FindAll(text, -1)
	if found == nil {
		return errors.New("ClickHouse broke its answer off")
	}
	return fmt.Errorf("ClickHouse broke its answer off: %s", found[len(found)-1])
}

// maxErrorBytes is how much is read of what ClickHouse says about an error. Not less: a message quotes the statement, which has all
// columns; not more: a proxy may answer with pages.
const maxErrorBytes = 16 << 10

// readText reads the text of an answer that is an error, which may be compressed or not.
func readText(r *proto.Reader, end *tail) string {
	text, _ := io.ReadAll(io.LimitReader(r, maxErrorBytes))
	if len(text) == 0 {
		text = end.kept
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(text), "?"))
}

// tail keeps the end of what was read.
type tail struct {
	from io.Reader
	kept []byte
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	if n >= maxErrorBytes {
		t.kept = t.kept[:0]
	} else if over := len(t.kept) + n - maxErrorBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	t.kept = append(t.kept, p[max(0, n-maxErrorBytes):n]...)
	return n, err
}
