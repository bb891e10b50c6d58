package chdb

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// ClickHouse's error codes that are raised or mapped to a status here.
const (
	codeSyntaxError     = 62
	codeUnknownFormat   = 73
	codeUnknownTable    = 60
	codeUnknownDatabase = 81
	codeTimeout         = 159
	codeReadonly        = 164
	codeTooLarge        = 307
	codeUnexpected      = 1002
)

// statusOf is the HTTP status of an error code: what the asker can mend is a 4xx, the rest a 500.
var statusOf = map[int]int{
	codeSyntaxError: http.StatusBadRequest, codeUnknownFormat: http.StatusBadRequest,
	6: http.StatusBadRequest, 27: http.StatusBadRequest, 36: http.StatusBadRequest, 41: http.StatusBadRequest,
	43: http.StatusBadRequest, 46: http.StatusBadRequest, 47: http.StatusBadRequest, 53: http.StatusBadRequest,
	115: http.StatusBadRequest, 456: http.StatusBadRequest,
	codeUnknownTable: http.StatusNotFound, codeUnknownDatabase: http.StatusNotFound,
	codeTimeout: http.StatusRequestTimeout, codeReadonly: http.StatusMethodNotAllowed,
	codeTooLarge: http.StatusRequestEntityTooLarge,
}

// handler answers queries. Each gets a session of its own, so that settings never leak from one to another.
type handler struct {
	engine  *engine
	dataDir string
	scratch string        // folder for the rows of inserts
	slots   chan struct{} // holds one entry per running query
}

// request is one query as it is run.
type request struct {
	sql    string
	format string
	params url.Values
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-r.Context().Done():
		return
	}
	answer, err := h.answer(r)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if looksLikeText(answer) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = w.Write(answer) // a client that left needs no answer
}

// answer runs the request's statement and returns its result as the client asked for it.
func (h *handler) answer(r *http.Request) ([]byte, error) {
	params := r.URL.Query()
	req := request{sql: params.Get(paramQuery), format: params.Get(paramFormat), params: params}
	if req.format == "" {
		req.format = "TabSeparated"
	}
	body, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	if _, isInsert := fromFile(req.sql, ""); isInsert {
		return nil, h.insert(req, body)
	}
	text, err := readAtMost(body, maxStatementBytes)
	if err != nil {
		return nil, err
	}
	req.sql = strings.TrimSpace(req.sql + "\n" + string(text))
	if r.Method != http.MethodPost && !readStart.MatchString(req.sql) {
		return nil, refusal(codeReadonly, "%s may only read, send this statement with POST", r.Method)
	}
	return h.read(req)
}

// read runs a statement and shapes its answer.
func (h *handler) read(req request) ([]byte, error) {
	answer, err := h.run(req)
	if err != nil {
		return nil, err
	}
	revision, err := strconv.ParseUint(req.params.Get(paramRevision), 10, 32)
	if err == nil && revision > 0 && len(answer) > 0 && isNative(req.sql, req.format) {
		if answer, err = reencode(answer, revision); err != nil {
			return nil, err
		}
	}
	if req.params.Get(paramCompress) == "1" {
		return shrink(answer)
	}
	return answer, nil
}

// insert puts the body's rows into a file and lets the engine read it.
func (h *handler) insert(req request, body io.Reader) error {
	file, err := os.CreateTemp(h.scratch, "rows-")
	if err != nil {
		return fmt.Errorf("keep an insert's rows: %w", err)
	}
	defer os.Remove(file.Name())
	size, err := io.Copy(file, io.LimitReader(body, maxInsertBytes+1))
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("keep an insert's rows: %w", err)
	}
	if size > maxInsertBytes {
		return refusal(codeTooLarge, "the insert has more than %d bytes, send it in parts", maxInsertBytes)
	}
	if size == 0 {
		return nil
	}
	req.sql, _ = fromFile(req.sql, file.Name())
	_, err = h.run(req)
	return err
}

// run runs one statement in a session of its own.
func (h *handler) run(req request) ([]byte, error) {
	session, err := h.engine.open(h.dataDir)
	if err != nil {
		return nil, err
	}
	defer session.close()
	for _, statement := range preamble(req.params) {
		if _, err := session.query(statement, req.format); err != nil {
			return nil, err
		}
	}
	return session.query(req.sql, req.format)
}

// cancelAll tells the queries that are running to end, and does not wait for that.
func (h *handler) cancelAll() error {
	_, err := h.run(request{sql: "KILL QUERY WHERE query NOT LIKE 'KILL QUERY %' ASYNC", format: "Null"})
	if err != nil {
		return fmt.Errorf("cancel the queries that are running: %w", err)
	}
	return nil
}

// bodyOf is the request's body, decompressed.
func bodyOf(r *http.Request) (io.Reader, error) {
	var body io.Reader = r.Body
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, refusal(codeUnexpected, "the body is not gzip: %v", err)
		}
		body = unzipped
	default:
		return nil, refusal(codeUnexpected, "Content-Encoding %q is not served, send gzip, or LZ4 with decompress=1", encoding)
	}
	if r.URL.Query().Get(paramExpand) == "1" {
		body = expand(body)
	}
	return body, nil
}

// readAtMost reads all of r, which may hold at most limit bytes.
func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the statement: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, refusal(codeTooLarge, "the statement has more than %d bytes, send it in parts", limit)
	}
	return data, nil
}

// refusal is an error in the engine's own words, raised here.
func refusal(code int, format string, args ...any) error {
	return &queryError{code: code, message: fmt.Sprintf("Code: %d. DB::Exception: ", code) + fmt.Sprintf(format, args...)}
}

// refuse answers with the error as a ClickHouse server does.
func refuse(w http.ResponseWriter, err error) {
	code := codeUnexpected
	var failed *queryError
	if errors.As(err, &failed) && failed.code != 0 {
		code = failed.code
	}
	message := err.Error()
	if failed == nil {
		message = fmt.Sprintf("Code: %d. DB::Exception: %s", code, message)
	}
	status, known := statusOf[code]
	if !known {
		status = http.StatusInternalServerError
	}
	w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(code))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, strings.TrimRight(message, "\n")+"\n")
}

// looksLikeText says whether the answer's beginning holds no zero byte.
func looksLikeText(answer []byte) bool {
	const sniffed = 512 // as much as net/http looks at to tell a content type
	return bytes.IndexByte(answer[:min(len(answer), sniffed)], 0) < 0
}
