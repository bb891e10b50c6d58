// Package chdb serves the embedded ClickHouse engine (chDB) over ClickHouse's HTTP interface, so that clickhouse-go,
// other clients of that interface and curl talk to it as to a server. The engine is a shared library loaded without
// cgo. Run it in a process of its own: a crash of the engine must not take the pipeline along.
package chdb

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// engine is the loaded library.
type engine struct {
	connect      func(argc int32, argv unsafe.Pointer) *unsafe.Pointer
	closeConn    func(conn *unsafe.Pointer)
	queryN       func(conn unsafe.Pointer, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr) unsafe.Pointer
	resultBuffer func(result unsafe.Pointer) unsafe.Pointer
	resultLength func(result unsafe.Pointer) uintptr
	resultError  func(result unsafe.Pointer) string
	destroy      func(result unsafe.Pointer)
}

// session is one connection to the engine, with settings, parameters and a current database of its own. It serves
// one query at a time.
type session struct {
	engine *engine
	conn   *unsafe.Pointer
}

// queryError is what the engine answered instead of a result.
type queryError struct {
	code    int // ClickHouse's error code; 0 where the message holds none
	message string
}

func (e *queryError) Error() string { return e.message }

// load opens the library and binds what is used of it.
func load(path string) (*engine, error) {
	library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("load the ClickHouse engine: %w; run `make parts` where the file is missing or damaged", err)
	}
	e := &engine{}
	var setSignalHandlers func(enabled int32)
	for name, function := range map[string]any{
		"chdb_set_signal_handlers_enabled": &setSignalHandlers,
		"chdb_connect":                     &e.connect,
		"chdb_close_conn":                  &e.closeConn,
		"chdb_query_n":                     &e.queryN,
		"chdb_result_buffer":               &e.resultBuffer,
		"chdb_result_length":               &e.resultLength,
		"chdb_result_error":                &e.resultError,
		"chdb_destroy_query_result":        &e.destroy,
	} {
		symbol, err := purego.Dlsym(library, name)
		if err != nil {
			return nil, fmt.Errorf("load the ClickHouse engine: %w; %s is not the version that `make parts` fetches", err, path)
		}
		purego.RegisterFunc(function, symbol)
	}
	setSignalHandlers(0) // its handlers would replace those of the Go runtime
	return e, nil
}

// open connects to the data in dir; all sessions of a process share one dir.
func (e *engine) open(dir string) (*session, error) {
	arguments := [][]byte{[]byte("clickhouse\x00"), []byte("--path=" + dir + "\x00")}
	var pins runtime.Pinner
	defer pins.Unpin()
	argv := make([]unsafe.Pointer, len(arguments))
	for i, argument := range arguments {
		pins.Pin(&argument[0])
		argv[i] = unsafe.Pointer(&argument[0])
	}
	pins.Pin(&argv[0])
	conn := e.connect(int32(len(argv)), unsafe.Pointer(&argv[0]))
	if conn == nil || *conn == nil {
		return nil, fmt.Errorf("open the ClickHouse data in %s: the engine refused; another process may hold that folder", dir)
	}
	return &session{engine: e, conn: conn}, nil
}

// query runs one statement; format is used where the statement names none. A *queryError is the engine's own.
func (s *session) query(sql, format string) ([]byte, error) {
	if sql == "" {
		return nil, &queryError{code: codeSyntaxError, message: "Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR)"}
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	sqlData, formatData := unsafe.StringData(sql), unsafe.StringData(format)
	pins.Pin(sqlData)
	pins.Pin(formatData)
	result := s.engine.queryN(*s.conn, unsafe.Pointer(sqlData), uintptr(len(sql)), unsafe.Pointer(formatData), uintptr(len(format)))
	if result == nil {
		return nil, errors.New("query the ClickHouse engine: it returned nothing; restart it")
	}
	defer s.engine.destroy(result)
	if message := s.engine.resultError(result); message != "" {
		return nil, &queryError{code: errorCode(message), message: message}
	}
	length := s.engine.resultLength(result)
	if length == 0 {
		return nil, nil
	}
	answer := make([]byte, length)
	copy(answer, unsafe.Slice((*byte)(s.engine.resultBuffer(result)), length))
	return answer, nil
}

// close ends the session.
func (s *session) close() { s.engine.closeConn(s.conn) }

// errorCode is the number in "Code: 62. DB::Exception: ...", 0 where there is none.
func errorCode(message string) int {
	_, after, found := strings.Cut(message, "Code: ")
	if !found {
		return 0
	}
	digits, _, _ := strings.Cut(after, ".")
	code, err := strconv.Atoi(strings.TrimSpace(digits))
	if err != nil {
		return 0
	}
	return code
}
